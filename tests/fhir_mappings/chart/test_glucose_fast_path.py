"""The quick way for plain glucose readings says what reading them in full says, whatever stands among them."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings.chart import glucose_fast_path
from fhir_mappings.chart.glucose_fast_path import split_fast_path
from fhir_mappings.chart.observation_facts import ObservationFacts
from fhir_mappings.chart.observations import read_observations
from fhir_mappings.chart.reading_origin import ReadingOrigins
from fhir_mappings.common import terminology
from tests.fhir_mappings.builders import JSON, SERVER, chart_context, located
from tests.support import LOINC

SENSOR, STICK, BEFORE_MEAL = "99504-3", "41653-7", "41604-0"
_CODES = [
    (SENSOR,),
    (STICK,),
    (BEFORE_MEAL,),
    ("2339-0",),
    ("88365-2",),
    (SENSOR, "2339-0"),
    (STICK, "2345-7"),
    ("718-7",),
    (),
]
_SUBJECTS = ["Patient/p1", f"{SERVER}/Patient/p1", "Patient/p1/_history/2", "Patient/p2", "#it", None]
_STAMPS = [
    "2026-11-01T07:00:00-05:00",
    "2026-11-01T12:00:00Z",
    "2026-11-01T05:30:00Z",
    "2026-11-01T24:00:00Z",
    "2026-11-02",
    "2026-11",
    "soon",
    None,
]
_VALUES = [120, 99.5, 0.5, 0.4, 0, -1, 2999.4, 3000, 1e9, "120", None]
_EXTRA: list[JSON] = [
    {"encounter": {"reference": "Encounter/o1"}},
    {"extension": [{"url": "https://ehr.example.invalid/meal", "valueCode": "before-meal"}]},
    {"effectivePeriod": {"start": "2026-11-01", "end": "2026-11-03"}},
    {"issued": "2026-11-04T00:00:00Z"},
    {"device": {"display": "Dexcom G7"}},
    {"device": {"display": "Contour Next One"}},
    {"performer": [{"reference": "Patient/p1"}]},
    {"performer": [{"reference": "Practitioner/n1"}]},
    {"method": {"text": "CGM"}},
    {"category": [{"text": "Laboratory"}]},
    {"category": [{"text": "Vital Signs"}]},
]


def _plain(code: str, **members: Any) -> JSON:
    """A reading with nothing beside its value, with members replaced."""
    return {
        "resourceType": "Observation",
        "id": "g1",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-11-01T07:00:00-05:00",
        "valueQuantity": {"value": 120, "unit": "mg/dL", "code": "mg/dL"},
    } | members


@st.composite
def _readings(draw: st.DrawFn) -> JSON:
    """A reading of any code and value that is plain but for at most two things."""
    made = _plain("", id=f"g{draw(st.integers(0, 5))}")
    made["code"] = {"coding": [{"system": LOINC, "code": code} for code in draw(st.sampled_from(_CODES))]}
    quantity = made["valueQuantity"] | {"value": draw(st.sampled_from(_VALUES))}
    subject = draw(st.sampled_from(_SUBJECTS))
    changes: list[JSON] = [
        {"valueQuantity": quantity | {"code": draw(st.sampled_from(["mmol/L", "mg/dl", "/d", None]))}},
        {"valueQuantity": quantity | {"code": None, "unit": None}},
        {"valueQuantity": quantity | {"comparator": draw(st.sampled_from(["<", ">=", "about"]))}},
        {"valueQuantity": None},
        {"id": None},
        {"status": draw(st.sampled_from(["amended", "preliminary", "entered-in-error", None]))},
        {"subject": {"reference": subject} if subject else None},
        {"effectiveDateTime": draw(st.sampled_from(_STAMPS))},
        *_EXTRA,
    ]
    made["valueQuantity"] = quantity
    for change in draw(st.lists(st.sampled_from(changes), max_size=2)):
        made |= change
    return made


def _read(observations: list[JSON]) -> tuple[Any, ...]:
    context = chart_context()
    found = read_observations(located(*observations), context)
    return (
        sorted(found.self_tests, key=str),
        sorted(found.other_readings),
        sorted(found.sensor, key=str),
        found.sensor_reference,
        sorted(context.all_notes()),
    )


@settings(max_examples=500, deadline=None)
@given(st.lists(_readings(), min_size=1, max_size=6))
def test_both_ways_say_the_same(observations: list[JSON]) -> None:
    quickly = _read(observations)
    with patch.object(glucose_fast_path, "_MOST", 0):  # nothing is plain then
        assert _read(observations) == quickly


_CODINGS = [(LOINC, SENSOR), (LOINC, STICK), ("urn:vendor", STICK), (None, STICK), (None, None), (LOINC, "718-7")]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(st.sampled_from(_CODINGS), min_size=1, max_size=2), min_size=1, max_size=6))
def test_a_reading_goes_by_its_own_code_whatever_came_before(codes: list[list[tuple[str | None, str | None]]]) -> None:
    observations = [
        _plain("") | {"code": {"coding": [{"system": system, "code": code} for system, code in each]}} for each in codes
    ]
    with patch.object(glucose_fast_path, "_MOST", 0):  # all of them are handed on, with what their codes say
        context = chart_context()
        rest = split_fast_path(located(*observations), context, ReadingOrigins(context), ObservationFacts())
    assert [kind.concepts for _, _, kind in rest] == [terminology.concepts(each.code) for each, _, _ in rest]
    assert [kind.code for _, _, kind in rest] == [each[0][1] if len(each) == 1 else None for each in codes]


def _left(*observations: JSON) -> int:
    """How many have to be read in full."""
    context = chart_context()
    return len(split_fast_path(located(*observations), context, ReadingOrigins(context), ObservationFacts()))


def test_what_a_meter_and_a_sensor_send_is_plain() -> None:
    vendors = {"system": "urn:vendor", "code": "cgm"}
    two_codes = {"code": {"coding": [vendors, {"system": LOINC, "code": SENSOR}]}}
    assert _left(_plain(STICK), _plain(SENSOR), _plain(BEFORE_MEAL), _plain(SENSOR) | two_codes) == 0


def test_what_has_more_to_it_is_read_in_full() -> None:
    several = [
        _plain(STICK, encounter={"reference": "Encounter/o1"}),
        _plain(STICK, status="preliminary"),
        _plain(STICK, subject={"reference": "Patient/p2"}),
        _plain(STICK, subject={"reference": "#it"}),
        _plain(STICK, valueQuantity={"value": 6.5, "unit": "mmol/L", "code": "mmol/L"}),
        _plain("4548-4"),
    ]
    assert _left(*several) == len(several)
