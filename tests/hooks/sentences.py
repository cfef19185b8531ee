"""Every finding that the rules make on the case files and on a few charts more, each alone in a determination."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from itertools import product
from typing import Any

from cds_service.concepts import Concept
from cds_service.engine.assessment import Assessment
from cds_service.engine.coverage_match import CoverageMatch
from cds_service.engine.determination import Applicability, Determination, Outcome
from cds_service.engine.finding import Basis, Finding, met, not_met
from cds_service.engine.truth import MET
from cds_service.errors import ServiceError
from cds_service.facts import (
    Chart,
    ChartSection,
    Credential,
    DeviceOrder,
    Diagnosis,
    OtherReading,
    Provider,
    ReadingOrigin,
    Scope,
)
from cds_service.policies.mp_mm_1316 import CRITERIA, EXCLUSIONS, POLICY, REFUSED_REASONS, REPLACEMENT, REQUIREMENTS
from cds_service.services import assess_orders
from tests.cases.runner import all_cases
from tests.policies.charts import AS_OF, DIABETES, ORDER, answers, determine, diagnosis, hba1c, sensed, stick, visit

_REPLACES = answers(D_III_replacement=True)

# Reasons that are parts of D.III.A.3.
_ACCEPTED = {"D.III.C.1", "D.III.C.2", "D.III.C.3", "D.III.C.4"}


def key(finding: Finding) -> str:
    """Section, truth, and the basis or the gap."""
    return f"{finding.id} {finding.truth.value} {finding.basis or finding.gap or 'by absence'}"


@cache
def findings() -> tuple[Finding, ...]:
    """Every distinct finding, parts included: of one that many charts make, one of each wording."""
    distinct: dict[tuple[str, str, str | None], Finding] = {}
    for determination in (*_of_cases(), *_of_charts()):
        for top in (*determination.criteria, *determination.exclusions, *determination.replacement):
            for finding in (top, *top.parts):
                distinct.setdefault((key(finding), finding.explanation, finding.closes), finding)
    return tuple(distinct.values())


def top_findings() -> tuple[Finding, ...]:
    """Those that a card lists by themselves."""
    sections = {unit.section for unit in (*CRITERIA, *EXCLUSIONS, *REPLACEMENT)}
    return tuple(finding for finding in findings() if finding.id in sections - _ACCEPTED)


def alone(finding: Finding) -> Determination:
    """A determination in which everything else is documented, and which this finding decides."""
    on_replacement = finding.id.startswith("D.III")
    group = {u.section: met("Documented", Basis.DOCUMENTED).with_id(u.section) for u in CRITERIA}
    excluding = {u.section: not_met("Not so", Basis.DOCUMENTED).with_id(u.section) for u in EXCLUSIONS}
    third = {u.section: _accepted(u.section) for u in REPLACEMENT} if on_replacement else {}
    for findings_ in (group, excluding, third):
        if finding.id in findings_:
            findings_[finding.id] = finding
    return Determination(
        "DeviceRequest/pump-1",
        _outcome(finding),
        AS_OF,
        "MP-MM-1316",
        "2026-05-01",
        Applicability.GOVERNED,
        tuple(group.values()),
        tuple(excluding.values()),
        tuple(third.values()),
        on_replacement_path=on_replacement,
        **_roles(on_replacement=on_replacement),
    )


def _roles(*, on_replacement: bool) -> dict[str, tuple[str, ...]]:
    """Which findings are required and which exclude, on either path."""
    if not on_replacement:
        required, excluding = CRITERIA, EXCLUSIONS
    else:
        required, excluding = (CRITERIA[0], *REQUIREMENTS), (*EXCLUSIONS, *REFUSED_REASONS)
    return {"required": tuple(r.section for r in required), "excluding": tuple(r.section for r in excluding)}


def off_replacement_path(determination: Determination) -> Determination:
    """The same with nobody having said that the order replaces the pump in use."""
    return replace(determination, on_replacement_path=False, **_roles(on_replacement=False))


def assessed(determination: Determination, match: CoverageMatch | None = None) -> Assessment:
    """The determination as an assessment of the order, under MP-MM-1316 as of its day."""
    return Assessment(ORDER, determination, POLICY.on(determination.as_of), match)


def excludes(finding: Finding) -> bool:
    """Whether the finding's section is an exclusion."""
    return finding.id.startswith("D.II.") or finding.id in ("D.III.B", "D.III.C.5.a", "D.III.C.5.b")


def _accepted(section: str) -> Finding:
    made = met if section.startswith("D.III.A") else not_met
    return made("Documented", Basis.DOCUMENTED).with_id(section)


def _outcome(finding: Finding) -> Outcome:
    if finding.truth is MET:
        return Outcome.EXCLUDED if excludes(finding) else Outcome.LIKELY_APPROVED
    return Outcome.NEEDS_DOCUMENTATION


# ---------------------------------------------------------------- where they come from


def _of_cases() -> list[Determination]:
    made: list[Determination] = []
    with _recorded(made):
        for case in all_cases():
            try:
                case.run()
            except ServiceError:
                continue
    return [determination for determination in made if determination.policy_id == POLICY.id]


@contextmanager
def _recorded(made: list[Determination]) -> Iterator[None]:
    original = assess_orders.determine

    def recording(*given: Any, **more: Any) -> Determination:
        made.append(original(*given, **more))
        return made[-1]

    assess_orders.determine = recording
    try:
        yield
    finally:
        assess_orders.determine = original


def _of_charts() -> Iterator[Determination]:
    for order, chart in _charts():
        yield determine(order, chart, AS_OF)
    for chart, overrides in _glucose():
        yield determine(ORDER, chart, AS_OF, overrides)


def _chart(*more: Diagnosis, **facts: Any) -> Chart:
    return Chart(diagnoses=(DIABETES, *more), **facts)


def _charts() -> Iterator[tuple[DeviceOrder, Chart]]:
    """What no case file holds: each line makes a truth, basis or gap that the rules can reach."""
    yield ORDER, Chart()
    yield replace(ORDER, orderer=Provider("Practitioner/a", Credential.UNREAD)), _chart()
    for section, answered in product(ChartSection, ({}, _REPLACES)):
        yield ORDER, _chart(unread={section: "the server did not answer"}, answers=answered)
    yield from _devices()
    yield from _replacements()
    yield ORDER, _chart(replace(DIABETES, concepts=frozenset(), supported=frozenset({Concept.MICROALBUMINURIA})))
    lows = (diagnosis("2026-03-01", Concept.HYPOGLYCEMIA), diagnosis("2026-03-02", Concept.HYPOGLYCEMIA))
    yield ORDER, _chart(*lows)
    stays = [
        replace(visit(day, day, inpatient=True), supported=frozenset({Concept.KETOACIDOSIS}))
        for day in ("2026-02-01", "2026-06-01")
    ]
    yield ORDER, _chart(visits=tuple(stays))
    denied = {f"D_I_I_{part}": False for part in (2, 3, 5, 6)}
    mornings = tuple(stick(f"2026-11-{day:02}T06:00", 120) for day in range(1, 15))
    yield ORDER, _chart(answers=answers(**denied), hba1c=(hba1c("2026-10-01", 6.8),), self_tests=mornings)


def _glucose() -> Iterator[tuple[Chart, dict[str, Any] | None]]:
    """Readings of the 30 days before 2026-11-20, which begin on 2026-10-21."""
    days = [date(2026, 10, 21) + timedelta(days=n) for n in range(30)]
    three_a_day = tuple(stick(f"{day}T{hour:02}:00", 120) for day in days for hour in (8, 12, 18))
    stated = {name: answers(D_I_G_average=value) for name, value in (("few", 2.0), ("enough", 5.0))}
    yield _chart(self_tests=three_a_day), None
    yield _chart(self_tests=three_a_day, answers=stated["enough"]), None
    yield _chart(answers=stated["few"]), None
    sensor = {
        "sensor": tuple(r for day in days[:9] for r in sensed(f"{day}T08:00", 120)),
        "sensor_reference": "Observation/s1",
    }
    for worn in (sensor, sensor | {"self_tests": three_a_day}, sensor | {"answers": stated["few"]}):
        yield _chart(**worn), None
        yield _chart(**worn), {"cgm_counts_as_self_testing": True}
    longer = {
        "sensor": tuple(r for day in days for r in sensed(f"{day}T08:00", 120)),
        "sensor_reference": "Observation/s1",
    }
    yield _chart(**longer), {"cgm_counts_as_self_testing": True}
    for origin in sorted(set(ReadingOrigin) - {ReadingOrigin.SELF_TEST, ReadingOrigin.SENSOR}):
        others = tuple(OtherReading(day, origin, f"Observation/{day}-{n}", "Glucose") for day in days for n in range(4))
        yield _chart(other_readings=others), None
        yield _chart(other_readings=others[:8]), None
    yield _chart(self_tests=tuple(stick(f"{days[0]}T{n // 2:02}:{n % 2 * 30:02}", 120) for n in range(40))), None


def _devices() -> Iterator[tuple[DeviceOrder, Chart]]:
    for device in (Concept.IMPLANTED_DEVICE, Concept.JET_DEVICE, Concept.INTRAVENOUS_INSULIN_THERAPY):
        yield replace(ORDER, review=frozenset({device})), _chart()
        yield replace(ORDER, scope=Scope.EXCLUDED_DEVICE, concepts=frozenset({device})), _chart(answers=_REPLACES)


def _replacements() -> Iterator[tuple[DeviceOrder, Chart]]:
    type_2 = replace(DIABETES, concepts=frozenset({Concept.TYPE_2_DIABETES}), label="E11.9 Type 2 diabetes")
    supported = replace(DIABETES, concepts=frozenset(), supported=frozenset({Concept.TYPE_1_DIABETES}))
    other = replace(DIABETES, concepts=frozenset({Concept.OTHER_DIABETES_TYPE}), label="E08.9 Diabetes")
    for charted in ((type_2,), (supported,), (other,), ()):
        yield ORDER, Chart(diagnoses=charted, answers=_REPLACES)
    yield ORDER, _chart(answers=answers(D_III_replacement=True, D_II_A_2=False))
    yield ORDER, _chart(diagnosis("2025-01-01", Concept.PUMP_BREAKDOWN), answers=_REPLACES)
