"""Both ways of reading FHIR agree on valid data: the narrow views, and the models of fhir.resources."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_mappings.common import terminology
from fhir_mappings.json.views import AnyResource
from tests import support
from tests.support import JSON

_view = msgspec.json.Decoder(AnyResource)
FEW = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])

IDS = st.from_regex(r"[A-Za-z0-9\-.]{1,20}", fullmatch=True)
WORDS = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9 ,.%()/-]{0,20}[a-zA-Z0-9]", fullmatch=True)
DAYS = st.dates(min_value=support.DAY.replace(year=2020), max_value=support.DAY).map(str)
MOMENTS = st.builds(
    lambda day, hour, minute, zone: f"{day}T{hour:02d}:{minute:02d}:00{zone}",
    DAYS,
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(["Z", "-05:00", "-04:00", "+02:00"]),
)
CODES = st.sampled_from(
    [(support.LOINC, "4548-4"), (support.LOINC, "41653-7"), (support.ICD, "E10.65"), (support.RXNORM, "86009"),
     (support.HCPCS, "E0784"), ("http://local.example.invalid", "x1")]
)  # fmt: skip
NUMBERS = st.decimals(min_value=0, max_value=500, places=2).map(float)


@st.composite
def concepts(draw: Any) -> JSON:
    rows = draw(st.lists(CODES, min_size=1, max_size=3, unique=True))
    made: JSON = {"coding": [{"system": system, "code": code} for system, code in rows]}
    if draw(st.booleans()):
        made["text"] = draw(WORDS)
    return made


@st.composite
def observations(draw: Any) -> JSON:
    made = support.observation(draw(IDS), "4548-4", draw(NUMBERS), draw(st.sampled_from(["%", "mg/dL"])), draw(MOMENTS))
    made["code"] = draw(concepts())
    if draw(st.booleans()):
        made["valueQuantity"]["comparator"] = draw(st.sampled_from(["<", "<=", ">", ">="]))
    return made


@st.composite
def conditions(draw: Any) -> JSON:
    made = support.condition(draw(IDS), "E10.65")
    made["code"] = draw(concepts())
    made["onsetDateTime"] = draw(DAYS)
    return made


@st.composite
def drug_orders(draw: Any) -> JSON:
    made = support.insulin(draw(IDS), "86009", draw(st.integers(1, 6)), draw(DAYS))
    repeat = made["dosageInstruction"][0]["timing"]["repeat"]
    repeat |= {"frequencyMax": repeat["frequency"] + 1, "period": draw(NUMBERS.filter(lambda n: n > 0))}
    made["medicationCodeableConcept"] = draw(concepts())
    return made


@st.composite
def device_orders(draw: Any) -> JSON:
    return support.order(draw(IDS), codeCodeableConcept=draw(concepts()), authoredOn=draw(MOMENTS))


ANY = st.one_of(observations(), conditions(), drug_orders(), device_orders())


def _same(view: Any, model: Any) -> None:
    """Every field that the view read says what the model's field of the same name says."""
    for name in view.__struct_fields__:
        mine = getattr(view, name)
        if mine is None or isinstance(mine, bytes | msgspec.Raw) or name == "meta":
            continue
        theirs = getattr(model, name)
        if isinstance(mine, list):
            assert len(mine) == len(theirs)
            for one, other in zip(mine, theirs, strict=True):
                _same(one, other) if isinstance(one, msgspec.Struct) else _equal(one, other)
        elif isinstance(mine, msgspec.Struct):
            _same(mine, theirs)
        else:
            _equal(mine, theirs)


def _equal(mine: Any, theirs: Any) -> None:
    if isinstance(mine, float):
        assert mine == pytest.approx(float(theirs))
    elif hasattr(theirs, "isoformat"):
        assert theirs.isoformat().replace("+00:00", "Z") == mine.replace("+00:00", "Z")
    else:
        assert str(theirs) == str(mine)


@FEW
@given(ANY)
def test_views_and_models_hold_the_same(resource: JSON) -> None:
    model = get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    _same(_view.decode(json.dumps(resource).encode()), model)


@FEW
@given(ANY)
def test_views_of_what_a_model_writes_are_the_views_of_the_original(resource: JSON) -> None:
    model = get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    written = _view.decode(model.model_dump_json().encode())
    original = _view.decode(json.dumps(resource).encode())
    _same(original, model)
    for name in ("code", "medicationCodeableConcept", "codeCodeableConcept"):
        if hasattr(original, name):
            assert terminology.concepts(_concept(written, name)) == terminology.concepts(_concept(original, name))


def _concept(view: Any, name: str) -> Any:
    found = getattr(view, name)
    return None if isinstance(found, bytes | msgspec.Raw) else found


def test_a_whole_chart_is_judged_the_same_through_models() -> None:
    """The base call, each resource read and written by its model first."""
    request = support.call()
    before = support.judged(request)
    for key, value in request["prefetch"].items():
        for entry in value.get("entry", ()) if isinstance(value, dict) else ():
            resource = entry["resource"]
            model = get_fhir_model_class(resource["resourceType"]).model_validate(resource)
            entry["resource"] = json.loads(model.model_dump_json())
        assert key
    assert support.judged(request) == before
