"""The Questionnaire: when a group is asked (R4's enableWhen), and what its expressions fill in, by an engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import fhirpathpy
import pytest
from fhirpathpy.models import models

from cds_service.policies.registry import POLICIES
from fhir_mappings.output.questionnaires import code_systems, package, questionnaire, value_sets
from tests.support import JSON, PATIENT, bundle

URL = "https://cds.example.invalid"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire"
R4 = models["r4"]
POLICY = POLICIES[0].on(date(2026, 11, 20))


def _items(node: JSON) -> Iterator[JSON]:
    for item in node.get("item", ()):
        yield item
        yield from _items(item)


def _by_id(node: JSON) -> dict[str, JSON]:
    return {item["linkId"]: item for item in _items(node)}


ITEMS = _by_id(questionnaire(POLICY, URL))
NEW_PUMP = [link for link in ITEMS if link.startswith("D.I.") and link.endswith(".group")]
DETAILS = ["D.III.reason", "D.III.assessment"]


# ---------------------------------------------------------------- when it is asked


def _holds(rule: JSON, answer: bool | None) -> bool:
    """R4: `exists` asks whether there is an answer; any other operator needs an answer for which it is true."""
    assert rule["question"] == "D.III.replacement"
    if rule["operator"] == "exists":
        return (answer is not None) is rule["answerBoolean"]
    assert rule["operator"] in ("=", "!=")
    return answer is not None and (answer == rule["answerBoolean"]) is (rule["operator"] == "=")


def _is_on(item: JSON, answer: bool | None) -> bool:
    rules = item.get("enableWhen", ())
    held = [_holds(rule, answer) for rule in rules]
    # que-12: with more than one rule, enableBehavior says how they are taken together.
    assert len(rules) < 2 or item["enableBehavior"] in ("any", "all")
    return not rules or (any(held) if item.get("enableBehavior") == "any" else all(held))


@pytest.mark.parametrize(("answer", "new", "details"), [(None, True, False), (False, True, False), (True, False, True)])
def test_what_is_asked_by_whether_a_pump_is_replaced(answer: bool | None, new: bool, details: bool) -> None:
    assert len(NEW_PUMP) == 7
    assert {link: _is_on(ITEMS[link], answer) for link in NEW_PUMP} == dict.fromkeys(NEW_PUMP, new)
    assert {link: _is_on(ITEMS[link], answer) for link in DETAILS} == dict.fromkeys(DETAILS, details)
    always = ("D.III.group", "D.III.replacement", "D.II.group", "D.II.A.2", "D.II.B.1")
    assert all(_is_on(ITEMS[link], answer) for link in always)


def test_a_package_is_asked_under_the_same_conditions() -> None:
    (found, *_) = (entry["resource"] for entry in package(POLICY, URL, frozenset({"D.I.C"}))["entry"])
    rules = {link: item.get("enableWhen") for link, item in _by_id(found).items()}
    assert rules == {link: item.get("enableWhen") for link, item in ITEMS.items()}
    assert [link for link, item in _by_id(found).items() if item.get("required")] == ["D.I.C"]


# ---------------------------------------------------------------- choices


def test_choices_are_named_by_version_and_expanded() -> None:
    """DTR: references within a package name a version, and value sets of under 40 codes are expanded."""
    lists = zip(value_sets(POLICY, URL), code_systems(POLICY, URL), strict=True)
    # The reasons for a replacement and the sources of a figure, in the contract's numbers.
    for (values, codes), link, count in zip(lists, ("D.III.reason", "D.I.G.source"), (8, 3), strict=True):
        assert ITEMS[link]["answerValueSet"] == f"{values['url']}|{values['version']}"
        assert values["compose"]["include"] == [{"system": codes["url"], "version": codes["version"]}]
        shown = {(c["system"], c["code"], c["display"]) for c in values["expansion"]["contains"]}
        assert shown == {(codes["url"], c["code"], c["display"]) for c in codes["concept"]}
        assert values["expansion"]["total"] == len(shown) == codes["count"] == count


def test_a_package_holds_only_kinds_that_dtr_lets_be_in_it() -> None:
    kinds = [entry["resource"]["resourceType"] for entry in package(POLICY, URL)["entry"]]
    assert kinds == ["Questionnaire", "ValueSet", "ValueSet", "Library", "Library"]


# ---------------------------------------------------------------- prefill

# The FHIRPath, which stands beside the CQL; tests/conformance/test_cql.py compares the two.
EXPRESSIONS = {
    link: extension["valueExpression"]["extension"][0]["valueExpression"]["expression"]
    for link, item in ITEMS.items()
    for extension in item.get("extension", ())
    if extension["url"] == f"{SDC}-initialExpression"
}


def _prefilled(link: str, **variables: JSON) -> Any:
    """What the expression fills in; None for nothing."""
    found = fhirpathpy.evaluate({}, EXPRESSIONS[link], variables, R4)
    assert len(found) < 2
    return found[0] if found else None


def _reading(n: int, **members: Any) -> JSON:
    """A finger-stick: four a day."""
    return {
        "resourceType": "Observation",
        "id": f"g{n}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "41653-7"}]},
        "subject": PATIENT,
        "effectiveDateTime": f"2026-10-{1 + n // 4:02}T{6 + n % 4 * 5:02}:00:00-05:00",
        "valueQuantity": {"value": 120, "unit": "mg/dL"},
        **members,
    }


def _average(*readings: JSON, **members: Any) -> float | None:
    found = _prefilled("D.I.G.average", selfTests={**bundle(*readings), **members})
    return None if found is None else float(found)


@pytest.mark.parametrize(
    ("count", "average"), [(1, 0.0), (3, 0.1), (89, 2.9), (118, 3.9), (119, 3.9), (120, 4.0), (122, 4.0), (123, 4.1)]
)
def test_the_average_is_cut_to_tenths_and_never_rounded_up(count: int, average: float) -> None:
    assert _average(*(_reading(n) for n in range(count))) == average


def test_no_readings_are_no_statement_of_zero() -> None:
    assert _average() is None
    assert _prefilled("D.I.G.average", selfTests={"resourceType": "Bundle", "type": "searchset", "total": 0}) is None


def test_only_readings_that_count_are_counted() -> None:
    good = [_reading(n) for n in range(119)]
    without_value = {key: value for key, value in _reading(119).items() if key != "valueQuantity"}
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}
    again = _reading(0, id="again")
    others = [_reading(119, status=status) for status in ("preliminary", "entered-in-error", "cancelled", "registered")]
    assert _average(*good, *others, without_value, outcome, again) == 3.9
    assert _average(*good, _reading(119)) == 4.0
    assert _average(*good, _reading(119, status="amended")) == 4.0
    same_minute_other_value = _reading(0, id="other", valueQuantity={"value": 121, "unit": "mg/dL"})
    assert _average(*good, same_minute_other_value) == 4.0


def test_a_first_page_of_readings_is_no_average() -> None:
    readings = [_reading(n) for n in range(120)]
    following = [{"relation": "next", "url": "https://ehr.example.invalid/fhir?page=2"}]
    assert _average(*readings, link=following) is None
    assert _average(*readings, link=[{"relation": "self", "url": "https://ehr.example.invalid/fhir"}]) == 4.0


def _session(**members: Any) -> JSON:
    return {"resourceType": "Procedure", "id": "e1", "status": "completed", "subject": PATIENT, **members}


@pytest.mark.parametrize(
    ("performed", "day"),
    [
        ({"performedDateTime": "2026-06-01"}, "2026-06-01"),
        ({"performedDateTime": "2026-06-01T23:30:00-05:00"}, "2026-06-01"),
        ({"performedPeriod": {"start": "2026-05-04", "end": "2026-06-02T10:00:00Z"}}, "2026-06-02"),
        ({"performedPeriod": {"start": "2026-05-04"}}, None),
        ({"performedDateTime": "2026-06"}, None),
        ({"performedDateTime": "2026"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_education_ends_on_its_last_day(performed: JSON, day: str | None) -> None:
    found = _prefilled("D.I.D.date", education=bundle(_session(**performed)))
    assert (None if found is None else str(found)) == day


def test_no_education_fills_nothing_in() -> None:
    for link in ("D.I.D.date", "D.I.D.educator"):
        assert _prefilled(link, education=bundle()) is None
        assert _prefilled(link, education=bundle({"resourceType": "OperationOutcome", "issue": []})) is None


def test_the_educator_is_who_the_session_names() -> None:
    performer = [{"actor": {"reference": "Practitioner/e", "display": "A. Educator, RD, CDCES"}}]
    assert _prefilled("D.I.D.educator", education=bundle(_session(performer=performer))) == "A. Educator, RD, CDCES"
    nameless = [{"actor": {"reference": "Practitioner/e"}}]
    assert _prefilled("D.I.D.educator", education=bundle(_session(performer=nameless))) is None
    long = [{"actor": {"display": "x" * 300}}]
    assert _prefilled("D.I.D.educator", education=bundle(_session(performer=long))) == "x" * 200


def test_no_yes_or_no_is_filled_in() -> None:
    """A chart that shows something is no clinician's statement of it."""
    assert set(EXPRESSIONS) == {"D.I.D.date", "D.I.D.educator", "D.I.G.average"}
    assert not any(ITEMS[link]["type"] in ("boolean", "choice") for link in EXPRESSIONS)
    assert not any("initial" in item for item in ITEMS.values())


def test_codes_that_need_a_diabetes_reason_are_not_searched() -> None:
    """CPT 98960 to 98962 are self-management education of any disease."""
    variables = [e["valueExpression"] for e in ITEMS["D.I.D.group"]["extension"] if e["url"].endswith("/variable")]
    (search,) = (v["expression"] for v in variables if v["name"] == "education")
    assert "G0108" in search
    assert "9896" not in search
