"""Searches that a server refuses or half understands: other forms are tried, and answers are filtered here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests import support
from tests.ehr.hostile_server import (
    Asked,
    Behaviour,
    HostileServer,
    Reply,
    call,
    chart,
    edited,
    having,
    ignoring,
    judge,
    outcome,
    refuse,
    say,
)
from tests.support import JSON

CRITERIA = [f"D.I.{letter}" for letter in "ABCDEFGHI"]
LABORATORY = [support.concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")]
HALF = {f"g{n}" for n in range(0, 120, 2)}  # two a day
OTHER = {"reference": "Patient/p2"}


@pytest.fixture
def ehr() -> Iterator[HostileServer]:
    with HostileServer(*(r | {"category": LABORATORY} if _is_lab(r) else r for r in chart())) as server:
        yield server


def _is_lab(resource: JSON) -> bool:
    return resource["resourceType"] == "Observation" and not resource["id"].startswith("g")


def _met(server: HostileServer) -> None:
    """Everything is met, and no request was sent in the same words twice."""
    found = judge(call(server))
    assert [found.truth(name) for name in CRITERIA] == ["met"] * 9
    assert max(Counter(asked.target for asked in server.asked).values()) == 1


# ---------------------------------------------------------------- forms of a search


def test_labs_are_always_asked_for_by_code_or_category(ehr: HostileServer) -> None:
    """bug-log 31: a server that refuses searches by patient alone."""
    refusal = refuse(400, "required", "must have either code or category")
    ehr.on("Observation", refusal, when=lambda asked: not having("code", "category")(asked))
    _met(ehr)


def test_category_is_asked_for_when_code_is_refused(ehr: HostileServer) -> None:
    """bug-log 31: no search by code; results are found by category and filtered here by code."""
    ehr.held.append(support.observation("wrong", "4544-3", 4.1, "%", "2026-11-12") | {"category": LABORATORY})
    ehr.on("Observation", refuse(400, "not-supported", "unknown parameter code"), when=having("code"))
    found = judge(call(ehr))
    assert (found.truth("D.I.I.1"), found.truth("D.I.H.1")) == ("met", "met")
    assert ehr.asked_for("Observation", category="laboratory")
    assert found.truth("D.I.G") != "not-met"


def test_a_search_by_category_is_no_proof_of_absence(ehr: HostileServer) -> None:
    """Rules 2 and 4: half of the readings carry no category, and are not found by one: 60 of 120 are no "not met"."""
    ehr.held = [r | {"category": LABORATORY} if r["id"] in HALF else r for r in ehr.held]
    ehr.on("Observation", refuse(400, "not-supported", "unknown parameter code"), when=having("code"))
    assert judge(call(ehr)).truth("D.I.G") != "not-met"


def test_conditions_by_category_are_of_every_category(ehr: HostileServer) -> None:
    """Rules 2 and 4: a server that wants a category, and files end-stage disease as a health concern."""
    system = "http://hl7.org/fhir/us/core/CodeSystem/condition-category"
    concern = {"category": [support.concept(system, "health-concern")]}
    problem = {"category": [support.concept(system, "problem-list-item")]}
    ehr.held = [r | problem if r["resourceType"] == "Condition" else r for r in ehr.held]
    ehr.held.append(support.condition("esrd", "N18.6") | concern)
    refusal = refuse(400, "required", "must have category")
    ehr.on("Condition", refusal, when=lambda asked: "category" not in asked.params)
    found = judge(call(ehr))
    assert found.truth("D.I.A") == "met"
    assert found.truth("D.II.A.1") in ("met", "not-retrieved")


def test_code_with_category_where_both_are_wanted(ehr: HostileServer) -> None:
    """bug-log 31: code without category is a 400; one of the other forms is tried."""
    refusal = refuse(400, "required", "must have category")
    ehr.on("Observation", refusal, when=lambda asked: "category" not in asked.params)
    found = judge(call(ehr))
    assert (found.truth("D.I.I.1"), found.truth("D.I.H.1")) == ("met", "met")


@pytest.mark.parametrize("longest", [600, 250, 120])
def test_long_searches_are_cut_up(ehr: HostileServer, longest: int) -> None:
    """bug-log 34: a 414 leads to shorter code lists, until each URL fits."""
    ehr.on("Observation", refuse(414), when=lambda asked: len(asked.target) > longest)
    _met(ehr)
    assert any(len(asked.target) <= longest for asked in ehr.asked_for("Observation", code="41653-7"))


@pytest.mark.parametrize("name", ["date", "_sort", "_include", "_count"])
def test_a_search_is_repeated_without_what_is_refused(ehr: HostileServer, name: str) -> None:
    """Rule 2: no date when the server cannot search by date; fewer parameters when it refuses them."""
    ehr.on("*", refuse(400, "not-supported", f"unknown parameter {name}"), when=having(name))
    _met(ehr)


def test_a_search_is_repeated_without_all_that_is_refused(ehr: HostileServer) -> None:
    """Rule 2: date, _sort and _include refused by one server."""
    ehr.on("*", refuse(400, "not-supported"), when=having("date", "_sort", "_include"))
    _met(ehr)


def test_insulin_is_asked_for_by_patient_and_filtered_here(ehr: HostileServer) -> None:
    """bug-log 33: no POST, no `code` for MedicationRequest; other drugs in the answer do not count."""
    drug = support.insulin("statin", "617311", 4, "2026-01-05")
    ehr.held.append(drug | {"dosageInstruction": [{"text": "carb ratio 1:10"}]})
    ehr.on("MedicationRequest", refuse(400), when=having("code"))
    _met(ehr)
    assert {asked.method for asked in ehr.asked} == {"GET"}
    assert ehr.asked_for("MedicationRequest", patient="p1")


def test_coverage_that_is_found_by_beneficiary_only(ehr: HostileServer) -> None:
    """bug-log 21: a server that does not know `patient` for Coverage is asked by another name."""
    ehr.on("Coverage", refuse(400, "not-supported"), when=having("patient"))
    assert judge(call(ehr)).determination["coverage"] == "governed"


def test_a_search_that_is_refused_in_every_form_ends(ehr: HostileServer) -> None:
    """Rule 2: the fallbacks are few, and the rest of the chart is read."""
    ehr.on("Observation", refuse(400))
    found = judge(call(ehr), policies="MP-MM-1316")
    assert (found.truth("D.I.I.1"), found.truth("D.I.G")) == ("not-retrieved", "not-retrieved")
    assert found.truth("D.I.A") == found.truth("D.I.F") == "met"
    assert len(ehr.asked_for("Observation")) <= 40


# ---------------------------------------------------------------- answers are filtered here


@pytest.mark.parametrize("name", ["patient", "code", "date", "status", "_sort", "_count", "_include"])
def test_a_parameter_that_is_ignored_changes_nothing(ehr: HostileServer, name: str) -> None:
    """Rule 2; requirement 93: the self link lacks the parameter, and the answer holds too much."""
    ehr.on("*", ignoring(name))
    _met(ehr)


def test_other_patients_results_are_dropped(ehr: HostileServer) -> None:
    """bug-log 35: everybody's resources come; only those of the call's patient count."""
    strangers = [
        support.observation("s1", "4548-4", 5.2, "%", "2026-11-15"),
        support.condition("s2", "N18.6"),
        *(support.observation(f"s{n}", "41653-7", 100, "mg/dL", f"2026-11-{n}T07:00:00-05:00") for n in range(10, 20)),
    ]
    ehr.held = [r for r in ehr.held if r["id"] != "g0"] + [r | {"subject": OTHER} for r in strangers]
    ehr.on("*", ignoring("patient", "subject"))
    found = judge(call(ehr))
    assert found.truth("D.I.I.1") == "met"
    assert found["D.I.I.1"]["evidence"][0]["reference"] == "Observation/a1"
    assert found.truth("D.II.A.1") == "not-met"
    assert found.truth("D.I.G") == "not-met" or found["D.I.G"]["gap"] == "incomplete"  # 119 of the patient's own
    assert found["D.I.G"]["explanation"].startswith("119 self-tests")


def test_only_the_strangers_results_leave_nothing(ehr: HostileServer) -> None:
    """bug-log 35: a searchset of strangers is an empty one, and no answer for the patient."""
    ehr.held = [r | {"subject": OTHER} if _is_lab(r) else r for r in ehr.held]
    ehr.on("Observation", ignoring("patient"))
    found = judge(call(ehr))
    assert (found["D.I.I.1"]["truth"], found["D.I.I.1"]["gap"]) == ("unknown", "not-documented")
    assert found["D.I.H.1"]["truth"] == "unknown"


def test_a_cancelled_coverage_does_not_count(ehr: HostileServer) -> None:
    """Rule 2; bug-log 20: `status` is not heeded, and another payer's old insurance comes along."""
    old = {"resourceType": "Coverage", "id": "old", "status": "cancelled", "beneficiary": support.PATIENT, "order": 1}
    ehr.held.append(old | {"payor": [{"display": "Other Payer"}]})
    ehr.on("Coverage", ignoring("status"))
    assert judge(call(ehr)).determination["coverage"] == "governed"


def test_old_readings_do_not_count(ehr: HostileServer) -> None:
    """Rule 2: `date` is not heeded, and a hundred readings of years ago come along."""
    own = [r for r in ehr.held if r["id"] != "g0"]
    old = (
        support.observation(f"o{n}", "41653-7", 100, "mg/dL", f"2023-{n % 12 + 1:02}-01T{n % 24:02}:00:00Z")
        for n in range(90)
    )
    ehr.held = [*own, *old]
    ehr.on("Observation", ignoring("date"))
    assert judge(call(ehr))["D.I.G"]["explanation"].startswith("119 self-tests")


def test_a_server_that_ignores_the_code_sends_each_result_several_times(ehr: HostileServer) -> None:
    """Rule 2: every search for results brings all of them; each counts once."""
    ehr.held = [r for r in ehr.held if r["id"] != "g0"]
    ehr.on("Observation", ignoring("code"))
    found = judge(call(ehr))
    assert found["D.I.G"]["explanation"].startswith("119 self-tests")
    assert found.truth("D.I.I.1") == "met"


def test_the_newest_result_counts_wherever_it_stands(ehr: HostileServer) -> None:
    """Rule 2: `_sort` is not heeded, the newest HbA1c comes last."""
    ehr.held.append(support.observation("a0", "4548-4", 6.1, "%", "2026-11-12") | {"category": LABORATORY})
    ehr.on("Observation", ignoring("_sort"))
    assert judge(call(ehr)).truth("D.I.I.1") == "not-met"


def _with_outcome(severity: str, code: str) -> Behaviour:
    def change(body: JSON, asked: Asked) -> None:
        issue = {"severity": severity, "code": code, "diagnostics": "about this search"}
        resource = {"resourceType": "OperationOutcome", "issue": [issue]}
        body["entry"].append({"resource": resource, "search": {"mode": "outcome"}})

    return edited(change)


def test_an_outcome_that_tells_of_an_ignored_parameter_costs_nothing(ehr: HostileServer) -> None:
    """Rule 2; requirement 82: a warning `not-supported` leaves more results in, not fewer."""
    ehr.on("*", _with_outcome("warning", "not-supported"), when=lambda asked: "/" not in asked.path)
    _met(ehr)


@pytest.mark.parametrize(
    ("severity", "code"), [("error", "processing"), ("warning", "incomplete"), ("warning", "suppressed")]
)
def test_an_outcome_that_tells_of_missing_results_marks_them(ehr: HostileServer, severity: str, code: str) -> None:
    """Rules 2 and 4: results may be missing, so a newest result is not decided."""
    ehr.on("Observation", _with_outcome(severity, code))
    found = judge(call(ehr))
    assert found.truth("D.I.I.1") == "not-retrieved"
    assert found.truth("D.I.G") == "met"  # 120 readings are enough, whatever is missing


def test_an_outcome_with_status_200_in_place_of_a_bundle_is_no_empty_answer(ehr: HostileServer) -> None:
    """bug-log 3 from the server: an error with the wrong status is not "nothing there"."""
    ehr.on("Observation", say(Reply(200, outcome(403, "forbidden").body)))
    assert judge(call(ehr, ["hba1c"])).truth("D.I.I.1") == "not-retrieved"


def test_included_resources_are_no_results(ehr: HostileServer) -> None:
    """bug-log 40: included resources without search.mode are known by their type, not by their place."""
    reference = {"medicationReference": {"reference": "Medication/lispro"}}
    ehr.held = [
        {k: v for k, v in (r | reference).items() if k != "medicationCodeableConcept"} if r["id"] == "m1" else r
        for r in ehr.held
    ]
    ehr.held.append({"resourceType": "Medication", "id": "lispro", "code": support.concept(support.RXNORM, "86009")})

    def without_mode(body: JSON, asked: Asked) -> None:
        body["entry"] = [{"resource": entry["resource"]} for entry in reversed(body["entry"])]

    ehr.on("MedicationRequest", edited(without_mode))
    _met(ehr)
