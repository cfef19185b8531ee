"""What the answer tells: every search as a note, where evidence came from, what could not be read, and no secrets."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator

import pytest

from tests import support
from tests.ehr.hostile_server import (
    TOKEN,
    Behaviour,
    HostileServer,
    Judged,
    Reply,
    badly,
    call,
    chart,
    having,
    ignoring,
    judge,
    refuse,
    say,
)
from tests.support import JSON

PATIENT = "zebra-7731"


@pytest.fixture
def ehr() -> Iterator[HostileServer]:
    with HostileServer(*_renamed(chart())) as server:
        yield server


def _renamed(value: object) -> list[JSON]:
    """The same with a patient id that stands in no other word."""
    text = json.dumps(value).replace("Patient/p1", f"Patient/{PATIENT}").replace('"p1"', f'"{PATIENT}"')
    renamed: list[JSON] = json.loads(text)
    return renamed


def _judge(server: HostileServer, *missing: str, **settings: float) -> Judged:
    request = json.loads(json.dumps(_renamed([call(server, missing or None)])))[0]
    return judge(request, **settings)


def _notes(found: Judged, *words: str) -> list[str]:
    """The notes that hold each of these words."""
    return [note for note in found.determination["notes"] if all(word in note for word in words)]


# ---------------------------------------------------------------- notes


def test_every_search_is_a_note(ehr: HostileServer) -> None:
    """Rule 7: type, pages, count, completeness, milliseconds."""
    found = _judge(ehr)
    for kind in {asked.kind for asked in ehr.asked}:
        (*_, line) = _notes(found, kind)
        assert re.search(r"\b\d+ ?pages?\b", line), line
        assert re.search(r"\b\d+(\.\d+)? ?ms\b", line), line
        assert re.search(r"complete", line), line
    assert len([n for n in found.determination["notes"] if re.search(r"\d ?ms\b", n)]) >= len(
        {a.kind for a in ehr.asked}
    )


def test_pages_and_resources_are_counted(ehr: HostileServer) -> None:
    """Rule 7: 120 readings in pages of 50 are three pages."""
    ehr.page_size["Observation"] = 50
    (line,) = [n for n in _notes(_judge(ehr, "glucose"), "Observation") if re.search(r"\b120\b", n)]
    assert re.search(r"\b3 pages\b", line)


def test_a_failed_search_is_a_note_with_its_reason(ehr: HostileServer) -> None:
    """Rule 7: what was refused, and how."""
    ehr.on("Condition", refuse(403, "forbidden", "not for you"))
    found = _judge(ehr)
    assert _notes(found, "Condition", "403")
    assert not _notes(found, "not for you")


def test_an_incomplete_search_is_a_note(ehr: HostileServer) -> None:
    """Rules 4 and 7: cut at the cap."""
    ehr.page_size["Observation"] = 10
    found = _judge(ehr, "glucose", max_pages=3)
    (line,) = [n for n in _notes(found, "Observation") if re.search(r"\b30\b", n)]
    assert "incomplete" in line
    assert re.search(r"\b3 pages\b", line)


def test_a_search_that_did_not_come_is_a_note(ehr: HostileServer) -> None:
    """Rules 3 and 7: time ran out."""
    ehr.on("Encounter", badly(wait=30.0))
    assert _notes(_judge(ehr, deadline_seconds=0.6), "Encounter")


def test_a_type_that_is_not_granted_is_a_note(ehr: HostileServer) -> None:
    """Rules 6 and 7: what was not asked for is told too, with the reason."""
    request = json.loads(json.dumps(_renamed([call(ehr)])))[0]
    request["fhirAuthorization"]["scope"] = "user/Condition.rs user/Patient.rs"
    assert _notes(judge(request), "Observation", "scope")


def test_another_form_of_a_search_is_told(ehr: HostileServer) -> None:
    """Rules 2 and 7: what the server refused or ignored is told."""
    ehr.on("Observation", refuse(400), when=having("date"))
    ehr.on("Condition", ignoring("patient"))
    found = _judge(ehr)
    assert _notes(found, "Observation", "date")
    assert _notes(found, "Condition", "patient")


@pytest.mark.parametrize("trouble", [None, "refused", "slow", "rubbish", "pages", "dropped"])
def test_neither_token_nor_patient_is_told(
    ehr: HostileServer, trouble: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule 7; requirement 231: not in notes, cards or logs, whatever went wrong."""
    caplog.set_level(logging.DEBUG)
    behaviours = {
        "refused": refuse(403, "forbidden", f"{TOKEN} may not read Patient/{PATIENT}"),
        "slow": badly(wait=30.0),
        "rubbish": say(Reply(200, f"<html>{TOKEN} {PATIENT}</html>".encode())),
        "dropped": badly(dropped=True),
    }
    if trouble in behaviours:
        ehr.on("Observation", behaviours[trouble])
    if trouble == "pages":
        ehr.page_size["Observation"] = 10
    found = _judge(ehr, deadline_seconds=0.8, max_pages=3)
    notes = json.dumps(found.determination["notes"])
    assert TOKEN not in notes
    assert PATIENT not in notes
    assert TOKEN not in json.dumps(found.body)
    assert PATIENT not in json.dumps([card["detail"] for card in found.body["cards"]])
    told = [
        r for r in caplog.records if r.levelno >= logging.INFO or r.name.startswith(("cds_service", "fhir_mappings"))
    ]
    own = "\n".join(r.getMessage() + str(r.exc_text) for r in told)
    assert TOKEN not in own
    assert PATIENT not in own


# ---------------------------------------------------------------- evidence and card


def _sources(found: Judged, section: str) -> dict[str, str | None]:
    return {evidence["reference"]: evidence.get("source") for evidence in found[section]["evidence"]}


def test_evidence_says_where_it_came_from(ehr: HostileServer) -> None:
    """Rule 7: the HbA1c was fetched, the diagnosis came with the call."""
    found = _judge(ehr, "hba1c", "glucose")
    assert _sources(found, "D.I.I.1") == {"Observation/a1": "fetched"}
    assert _sources(found, "D.I.A") == {"Condition/c1": "prefetch"}
    assert set(_sources(found, "D.I.G").values()) == {"fetched"}
    assert set(_sources(found, "D.I.F").values()) == {"prefetch"}
    assert set(_sources(found, "D.I.C").values()) == {"prefetch"}


def test_all_evidence_of_a_call_without_prefetch_was_fetched(ehr: HostileServer) -> None:
    """Rule 7: but for the order itself, which came with the call."""
    found = _judge(ehr)
    every = [e for f in found.found.values() for e in f["evidence"] if not e["reference"].startswith("DeviceRequest/")]
    assert {e.get("source") for e in every} == {"fetched"}
    assert len(every) >= 9


def test_first_page_given_second_page_fetched() -> None:
    """Rules 1 and 7: two ratios, one on each page."""
    with HostileServer(*chart()) as server:
        request = call(server, ())
        first = support.bundle(support.observation("u1", "9318-7", 45, "mg/g", "2026-03-01"))
        first["link"] = [{"relation": "next", "url": f"{server.url}/Observation?code=9318-7&_count=1&_page=2"}]
        request["prefetch"]["albuminCreatinine"] = first
        found = judge(request)
    assert _sources(found, "D.I.H.1") == {"Observation/u1": "prefetch", "Observation/u2": "fetched"}


@pytest.mark.parametrize("trouble", [refuse(403), refuse(500), badly(wait=30.0), badly(dropped=True)])
def test_the_card_says_what_could_not_be_read(ehr: HostileServer, trouble: Behaviour) -> None:
    """Rule 7: the card names the sections whose part of the chart did not come."""
    ehr.on("Observation", trouble)
    found = _judge(ehr, deadline_seconds=0.6)
    assert found.determination["outcome"] == "needs-documentation"
    (card,) = found.body["cards"]
    assert "could not be read" in card["detail"].casefold()
    unread = card["detail"].casefold().split("could not be read", 1)[1]
    assert "d.i.g" in unread
    assert "d.i.i" in unread


def test_the_card_of_a_complete_answer_speaks_of_no_trouble(ehr: HostileServer) -> None:
    """Rule 7: all was read, and the card does not say otherwise."""
    (card,) = _judge(ehr).body["cards"]
    assert "could not be read" not in card["detail"].casefold()


def test_the_card_tells_of_a_part_that_decided_nothing(ehr: HostileServer) -> None:
    """Rule 7: everything is met, but the coverage could not be read, and the card says so."""
    ehr.on("Coverage", refuse(503))
    found = _judge(ehr)
    assert found.determination["coverage"] == "unverified"
    (card,) = found.body["cards"]
    assert "coverage" in card["detail"].casefold()


def test_an_ended_coverage_is_found_and_told_from_none(ehr: HostileServer) -> None:
    """Scope, rule 3: whatever its status, an ended coverage is asked for, and the answer is not that there is none."""
    coverage = next(r for r in ehr.held if r["resourceType"] == "Coverage")
    for ended in ({"status": "cancelled"}, {"status": "active", "period": {"end": "2026-09-30"}}):
        coverage |= ended
        found = _judge(ehr)
        assert (found.determination["outcome"], found.determination["coverage"]) == (
            "needs-documentation",
            "not-in-force",
        )
        (card,) = found.body["cards"]
        assert "coverage not in force" in card["summary"]
