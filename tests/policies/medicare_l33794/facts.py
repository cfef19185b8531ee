"""Facts for Medicare's rules, built in a line each; the order is of 2026-11-20."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from cds_service.concepts import Concept
from cds_service.facts import (
    Answer,
    Chart,
    Coverage,
    DeviceOrder,
    Diagnosis,
    Draw,
    Fasting,
    LabReport,
    LabResult,
    Person,
    RangeProblem,
    Record,
    ReferenceRange,
    Scope,
    Sex,
    TestOutcome,
    When,
)
from cds_service.policies.medicare_l33794 import POLICY
from cds_service.policies.rules.case import Case
from tests.policies.charts import AS_OF, moment

ORDER = DeviceOrder(
    "DeviceRequest/pump-1", "DeviceRequest", "External insulin pump", Scope.PUMP, billing_codes=("E0784",)
)
DIABETES = Diagnosis("Condition/t1d", None, frozenset({Concept.TYPE_1_DIABETES}), "Type 1 diabetes", code="E10.65")
# A woman of 70 years at the time of her laboratory results in 2026.
WOMAN = Person(moment("1956-01-15"), Sex.FEMALE)


def case(order: DeviceOrder = ORDER, as_of: date = AS_OF, **chart: Any) -> Case:
    """A case of a patient with type 1 diabetes and these facts."""
    facts = Chart(**{"diagnoses": (DIABETES,), "person": WOMAN, **chart})
    made = POLICY.on(as_of).make_case(order, facts, as_of)
    assert isinstance(made, Case)
    return made


def lab(value: float | None, when: str | None = "2026-03-03", **members: Any) -> LabResult:
    """A result with its report: `low` and `high` of its range, `drawn` at a time, `specimen`, `fasting`."""
    low, high = members.pop("low", None), members.pop("high", None)
    ranges = members.pop("ranges", None)
    if ranges is None:
        ranges = (ReferenceRange(low, high, f"{low}-{high}"),) if low is not None else ()
    problem = members.pop("problem", None if ranges else RangeProblem.MISSING)
    specimen, drawn, together = members.pop("specimen", ""), members.pop("drawn", ""), members.pop("together", ())
    report = LabReport(
        ranges,
        problem,
        Draw(specimen, frozenset(together), drawn),
        members.pop("fasting", Fasting.UNSTATED),
        outcome=members.pop("outcome", None),
    )
    name = members.pop("name", f"Observation/{value}-{when}-{specimen or drawn}")
    unit = members.pop("unit", "")
    shown = f"{members.get('comparator', '')}{value:g} {unit}".strip() if value is not None else "no value"
    kinds = frozenset(members.pop("concepts", ()))
    return LabResult(name, moment(when), kinds, "a result", value=value, shown=shown, report=report, **members)


def c_peptide(value: float | None, low: float | None = 0.8, **members: Any) -> LabResult:
    """A C-peptide in ng/mL with the lower limit of its report, of specimen S1."""
    more = {"specimen": "Specimen/s1", "unit": "ng/mL", "high": 3.9 if low is not None else None, **members}
    return lab(value, low=low, concepts=(Concept.C_PEPTIDE,), **more)


def glucose(value: float | None, **members: Any) -> LabResult:
    """A fasting glucose in mg/dL, of specimen S1."""
    more = {"specimen": "Specimen/s1", "unit": "mg/dL", "fasting": Fasting.FASTING, **members}
    return lab(value, name=more.pop("name", f"Observation/glucose-{value}"), **more)


def results(**of_kind: Sequence[LabResult] | LabResult) -> dict[str, tuple[LabResult, ...]]:
    """`Chart.results` by key."""
    return {key: (given,) if isinstance(given, LabResult) else tuple(given) for key, given in of_kind.items()}


def antibody(concept: Concept, outcome: TestOutcome, when: str = "2019-05-04", **members: Any) -> LabResult:
    """The result of an antibody test."""
    return lab(None, when, outcome=outcome, concepts=(concept,), name=f"Observation/{concept.value}-{when}", **members)


def stated(link_id: str, value: object, authored: str = "2026-11-18", questionnaire: str = "l33794") -> dict[str, Any]:
    """One answer of a signed statement, as an item of `Chart.answers`."""
    when = moment(authored)
    assert when is not None
    given = moment(value) if isinstance(value, str) else value
    return {link_id: (Answer(given, when, "QuestionnaireResponse/q1", questionnaire),)}  # type: ignore[arg-type]


def part_b(start: str | None = "2019-03-01", payer: str = "Medicare", plan: str = "Part B") -> Coverage:
    """A coverage of Medicare."""
    period: tuple[When | None, When | None] = (moment(start), None)
    return Coverage("Coverage/m1", "active", period, 1, frozenset(), (payer,), (), (plan,))


def pump_since(day: str | None, **members: Any) -> Record:
    """A pump on file."""
    return Record("Device/pump", moment(day), frozenset({Concept.INSULIN_PUMP}), "Insulin pump", **members)
