"""Medication resources → orders of injected insulin: how many a day, and on which days."""

from __future__ import annotations

from datetime import date

import pytest

from cds_service.facts import InsulinAction
from tests.fhir_mappings.builders import JSON, SNOMED
from tests.fhir_mappings.drugs import TID, coded, dispense, only, orders, request, statement
from tests.support import RXNORM, concept

DAILY = {"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}

# ---------------------------------------------------------------- the days that it covers


def days(*drugs: JSON) -> tuple[str | None, str | None]:
    """First and last day of the one order."""
    found = only(*drugs)
    return (found.start.isoformat() if found.start else None), (found.end.isoformat() if found.end else None)


def bounded(start: str | None, end: str | None) -> JSON:
    """A line with bounds."""
    bounds = {key: value for key, value in (("start", start), ("end", end)) if value}
    return {"timing": {"repeat": TID["timing"]["repeat"] | {"boundsPeriod": bounds}}}


def supply(duration: int | None = None, repeats: int | None = None, end: str | None = None) -> JSON:
    """A dispenseRequest."""
    given = {"expectedSupplyDuration": {"value": duration, "unit": "days"}} if duration else {}
    given |= {"numberOfRepeatsAllowed": repeats} if repeats is not None else {}
    return given | ({"validityPeriod": {"end": end}} if end else {})


# 2026-01-05 + 30 days is 5 January to 3 February; + 90 days (30, refilled twice) is to 4 April.
COVERED = {
    "active runs on": (request(), ("2026-01-05", None)),
    "active, whose validity ended, runs on": (
        request(dispenseRequest=supply(end="2026-03-05")),
        ("2026-01-05", None),
    ),
    "active with a supply runs on": (request(dispenseRequest=supply(30)), ("2026-01-05", None)),
    "bounds": (request(dosageInstruction=[bounded("2026-02-01", "2026-03-31")]), ("2026-02-01", "2026-03-31")),
    "bounds without end": (request(dosageInstruction=[bounded("2026-02-01", None)]), ("2026-02-01", None)),
    "one line without end": (
        request(dosageInstruction=[bounded("2026-02-01", "2026-03-31"), bounded("2026-02-15", None)]),
        ("2026-02-01", None),
    ),
    "completed with a supply": (
        request(status="completed", dispenseRequest=supply(30)),
        ("2026-01-05", "2026-02-03"),
    ),
    "completed with refills": (
        request(status="completed", dispenseRequest=supply(30, repeats=2)),
        ("2026-01-05", "2026-04-04"),
    ),
    "completed without end": (request(status="completed"), ("2026-01-05", None)),
    "stopped without end": (request(status="stopped"), ("2026-01-05", None)),
    "on hold without end": (request(status="on-hold"), ("2026-01-05", None)),
    "on hold since the day that the order says": (
        request(status="on-hold", dispenseRequest=supply(end="2026-03-05")),
        ("2026-01-05", "2026-03-05"),
    ),
    "of two days that a stopped order names the later": (
        request(
            status="stopped",
            dispenseRequest=supply(end="2026-03-05"),
            dosageInstruction=[bounded("2026-01-05", "2026-04-01")],
        ),
        ("2026-01-05", "2026-04-01"),
    ),
    "a supply is no day that a stopped order names": (
        request(status="stopped", dispenseRequest=supply(30)),
        ("2026-01-05", None),
    ),
    "a course of a month is 30 days": (
        request(dosageInstruction=[{"text": "8 units three times a day for 1 month"}]),
        ("2026-01-05", "2026-02-03"),
    ),
    "a course that only its first line has": (
        request(dosageInstruction=[{"text": "8 units daily for 7 days"}, {"text": "then 8 units three times a day"}]),
        ("2026-01-05", None),
    ),
    "stopped on the day that the order says": (
        request(status="stopped", dispenseRequest=supply(end="2026-03-05")),
        ("2026-01-05", "2026-03-05"),
    ),
    "stopped by its bounds": (
        request(status="stopped", dosageInstruction=[bounded("2026-01-05", "2026-03-05")]),
        ("2026-01-05", "2026-03-05"),
    ),
    "written in Z is of the local day": (request(authoredOn="2026-01-05T02:00:00Z"), ("2026-01-04", None)),
    "written in a month that is all that is known": (request(authoredOn="2026-01"), ("2026-01-31", None)),
    "undated": (request(authoredOn=None), (None, None)),
}


@pytest.mark.parametrize(("order", "expected"), COVERED.values(), ids=COVERED.keys())
def test_days_of_an_order(order: JSON, expected: tuple[str | None, str | None]) -> None:
    assert days(order) == expected


def test_a_statement_covers_its_period() -> None:
    period = {"start": "2026-01-05", "end": "2026-08-31"}
    assert days(statement(effectivePeriod=period)) == ("2026-01-05", "2026-08-31")
    assert days(statement(effectivePeriod={"start": "2026-01-05"})) == ("2026-01-05", None)
    assert only(statement()).certain == 3


def test_a_dispense_covers_its_supply() -> None:
    assert days(dispense(dosageInstruction=[TID])) == ("2026-01-05", "2026-02-03")


def test_a_dispense_without_directions_adds_nothing() -> None:
    assert orders(dispense()) == []


@pytest.mark.parametrize(("status", "live"), [("active", True), ("completed", False), ("stopped", False)])
def test_an_order_without_a_known_end_is_live_only_while_it_is_active(status: str, live: bool) -> None:
    assert only(request(status=status)).live is live


def test_what_was_handed_over_extends_the_supply_of_its_order() -> None:
    fills = [dispense(id=f"x{n}", whenHandedOver=day) for n, day in enumerate(("2026-01-05", "2026-02-05"))]
    found = only(request(status="completed"), *fills)
    assert (str(found.end), str(found.supplied_until), found.live) == ("2026-03-06", "2026-03-06", True)
    stopped = only(request(status="stopped"), *fills)
    assert (stopped.end, str(stopped.supplied_until), stopped.live) == (None, "2026-03-06", False)


def test_a_fill_of_another_insulin_or_before_the_order_extends_nothing() -> None:
    other = dispense(medicationCodeableConcept=concept(RXNORM, "274783"))
    assert only(request(status="completed"), other, dispense(id="x2", whenHandedOver="2025-12-01")).end is None


@pytest.mark.parametrize("reported", [{"reportedBoolean": True}, {"reportedReference": {"reference": "Patient/p1"}}])
def test_a_plan_that_is_reported_counts_as_a_statement_does(reported: JSON) -> None:
    assert only(request(intent="plan", **reported)).certain == 3
    assert orders(request(intent="plan", reportedBoolean=False)) == []
    assert orders(request(intent="proposal", **reported)) == []


# ---------------------------------------------------------------- how much


def test_a_premix_twice_a_day_is_two() -> None:
    twice = {"timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}}
    found = only(coded("847187", dosageInstruction=[twice]))
    assert (found.action, found.certain) == (InsulinAction.PREMIX, 2)


def test_an_intravenous_order_adds_nothing() -> None:
    line = TID | {"route": concept(SNOMED, "47625008")}
    assert orders(request(dosageInstruction=[line])) == []


def test_via_pump_is_marked() -> None:
    assert only(request(dosageInstruction=[{"text": "via insulin pump, basal rate 0.8 U/h"}])).via_pump


def test_a_titration_in_steps_is_one_injection_a_day() -> None:
    # Three steps that follow one another are one injection a day, not three.
    def step(first: str, last: str) -> JSON:
        return {"timing": {"repeat": DAILY["timing"]["repeat"] | {"boundsPeriod": {"start": first, "end": last}}}}

    steps = [step("2026-01-05", "2026-01-18"), step("2026-01-19", "2026-02-01"), step("2026-02-02", "2026-12-31")]
    found = orders(coded("274783", dosageInstruction=steps))
    on_day = date(2026, 3, 1)
    live = [o for o in found if o.start is not None and o.start <= on_day and (o.end is None or o.end >= on_day)]
    assert sum(o.certain for o in live) == 1


@pytest.mark.parametrize("status", ["on-hold", "stopped"])
def test_a_supply_does_not_make_an_order_run_that_was_paused_or_stopped(status: str) -> None:
    found = only(request(status=status, dispenseRequest=supply(30)))
    assert (found.live, found.end, found.supplied_until) == (False, None, date(2026, 2, 3))
