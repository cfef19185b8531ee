"""Card, determination and coverage-information of one answer never contradict each other, whatever the coverage is.

The rules are in contradictions.py. `expected` reads the coverage rules of the policy once more, and plainly.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.errors import BadRequest
from cds_service.hooks.discovery import SERVICES
from cds_service.services.member_roster import Roster
from cds_service.settings import Settings
from tests import support
from tests.cases.crd import HOOKS, answer_to, as_hook, crd_request
from tests.cases.runner import CaseFile, all_cases
from tests.properties.contradictions import contradictions
from tests.services.crd import SELECT, SIGN, answered, determination
from tests.support import JSON, bundle, order

# A failing call is worth printing whole, however long it is.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
CASES = all_cases()
PLAIN, PLAIN_SELECT = "insulin-pump-order-sign", "insulin-pump-order-select"
SERVICES_OF = (PLAIN, PLAIN_SELECT, SIGN, SELECT)
ISSUING = Settings(public_url="https://cds.example.invalid", issue_authorization_numbers=True)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_no_case_is_answered_with_a_contradiction(case: CaseFile) -> None:
    request = json.loads(case.request.decode("utf-8-sig"))
    assert contradictions(answer_to(case, request, case.service), crd=False) == []
    for hook in HOOKS:
        asked = as_hook(crd_request(case), hook)
        if asked is None:
            continue
        for issuing in (None, ISSUING):
            try:
                response = answer_to(case, asked, SERVICES[f"crd-{hook}"], issuing)
            except BadRequest:
                continue
            assert contradictions(response, crd=True) == [], hook


# ---------------------------------------------------------------- generated coverages


def _class(value: str, name: str | None = None) -> JSON:
    return {"type": {"text": "plan"}, "value": value} | ({"name": name} if name else {})


ACME = {"display": "Acme Health Plan", "identifier": {"value": "99999"}}
OURS = {"display": "CareSource", "identifier": {"value": "31114"}}
# What a coverage says of itself, and how it stands to the policy while it is in force.
KINDS: dict[str, tuple[JSON, str]] = {
    "plan id": ({"payor": [OURS], "class": [_class("77552OH0010222-01")]}, "governed"),
    "marketplace in words": ({"payor": [OURS], "class": [_class("s1", "CareSource Marketplace Gold")]}, "governed"),
    "medicaid": ({"payor": [OURS], "class": [_class("GF01", "Georgia Families")]}, "not-governed"),
    "medicaid by its type": (
        {"payor": [OURS], "type": support.concept("https://nahdo.org/sopt", "211")},
        "not-governed",
    ),
    "another state": ({"payor": [OURS], "class": [_class("45786KY0010001-01")]}, "not-governed"),
    "product unknown": ({"payor": [OURS]}, "unverified"),
    "payer unknown": ({"payor": [{"identifier": {"value": "1"}}]}, "unverified"),
    "another payer": ({"payor": [ACME], "class": [_class("99001OH0010001-01")]}, "not-governed"),
}
NOT_OURS = ("payer unknown", "another payer")
AFTER, BEFORE = "2026-11-21", "2026-11-19"
# Periods around the support's DAY, 2026-11-20, and whether it lies in them.
PERIODS: list[tuple[JSON | None, bool]] = [
    (None, True),
    ({"start": "2026-01-01"}, True),
    ({"start": "2026-11-20", "end": "2026-11-20"}, True),
    ({"end": "2026-11"}, True),
    ({"start": "2026"}, True),
    ({"end": BEFORE}, False),
    ({"start": AFTER}, False),
    ({"start": "2025", "end": "2025"}, False),
    ({"start": "2999-12-31"}, False),
    ({"start": "0001-01-01", "end": "9999-12-31"}, True),
    ({"start": "9999", "end": "0001"}, True),
]
STATUSES = ["active", "active", "active", "cancelled", "draft", "entered-in-error"]


@st.composite
def coverages(draw: Any) -> list[JSON]:
    """Up to four coverages; what the test knows of each stands under `_`."""
    found = []
    for number in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(sorted(KINDS)))
        period, inside = draw(st.sampled_from(PERIODS))
        status, first = draw(st.sampled_from(STATUSES)), draw(st.sampled_from([None, None, 1, 2]))
        stranger = draw(st.integers(0, 9)) == 0
        member = draw(st.sampled_from(["M-1", "M-2", "M-3"]))
        made = {
            "resourceType": "Coverage",
            "id": f"v{number}",
            "status": status,
            "beneficiary": {"reference": "Patient/another"} if stranger else support.PATIENT,
            "subscriberId": member,
            **KINDS[kind][0],
        }
        made |= {"period": period} if period else {}
        made |= {"order": first} if first else {}
        counts = not stranger and status not in ("draft", "entered-in-error")
        made["_"] = {"kind": kind, "counts": counts, "in force": status == "active" and inside, "order": first or 99}
        found.append(made)
    return found


def expected(made: list[JSON], named: list[str]) -> str:
    """The coverage of an order by the rules of the policy: 1 to 4, in their order."""
    known = [each for each in made if each["_"]["counts"]]
    in_force = [each for each in known if each["_"]["in force"]]
    deciding = [each for each in in_force if f"Coverage/{each['id']}" in named] or in_force
    if deciding:
        lowest = min(each["_"]["order"] for each in deciding)
        standings = {KINDS[e["_"]["kind"]][1] for e in deciding if e["_"]["order"] == lowest}
        return standings.pop() if len(standings) == 1 else "unverified"
    ours = [each["_"]["kind"] for each in known if each["_"]["kind"] not in NOT_OURS]
    if any(KINDS[kind][1] != "not-governed" for kind in ours):
        return "not-in-force"
    return "not-governed" if ours else "unverified"


CHARTS: list[JSON] = [
    {},
    {"education": None},
    {"conditions": bundle(support.condition("c1", "E10.65"), support.condition("c2", "N18.6"))},
    {"glucose": {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}},
    {"attestations": bundle(support.attestation(D_I_C=support.YES, D_I_E=support.YES, D_III_replacement=support.YES))},
]
ROSTERS = [
    None,
    Roster({"M-1": ((date(2026, 1, 1), None),), "M-2": ((date(2025, 1, 1), date(2025, 12, 31)),)}),
    Roster({"M-1": (), "M-2": (), "M-3": ((date(2026, 1, 1), date(2026, 12, 31)),)}),
]
MANY = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def _request(made: list[JSON], named: list[str], chart: JSON, authored: str) -> JSON:
    ordered = order(authoredOn=authored, insurance=[{"reference": name} for name in named])
    sent = [{key: value for key, value in each.items() if key != "_"} for each in made]
    request = support.call(ordered, **{**chart, "coverage": bundle(*sent)})
    request["context"]["selections"] = ["DeviceRequest/pump-1"]
    return request


NAMED = st.lists(st.sampled_from(["Coverage/v0", "Coverage/v1", "Coverage/v3"]), max_size=2, unique=True)


@MANY
@given(
    coverages(), NAMED, st.sampled_from(CHARTS), st.sampled_from(ROSTERS), st.sampled_from([support.DAY, "2026-04-20"])
)
def test_no_answer_contradicts_itself(
    made: list[JSON], named: list[str], chart: JSON, roster: Roster | None, authored: object
) -> None:
    request = _request(made, named, chart, str(authored))
    seen = []
    for service in SERVICES_OF:
        try:
            response = answered(request, service, ISSUING, roster=roster)
        except BadRequest:
            assert service in (SIGN, SELECT)
            continue
        assert contradictions(response, crd=service in (SIGN, SELECT)) == [], service
        judged = determination(response)
        seen.append((judged["outcome"], judged["coverage"]))
    assert len(set(seen)) == 1


@MANY
@given(coverages(), NAMED)
def test_the_coverage_is_the_one_that_the_rules_name(made: list[JSON], named: list[str]) -> None:
    judged = determination(answered(_request(made, named, {}, str(support.DAY)), PLAIN))
    assert judged["coverage"] == expected(made, named)


# ---------------------------------------------------------------- the rules themselves


LIED = [
    ("likely-approved", {"coverage": "not-in-force"}, {}),
    ("likely-approved", {}, {"summary": "Insulin pump: needs documentation. Next: add the code"}),
    ("likely-approved", {"coverage": "unverified"}, {}),
    ("likely-approved", {"coverage": "not-governed"}, {}),
    ("likely-approved", {"outcome": "excluded"}, {}),
    ("likely-approved", {"outcome": "needs-documentation"}, {}),
    ("likely-approved", {}, {"indicator": "warning"}),
]


@pytest.mark.parametrize(("outcome", "determined", "card"), LIED)
def test_a_contradiction_is_found(outcome: str, determined: JSON, card: JSON) -> None:
    """An answer that is changed in one place contradicts itself: the rules see something."""
    response = answered(support.call(), PLAIN)
    assert contradictions(response, crd=False) == []
    judged = determination(response)
    assert judged["outcome"] == outcome
    judged.update(determined)
    response["cards"][0].update(card)
    assert contradictions(response, crd=False) != []
