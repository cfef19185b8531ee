"""What is missing is fetched, what was given is not asked again: the whole service against a server of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import support
from tests.ehr.hostile_server import HostileServer, Reply, call, chart, edited, judge, refuse, say
from tests.support import JSON

CRITERIA = [f"D.I.{letter}" for letter in "ABCDEFGHI"]
TYPES = {
    "patient": {"Patient"},
    "coverage": {"Coverage", "Organization"},
    "conditions": {"Condition"},
    "hba1c": {"Observation"},
    "glucose": {"Observation", "Device"},
    "albuminCreatinine": {"Observation"},
    "egfr": {"Observation"},
    "insulin": {"MedicationRequest", "MedicationStatement", "MedicationDispense", "Medication"},
    "education": {"Procedure", "ChargeItem", "ServiceRequest"},
    "devices": {"Device", "DeviceUseStatement"},
    "encounters": {"Encounter"},
    "attestations": {"QuestionnaireResponse"},
    "requester": {"Practitioner", "PractitionerRole", "CareTeam"},
}


@pytest.fixture
def ehr() -> Iterator[HostileServer]:
    with HostileServer(*chart()) as server:
        yield server


def _sent(**prefetch: Any) -> JSON:
    """The prefetch of a whole call, with some keys replaced."""
    sent: JSON = support.call(**prefetch)["prefetch"]
    return sent


def test_nothing_is_asked_when_everything_was_given(ehr: HostileServer) -> None:
    """Rule 1; requirement 77: every key is there, so there is nothing to ask."""
    found = judge(call(ehr, ()))
    assert [found.truth(name) for name in CRITERIA] == ["met"] * 9
    assert ehr.asked == []


def test_it_works_with_no_prefetch_at_all(ehr: HostileServer) -> None:
    """Rule 1: the same chart read from the server gives the same answer."""
    found = judge(call(ehr))
    assert [found.truth(name) for name in CRITERIA] == ["met"] * 9
    assert found.determination["outcome"] == "likely-approved"
    assert found.determination["coverage"] == "governed"


def test_an_empty_prefetch_is_no_prefetch(ehr: HostileServer) -> None:
    assert judge(call(ehr, None, prefetch={})).determination["outcome"] == "likely-approved"


@pytest.mark.parametrize("key", sorted(TYPES))
def test_only_the_absent_key_is_fetched(ehr: HostileServer, key: str) -> None:
    """bug-log 4, bug-log 6; rule 1: one key is missing, so only its types are asked for. Where it is the coverage, and
    another policy is in use, what that one reads is asked for as well: nobody knows yet whose the member is."""
    found = judge(call(ehr, [key]), **({"policies": "MP-MM-1316"} if key == "coverage" else {}))
    assert {asked.kind for asked in ehr.asked} <= TYPES[key]
    assert ehr.asked
    assert [found.truth(name) for name in CRITERIA] == ["met"] * 9


def test_an_absent_laboratory_key_asks_for_its_own_codes_only(ehr: HostileServer) -> None:
    """Rule 1: no search for glucose or albumin when only the HbA1c is missing."""
    judge(call(ehr, ["hba1c"]))
    assert ehr.asked_for("Observation", code="4548-4")
    assert not ehr.asked_for("Observation", code="41653-7")
    assert not ehr.asked_for("Observation", code="9318-7")


@pytest.mark.parametrize("key", sorted(set(TYPES) - {"patient"}))
def test_a_null_key_is_empty_and_not_asked_for(ehr: HostileServer, key: str) -> None:
    """bug-log 2 B; rule 1; requirement 79."""
    found = judge(call(ehr, (), prefetch=_sent(**{key: None})))
    assert ehr.asked == []
    assert found.unread == set()


EMPTY: list[JSON] = [
    {"resourceType": "Bundle", "type": "searchset", "total": 0},
    {"resourceType": "Bundle", "type": "searchset", "entry": []},
    {"resourceType": "Bundle", "type": "searchset"},
]


@pytest.mark.parametrize("empty", EMPTY)
def test_an_empty_searchset_is_empty_and_not_asked_for(ehr: HostileServer, empty: JSON) -> None:
    """bug-log 2 C, bug-log 41: three spellings of nothing in prefetch."""
    found = judge(call(ehr, (), prefetch=_sent(hba1c=empty)))
    assert ehr.asked == []
    assert (found["D.I.I.1"]["truth"], found["D.I.I.1"]["gap"]) == ("unknown", "not-documented")


@pytest.mark.parametrize("empty", EMPTY)
def test_an_empty_searchset_from_the_server_is_empty(ehr: HostileServer, empty: JSON) -> None:
    """bug-log 41: the same three from the server: queried, and nothing there."""
    ehr.on("Observation", say(Reply(body=empty)))
    found = judge(call(ehr, ["hba1c"]))
    assert (found["D.I.I.1"]["truth"], found["D.I.I.1"]["gap"]) == ("unknown", "not-documented")


FAILED: list[Any] = [
    {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]},
    {"resource": "<html>500 Internal Server Error</html>"},
    "<html>500 Internal Server Error</html>",
    {"response": {"status": "500"}, "resource": {"resourceType": "OperationOutcome", "issue": []}},
    17,
]


@pytest.mark.parametrize("value", FAILED)
def test_a_failed_key_is_fetched_once(ehr: HostileServer, value: Any) -> None:
    """bug-log 1, bug-log 3; rule 1: an OperationOutcome or rubbish is no "nothing there"; it is asked for once."""
    found = judge(call(ehr, (), prefetch=_sent(hba1c=value)))
    assert found.truth("D.I.I.1") == "met"
    assert {asked.kind for asked in ehr.asked} == {"Observation"}
    assert len(ehr.asked) == 1


def test_a_failed_key_that_the_server_refuses_too_is_not_retrieved(ehr: HostileServer) -> None:
    """Rule 1; requirement 81: no useless asking again."""
    ehr.on("Observation", refuse(403, "forbidden"))
    found = judge(call(ehr, (), prefetch=_sent(hba1c=FAILED[0])))
    assert found.truth("D.I.I.1") == "not-retrieved"
    assert len(ehr.asked) == 1


def test_the_rest_of_a_first_page_is_read(ehr: HostileServer) -> None:
    """bug-log 10; requirement 83: the newest HbA1c lies on page 2, and the page is asked for with the token."""
    ehr.held.append(support.observation("newest", "4548-4", 6.4, "%", "2026-11-10"))
    first = support.bundle(support.observation("a1", "4548-4", 8.1, "%", "2026-10-01"))
    first["link"] = [{"relation": "next", "url": f"{ehr.url}/Observation?patient=p1&code=4548-4&_count=1&_page=2"}]
    found = judge(call(ehr, (), prefetch=_sent(hba1c=first)))
    assert found.truth("D.I.I.1") == "not-met"
    assert found["D.I.I.1"]["evidence"][0]["reference"] == "Observation/newest"
    assert len(ehr.asked) == 1
    assert ehr.asked[0].headers["authorization"].startswith("Bearer ")


def test_a_first_page_without_a_server_is_incomplete() -> None:
    """bug-log 10; requirement 83: without a server the rest cannot be read, and a newest result is not decided."""
    first = support.call()["prefetch"]["hba1c"]
    first["link"] = [{"relation": "next", "url": "https://ehr.example.invalid/r4/Observation?page=2"}]
    found = judge(support.call(hba1c=first))
    assert found.truth("D.I.I.1") == "not-retrieved"


def test_absent_keys_without_a_server_are_not_retrieved() -> None:
    """Rule 1 and the contract: a missing key with no server to ask."""
    request = support.call()
    for key in ("hba1c", "glucose"):
        del request["prefetch"][key]
    found = judge(request)
    assert found.truth("D.I.I.1") == found.truth("D.I.G") == "not-retrieved"
    assert found.truth("D.I.A") == found.truth("D.I.F") == "met"


@pytest.mark.parametrize(
    "order",
    [
        support.order(code="E0601"),
        support.order(status="revoked"),
        support.order(subject={"reference": "Patient/somebody-else"}),
        {"resourceType": "MedicationRequest", "id": "m9", "status": "draft", "intent": "order", "subject": {}},
        {"resourceType": "NutritionOrder", "id": "n1", "status": "draft"},
    ],
    ids=lambda order: f"{order['resourceType']}-{order['status']}",
)
def test_nothing_is_fetched_for_other_orders(ehr: HostileServer, order: JSON) -> None:
    """Rule 1; bug-log 16, bug-log 19: no pump order, no chart."""
    found = judge(call(ehr, None, order))
    assert found.determination["outcome"] == "not-applicable"
    assert ehr.asked == []


def test_a_pump_order_among_others_is_read_for(ehr: HostileServer) -> None:
    """bug-log 19: one pump order is enough for the chart to be read."""
    found = judge(call(ehr, None, support.order(), support.order("cpap-1", "E0601")))
    assert found.determination["outcome"] == "likely-approved"


def test_a_search_answer_typed_collection_is_read(ehr: HostileServer) -> None:
    """bug-log 39: the entries count whatever the Bundle's type says."""
    ehr.on("Observation", edited(lambda body, asked: body.update(type="collection")))
    assert judge(call(ehr, ["hba1c", "glucose"])).unread == set()
    given = support.call()["prefetch"]["hba1c"] | {"type": "collection"}
    assert judge(call(ehr, (), prefetch=_sent(hba1c=given))).truth("D.I.I.1") == "met"


def test_a_page_that_was_given_is_not_asked_for_again(ehr: HostileServer) -> None:
    """Rules 1 and 4: the rest of a first page that lies on another server is left, and the search is not repeated."""
    with HostileServer(*chart()) as other:
        first = support.call()["prefetch"]["hba1c"]
        first["link"] = [{"relation": "next", "url": f"{other.url}/Observation?patient=p1"}]
        found = judge(call(ehr, (), prefetch=_sent(hba1c=first)))
        assert (ehr.asked, other.asked) == ([], [])
    assert found.truth("D.I.I.1") == "not-retrieved"
