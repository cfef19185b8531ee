"""Bodies and transfers of every kind: compressed, chunked, broken, of the wrong sort, and one bad apple among many."""

from __future__ import annotations

import gzip
import json
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
    ignoring,
    judge,
    say,
    zipped,
)
from tests.support import JSON

CRITERIA = [f"D.I.{letter}" for letter in "ABCDEFGHI"]
HTML = b"<html><body><h1>Apache Tomcat - Error report</h1><script>alert(1)</script></body></html>"


@pytest.fixture
def ehr() -> Iterator[HostileServer]:
    with HostileServer(*chart()) as server:
        yield server


@pytest.mark.parametrize("how", [zipped, badly(chunked=True)], ids=["gzip", "chunked"])
def test_bodies_that_are_compressed_or_come_in_chunks(ehr: HostileServer, how: Behaviour) -> None:
    ehr.on("*", how)
    found = judge(call(ehr))
    assert [found.truth(name) for name in CRITERIA] == ["met"] * 9


@pytest.mark.parametrize(
    "headers",
    [{"Content-Type": "application/json"}, {"Content-Type": "text/plain; charset=latin-1"}, {"Content-Type": ""}],
)
def test_the_content_type_does_not_matter(ehr: HostileServer, headers: dict[str, str]) -> None:
    ehr.on("*", badly(headers=headers))
    assert judge(call(ehr)).unread == set()


RUBBISH = {
    "html": Reply(200, HTML, {"Content-Type": "text/html"}),
    "html with 500": Reply(500, HTML, {"Content-Type": "text/html"}),
    "html with 404": Reply(404, HTML, {"Content-Type": "text/html"}),
    "nothing": Reply(200, b""),
    "no content": Reply(204, b""),
    "null": Reply(200, b"null"),
    "a number": Reply(200, b"17"),
    "an object": Reply(200, b"{}"),
    "half a JSON": Reply(200, b'{"resourceType": "Bundle", "entry": [{'),
    "not UTF-8": Reply(
        200, b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Observation", "id": "\xff"}}]}'
    ),
    "XML": Reply(200, b'<Bundle xmlns="http://hl7.org/fhir"><type value="searchset"/></Bundle>'),
    "no gzip": Reply(200, b"not compressed", {"Content-Encoding": "gzip"}),
    "half a gzip": Reply(200, gzip.compress(HTML * 100)[:40], {"Content-Encoding": "gzip"}),
    "deep": Reply(200, b"[" * 100_000),
    "another type": Reply(200, json.dumps({"resourceType": "CapabilityStatement", "status": "active"}).encode()),
    "entries that are no list": Reply(200, b'{"resourceType": "Bundle", "type": "searchset", "entry": 5}'),
    "accepted": Reply(202, b""),
}


@pytest.mark.parametrize("name", sorted(RUBBISH))
def test_rubbish_is_no_empty_answer(ehr: HostileServer, name: str) -> None:
    """bug-log 1 and 3 from the server: what is no searchset is not "nothing there", and nothing of it is shown."""
    ehr.on("Observation", say(RUBBISH[name]))
    found = judge(call(ehr, ["hba1c"]))
    assert found.truth("D.I.I.1") == "not-retrieved"
    assert [found.truth(name) for name in CRITERIA[:8]] == ["met"] * 8
    assert "Tomcat" not in json.dumps(found.body)


@pytest.mark.parametrize("name", ["html", "html with 500", "nothing", "null", "half a JSON", "another type"])
def test_rubbish_in_place_of_a_single_resource(ehr: HostileServer, name: str) -> None:
    """bug-log 6: the patient and the practitioner cannot be read, and the chart can."""
    ehr.on("Patient", say(RUBBISH[name]))
    ehr.on("Practitioner", say(RUBBISH[name]))
    found = judge(call(ehr))
    assert [found.truth(f"D.I.{letter}") for letter in "ACDEFGHI"] == ["met"] * 8


BAD: list[Any] = [
    {"resourceType": "Observation", "id": "bad", "status": 5, "code": [], "subject": support.PATIENT},
    {"resourceType": "Observation", "id": "a_b", "foo": 1, "valueQuantity": "8.1", "subject": support.PATIENT},
    {"resourceType": "Observation", "id": "bad", "effectiveDateTime": {"extension": []}, "subject": "Patient/p1"},
    {"id": "no type"},
    [],
    "text",
    5,
]


@pytest.mark.parametrize("bad", BAD, ids=[str(n) for n in range(len(BAD))])
def test_one_bad_resource_among_good_ones(ehr: HostileServer, bad: Any) -> None:
    """bug-log 82 from the server: 120 good readings are used, whatever stands between them."""
    ehr.on("Observation", edited(lambda body, asked: body["entry"].insert(60, {"resource": bad})))
    found = judge(call(ehr, ["glucose"]))
    assert found["D.I.G"]["explanation"].startswith("120 self-tests")


def test_entries_of_other_types_are_passed_over(ehr: HostileServer) -> None:
    """Requirement 82; bug-log 40: provenance, outcomes and entries without a resource among the results."""
    others: list[JSON] = [
        {"resource": {"resourceType": "Provenance", "id": "v1"}},
        {"fullUrl": "urn:uuid:0"},
        {"resource": None},
        {},
    ]
    ehr.on("Observation", edited(lambda body, asked: body.update(entry=[*others, *body["entry"]])))
    assert judge(call(ehr)).unread == set()


def test_duplicates_count_once(ehr: HostileServer) -> None:
    """Rule 4: every entry comes three times, and 119 readings are 119."""
    ehr.held = [r for r in ehr.held if r["id"] != "g0"]
    ehr.on("Observation", edited(lambda body, asked: body.update(entry=body["entry"] * 3)))
    found = judge(call(ehr))
    assert found["D.I.G"]["explanation"].startswith("119 self-tests")
    assert found.truth("D.I.H.1") == "met"


def test_one_ratio_three_times_is_one(ehr: HostileServer) -> None:
    """Rule 4: D.I.H.1 wants two results; one that comes in three entries is one."""
    ehr.held = [r for r in ehr.held if r["id"] != "u2"]
    ehr.on("Observation", edited(lambda body, asked: body.update(entry=body["entry"] * 3)))
    assert judge(call(ehr)).truth("D.I.H.1") == "unknown"


def test_a_newer_version_of_a_result_counts(ehr: HostileServer) -> None:
    """Rule 4: between two pages a result was corrected; the newer version speaks."""

    def change(body: JSON, asked: Asked) -> None:
        for number, value in (("1", 8.1), ("2", 6.2)):
            newer = support.observation("a1", "4548-4", value, "%", "2026-10-01")
            stamp = {"versionId": number, "lastUpdated": f"2026-10-0{number}T00:00:00Z"}
            body["entry"].append({"resource": newer | {"meta": stamp}})
        del body["entry"][0]

    ehr.on("Observation", edited(change))
    assert judge(call(ehr, ["hba1c"])).truth("D.I.I.1") == "not-met"


def test_a_large_answer_is_read(ehr: HostileServer) -> None:
    """Rule 4: a month of sensor readings beside the finger-sticks, in pages of a thousand, inside the budget."""
    sensor = [
        support.observation(
            f"s{n}",
            "99504-3",
            100 + n % 90,
            "mg/dL",
            f"2026-11-{n // 288 + 1:02}T{n // 12 % 24:02}:{n % 12 * 5:02}:00-05:00",
        )
        for n in range(288 * 19)
    ]
    ehr.held += sensor
    found = judge(call(ehr, ["glucose"]), deadline_seconds=10.0)
    assert found.truth("D.I.G") == "met"
    assert found.seconds < 10.0


@pytest.mark.parametrize(
    "url", ["http://[", "http://[?patient=p1", "", "?", "Observation?%ff=%zz", "http://x:y/Observation?patient=p1"]
)
def test_a_self_link_that_makes_no_sense_costs_nothing(ehr: HostileServer, url: str) -> None:
    """Rule 2: the self link tells what was ignored, where it can be read."""
    ehr.on("*", edited(lambda body, asked: body["link"][0].update(url=url)), when=lambda asked: "/" not in asked.path)
    assert judge(call(ehr)).unread == set()


@pytest.mark.parametrize(
    "link",
    [
        {"relation": "next", "url": "Observation?pad=2\r\nX-Evil: 1"},
        {"relation": "next", "url": "Observation?name=\u00e9\u4e2d\ud83d\ude00 &_page=2"},
        {"relation": "next", "url": "Observation?_page=2&pad=" + "a" * 100_000},
        {"relation": "next", "url": "../../../../etc/passwd"},
        {"relation": "next", "url": "Observation?{{context.patientId}}"},
        {"relation": "next", "url": "javascript:alert(1)"},
        {"relation": "next", "url": 5},
        {"relation": "next", "url": None},
        {"relation": "next"},
        {"relation": ["next"], "url": "Observation?_page=2"},
        "next",
        None,
    ],
    ids=[str(n) for n in range(12)],
)
def test_odd_next_links_do_no_harm(ehr: HostileServer, link: Any) -> None:
    """Rule 4: read, or not read and incomplete: never an error, and nothing smuggled into a request."""
    ehr.on("Observation", edited(lambda body, asked: body["link"].append(link)))
    found = judge(call(ehr, ["hba1c"]), deadline_seconds=2.0)
    assert found.truth("D.I.I.1") in ("met", "not-retrieved")
    assert not [asked for asked in ehr.asked if "x-evil" in asked.headers]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(0, b""),
        Reply(200, b"{}", {"X-Long": "a" * 70_000}),
        Reply(200, b"{}", {f"X-{n}": "a" for n in range(200)}),
        Reply(200, b"{}", {"Content-Length": "two"}),
        Reply(307, headers={"Location": "http://["}),
        Reply(307, headers={"Location": "http://127.0.0.1:port/r4"}),
        Reply(307),
        Reply(304),
    ],
    ids=["status 0", "a long header", "many headers", "no length", "no URL", "no port", "no location", "not modified"],
)
def test_answers_that_are_hardly_http(ehr: HostileServer, reply: Reply) -> None:
    """Rule 3: a reading that fails, and no more: the rest of the chart counts."""
    ehr.on("Condition", say(reply))
    found = judge(call(ehr), deadline_seconds=2.0)
    assert found.truth("D.I.A") == "not-retrieved"
    assert [found.truth(f"D.I.{letter}") for letter in "BCDEFGHI"] == ["met"] * 8


def test_another_patient_under_the_patients_address(ehr: HostileServer) -> None:
    """bug-log 35: `Patient/p1` answers with somebody else, of another state: that record is not used."""
    stranger = {"resourceType": "Patient", "id": "p2", "address": [{"state": "NV"}]}
    coverage = next(r for r in ehr.held if r["resourceType"] == "Coverage")
    coverage["class"] = [{"type": {"text": "plan"}, "value": "Marketplace Silver"}]
    ehr.on("Patient", say(Reply(body=stranger)))
    assert judge(call(ehr)).determination["coverage"] == "unverified"


def test_many_things_go_wrong_at_once(ehr: HostileServer) -> None:
    """Rule 3; bug-log 32: each search has its own trouble, and each criterion its own truth."""
    ehr.on("Condition", say(RUBBISH["html"]))
    ehr.on("Procedure", badly(dropped=True))
    ehr.on("MedicationRequest", badly(wait=30.0))
    ehr.on("QuestionnaireResponse", say(RUBBISH["half a JSON"]))
    ehr.on("Encounter", badly(drip_body=0.05))
    ehr.on("Device", ignoring("patient"))
    found = judge(call(ehr), deadline_seconds=0.8)
    assert found.seconds < 1.8
    for name in ("D.I.A", "D.I.D", "D.I.F", "D.II.A.1"):
        assert found.truth(name) == "not-retrieved", name
    for name in ("D.I.B", "D.I.G", "D.I.H.1", "D.I.I.1"):
        assert found.truth(name) == "met", name
