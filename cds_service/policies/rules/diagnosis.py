"""Documented diagnosis of T1D, or of T2D with insulin dependency."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from cds_service.concepts import DIABETES, Concept
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, unknown
from cds_service.engine.plain_text import day_text
from cds_service.engine.rule import shared_rule
from cds_service.facts import ChartSection, Diagnosis
from cds_service.policies.rules.case import Case, cite, named

_REMEDY = "Document a confirmed, active diagnosis of type 1 diabetes, or of type 2 diabetes with long-term insulin use"
_DIRECTOR = (
    "Ask the plan for a medical director's review of this type: the policy names only type 1 and insulin-treated "
    "type 2 diabetes"
)
_DIRECTOR_STEP = "ask for a medical director's review of this diabetes type"


@shared_rule(
    "Diagnosis of type 1 diabetes, or of type 2 diabetes with insulin dependency",
    reads=(
        ChartSection.CONDITIONS,
        ChartSection.INSULIN,
    ),
)
def documented_diagnosis(case: Case) -> Finding:
    """A confirmed, current Condition documents it. Type 1 decides alone; type 2 needs a mark of insulin dependency
    beside it: long-term insulin use on the problem list, or a live order for injected insulin. A code that editions of
    a code system share, a term that says "due to type 1", and a type 1 entry without clinical status support it.
    Presymptomatic type 1, remission, other and unstated types, diabetes of pregnancy, old codes only and text only need
    a reviewer; a known other type is never asked to be charted as another one."""
    type_1 = case.active(Concept.TYPE_1_DIABETES)
    if type_1:
        return met(_type_1_words(case, type_1), Basis.DOCUMENTED, map(cite, (*type_1, *_type_2_too(case))))
    weaker = case.supported(Concept.TYPE_1_DIABETES)
    if weaker:
        return met(_type_1_words(case, weaker), Basis.SUPPORTED, map(cite, (*weaker, *_type_2_too(case))))
    # Type 1 diabetes does not remit: an entry that does not say whether it is current still counts.
    unstated = case.without_status(Concept.TYPE_1_DIABETES)
    if unstated:
        remark = f"{named(unstated)} has no clinical status on the problem list"
        return met(_type_1_words(case, unstated), Basis.SUPPORTED, map(cite, unstated), remarks=(remark,))
    type_2 = _type_2_too(case)
    if type_2:
        return _type_2(case, type_2)
    return case.guarded(_not_documented(case), ChartSection.CONDITIONS)


def _type_2_too(case: Case) -> tuple[Diagnosis, ...]:
    return (*case.active(Concept.TYPE_2_DIABETES), *case.supported(Concept.TYPE_2_DIABETES))


def _type_1_words(case: Case, type_1: Sequence[Diagnosis]) -> str:
    type_2 = _type_2_too(case)
    both = f"; type 2 is charted too ({named(type_2)})" if type_2 else ""
    return f"Type 1 diabetes: {named(list(type_1))}{both}"


def _type_2(case: Case, type_2: tuple[Diagnosis, ...]) -> Finding:
    evidence = [cite(d) for d in type_2]
    basis = Basis.DOCUMENTED if case.active(Concept.TYPE_2_DIABETES) else Basis.SUPPORTED
    marks = [cite(d) for d in case.active(Concept.INSULIN_DEPENDENCY)] + _live_insulin(case)
    if marks:
        explanation = f"Type 2 diabetes: {named(type_2)}; insulin use: {_dependency_label(case, marks)}"
        return met(explanation, basis, dict.fromkeys((*evidence, *marks)))
    insulin_named = case.supported(Concept.INSULIN_DEPENDENCY)
    implied = [cite(d) for d in insulin_named]
    if implied:
        explanation = f"Type 2 diabetes: {named(type_2)}; insulin use: {named(insulin_named)}"
        return met(explanation, Basis.SUPPORTED, dict.fromkeys((*evidence, *implied)))
    insulin_named = case.for_review(Concept.INSULIN_DEPENDENCY, Concept.TYPE_1_DIABETES)
    closes = "Add long-term insulin use to the problem list, or a current insulin order"
    step = "show long-term insulin use for the type 2 diabetes"
    if insulin_named:
        explanation = f"Type 2 diabetes: {named(type_2)}; insulin use is charted only in words ({named(insulin_named)})"
        finding = unknown(Gap.NEEDS_REVIEW, explanation, closes, dict.fromkeys((*evidence, *map(cite, insulin_named))))
        finding = replace(finding, next_step="code the insulin use that the chart names in words")
    else:
        explanation = f"Type 2 diabetes: {named(type_2)}; nothing shows long-term insulin use"
        finding = unknown(Gap.INCOMPLETE, explanation, closes, evidence, next_step=step)
    return case.guarded(finding, ChartSection.CONDITIONS, ChartSection.INSULIN)


def _abated(diagnosis: Diagnosis) -> str:
    return day_text(diagnosis.abated) if diagnosis.abated is not None else "an unknown day"


def _dependency_label(case: Case, marks: Sequence[Evidence]) -> str:
    """The name of the evidence for insulin dependency."""
    charted = case.active(Concept.INSULIN_DEPENDENCY)
    return named(charted) if charted else str(marks[0].value)


def _live_insulin(case: Case) -> list[Evidence]:
    return [
        Evidence(order.reference, order.label, order.start.isoformat() if order.start else None)
        for order in case.chart.insulin
        if order.live
        and (order.start is None or order.start <= case.as_of)
        and (order.end is None or order.end >= case.as_of)
    ]


def _not_documented(case: Case) -> Finding:
    other = (*case.active(Concept.OTHER_DIABETES_TYPE), *case.supported(Concept.OTHER_DIABETES_TYPE))
    if other:
        explanation = f"Charted as {named(other)}, a type that the policy does not name"
        return unknown(Gap.NEEDS_REVIEW, explanation, _DIRECTOR, map(cite, other), next_step=_DIRECTOR_STEP)
    unclear = (
        *case.active(Concept.DIABETES_TYPE_UNCLEAR),
        *case.supported(Concept.DIABETES_TYPE_UNCLEAR),
        *case.for_review(*DIABETES),
    )
    if unclear:
        explanation = (
            f"Charted as {named(unclear)}, which does not say that this is type 1 or insulin-treated type 2 diabetes"
        )
        evidence = [cite(d) for d in dict.fromkeys(unclear)]
        if any(Concept.OTHER_DIABETES_TYPE in d.review for d in unclear):
            return unknown(Gap.NEEDS_REVIEW, explanation, _DIRECTOR, evidence, next_step=_DIRECTOR_STEP)
        return unknown(Gap.NEEDS_REVIEW, explanation, _REMEDY, evidence)
    charted = [d for d in case.diagnoses if d.all_concepts & DIABETES]
    contradictory = [d for d in charted if case.contradicts_itself(d)]
    if contradictory:
        explanation = f"{named(contradictory)} is charted as active, and as ended on {_abated(contradictory[0])}"
        step = "settle whether the diabetes diagnosis is still active"
        return unknown(Gap.NEEDS_REVIEW, explanation, _REMEDY, map(cite, contradictory), next_step=step)
    unconfirmed = [d for d in case.chart.diagnoses if d.all_concepts & DIABETES]
    unconfirmed = [d for d in unconfirmed if not (d.confirmed and d.active is not False)]
    if unconfirmed:
        explanation = "; ".join(dict.fromkeys(f"{d.label} is charted as {d.status}" for d in unconfirmed[:3]))
        return unknown(Gap.INCOMPLETE, explanation, _REMEDY, map(cite, unconfirmed))
    others = case.active(Concept.NOT_DIABETES)
    explanation = "No diagnosis of diabetes found"
    if others:
        explanation = f"{named(others)} is charted, which is not a diagnosis of diabetes mellitus"
    return unknown(Gap.NOT_DOCUMENTED, explanation, _REMEDY, map(cite, others))


_ICD_OF_DIABETES = re.compile(r"E(?:08|09|10|11|13)(?:\.|$)")
_PRESYMPTOMATIC_OR_REMISSION = re.compile(r"E10\.A|E11\.A")
_ICD_9 = re.compile(r"250\.\d{2}")
_OF_PREGNANCY = re.compile(r"^O24|gestational|pregnan", re.IGNORECASE)


@shared_rule("Diagnosis of diabetes, of any type", reads=(ChartSection.CONDITIONS,))
def diabetes_of_any_type(case: Case) -> Finding:
    """A confirmed, current Condition of diabetes documents it, whatever the type: a diagnosis code of diabetes, type 1
    or type 2 in any code system. Diabetes without a stated type in another code system supports it. Presymptomatic type
    1, type 2 in remission, diabetes of pregnancy, old codes and words alone are for a reviewer."""
    coded = [*case.active(*DIABETES), *case.supported(*DIABETES)]
    counting = [d for d in coded if d.coded_concepts & _TYPED or not (_of_pregnancy(d) or _of_another_stage(d))]
    sure = [d for d in counting if d.concepts & _TYPED or _ICD_OF_DIABETES.match(d.code)]
    if sure:
        return met(f"Diabetes: {named(sure)}", Basis.DOCUMENTED, map(cite, sure))
    unstated = case.without_status(Concept.TYPE_1_DIABETES, Concept.OTHER_DIABETES_TYPE)
    if counting or unstated:
        return met(f"Diabetes: {named([*counting, *unstated])}", Basis.SUPPORTED, map(cite, (*counting, *unstated)))
    closes = "Document a confirmed, active diagnosis of diabetes"
    doubtful = [*coded, *case.for_review(*DIABETES), *(d for d in case.diagnoses if _contradicts(case, d))]
    if doubtful:
        explanation = f"Charted as {named(doubtful)}: a reviewer has to say whether this is diabetes that is treated"
        return case.guarded(
            unknown(Gap.NEEDS_REVIEW, explanation, closes, map(cite, dict.fromkeys(doubtful))), ChartSection.CONDITIONS
        )
    unconfirmed = [d for d in case.chart.diagnoses if d.all_concepts & DIABETES]
    if unconfirmed:
        explanation = "; ".join(dict.fromkeys(f"{d.label} is charted as {d.status}" for d in unconfirmed[:3]))
        finding = unknown(Gap.INCOMPLETE, explanation, closes, map(cite, unconfirmed))
    else:
        finding = unknown(Gap.NOT_DOCUMENTED, "No diagnosis of diabetes found", closes)
    return case.guarded(finding, ChartSection.CONDITIONS)


_TYPED = frozenset({Concept.TYPE_1_DIABETES, Concept.TYPE_2_DIABETES})


def _of_pregnancy(diagnosis: Diagnosis) -> bool:
    return bool(_OF_PREGNANCY.search(diagnosis.code) or _OF_PREGNANCY.search(diagnosis.label))


def _of_another_stage(diagnosis: Diagnosis) -> bool:
    """Presymptomatic or in remission, or a code of ICD-9, which no longer says what is treated today."""
    return bool(_PRESYMPTOMATIC_OR_REMISSION.match(diagnosis.code) or _ICD_9.fullmatch(diagnosis.code))


def _contradicts(case: Case, diagnosis: Diagnosis) -> bool:
    return bool(diagnosis.all_concepts & DIABETES) and case.contradicts_itself(diagnosis)
