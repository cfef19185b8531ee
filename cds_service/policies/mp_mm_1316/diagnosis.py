"""D.I.A: documented diagnosis of T1D, or of T2D with insulin dependency."""

from __future__ import annotations

from cds_service.concepts import DIABETES, Concept
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, unknown
from cds_service.engine.section import criterion
from cds_service.facts import Diagnosis, Topic
from cds_service.policies.mp_mm_1316.case import Case, cite, named

_CLOSES = "A confirmed, active diagnosis of type 1 diabetes, or of type 2 diabetes with insulin treatment (Z79.4)"


@criterion("D.I.A", "Diagnosis of type 1 diabetes, or of type 2 diabetes with insulin dependency")
def documented_diagnosis(case: Case) -> Finding:
    """A confirmed, active Condition documents it. Type 1 decides alone; type 2 needs a mark of insulin
    dependency beside it: Z79.4, an insulin-treated concept, or a live order for injected insulin. Presymptomatic
    type 1, remission, other and unstated types, pregnancy, ICD-9 only and text only need a reviewer."""
    type_1 = case.active(Concept.TYPE_1_DIABETES)
    type_2 = case.active(Concept.TYPE_2_DIABETES)
    if type_1:
        both = f"; type 2 is charted too ({named(type_2)})" if type_2 else ""
        return met(f"Type 1 diabetes: {named(type_1)}{both}", Basis.DOCUMENTED, map(cite, (*type_1, *type_2)))
    if type_2:
        return _type_2(case, type_2)
    return case.guarded(_not_documented(case), Topic.CONDITIONS)


def _type_2(case: Case, type_2: tuple[Diagnosis, ...]) -> Finding:
    evidence = [cite(d) for d in type_2]
    marks = [cite(d) for d in case.active(Concept.INSULIN_DEPENDENCY)] + _live_insulin(case)
    if marks:
        words = f"Type 2 diabetes: {named(type_2)}; insulin dependency: {marks[0].value}"
        return met(words, Basis.DOCUMENTED, dict.fromkeys((*evidence, *marks)))
    words = f"Type 2 diabetes: {named(type_2)}, and nothing that shows insulin dependency"
    finding = unknown(Gap.INCOMPLETE, words, "Z79.4 on the problem list, or a current insulin order", evidence)
    return case.guarded(finding, Topic.CONDITIONS, Topic.INSULIN)


def _live_insulin(case: Case) -> list[Evidence]:
    return [
        Evidence(order.reference, order.label, order.start.isoformat() if order.start else None)
        for order in case.chart.insulin
        if order.live
        and (order.start is None or order.start <= case.as_of)
        and (order.end is None or order.end >= case.as_of)
    ]


def _not_documented(case: Case) -> Finding:
    unclear = case.active(Concept.DIABETES_TYPE_UNCLEAR)
    if unclear:
        words = f"Charted as {named(unclear)}: a reviewer has to say which type this is"
        return unknown(Gap.NEEDS_REVIEW, words, _CLOSES, map(cite, unclear))
    torn = [d for d in case.diagnoses if d.concepts & DIABETES and case.contradicts_itself(d)]
    if torn:
        words = f"{named(torn)} is charted as active and as abated {torn[0].abated}"
        return unknown(Gap.NEEDS_REVIEW, words, _CLOSES, map(cite, torn))
    weak = [d for d in case.chart.diagnoses if d.concepts & DIABETES and not (d.confirmed and d.active is not False)]
    if weak:
        words = "; ".join(dict.fromkeys(f"{d.label} is charted as {d.status}" for d in weak[:3]))
        return unknown(Gap.INCOMPLETE, words, _CLOSES, map(cite, weak))
    others = case.active(Concept.NOT_DIABETES)
    also = f" ({named(others)} is not a diagnosis of diabetes)" if others else ""
    return unknown(Gap.NOT_DOCUMENTED, f"No diagnosis of diabetes found{also}", _CLOSES, map(cite, others))
