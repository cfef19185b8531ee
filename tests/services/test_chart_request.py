"""Hook requests that are made from saved charts."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from cds_service.errors import BadRequest
from cds_service.facts import ChartSection
from cds_service.services.chart_request import ChartOrder, ChartRequest, request_from_chart
from cds_service.services.saved_chart import Chart, read_saved_chart
from tests import support
from tests.support import DAY, JSON, SETTINGS, bundle, condition, judged

ORDER = ChartOrder("E0784", DAY)
PATIENT: JSON = {"resourceType": "Patient", "id": "p1"}


def resources() -> list[JSON]:
    """The chart of a call in which everything is met, as a plain list."""
    found: list[JSON] = []
    for value in support.call()["prefetch"].values():
        if value is not None:
            found += [e["resource"] for e in value["entry"]] if value["resourceType"] == "Bundle" else [value]
    return found


def read(value: Any) -> Chart:
    chart = read_saved_chart(value if isinstance(value, bytes) else json.dumps(value).encode())
    assert chart is not None
    return chart


def made(value: Any, order: ChartOrder = ORDER) -> ChartRequest:
    return request_from_chart(read(value), order, SETTINGS)


def lines(items: list[JSON]) -> bytes:
    return b"\n".join(json.dumps(item).encode() for item in items)


FORMS = {
    "a searchset": lambda items: bundle(*items),
    "a list": lambda items: items,
    "one a line": lines,
    "a prefetch": lambda _items: support.call()["prefetch"],
    "searchsets in a batch": lambda items: bundle(items[0], bundle(*items[1:5]), bundle(*items[5:])),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_chart_is_judged_as_the_same_chart_in_a_call(form: str) -> None:
    expected = judged(support.call())[0]
    found = judged(made(FORMS[form](resources())).body)[0]
    assert found["outcome"] == expected["outcome"] == "likely-approved"
    assert found["coverage"] == expected["coverage"] == "governed"
    for group in ("criteria", "exclusions"):
        rows = [(each["id"], each["truth"], each.get("basis"), each.get("gap")) for each in expected[group]]
        assert [(each["id"], each["truth"], each.get("basis"), each.get("gap")) for each in found[group]] == rows


def test_the_only_practitioner_orders_and_several_do_not() -> None:
    assert made(resources()).requester == "Practitioner/d1"
    two = [*resources(), {"resourceType": "Practitioner", "id": "d2"}]
    assert made(two).requester is None
    assert made(two, ChartOrder("E0784", DAY, requester="Practitioner/d1")).requester == "Practitioner/d1"
    # Whoever signs the order has to be let sign by the EHR; a credential documents more.
    for items, basis in ((resources(), "documented"), (two, "supported")):
        criteria = {each["id"]: each for each in judged(made(items).body)[0]["criteria"]}
        assert criteria["D.I.B"]["basis"] == basis


def test_a_part_that_the_chart_does_not_hold_is_not_there() -> None:
    request = json.loads(made([each for each in resources() if each["resourceType"] != "Condition"]).body)
    assert set(request["prefetch"]) >= {section.value for section in ChartSection}
    criteria = {each["id"]: each for each in judged(request)[0]["criteria"]}
    assert (criteria["D.I.A"]["truth"], criteria["D.I.A"]["gap"]) == ("unknown", "not-documented")


@pytest.mark.parametrize("more", [{"link": [{"relation": "next", "url": "https://x.example/2"}]}, {"total": 9_999}])
def test_a_first_page_is_never_taken_for_the_whole(more: JSON) -> None:
    chart = read(bundle(*resources()) | more)
    assert not chart.is_whole
    request = request_from_chart(chart, ORDER, SETTINGS).body
    assert judged(request)[0]["outcome"] != "likely-approved"


OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "warning", "code": "suppressed", "diagnostics": "some results are withheld"}],
}


def test_what_the_server_says_beside_the_results_is_heard() -> None:
    """Results that are held back make no approval: the message stands in the Bundle, and counts for every part."""
    chart = read(bundle(*resources(), OUTCOME))
    assert not chart.is_whole
    assert judged(request_from_chart(chart, ORDER, SETTINGS).body)[0]["outcome"] == "needs-documentation"


@pytest.mark.parametrize("status", ["403", "500 Internal Server Error"])
def test_a_request_of_a_batch_that_failed_leaves_the_chart_open(status: str) -> None:
    batch = bundle(*resources())
    batch["entry"].append({"response": {"status": status}})
    assert judged(made(batch).body)[0]["outcome"] == "needs-documentation"
    batch["entry"][-1] = {"response": {"status": "200"}}
    assert judged(made(batch).body)[0]["outcome"] == "likely-approved"


@pytest.mark.parametrize("value", [OUTCOME, "missing"])
def test_a_saved_prefetch_says_itself_what_was_read(value: Any) -> None:
    prefetch = support.call()["prefetch"]
    if value == "missing":
        del prefetch["glucose"]
    else:
        prefetch["glucose"] = value
    criteria = {each["id"]: each for each in judged(made(prefetch).body)[0]["criteria"]}
    assert criteria["D.I.G"]["gap"] == "not-retrieved"
    assert criteria["D.I.A"]["truth"] == "met"


def test_numbers_keep_their_digits() -> None:
    body = json.dumps(bundle(*resources())).replace("8.1", "8.10").encode()
    assert b'"value":8.10' in made(body).body


def test_resources_that_were_included_do_not_count_as_matches() -> None:
    chart = bundle(PATIENT, condition("c1", "E10.65"))
    chart["entry"][1]["search"] = {"mode": "include"}
    assert read(chart | {"total": 1}).is_whole
    assert read(chart | {"total": 2}).missing == 1


def test_references_by_uuid_are_read_and_resources_without_id_get_one() -> None:
    patient, problem = "6f1d9a3e-5a0e-4f38-9d56-1316b7c0a201", condition("", "E10.65")
    del problem["id"]
    problem["subject"] = {"reference": f"urn:uuid:{patient}"}
    entries = [
        {"fullUrl": f"urn:uuid:{patient}", "resource": {"resourceType": "Patient"}},
        {"fullUrl": "urn:uuid:0c4f53ab-6d0d-4b7c-a0b3-1316b7c0a202", "resource": problem},
    ]
    found = made({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert found.patient == patient
    criteria = {each["id"]: each for each in judged(found.body)[0]["criteria"]}
    assert criteria["D.I.A"]["truth"] == "met"


def test_records_of_another_patient_are_not_the_patients() -> None:
    other = condition("c9", "N18.6") | {"subject": {"reference": "Patient/p2"}}
    people = [*resources(), other, {"resourceType": "Patient", "id": "p2"}]
    found = made(people, ChartOrder("E0784", DAY, patient="p1"))
    assert judged(found.body)[0]["outcome"] == "likely-approved"


def test_the_day_of_the_order_is_the_one_that_is_asked_about() -> None:
    assert judged(made(resources(), ChartOrder("E0784", DAY - timedelta(1))).body)[0]["asOf"] == "2026-11-19"


@pytest.mark.parametrize(
    ("value", "order", "words"),
    [
        ([condition("c1", "E10.65")], ORDER, "holds no Patient"),
        ([PATIENT, PATIENT | {"id": "p2"}], ORDER, "holds 2 Patients: choose one with --patient"),
        ([PATIENT], ChartOrder("E0784", DAY, patient="p2"), "no Patient of that id"),
        ([PATIENT], ChartOrder("E0784", DAY, requester="d9"), "--requester"),
        ([PATIENT], ChartOrder("E0607", DAY), "E0607 is no code of an insulin pump: give one such as"),
        ([PATIENT], ChartOrder("", date(2026, 11, 1)), "is no code of an insulin pump"),
    ],
)
def test_what_a_chart_lacks_is_named(value: JSON, order: ChartOrder, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        made(value, order)


def test_a_patient_who_comes_twice_is_one() -> None:
    assert made([*resources(), resources()[0]]).patient == "p1"


@pytest.mark.parametrize(
    "value",
    [support.call(), {}, [], 7, None, {"cards": [], "systemActions": []}, {"resourceType": "Bundle"}, [[[[[]]]]]],
)
def test_what_is_no_chart_is_none(value: Any) -> None:
    assert read_saved_chart(json.dumps(value).encode()) is None


@pytest.mark.parametrize("entry", [None, 7, "x", {}, [None], [7], [{"resource": 7}], [{"resource": {"id": 7}}]])
def test_a_malformed_bundle_is_no_chart(entry: Any) -> None:
    assert read_saved_chart(json.dumps({"resourceType": "Bundle", "entry": entry}).encode()) is None


def test_broken_json_is_named_by_line_and_column() -> None:
    with pytest.raises(BadRequest, match="line 2, column 20: trailing comma in array"):
        read_saved_chart(b'{"resourceType": "Bundle",\n "entry": [{"a":1},]}')


def test_deep_nesting_is_bounded() -> None:
    deep = PATIENT
    for _ in range(50):
        deep = bundle(deep)
    assert read_saved_chart(json.dumps(deep).encode()) is None


def test_the_chart_says_what_it_holds() -> None:
    assert read(resources()).description.startswith("123 Observations, 2 MedicationRequests, 1 ")
