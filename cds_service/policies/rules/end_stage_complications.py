"""End-stage complications such as renal failure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from cds_service.concepts import Concept
from cds_service.engine.days import compared, days_before, within
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, not_met, unknown
from cds_service.engine.plain_text import on_text
from cds_service.engine.rule import shared_rule
from cds_service.engine.truth import MET, NOT_MET
from cds_service.facts import ChartSection, Diagnosis, LabResult, Record
from cds_service.policies.rules.case import Case, cite, named, usable
from cds_service.policies.rules.phrases import dated_labels

_NEPHROLOGY = "Send a nephrology note that says whether the kidney disease is end stage"
_SPECIALIST = "Send a specialist's note that says whether this is an end-stage complication"
_NEPHROLOGY_STEP = "send a nephrology note on whether this is end stage"
_SESSIONS = frozenset({Concept.CHRONIC_DIALYSIS, Concept.DIALYSIS, Concept.DIALYSIS_FOR_REVIEW})
_FAILURE = (Concept.END_STAGE_RENAL_DISEASE, Concept.KIDNEY_FAILURE_FOR_REVIEW)


@shared_rule(
    "End-stage complications such as renal failure",
    "dialysis_window_days",
    "dialysis_chronic_days",
    "kidney_failure_egfr",
    "egfr_days_apart",
    reads=(
        ChartSection.CONDITIONS,
        ChartSection.EGFR,
        ChartSection.EDUCATION,
    ),
)
def end_stage_complications(case: Case) -> Finding:
    """A current, confirmed code of end-stage renal disease or dependence on dialysis, a procedure coded as chronic
    dialysis in the last {dialysis_window_days:days}, or sessions that span {dialysis_chronic_days:days} with the last
    within {dialysis_window_days}, meets it. Stage 5, unspecified failure, unsure codes, words, other organs, older or
    single sessions, eGFR below {kidney_failure_egfr} twice {egfr_days_apart:days} apart, and a transplant beside a
    current end-stage code need a reviewer. Earlier stages and acute injury do not meet it; nothing charted does not
    meet it by absence, once the chart was read."""
    finding = _kidneys(case)
    return case.guarded(finding, ChartSection.CONDITIONS, ChartSection.EGFR, ChartSection.EDUCATION)


def _kidneys(case: Case) -> Finding:
    end_stage = case.active(Concept.END_STAGE_RENAL_DISEASE)
    transplant = _transplants(case)
    if end_stage and transplant:
        explanation = f"{named(end_stage)} is charted beside a kidney transplant ({transplant[0].label})"
        return _for_nephrology(explanation, map(cite, (*end_stage, *transplant)))
    if end_stage:
        return met(f"End-stage renal disease: {named(end_stage)}", Basis.DOCUMENTED, map(cite, end_stage))
    sessions = _sessions(case)
    on_dialysis = _dialysis(case, sessions, transplant) if sessions else None
    if on_dialysis is not None and on_dialysis.truth is not NOT_MET:
        return on_dialysis
    return _left_to_reviewer(case) or on_dialysis or _absent(case, transplant)


def _left_to_reviewer(case: Case) -> Finding | None:
    """What is left to a reviewer: other stages and organs, unsure codes, text alone, low filtration rates."""
    kidneys = _for_review(case, *_FAILURE)
    if kidneys:
        explanation = f"{named(kidneys)} is charted, which may or may not be end stage"
        return _for_nephrology(explanation, map(cite, kidneys))
    organs = _for_review(case, Concept.OTHER_ORGAN_FAILURE)
    if organs:
        explanation = f"{named(organs)} is charted; the policy names end-stage complications only by example"
        return unknown(Gap.NEEDS_REVIEW, explanation, _SPECIALIST, map(cite, organs))
    named_in_words = [r for r in case.chart.dialysis if _names_dialysis_unsurely(r) and usable(r.when, case.as_of)]
    if named_in_words:
        explanation = f"Charted in words only: {dated_labels(named_in_words[-1:])}"
        return _for_nephrology(explanation, map(cite, named_in_words[-3:]))
    low = _low_egfr(case)
    if low:
        shown = ", ".join(f"{r.shown} {on_text(r.when)}" for r in low)
        return _for_nephrology(f"eGFR in the range of kidney failure: {shown}", [cite(r, r.shown) for r in low])
    return None


def _for_nephrology(explanation: str, evidence: Iterable[Evidence]) -> Finding:
    return unknown(Gap.NEEDS_REVIEW, explanation, _NEPHROLOGY, evidence, next_step=_NEPHROLOGY_STEP)


def _for_review(case: Case, *concepts: Concept) -> tuple[Diagnosis, ...]:
    """Conditions of these concepts that do not decide: unsure or shared codes, words, no status, contradictions."""
    wanted = frozenset(concepts)
    contradictory = [d for d in case.diagnoses if d.coded_concepts & wanted and case.contradicts_itself(d)]
    sure = case.active(*(wanted - {Concept.END_STAGE_RENAL_DISEASE}))
    doubtful = (*case.supported(*concepts), *case.for_review(*concepts), *case.without_status(*concepts))
    return tuple(dict.fromkeys((*sure, *doubtful, *contradictory)))


def _names_dialysis_unsurely(record: Record) -> bool:
    unsure = record.supported | record.review
    return bool(unsure & (_SESSIONS | {Concept.END_STAGE_RENAL_DISEASE})) and not record.concepts & _SESSIONS


def _absent(case: Case, transplant: Sequence[Record]) -> Finding:
    mild = case.active(Concept.CHRONIC_KIDNEY_DISEASE, Concept.ACUTE_KIDNEY_INJURY)
    if mild:
        return not_met(f"Kidney disease that is not end stage: {named(mild)}", Basis.DOCUMENTED, map(cite, mild))
    if transplant:
        explanation = f"Kidney transplant ({transplant[0].label}), and no current end-stage disease charted"
        return not_met(explanation, Basis.DOCUMENTED, map(cite, transplant))
    return not_met("No end-stage complication is charted")


def _transplants(case: Case) -> list[Record]:
    charted = (*case.active(Concept.KIDNEY_TRANSPLANT), *case.supported(Concept.KIDNEY_TRANSPLANT))
    named_in_words = case.for_review(Concept.KIDNEY_TRANSPLANT)
    procedures = [r for r in case.chart.dialysis if Concept.KIDNEY_TRANSPLANT in r.all_concepts]
    return [*charted, *named_in_words, *(r for r in procedures if usable(r.when, case.as_of))]


# ---------------------------------------------------------------- dialysis sessions


def _sessions(case: Case) -> list[Record]:
    """Completed dialysis procedures that a sure code names, up to the day of the order."""
    return [r for r in case.chart.dialysis if r.concepts & _SESSIONS and usable(r.when, case.as_of)]


def _dialysis(case: Case, sessions: Sequence[Record], transplant: Sequence[Record]) -> Finding | None:
    """What the sessions show; None when nothing, since a transplant followed them."""
    start = case.days_ago("dialysis_window_days")
    recent = [r for r in sessions if within(r.when, start, case.as_of) is MET]
    chronic = [r for r in recent if Concept.CHRONIC_DIALYSIS in r.concepts]
    unstated = [r for r in sessions if Concept.DIALYSIS in r.concepts]
    span = _time_spanned(unstated) >= timedelta(days=case.parameters["dialysis_chronic_days"])
    lasting = span and any(r in recent for r in unstated)
    if chronic or lasting:
        shown = chronic or [r for r in recent if r in unstated]
        if transplant:
            explanation = f"Dialysis {on_text(shown[-1].when)}, beside a kidney transplant ({transplant[0].label})"
            return _for_nephrology(explanation, map(cite, (*shown[-3:], *transplant)))
        return met(f"Chronic dialysis, last {on_text(shown[-1].when)}", Basis.DOCUMENTED, map(cite, shown[-3:]))
    last = max(sessions, key=lambda r: (str(r.when), r.reference))
    if transplant and not recent:
        return None  # the transplant ended it
    acute = _acute_before(case, sessions)
    if acute and not span and not any(Concept.CHRONIC_DIALYSIS in r.concepts for r in sessions):
        explanation = f"Dialysis {on_text(last.when)} for acute kidney injury ({named(acute)})"
        return not_met(explanation, Basis.DOCUMENTED, map(cite, (*sessions[-3:], *acute)))
    explanation = f"Dialysis, last {on_text(last.when)}, not shown to be chronic now"
    return _for_nephrology(explanation, map(cite, sessions[-3:]))


def _acute_before(case: Case, sessions: Sequence[Record]) -> list[Diagnosis]:
    """Acute kidney injury charted in the days before the first session."""
    first = min((r.when.first for r in sessions if r.when is not None), default=None)
    if first is None:
        return []
    start = days_before(first, case.parameters["dialysis_window_days"])
    acute = [d for d in case.diagnoses if Concept.ACUTE_KIDNEY_INJURY in d.coded_concepts]
    return [d for d in acute if within(d.when, start, first) is MET]


def _low_egfr(case: Case) -> list[LabResult]:
    limit = case.parameters["kidney_failure_egfr"]
    low = [
        r
        for r in (each.surely_named for each in case.chart.egfr)
        if not r.pending and within(r.when, date.min, case.as_of) is MET and _surely_below(r, limit)
    ]
    apart = timedelta(days=case.parameters["egfr_days_apart"])
    return [low[0], low[-1]] if len(low) > 1 and _time_spanned(low) >= apart else []


def _surely_below(result: LabResult, limit: float) -> bool:
    if result.comparator in (">", ">="):
        return False
    if result.value == limit:
        return result.comparator == "<"
    return compared(result, limit) is NOT_MET


def _time_spanned(records: Sequence[Record]) -> timedelta:
    """The time from the first certain day to the last."""
    days = [r.when.first for r in records if r.when is not None and r.when.first == r.when.last]
    return max(days) - min(days) if days else timedelta(0)
