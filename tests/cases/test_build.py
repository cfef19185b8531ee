"""How a request is made from a base and differences, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cases import build as building
from tests.cases.build import build
from tests.cases.edits import CaseError, drop, merge, set_answers
from tests.cases.runner import load
from tests.cases.series import repeated

CALL = {
    "hook": "order-sign",
    "hookInstance": "00000000-0000-4000-8000-000000000000",
    "context": {
        "userId": "Practitioner/d",
        "patientId": "p",
        "draftOrders": {"resourceType": "Bundle", "entry": []},
    },
    "prefetch": {
        "coverage": {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": 2,
            "entry": [
                {"resource": {"resourceType": "Coverage", "id": "a", "order": 1}},
                {"resource": {"resourceType": "Coverage", "id": "b", "payor": [{"display": "B"}, {"display": "C"}]}},
            ],
        },
        "hba1c": None,
        "requester": {"resourceType": "Practitioner", "id": "d"},
    },
}
CASE = 'why = "It is an example."\ntraces = ["scope"]\nas_of = 2026-09-15\nbase = "call"\n'
EXPECT = '\n[expect]\noutcome = "likely-approved"\n'


@pytest.fixture(autouse=True)
def fixtures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("bases", "resources", "area"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bases" / "call.json").write_text(json.dumps(CALL), encoding="utf-8")
    template = {"resourceType": "Observation", "subject": {"reference": "Patient/{patient}"}, "performer": "{user}"}
    (tmp_path / "resources" / "hba1c.json").write_text(json.dumps(template), encoding="utf-8")
    monkeypatch.setattr(building, "FIXTURES", tmp_path)
    building.base_text.cache_clear()
    building.template_text.cache_clear()
    return tmp_path


def made(**differences: Any) -> Any:
    return build({"base": "call", **differences}, "name")


def coverages(request: Any) -> list[Any]:
    return [entry["resource"] for entry in request["prefetch"]["coverage"]["entry"]]


def test_a_case_without_differences_is_its_base_under_an_instance_of_its_own() -> None:
    one, other = made(), build({"base": "call"}, "other")
    assert one["hookInstance"] != other["hookInstance"]
    assert one | {"hookInstance": CALL["hookInstance"]} == CALL


def test_a_removed_resource_is_counted_and_the_last_leaves_null() -> None:
    request = made(remove=["Coverage/a"])
    assert [c["id"] for c in coverages(request)] == ["b"]
    assert request["prefetch"]["coverage"]["total"] == 1
    request = made(remove=["Coverage/a", "Coverage/b", "Practitioner/d"])
    assert (request["prefetch"]["coverage"], request["prefetch"]["requester"]) == (None, None)


def test_a_resource_is_added_like_a_template_or_another() -> None:
    first = {"like": "hba1c", "id": "x", "status": "final"}
    request = made(add={"hba1c": [first, {"like": "Observation/x", "id": "y", "without": ["performer"]}]})
    bundle = request["prefetch"]["hba1c"]
    assert (bundle["type"], bundle["total"]) == ("searchset", 2)
    x, y = (entry["resource"] for entry in bundle["entry"])
    assert x == {
        "resourceType": "Observation",
        "subject": {"reference": "Patient/p"},
        "performer": "Practitioner/d",
        "status": "final",
        "id": "x",
    }
    assert y == {key: value for key, value in x.items() if key != "performer"} | {"id": "y"}


def test_like_means_the_resource_as_the_base_has_it() -> None:
    request = made(
        add={"coverage": [{"like": "Coverage/a", "id": "c", "before": "Coverage/b", "entry": {"fullUrl": "u"}}]},
        change={"Coverage/a": {"order": 9}},
    )
    assert [(c["id"], c.get("order")) for c in coverages(request)] == [("a", 9), ("c", 1), ("b", None)]
    assert request["prefetch"]["coverage"]["entry"][1]["fullUrl"] == "u"
    request = made(remove=["Coverage/a"], add={"coverage": [{"like": "Coverage/a", "id": "c"}]})
    assert [(c["id"], c.get("order")) for c in coverages(request)] == [("b", None), ("c", 1)]


def test_one_resource_stands_in_place_of_another_and_several_beside_it() -> None:
    request = made(add={"requester": {"resourceType": "PractitionerRole", "id": "r"}})
    assert request["prefetch"]["requester"] == {"resourceType": "PractitionerRole", "id": "r"}
    request = made(add={"requester": [{"resourceType": "PractitionerRole", "id": "r"}]})
    entries = request["prefetch"]["requester"]["entry"]
    assert [entry["resource"]["id"] for entry in entries] == ["d", "r"]


def test_changes_remove_first_and_several_resources_can_be_changed_alike() -> None:
    request = made(change={"Coverage/a, Coverage/b": {"status": "draft"}})
    assert [c["status"] for c in coverages(request)] == ["draft", "draft"]
    payors = {"0": {"type": "x"}, "1": {"display": "D"}}
    request = made(change={"Coverage/b": {"without": ["payor.1"], "payor": payors}})
    assert coverages(request)[1]["payor"] == [{"display": "B", "type": "x"}, {"display": "D"}]


def test_the_rest_is_removed_made_null_or_set() -> None:
    request = made(without=["prefetch.hba1c"], null=["prefetch.coverage"], set={"fhirServer": "https://x"})
    assert request["prefetch"] == {"coverage": None, "requester": CALL["prefetch"]["requester"]}
    assert request["fhirServer"] == "https://x"
    request = made(set={"prefetch": {"coverage": {"total": 5}}})
    assert request["prefetch"]["coverage"]["total"] == 5
    assert len(coverages(request)) == 2


def test_a_base_can_differ_from_another(fixtures: Path) -> None:
    (fixtures / "bases" / "smaller.toml").write_text('base = "call"\nremove = ["Coverage/a"]\n', encoding="utf-8")
    assert [c["id"] for c in coverages(build({"base": "smaller"}, "name"))] == ["b"]


def test_answers_are_changed_by_the_question() -> None:
    response = {"item": [{"linkId": "one", "answer": [{"valueBoolean": True}]}, {"linkId": "two", "answer": []}]}
    set_answers(response, {"one": 3, "three": 3.5, "four": {"valueCoding": {"code": "x"}}}, ["two"])
    assert response["item"] == [
        {"linkId": "one", "answer": [{"valueInteger": 3}]},
        {"linkId": "three", "answer": [{"valueDecimal": 3.5}]},
        {"linkId": "four", "answer": [{"valueCoding": {"code": "x"}}]},
    ]
    with pytest.raises(CaseError, match="five"):
        set_answers(response, {}, ["five"])


def test_readings_come_by_days_and_times_with_values_in_turn() -> None:
    table = {"days": ["2026-03-02", "2026-03-01"], "times": ["07:00Z", "19:00Z"], "ids": "g{number}"}
    readings = repeated({**table, "values": {"from": 90, "to": 92}, "count": 3, "first": 0})
    assert readings == [
        {"id": "g0", "effectiveDateTime": "2026-03-02T07:00Z", "valueQuantity": {"value": 90}},
        {"id": "g1", "effectiveDateTime": "2026-03-02T19:00Z", "valueQuantity": {"value": 91}},
        {"id": "g2", "effectiveDateTime": "2026-03-01T07:00Z", "valueQuantity": {"value": 92}},
    ]
    four = repeated({**table, "values": [1, 2, 3], "ids": "{date.day}-{time} {day}", "first": 5})
    assert [r["id"] for r in four] == ["2-0 5", "2-1 5", "1-0 6", "1-1 6"]
    assert [r["valueQuantity"]["value"] for r in four] == [1, 2, 3, 1]


def test_readings_come_from_a_diary_or_from_lists() -> None:
    (one, two) = repeated({"diary": {"2026-03-01": [5], "2026-03-04": [6]}, "ids": "g{number}"})
    assert (one["effectiveDateTime"], two["id"], two["valueQuantity"]) == ("2026-03-01", "g2", {"value": 6})
    assert repeated({"each": {"id": ["a", "b"], "code": {"text": ["x", "y"]}}}) == [
        {"id": "a", "code": {"text": "x"}},
        {"id": "b", "code": {"text": "y"}},
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("extra = 1", "extra"),
        ('remove = ["Coverage/z"]', "0 of Coverage/z"),
        ("answers.x = 1", "0 QuestionnaireResponses"),
        ('change."Coverage/z".order = 1', "0 of Coverage/z"),
        ('change."Coverage/a".without = ["payor"]', "nothing stands at payor"),
        ('change."Coverage/b".payor.3.display = "D"', "item 3"),
        ('change."Coverage/a".period.start = 2026-01-01', "no quotes"),
        ('without = ["prefetch.glucose"]', "nothing stands at prefetch.glucose"),
        ('add.glucose = [{ like = "hba1c" }]', "no section glucose"),
        ('add.hba1c = [{ like = "a1c" }]', "no resource a1c"),
        ('add.hba1c = [{ like = "Observation/z" }]', "no Observation/z"),
        ('add.hba1c = [{ lik = "hba1c" }]', "no resourceType"),
        ('add.coverage = [{ like = "Coverage/a", before = "Coverage/z" }]', "0 of Coverage/z"),
        ('add.hba1c = [{ like = "hba1c", each = { id = ["a"], x = ["a", "b"] } }]', "one length"),
        ('add.hba1c = [{ like = "hba1c", ids = "a", times = ["x", "y"], diary = { "2026-01-01" = [1] } }]', "diary"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_name_of_the_case(fixtures: Path, line: str, says: str) -> None:
    path = fixtures / "area" / "the-name-of-the-case.toml"
    path.write_text(CASE + line + EXPECT, encoding="utf-8")
    with pytest.raises(CaseError, match=says) as raised:
        load(path)
    assert str(raised.value).startswith("the-name-of-the-case: ")


@pytest.mark.parametrize(
    "text",
    [
        CASE.replace('"call"', '"other"') + EXPECT,
        CASE + EXPECT + "truths.x = 1\n",
        CASE,
        CASE + 'expect = "met',
    ],
)
def test_a_case_without_base_or_expectation_is_refused(fixtures: Path, text: str) -> None:
    path = fixtures / "area" / "the-name.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CaseError, match=r"^the-name: "):
        load(path)


def test_an_unknown_key_of_a_base_is_refused(fixtures: Path) -> None:
    (fixtures / "bases" / "odd.toml").write_text('base = "call"\nremoved = ["Coverage/a"]\n', encoding="utf-8")
    with pytest.raises(CaseError, match="odd has unknown keys: removed"):
        build({"base": "odd"}, "name")


def test_merging_and_dropping_leave_the_rest() -> None:
    merged = merge({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": [4]}, "e": {}})
    assert merged == {"a": 1, "b": {"c": [4], "d": 3}, "e": {}}
    target = {"a": [{"b": 1, "c": 2}, 3]}
    drop(target, "a.0.b")
    drop(target, "a.1")
    assert target == {"a": [{"c": 2}]}
