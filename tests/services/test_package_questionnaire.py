"""$questionnaire-package where several policies are in use, and on both sides of the day of a new text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cds_service.errors import NotFound
from cds_service.hooks.determinations import assertion_id
from cds_service.policies import registry
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.services.package_questionnaire import questionnaire_package
from cds_service.settings import Settings
from tests.policies.mp_mm_1316.next_year import NEXT_YEAR, SECTION, START
from tests.policies.other_payer import COVERAGE, OTHER
from tests.services.crd import coverage
from tests.support import JSON, order

URL = "https://cds.example.invalid"
BOTH = Settings(public_url=URL, policies="MP-MM-1316,OTHER-1")
NOW = datetime(2026, 11, 20, 17, tzinfo=UTC)
MP, OTHERS = (f"{URL}/fhir/Questionnaire/{name}" for name in ("mp-mm-1316", "other-1"))


@pytest.fixture(autouse=True)
def _held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "POLICIES", (POLICY, OTHER))


def _packages(
    *parameters: tuple[str, JSON],
    known: dict[str, JSON] | None = None,
    settings: Settings = BOTH,
    now: datetime = NOW,
) -> list[JSON]:
    """The Bundles of the answer. `known`: determinations by assertion id."""
    named = [{"name": name, **value} for name, value in parameters]
    body = json.dumps({"resourceType": "Parameters", "parameter": named}).encode()
    answer = questionnaire_package(body, settings, (known or {}).get, now)
    assert {parameter["name"] for parameter in answer["parameter"]} == {"PackageBundle"}
    return [parameter["resource"] for parameter in answer["parameter"]]


def _questionnaires(bundles: list[JSON]) -> list[str]:
    return [bundle["entry"][0]["resource"]["id"] for bundle in bundles]


def _items(node: JSON) -> Iterator[JSON]:
    for item in node.get("item", ()):
        yield item
        yield from _items(item)


def _required(bundle: JSON) -> set[str]:
    return {item["linkId"] for item in _items(bundle["entry"][0]["resource"]) if item.get("required")}


def _determination(policy: str, day: str = "2026-11-20", **truths: str) -> JSON:
    """A stored determination; keys use _ for the dots of sections."""
    criteria = [{"id": section.replace("_", "."), "truth": truth} for section, truth in truths.items()]
    return {"policy": {"id": policy, "version": "2026-05-01"}, "asOf": day, "path": "new", "criteria": criteria}


def _canonical(url: str) -> tuple[str, JSON]:
    return "questionnaire", {"valueCanonical": url}


def _context(identity: str) -> tuple[str, JSON]:
    return "context", {"valueString": identity}


# ---------------------------------------------------------------- which questionnaires


def test_each_canonical_that_is_asked_for_has_its_package() -> None:
    assert _questionnaires(_packages(_canonical(OTHERS))) == ["other-1"]
    assert _questionnaires(_packages(_canonical(f"{OTHERS}|2.0.0"), _canonical(MP))) == ["mp-mm-1316", "other-1"]


def test_one_that_is_not_served_is_refused_whatever_stands_beside_it() -> None:
    with pytest.raises(NotFound, match="metadata"):
        _packages(_canonical(MP), _canonical(f"{URL}/fhir/Questionnaire/l33794"))
    with pytest.raises(NotFound, match="metadata"):
        _packages(_canonical(OTHERS), settings=Settings(public_url=URL, policies="MP-MM-1316"))


def test_a_context_leads_to_the_questionnaire_of_its_policy() -> None:
    known = {
        "a-1": _determination("OTHER-1", T_1="unknown", T_2="met"),
        "a-2": _determination("MP-MM-1316", D_I_C="met"),
    }
    (bundle,) = _packages(_context("a-1"), known=known)
    assert _questionnaires([bundle]) == ["other-1"]
    assert _required(bundle) == {"T.1.team"}
    both = _packages(_context("a-1"), _context("a-2"), known=known)
    assert _questionnaires(both) == ["mp-mm-1316", "other-1"]
    assert [_required(bundle) for bundle in both] == [set(), {"T.1.team"}]


def test_a_determination_of_a_policy_that_is_no_longer_in_use_is_not_known() -> None:
    with pytest.raises(NotFound, match="assertion"):
        _packages(
            _context("a-1"),
            known={"a-1": _determination("OTHER-1")},
            settings=Settings(public_url=URL, policies="MP-MM-1316"),
        )


@pytest.mark.parametrize(("reason", "required"), [("met", set()), ("unknown", {"D.III.reason"})])
def test_on_a_replacement_only_what_it_has_to_meet_is_asked_for(reason: str, required: set[str]) -> None:
    """D.III.B refuses where it is met: that it is not met leaves nothing open."""
    findings = {"D.III.A.1": "met", "D.III.A.2": "met", "D.III.A.3": reason, "D.III.B": "not-met"}
    replaced = [{"id": section, "truth": truth} for section, truth in findings.items()]
    found = _determination("MP-MM-1316", D_I_C="unknown") | {"path": "replacement", "replacement": replaced}
    (bundle,) = _packages(_context("a-1"), known={"a-1": found})
    assert _required(bundle) == required


def test_an_order_with_its_coverage_leads_to_what_was_determined_of_it() -> None:
    identity = assertion_id("DeviceRequest/pump-1", "p1", "Coverage/v2")
    known = {identity: _determination("OTHER-1", T_1="met", T_2="unknown")}
    (bundle,) = _packages(("order", {"resource": order()}), ("coverage", {"resource": COVERAGE}), known=known)
    assert _questionnaires([bundle]) == ["other-1"]
    assert _required(bundle) == {"T.2.why"}


@pytest.mark.parametrize(
    ("coverages", "wanted"),
    [
        ([COVERAGE], ["other-1"]),
        ([coverage()], ["mp-mm-1316"]),
        ([], ["mp-mm-1316", "other-1"]),
        ([coverage(payor=[{"display": "Somebody else"}], **{"class": []})], ["mp-mm-1316", "other-1"]),
    ],
    ids=["theirs", "CareSource", "none", "another payer's"],
)
def test_an_order_of_which_nothing_is_known_goes_by_its_coverage(coverages: list[JSON], wanted: list[str]) -> None:
    given = [("coverage", {"resource": each}) for each in coverages]
    bundles = _packages(("order", {"resource": order()}), *given)
    assert _questionnaires(bundles) == wanted
    assert _required(bundles[-1]) == ({"T.1.team", "T.2.why"} if wanted[-1] == "other-1" else _usual())


def _usual() -> set[str]:
    return {question.link_id for question in POLICY.on(NOW.date()).questions if question.required}


def test_an_order_on_an_absolute_server_goes_by_its_coverage_as_well() -> None:
    patient = {"reference": "https://ehr.example.invalid/fhir/Patient/p1"}
    theirs = ("coverage", {"resource": COVERAGE | {"beneficiary": patient}})
    assert _questionnaires(_packages(("order", {"resource": order(subject=patient)}), theirs)) == ["other-1"]


def test_an_order_that_cannot_be_read_leads_to_every_questionnaire() -> None:
    broken = ("order", {"resource": order() | {"codeCodeableConcept": "E0784"}})
    assert _questionnaires(_packages(broken, ("coverage", {"resource": COVERAGE}))) == ["mp-mm-1316", "other-1"]


def test_each_package_has_a_draft_for_its_own_questionnaire() -> None:
    bundles = _packages(("order", {"resource": order()}))
    drafts = [bundle["entry"][-1]["resource"] for bundle in bundles]
    assert [draft["questionnaire"] for draft in drafts] == [f"{MP}|1.0.0", f"{OTHERS}|2.0.0"]
    assert len({draft["id"] for draft in drafts}) == 2


# ---------------------------------------------------------------- as on which day

LAST_OLD = START - timedelta(days=1)


def _texts(bundle: JSON) -> dict[str, Any]:
    asked = bundle["entry"][0]["resource"]
    items = {item["linkId"]: item["text"] for item in _items(asked)}
    return {"date": asked["date"], "follow-up": items.get(SECTION)}


OLD = {"date": "2026-05-01", "follow-up": None}
NEW = {
    "date": "2027-05-01",
    "follow-up": "Does the member keep 6 visits a year?",
}


@pytest.mark.parametrize(("day", "texts"), [(LAST_OLD, OLD), (START, NEW)], ids=["the last day", "the first day"])
def test_the_questionnaire_of_an_order_reads_as_on_its_day(
    monkeypatch: pytest.MonkeyPatch, day: date, texts: dict[str, Any]
) -> None:
    """Whenever it is asked for: the client fills it in for that order."""
    monkeypatch.setattr(registry, "POLICIES", (NEXT_YEAR,))
    known = {"a-1": _determination("MP-MM-1316", day.isoformat(), D_I_C="unknown", D_I_J="unknown")}
    for now in (NOW, NOW + timedelta(days=365)):
        (bundle,) = _packages(
            _context("a-1"), known=known, settings=Settings(public_url=URL, policies="MP-MM-1316"), now=now
        )
        assert _texts(bundle) == texts
        assert _required(bundle) == ({"D.I.C", SECTION} if day == START else {"D.I.C"})


def test_of_several_orders_the_newest_says_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "POLICIES", (NEXT_YEAR,))
    days = {"a-1": START.isoformat(), "a-2": LAST_OLD.isoformat()}
    known = {name: _determination("MP-MM-1316", day, D_I_C="unknown") for name, day in days.items()}
    (bundle,) = _packages(
        _context("a-1"), _context("a-2"), known=known, settings=Settings(public_url=URL, policies="MP-MM-1316")
    )
    assert _texts(bundle) == NEW


@pytest.mark.parametrize(
    ("now", "texts"),
    [
        # Midnight in America/New_York is 04:00 UTC in summer.
        (datetime(2027, 5, 1, 3, 59, tzinfo=UTC), OLD),
        (datetime(2027, 5, 1, 4, 0, tzinfo=UTC), NEW),
    ],
    ids=str,
)
def test_by_canonical_it_reads_as_today(monkeypatch: pytest.MonkeyPatch, now: datetime, texts: dict[str, Any]) -> None:
    monkeypatch.setattr(registry, "POLICIES", (NEXT_YEAR,))
    (bundle,) = _packages(_canonical(MP), settings=Settings(public_url=URL, policies="MP-MM-1316"), now=now)
    assert _texts(bundle) == texts
