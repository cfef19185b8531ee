"""Dates and numbers at the edge of their types: that value is set aside with a note, and nothing else is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cds_service.cli import main
from tests import support
from tests.support import JSON

DATES = ("0001-01-01", "9999-12-31", "0001", "9999-12", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-05:00")
NUMBERS = ("1e400", "-1e400", "1e999999999", "9" * 5000, "0." + "1" * 5000, "1e-400")


def _with_condition(day: str) -> JSON:
    dated = {"recordedDate": day, "onsetDateTime": day}
    return support.call(conditions=support.bundle(support.condition("c1", "E10.65") | dated))


def _with_result(day: str) -> JSON:
    results = (
        support.observation("odd", "4548-4", 6.1, "%", day),
        support.observation("a1", "4548-4", 8.1, "%", "2026-10-01"),
    )
    return support.call(hba1c=support.bundle(*results))


def _with_reading(day: str) -> JSON:
    return support.call(
        glucose=support.bundle(*support.readings(), support.observation("g", "41653-7", 40, "mg/dL", day))
    )


def _with_insulin(day: str) -> JSON:
    given = support.call()["prefetch"]["insulin"]["entry"]
    return support.call(insulin=support.bundle(*(e["resource"] for e in given), support.insulin("m9", "86009", 3, day)))


def _with_session(day: str) -> JSON:
    return support.call(education=support.bundle(support.education("e0", day), support.education("e1", "2026-06-01")))


def _with_statement(day: str) -> JSON:
    stated = support.attestation(D_I_C=support.YES, D_I_E=support.YES)
    return support.call(attestations=support.bundle(stated, support.attestation("old", day, D_I_E=support.NO)))


def _with_order(day: str) -> JSON:
    return support.call(support.order(authoredOn=day))


@pytest.mark.parametrize("day", DATES)
@pytest.mark.parametrize(
    "made",
    [_with_condition, _with_result, _with_reading, _with_insulin, _with_session, _with_statement, _with_order],
)
def test_an_odd_date_is_set_aside_with_a_note_and_loses_nothing_else(made: object, day: str) -> None:
    (determination,) = support.judged(made(day))  # type: ignore[operator]
    assert determination["outcome"] == "likely-approved"
    assert any(day[:10] in note or "no day" in note for note in determination["notes"]), determination["notes"]


@pytest.mark.parametrize("number", NUMBERS)
def test_an_odd_number_beside_a_usable_result_loses_nothing_else(number: str) -> None:
    results = (
        support.observation("odd", "4548-4", 4711, "%", "2026-01-02"),
        support.observation("a1", "4548-4", 8.1, "%", "2026-10-01"),
    )
    body = json.dumps(support.call(hba1c=support.bundle(*results))).replace("4711", number)
    (determination,) = support.judged(body.encode())
    assert determination["outcome"] == "likely-approved"
    assert any("Observation/odd" in note for note in determination["notes"])


STRINGS = ('"NaN"', '"-Infinity"', '"1e999999999"', f'"{"9" * 5000}"', '"1e-999999999"')


def _notes(body: str) -> str:
    (determination,) = support.judged(body.encode())
    assert determination["outcome"] == "likely-approved"
    return "\n".join(determination.get("notes", ()))


@pytest.mark.parametrize("number", [*NUMBERS, *STRINGS, "9" * 400])
@pytest.mark.parametrize("code", ["4548-4", "41653-7", "99504-3", "9318-7", "98979-8", "104636-6"])
def test_an_odd_number_of_any_result_is_set_aside(code: str, number: str) -> None:
    topic = {"4548-4": "hba1c", "9318-7": "albuminCreatinine", "98979-8": "egfr"}.get(code, "glucose")
    request = support.call()
    entries = (request["prefetch"][topic] or {"entry": []})["entry"]
    unit = {"hba1c": "%", "albuminCreatinine": "mg/g", "egfr": "mL/min"}.get(topic, "mg/dL")
    odd = support.observation("odd", code, 4711, unit, "2026-09-10")
    request["prefetch"][topic] = support.bundle(*(entry["resource"] for entry in entries), odd)
    notes = _notes(json.dumps(request).replace("4711", number))
    # What a float holds, be it 0, is a number like others.
    assert "Observation/odd" in notes or number in ("0." + "1" * 5000, "1e-400")


@pytest.mark.parametrize("number", ["1e400", "9" * 400, "9" * 5000])
def test_an_odd_whole_number_is_set_aside(number: str) -> None:
    odd = {k: v for k, v in support.observation("odd", "4548-4", 1, "%", "2026-11-10").items() if k != "valueQuantity"}
    usable = support.observation("a1", "4548-4", 8.1, "%", "2026-10-01")
    request = support.call(hba1c=support.bundle(odd | {"valueInteger": 4711}, usable))
    assert "Observation/odd" in _notes(json.dumps(request).replace("4711", number))


@pytest.mark.parametrize("number", ["1e400", "1e999999999", "9" * 400])
def test_an_odd_number_takes_only_itself_from_a_coverage_an_answer_and_a_bundle(number: str) -> None:
    request = support.call()
    request["prefetch"]["coverage"]["entry"][0]["resource"]["order"] = 4711
    assert "Coverage/v1: order is a number" in _notes(json.dumps(request).replace("4711", number))
    request = support.call()
    answer = {"linkId": "D.I.G.average", "answer": [{"valueDecimal": 4711}]}
    request["prefetch"]["attestations"]["entry"][0]["resource"]["item"].append(answer)
    assert "QuestionnaireResponse/qr-1: a number" in _notes(json.dumps(request).replace("4711", number))
    request = support.call()
    request["prefetch"]["glucose"]["total"] = 4711
    _notes(json.dumps(request).replace("4711", number))


@pytest.mark.parametrize("number", ["1e400", '"1e999999999"', "9" * 400])
def test_an_insulin_order_that_was_not_read_whole_decides_nothing(number: str) -> None:
    """Without its frequency the order would be one injection a day, and the regimen below three."""
    request = support.call()
    orders = [entry["resource"] for entry in request["prefetch"]["insulin"]["entry"]]
    orders[0]["dosageInstruction"][0]["timing"]["repeat"]["frequency"] = 4711
    (determination,) = support.judged(json.dumps(request).replace("4711", number).encode())
    found = {each["id"]: each for each in determination["criteria"]}["D.I.F"]
    assert (found["truth"], found["gap"]) == ("unknown", "not-retrieved")


@pytest.mark.parametrize("number", NUMBERS)
def test_an_odd_number_in_the_order_is_no_error(number: str, tmp_path: Path) -> None:
    body = json.dumps(support.call(support.order(quantity={"value": 4711}))).replace("4711", number)
    (determination,) = support.judged(body.encode())
    assert determination["outcome"] == "likely-approved"
    saved = tmp_path / "request.json"
    saved.write_text(body, encoding="utf-8")
    for arguments in (["check", str(saved)], ["check", str(saved), "--json"]):
        assert CliRunner().invoke(main, arguments).exit_code == 0


@pytest.mark.parametrize("day", DATES)
def test_check_answers_an_order_of_an_odd_date(day: str, tmp_path: Path) -> None:
    saved = tmp_path / "request.json"
    saved.write_text(json.dumps(_with_order(day)), encoding="utf-8")
    assert CliRunner().invoke(main, ["check", str(saved), "--json"]).exit_code == 0
