"""Live reading: what a server's answers mean for the next request, what is asked for beside the prefetch, and when
nobody waits any longer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import support
from tests.ehr.hostile_server import (
    Asked,
    Behaviour,
    HostileServer,
    Reply,
    badly,
    call,
    chart,
    edited,
    having,
    judge,
    refuse,
    say,
)
from tests.fhir_mappings.json.test_server_messages import epic
from tests.support import JSON

HL7 = "http://terminology.hl7.org/CodeSystem/"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


@pytest.fixture
def ehr() -> Iterator[HostileServer]:
    with HostileServer(*chart()) as server:
        yield server


def _refused(status: int, code: str) -> Behaviour:
    body = {"resourceType": "OperationOutcome", "issue": [epic(code, severity="fatal")]}
    return say(Reply(status, body))


def _without(server: HostileServer, *names: str) -> list[JSON]:
    """Takes resources from the server, and gives them."""
    gone = [r for r in server.held if r["id"] in names]
    server.held = [r for r in server.held if r["id"] not in names]
    return gone


def _subject(kind: str, name: str, **members: Any) -> JSON:
    return {"resourceType": kind, "id": name, "subject": support.PATIENT, **members}


# ---------------------------------------------------------------- the vendor's code decides what is tried next


@pytest.mark.parametrize("status", [200, 400, 403, 500])
@pytest.mark.parametrize("code", ["4111", "59102", "59108", "59111", "59159"])
def test_a_bad_request_has_the_plans_next_form_tried(ehr: HostileServer, status: int, code: str) -> None:
    """Epic answers a search for Conditions without a category so."""
    problem = [support.concept(f"{HL7}condition-category", "problem-list-item")]
    ehr.held = [r | {"category": problem} if r["id"] == "c1" else r for r in ehr.held]
    ehr.on("Condition", _refused(status, code), when=lambda asked: "category" not in asked.params)
    assert judge(call(ehr)).truth("D.I.A") == "met"


@pytest.mark.parametrize("status", [200, 400, 403, 404])
@pytest.mark.parametrize("code", ["4118", "4130", "4131", "59177"])
def test_what_is_not_authorized_is_not_tried_in_other_forms(ehr: HostileServer, status: int, code: str) -> None:
    ehr.on("Condition", _refused(status, code), when=lambda asked: "category" not in asked.params)
    assert judge(call(ehr)).truth("D.I.A") == "not-retrieved"
    assert len(ehr.asked_for("Condition")) == 1


@pytest.mark.parametrize("status", [200, 404])
def test_no_results_in_place_of_a_searchset_is_an_answer(ehr: HostileServer, status: int) -> None:
    """Epic's 4101: no eGFR is on file."""
    ehr.on("Observation", _refused(status, "4101"), when=lambda asked: "98979-8" in asked.values("code"))
    found = judge(call(ehr))
    assert found.determination["outcome"] == "likely-approved"
    assert found.truth("D.II.A.1") == "not-met"


def test_a_disclaimer_in_every_answer_is_one_note(ehr: HostileServer) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [epic("4119")]}

    def add(body: JSON, asked: Asked) -> None:
        body["entry"].append({"resource": outcome, "search": {"mode": "outcome"}})

    ehr.on("*", edited(add), when=lambda asked: "/" not in asked.path)
    found = judge(call(ehr))
    assert found.determination["outcome"] == "likely-approved"
    assert len([n for n in found.determination["notes"] if "may not hold the entire record" in n]) == 1


# ---------------------------------------------------------------- pages and totals


@pytest.mark.parametrize("named", [True, False])
def test_pages_that_are_too_large_are_asked_for_smaller(ehr: HostileServer, named: bool) -> None:
    """HealthLake takes pages of 100 at most."""
    text = "Invalid _count: 100 at most" if named else "no"
    large = lambda asked: int(asked.params.get("_count", ["0"])[0]) > 100  # noqa: E731
    ehr.on("*", refuse(400, "invalid", text), when=large)
    found = judge(call(ehr))
    assert found.determination["outcome"] == "likely-approved"
    sizes = [asked.params["_count"][0] for asked in ehr.asked_for("Observation", code="4548-4")]
    assert sizes == (["1000", "200", "100"] if named else ["1000", "1000", "200", "100"])


def _estimated(last: int) -> Behaviour:
    """Totals as Google names them: a guess before the last page."""

    def change(body: JSON, asked: Asked) -> None:
        more = any(link["relation"] == "next" for link in body["link"])
        body["total"] = 9999 if more else last

    return edited(change)


def test_a_total_is_an_estimate_until_the_last_page(ehr: HostileServer) -> None:
    """A newest result is decided: the first page's 9999 is no count."""
    ehr.held.append(support.observation("a0", "4548-4", 7.9, "%", "2026-03-01"))
    ehr.page_size["Observation"] = 1
    ehr.on("Observation", _estimated(last=2))
    found = judge(call(ehr, ["hba1c"]))
    assert len(ehr.asked_for("Observation", code="4548-4")) == 2
    assert found.truth("D.I.I.1") == "met"


def test_a_last_total_that_is_not_reached_is_incomplete(ehr: HostileServer) -> None:
    _without(ehr, "g0")
    ehr.page_size["Observation"] = 50
    ehr.on("Observation", _estimated(last=120), when=having("date"))
    assert judge(call(ehr)).truth("D.I.G") == "not-retrieved"


# ---------------------------------------------------------------- what is asked for beside the prefetch


def test_nothing_comes_from_a_cache(ehr: HostileServer) -> None:
    """HAPI and Oracle Health answer an equal search from a cache for a minute, without what was just signed."""
    judge(call(ehr))
    assert {asked.headers.get("cache-control") for asked in ehr.asked} == {"no-cache"}


def test_charges_are_asked_for(ehr: HostileServer) -> None:
    _without(ehr, "e1")
    code = support.concept(support.HCPCS, "G0108")
    ehr.held.append(_subject("ChargeItem", "b1", status="billed", code=code, occurrenceDateTime="2026-06-01"))
    assert judge(call(ehr)).truth("D.I.D") == "met"


def test_the_care_team_is_asked_for_with_its_roles(ehr: HostileServer) -> None:
    _without(ehr, "qr-1")
    specialty = [support.concept("http://nucc.org/provider-taxonomy", "207RE0101X")]
    ehr.held.append({"resourceType": "PractitionerRole", "id": "r9", "specialty": specialty})
    participant = [{"member": {"reference": "PractitionerRole/r9"}}]
    ehr.held.append(_subject("CareTeam", "t1", status="active", participant=participant))
    assert judge(call(ehr)).truth("D.I.C") == "met"


def test_an_open_order_is_not_suggested_again(ehr: HostileServer) -> None:
    _without(ehr, "a1")
    assert len(judge(call(ehr)).body["cards"][0]["suggestions"]) == 1
    ehr.held.append(_subject("ServiceRequest", "o1", status="active", code=support.concept(support.LOINC, "4548-4")))
    assert "suggestions" not in judge(call(ehr)).body["cards"][0]


def test_readings_that_carry_only_their_issue_are_found(ehr: HostileServer) -> None:
    """A search by date finds none of them."""
    (reading,) = _without(ehr, "g0")
    ehr.held.append({k: v for k, v in reading.items() if k != "effectiveDateTime"} | {"issued": "2026-11-19T12:00:00Z"})
    found = judge(call(ehr))
    assert found.truth("D.I.G") == "met"
    assert not [note for note in found.determination["notes"] if "could not be asked for" in note]


@pytest.mark.parametrize("trouble", [refuse(400, "invalid", "date:missing"), "ignored"])
def test_readings_that_cannot_be_asked_for_are_remarked(ehr: HostileServer, trouble: Behaviour | str) -> None:
    if isinstance(trouble, str):
        trouble = lambda asked, answer: answer(Asked(**(vars(asked) | {"params": _undated(asked)})))  # noqa: E731
    ehr.on("Observation", trouble, when=having("date:missing"))
    found = judge(call(ehr))
    assert found.determination["outcome"] == "likely-approved"
    assert [note for note in found.determination["notes"] if "could not be asked for" in note]


def _undated(asked: Asked) -> dict[str, list[str]]:
    return {name: values for name, values in asked.params.items() if name != "date:missing"}


def test_results_that_no_search_by_code_finds_are_looked_for_by_category(ehr: HostileServer) -> None:
    """One search for three parts of the chart, and only where none was found."""
    _without(ehr, "a1", "u1", "u2")
    category = [support.concept(f"{HL7}observation-category", "laboratory")]
    result = support.observation("a9", "4548-4", 8.1, "%", "2026-10-01") | {"category": category}
    ehr.held.append(result)
    ehr.on("Observation", say(Reply(body=support.bundle())), when=lambda asked: "4548-4" in asked.values("code"))
    assert judge(call(ehr), policies="MP-MM-1316").truth("D.I.I.1") == "met"
    assert len(ehr.asked_for("Observation", category="laboratory")) == 1
    assert not ehr.asked_for("Observation", category="vital-signs")


def test_home_readings_are_looked_for_among_vital_signs(ehr: HostileServer) -> None:
    ehr.on("Observation", say(Reply(body=support.bundle())), when=lambda asked: "41653-7" in asked.values("code"))
    ehr.held = [
        r | {"category": [support.concept("x", "vital-signs")]} if r["id"].startswith("g") else r for r in ehr.held
    ]
    assert judge(call(ehr)).truth("D.I.G") == "met"


def test_a_search_by_category_that_fails_takes_nothing(ehr: HostileServer) -> None:
    ehr.on("Observation", refuse(403), when=having("category"))
    found = judge(call(ehr))
    assert found.determination["outcome"] == "likely-approved"


def test_the_visit_of_a_reading_is_read_by_its_reference(ehr: HostileServer) -> None:
    """A stay that the search for encounters does not give."""
    stay = _subject("Encounter", "stay", status="finished") | {"class": {"system": ACT, "code": "IMP"}}
    ehr.held.append(stay)
    ehr.on("Encounter", say(Reply(body=support.bundle())), when=having("patient"))
    for reading in ehr.held:
        if reading["id"] in {f"g{n}" for n in range(60)}:
            reading["encounter"] = {"reference": "Encounter/stay"}
    assert judge(call(ehr)).truth("D.I.G") != "met"
    assert len(ehr.asked_for("Encounter/stay")) == 1


def test_the_diagnoses_of_a_visit_are_read_by_their_reference(ehr: HostileServer) -> None:
    """In two steps: the visit of a reading, then what the visit was for."""
    diagnosis = {"condition": {"reference": "Condition/c9"}}
    visit = _subject("Encounter", "v9", status="finished", diagnosis=[diagnosis])
    ehr.held += [support.condition("c9", "E10.10"), visit]
    ehr.on("Encounter", say(Reply(body=support.bundle())), when=having("patient"))
    ehr.on("Condition", say(Reply(body=support.bundle(support.condition("c1", "E10.65")))), when=having("patient"))
    next(r for r in ehr.held if r["id"] == "g3")["encounter"] = {"reference": "Encounter/v9"}
    judge(call(ehr))
    assert len(ehr.asked_for("Condition/c9")) == 1


def test_somebody_who_could_change_nothing_is_not_called_unread(ehr: HostileServer) -> None:
    """The practitioner's record is missing; the role says enough for D.I.B and D.I.C, and D.I.D is what is open."""
    _without(ehr, "e1", "d1")
    specialty = [support.concept("http://nucc.org/provider-taxonomy", "207RE0101X")]
    role = {"resourceType": "PractitionerRole", "id": "r1", "practitioner": {"reference": "Practitioner/d1"}}
    ehr.held.append(role | {"specialty": specialty})
    found = judge(call(ehr))
    assert (found.truth("D.I.B"), found.truth("D.I.C")) == ("met", "met")
    assert "Not read whole" not in found.body["cards"][0]["detail"]


# ---------------------------------------------------------------- pages that nobody waits for

SENSOR = "99504-3"


def _sensor(asked: Asked) -> bool:
    return SENSOR in asked.values("code") and "date" in asked.params


def test_nobody_waits_for_sensor_pages_that_can_change_nothing(ehr: HostileServer) -> None:
    """D.I.G is met by finger-sticks and D.I.I by an HbA1c: the answer goes out."""
    ehr.on("Observation", badly(wait=30.0), when=_sensor)
    found = judge(call(ehr), deadline_seconds=5.0)
    assert found.determination["outcome"] == "likely-approved"
    assert found.seconds < 2.0
    assert [note for note in found.determination["notes"] if "not waited for" in note]


@pytest.mark.parametrize("gone", ["g0", "a1"])
def test_sensor_pages_are_waited_for_while_something_depends_on_them(ehr: HostileServer, gone: str) -> None:
    """With 119 finger-sticks, or with no HbA1c above 7 %, sensor readings may decide."""
    _without(ehr, gone)
    ehr.on("Observation", badly(wait=0.8), when=_sensor)
    found = judge(call(ehr), deadline_seconds=5.0)
    assert found.seconds > 0.8
    assert found.unread == set()


def test_sensor_pages_that_do_not_come_in_time_leave_open_what_depends_on_them(ehr: HostileServer) -> None:
    _without(ehr, "g0")
    ehr.on("Observation", badly(wait=30.0), when=_sensor)
    assert judge(call(ehr), deadline_seconds=0.6).truth("D.I.G") == "not-retrieved"
