"""D.I.E: what the card says of pump training and of a pump in use."""

from __future__ import annotations

from datetime import date

import pytest

from cds_service.concepts import Concept
from cds_service.facts import Chart, DeviceOrder, Record, Scope, When
from cds_service.policies.rules.operation import operates_device
from tests.policies.charts import made

AS_OF = date(2026, 11, 20)
ORDER = DeviceOrder("DeviceRequest/pump-1", "DeviceRequest", "External insulin pump", Scope.PUMP)


def trained(name: str, day: date | None, code: str = "S9145") -> Record:
    when = When(day, day) if day else None
    return Record(name, when, frozenset({Concept.PUMP_TRAINING}), "instruction (pump not included)", code=code)


def worn(label: str) -> Record:
    return Record("Device/d1", None, frozenset({Concept.PUMP_IN_USE}), label)


@pytest.mark.parametrize(
    ("training", "pumps", "words"),
    [
        ((trained("Procedure/1", date(2026, 8, 3)),), (), "Pump training or fitting on Aug 3, 2026"),
        (
            (trained("Procedure/1", date(2026, 9, 1)), trained("Procedure/2", date(2026, 8, 3))),
            (),
            "Pump training or fitting on Sep 1, 2026",
        ),
        (
            (trained("Procedure/1", None), trained("Procedure/2", date(2026, 8, 3))),
            (),
            "Pump training or fitting on Aug 3, 2026",
        ),
        ((trained("Condition/1", date(2024, 2, 1), "Z46.81"),), (), "Pump training or fitting on Feb 1, 2024"),
        ((trained("Procedure/1", None, ""),), (), "Pump training or fitting"),
        ((), (worn("t:slim X2"),), "A pump is in use: t:slim X2"),
        (
            (trained("Procedure/1", date(2026, 8, 3)),),
            (worn("t:slim X2"),),
            "Pump training or fitting on Aug 3, 2026; a pump is in use: t:slim X2",
        ),
        # After the day of the order: not used.
        (
            (trained("Procedure/1", date(2026, 8, 3)), trained("Procedure/2", date(2026, 11, 21))),
            (),
            "Pump training or fitting on Aug 3, 2026",
        ),
    ],
)
def test_the_card_says_what_was_charted_and_when(
    training: tuple[Record, ...], pumps: tuple[Record, ...], words: str
) -> None:
    case = made(ORDER, Chart(pump_training=training, pumps=pumps), AS_OF)
    assert operates_device(case).explanation == words
