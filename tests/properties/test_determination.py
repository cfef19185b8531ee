"""What must hold for any chart, whatever is in it."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.policies.registry import POLICIES
from tests import support
from tests.support import JSON

# A failing chart is worth printing whole, however long it is.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

CODES = [
    ("Condition", support.ICD, ["E10.65", "E11.9", "Z79.4", "N18.6", "E10.A1", "E13.9", "I10", "N17.9", "E10.649"]),
    ("Observation", support.LOINC, ["4548-4", "9318-7", "41653-7", "2345-7", "99504-3", "33914-3", "718-7"]),
]
DAYS = st.dates(min_value=support.DAY.replace(year=2025), max_value=support.DAY).map(str)
NAMES = st.from_regex(r"[a-z]{1,4}[0-9]{1,3}", fullmatch=True)


@st.composite
def conditions(draw: Any) -> JSON:
    made = support.condition(draw(NAMES), draw(st.sampled_from(CODES[0][2])))
    made["recordedDate"] = draw(DAYS)
    made["clinicalStatus"]["coding"][0]["code"] = draw(st.sampled_from(["active", "resolved", "inactive"]))
    return made


@st.composite
def observations(draw: Any) -> JSON:
    code = draw(st.sampled_from(CODES[1][2]))
    value = draw(st.floats(min_value=0.1, max_value=400, allow_nan=False).map(lambda v: round(v, 1)))
    unit = draw(st.sampled_from(["%", "mg/dL", "mg/g", "mmol/L", "mmol/mol", "mL/min/{1.73_m2}"]))
    made = support.observation(draw(NAMES), code, value, unit, draw(DAYS))
    made["status"] = draw(st.sampled_from(["final", "corrected", "preliminary", "entered-in-error"]))
    return made


@st.composite
def insulins(draw: Any) -> JSON:
    drug = draw(st.sampled_from(["86009", "274783", "51428", "5856", "2179744"]))
    made = support.insulin(draw(NAMES), drug, draw(st.integers(1, 4)), draw(DAYS))
    made["status"] = draw(st.sampled_from(["active", "completed", "stopped", "on-hold"]))
    return made


# A coverage of each policy that is held; the support's own is MP-MM-1316's.
PLANS: dict[str, JSON] = {
    "MP-MM-1316": {},
    "L33794": {"payor": [{"display": "Medicare"}], "class": [{"value": "Part B"}]},
    "CG-DME-51": {"payor": [{"display": "Anthem Blue Cross"}], "class": [{"value": "Blue Access PPO"}]},
}
ALL = replace(support.SETTINGS, policies=",".join(policy.id for policy in POLICIES))


def test_each_policy_has_a_plan_here() -> None:
    assert set(PLANS) == {policy.id for policy in POLICIES}


@st.composite
def charts(draw: Any) -> JSON:
    """A call with a mixture of met and unmet, attested or not, under one of the policies."""
    request = support.call()
    prefetch = request["prefetch"]
    prefetch["coverage"]["entry"][0]["resource"] |= PLANS[draw(st.sampled_from(sorted(PLANS)))]
    for key, kind in (("conditions", conditions()), ("hba1c", observations()), ("insulin", insulins())):
        extra = [{"resource": r} for r in draw(st.lists(kind, max_size=4))]
        if draw(st.booleans()):
            prefetch[key]["entry"] = extra
        else:
            prefetch[key]["entry"] += extra
    for key in ("glucose", "albuminCreatinine", "education", "attestations"):
        if draw(st.booleans()):
            prefetch[key] = None
    return request


def _essence(request: JSON) -> list[JSON]:
    """Determinations without notes, which tell of set-aside resources and may differ."""
    found = support.judged(request, ALL)
    return [{k: v for k, v in each.items() if k != "notes"} for each in found]


FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

UNRELATED = [
    support.observation("x-hgb", "718-7", 13.5, "g/dL", "2026-11-01"),
    support.condition("x-asthma", "J45.909"),
    {"resourceType": "AllergyIntolerance", "id": "x-allergy", "patient": support.PATIENT},
    {"resourceType": "MedicationRequest", "id": "x-pill", "status": "active", "intent": "order",
     "medicationCodeableConcept": support.concept(support.RXNORM, "861007"), "subject": support.PATIENT},
]  # fmt: skip


@FEW
@given(charts(), st.sampled_from(UNRELATED), st.sampled_from(["conditions", "hba1c", "insulin"]))
def test_an_unrelated_resource_changes_nothing(request: JSON, extra: JSON, key: str) -> None:
    before = _essence(request)
    request["prefetch"][key]["entry"].append({"resource": extra})
    assert _essence(request) == before


@FEW
@given(charts(), st.sampled_from(["conditions", "observations", "insulin", "education"]))
def test_taking_evidence_away_never_approves(request: JSON, what: str) -> None:
    request["prefetch"]["attestations"] = None
    before = support.judged(request, ALL)[0]["outcome"]
    gone = {
        "conditions": ["conditions"],
        "observations": ["hba1c", "glucose", "albuminCreatinine", "egfr"],
        "insulin": ["insulin"],
        "education": ["education"],
    }[what]
    for key in gone:
        request["prefetch"][key] = None
    after = support.judged(request, ALL)[0]["outcome"]
    assert not (before == "needs-documentation" and after == "likely-approved")


@pytest.mark.parametrize("gone", ["conditions", "hba1c", "glucose", "insulin", "education"])
def test_taking_needed_evidence_away_ends_an_approval(gone: str) -> None:
    request = support.call()
    assert support.judged(request)[0]["outcome"] == "likely-approved"
    request["prefetch"][gone] = None
    if gone == "hba1c":
        request["prefetch"]["albuminCreatinine"] = None
    assert support.judged(request)[0]["outcome"] == "needs-documentation"


@FEW
@given(charts(), st.one_of(conditions(), observations(), insulins()))
def test_a_resource_of_another_patient_changes_nothing(request: JSON, stranger: JSON) -> None:
    before = _essence(request)
    stranger["subject"] = {"reference": "Patient/somebody-else"}
    stranger["id"] = "stranger"
    request["prefetch"]["conditions"]["entry"].append({"resource": stranger})
    assert _essence(request) == before


def _shuffled(value: Any, chance: random.Random) -> Any:
    """The same JSON with keys, entries and codings in another order."""
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: _shuffled(value[key], chance) for key in keys}
    if isinstance(value, list):
        items = [_shuffled(item, chance) for item in value]
        if all(isinstance(item, dict) and ("resource" in item or "code" in item) for item in items):
            chance.shuffle(items)
        return items
    return value


@FEW
@given(charts(), st.integers(0, 2**16))
def test_order_of_entries_keys_and_codings_never_matters(request: JSON, seed: int) -> None:
    request["prefetch"]["conditions"]["entry"].append(
        {
            "resource": support.condition("two-codes", "E10.9")
            | {"code": {"coding": [{"system": support.ICD, "code": "E10.9", "display": "x"},
                                   {"system": "http://snomed.info/sct", "code": "46635009", "display": "x"}]}}
        }
    )  # fmt: skip
    before = {json.dumps(d, sort_keys=True) for d in _essence(request)}
    after = {json.dumps(d, sort_keys=True) for d in _essence(_shuffled(request, random.Random(seed)))}
    assert after == before


@FEW
@given(charts(), st.sampled_from(["conditions", "hba1c", "insulin"]))
def test_duplicates_never_matter(request: JSON, key: str) -> None:
    before = _essence(request)
    entries = request["prefetch"][key]["entry"]
    entries += copy.deepcopy(entries)
    request["prefetch"]["also"] = support.bundle(*[e["resource"] for e in entries])
    assert _essence(request) == before
