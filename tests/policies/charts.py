"""Facts for the rules of MP-MM-1316, built in a line each; the order is of 2026-11-20."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from cds_service.concepts import Concept
from cds_service.engine.determination import Determination
from cds_service.engine.determine import determine as engine_determine
from cds_service.engine.determine import not_applicable
from cds_service.facts import (
    Answer,
    Chart,
    DeviceOrder,
    Diagnosis,
    GlucoseReading,
    LabResult,
    Scope,
    SensorReading,
    Visit,
    When,
)
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.policies.registry import choose_policies, is_governed_kind
from cds_service.policies.rules.case import Case

AS_OF = date(2026, 11, 20)
ORDER = DeviceOrder("DeviceRequest/pump-1", "DeviceRequest", "External insulin pump", Scope.PUMP)
DIABETES = Diagnosis("Condition/t1d", None, frozenset({Concept.TYPE_1_DIABETES}), "E10.65 Type 1 diabetes")


def case(*diagnoses: Diagnosis, order: DeviceOrder = ORDER, **chart: Any) -> Case:
    """A case of a member with type 1 diabetes and these facts."""
    return made(order, Chart(diagnoses=(DIABETES, *diagnoses), **chart))


def made(order: DeviceOrder, chart: Chart, as_of: date = AS_OF) -> Case:
    """The case of MP-MM-1316 for an order and a chart."""
    made = POLICY.on(as_of).make_case(order, chart, as_of)
    assert isinstance(made, Case)
    return made


def moment(text: str | None) -> When | None:
    """`2026`, `2026-09`, `2026-09-28` or `2026-09-28T09:00` as local days."""
    if text is None:
        return None
    if len(text) == 4:
        return When(date(int(text), 1, 1), date(int(text), 12, 31))
    if len(text) == 7:
        first = date.fromisoformat(f"{text}-01")
        return When(first, date.fromisoformat(f"{text}-28"))
    stamp = datetime.fromisoformat(text)
    return When(stamp.date(), stamp.date(), stamp.time() if "T" in text else None)


def diagnosis(when: str | None, *concepts: Concept, **members: Any) -> Diagnosis:
    """A current, confirmed diagnosis."""
    name = members.pop("name", f"Condition/{when}-{'-'.join(concepts)}")
    return Diagnosis(name, moment(when), frozenset(concepts), "a diagnosis", **members)


def visit(start: str | None, end: str | None = None, *concepts: Concept, **members: Any) -> Visit:
    """A visit; emergency unless `inpatient` says otherwise."""
    begin, over = moment(start), moment(end)
    days = (over.last - begin.first).days if begin and over else None
    name = members.pop("name", f"Encounter/{start}")
    members = {"inpatient": False, "days": days, "end": over} | members
    return Visit(name, begin, frozenset(concepts), "a visit", **members)


def stick(when: str, mg_dl: int) -> GlucoseReading:
    """A finger-stick; without a time of day when `when` has none."""
    day, minute = _day_minute(when)
    return GlucoseReading(day, minute, mg_dl, False, f"Observation/{when}")


def sensed(when: str, *values: int, every: int = 5) -> list[SensorReading]:
    """Sensor readings from a time on, so many minutes apart."""
    day, minute = _day_minute(when)
    at = day.toordinal() * 1440 + (minute or 0)
    return [
        SensorReading(date.fromordinal((at + n * every) // 1440), (at + n * every) % 1440, value)
        for n, value in enumerate(values)
    ]


def ratio(when: str | None, value: float, comparator: str = "") -> LabResult:
    """An albumin-creatinine ratio in mg/g."""
    return _result(when, value, comparator, Concept.ALBUMIN_CREATININE_RATIO, "mg/g")


def hba1c(when: str | None, value: float, comparator: str = "") -> LabResult:
    """An HbA1c in % NGSP."""
    return _result(when, value, comparator, Concept.HBA1C, "%")


def _result(when: str | None, value: float, comparator: str, concept: Concept, unit: str) -> LabResult:
    name = f"Observation/{when}-{comparator}{value:g}"
    shown = f"{comparator}{value:g} {unit}"
    return LabResult(name, moment(when), frozenset({concept}), "a result", value, comparator, shown)


def answers(**given: Any) -> dict[str, tuple[Answer, ...]]:
    """Attested answers of 2026-11-18; keys use _ for the dots of linkIds."""
    signed = When(date(2026, 11, 18), date(2026, 11, 18))
    return {k.replace("_", "."): (Answer(v, signed, "QuestionnaireResponse/qr1"),) for k, v in given.items()}


def _day_minute(text: str) -> tuple[date, int | None]:
    stamp = datetime.fromisoformat(text)
    return stamp.date(), stamp.hour * 60 + stamp.minute if "T" in text else None


def parameters_on(day: date, overrides: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """The parameters of MP-MM-1316 in force on a day, with a plan's own values on top."""
    return POLICY.on(day, overrides).parameters


def determine(
    order: DeviceOrder, chart: Chart, as_of: date, overrides: Mapping[str, Any] | None = None
) -> Determination:
    """The determination of one order as of a day."""
    if not is_governed_kind(order):
        return not_applicable(order, as_of, POLICY.id)
    ((_, match),) = choose_policies([POLICY], order, chart, as_of, overrides)
    policy = POLICY.on(as_of, overrides)
    return engine_determine(policy.make_case(order, chart, as_of), policy, match)
