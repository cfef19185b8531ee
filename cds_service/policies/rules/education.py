"""Comprehensive diabetes education completed lately."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cds_service.engine.days import within
from cds_service.engine.finding import Basis, Finding, Gap, best_supported, met, not_met, unknown
from cds_service.engine.plain_text import day_text, on_text
from cds_service.engine.rule import shared_rule
from cds_service.engine.truth import MET, NOT_MET
from cds_service.engine.wording import counted
from cds_service.facts import Answer, ChartSection, Record, When
from cds_service.policies.rules.case import Case, cite, signed, usable

_REMEDY = "Add the completion date of a comprehensive diabetes education program, and the educator with credential"
_EXACT = "give the exact date of the diabetes education"
# A certified, registered or licensed educator signs with letters or says so in words.
_CREDENTIAL = re.compile(
    r"\b(?:cdces|cde|bc-?adm|rdn?|ldn?|rn|bsn|msn|np|aprn|cns|crnp|fnp|pa-?c?|md|do|pharmd|rph|phd|"
    r"certified|registered|licensed|dieti[ct]ian|nurse|pharmacist|physician|endocrinologist)\b",
    re.IGNORECASE,
)


@shared_rule(
    "Comprehensive diabetes education in the last {education_window_months:months}",
    "education_window_months",
    reads=(
        ChartSection.EDUCATION,
        ChartSection.ENCOUNTERS,
        ChartSection.ATTESTATIONS,
    ),
)
def education_completed(case: Case) -> Finding:
    """A completed session coded as diabetes self-management education within the window supports it: codes do not
    say that the program was completed. The last session counts. A stated completion date in the window with
    a credentialed educator shows it. Newest evidence older than the window contradicts it. Nutrition therapy,
    diet education, care plans, referrals and pump training are other things."""
    ways = [way for way in (_attested(case), _charted(case)) if way is not None]
    # An old completion is no evidence against a newer one: whichever lies in the window counts.
    finding = best_supported(*([way for way in ways if way.truth is MET] or ways))
    return case.guarded(finding, ChartSection.EDUCATION, ChartSection.ENCOUNTERS)


def _charted(case: Case) -> Finding:
    start = case.months_ago("education_window_months")
    everything = [r for r in case.chart.education if usable(r.when, case.as_of)]
    sessions = [r for r in everything if r.coded_concepts]
    inside = [r for r in sessions if within(r.when, start, case.as_of) is MET]
    if inside:
        last = max(inside, key=_recency)
        return met(f"{last.label}, last session {on_text(last.when)}", Basis.SUPPORTED, [cite(last)])
    in_words = [r for r in everything if not r.coded_concepts and within(r.when, start, case.as_of) is not NOT_MET]
    if in_words:
        last = max(in_words, key=_recency)
        explanation = f"{last.label} {on_text(last.when)}: charted only in words, it may not be diabetes education"
        return unknown(Gap.NEEDS_REVIEW, explanation, _REMEDY, map(cite, in_words[-3:]))
    if not sessions:
        return _none(case, everything)
    newest = max(sessions, key=_recency)
    if all(within(r.when, start, case.as_of) is NOT_MET for r in sessions):
        explanation = f"The last diabetes education was {on_text(newest.when)}, before the {_window(case)}"
        return not_met(explanation, Basis.SUPPORTED, [cite(newest)])
    dated = f"is dated {day_text(newest.when)}" if newest.when else "has no date"
    explanation = f"{newest.label} {dated}, which may lie before the {_window(case)}"
    return unknown(Gap.INCOMPLETE, explanation, _REMEDY, [cite(newest)], next_step=_EXACT)


def _window(case: Case) -> str:
    return f"last {counted(case.parameters['education_window_months'], 'month')}"


def _none(case: Case, older: Sequence[Record]) -> Finding:
    """No session by code; visits that words name may lie before the window."""
    if older:
        last = max(older, key=_recency)
        before = f"{last.label} {on_text(last.when)}, before the {_window(case)}"
        explanation = f"{before}, charted only in words: it may not be diabetes education"
        return unknown(Gap.NEEDS_REVIEW, explanation, _REMEDY, [cite(last)])
    return unknown(Gap.NOT_DOCUMENTED, "No diabetes self-management education found", _REMEDY)


def _attested(case: Case) -> Finding | None:
    done, educator = case.answer("education-completed"), case.answer("education-taught-by")
    if done is None or not isinstance(done.value, When):
        return None
    evidence = [case.attestation(done)]
    if done.value.first > case.as_of:
        explanation = f"The stated completion, {day_text(done.value)}, lies after the order and does not count"
        step = "correct the education date, it lies after the order"
        return unknown(Gap.INCOMPLETE, explanation, _REMEDY, evidence, next_step=step)
    placed = within(done.value, case.months_ago("education_window_months"), case.as_of)
    if placed is NOT_MET:
        explanation = f"The stated completion, {day_text(done.value)}, lies before the {_window(case)}"
        return not_met(explanation, Basis.ATTESTED, evidence)
    if placed is not MET:
        explanation = f"The stated completion, {day_text(done.value)}, may lie before the {_window(case)}"
        return unknown(Gap.INCOMPLETE, explanation, _REMEDY, evidence, next_step=_EXACT)
    if not _credentialed(educator):
        explanation = f"Completed {on_text(done.value)}, but the educator's credential is not named"
        closes, step = (
            "State who taught the program, with credential",
            "name who taught the diabetes education, with credential",
        )
        return unknown(Gap.INCOMPLETE, explanation, closes, evidence, next_step=step)
    return met(
        f"Program completed {on_text(done.value)} ({signed(done)})", Basis.ATTESTED, evidence, names_statement=True
    )


def _credentialed(educator: Answer | None) -> bool:
    if educator is None or not isinstance(educator.value, str):
        return False
    return bool(_CREDENTIAL.search(educator.value.replace(".", "")))


def _recency(record: Record) -> tuple[str, str]:
    return (record.when.last.isoformat() if record.when else ""), record.reference


@shared_rule(
    "Comprehensive diabetes education",
    reads=(ChartSection.EDUCATION, ChartSection.ENCOUNTERS, ChartSection.ATTESTATIONS),
)
def education_completed_at_any_time(case: Case) -> Finding:
    """A session coded as diabetes self-management education, whenever it was, supports it: codes do not say that the
    program was completed. A stated completion date on or before the order shows it. What only words name is for a
    reviewer. Nutrition therapy, diet education, care plans, referrals and pump training are other things."""
    closes = "Add the completion date of a comprehensive diabetes education program"
    done = case.answer("education-completed")
    records = [r for r in case.chart.education if usable(r.when, case.as_of)]
    sessions = [r for r in records if r.coded_concepts]
    if done is not None and isinstance(done.value, When) and done.value.first <= case.as_of:
        evidence = [case.attestation(done)]
        words = f"Program completed {on_text(done.value)} ({signed(done)})"
        return met(words, Basis.ATTESTED, evidence, names_statement=True)
    if sessions:
        last = max(sessions, key=_recency)
        on = f", last session {on_text(last.when)}" if last.when else ", without a date"
        return met(f"{last.label}{on}", Basis.SUPPORTED, [cite(last)])
    if done is not None and isinstance(done.value, When):
        step = "correct the education date, it lies after the order"
        words = f"The stated completion, {day_text(done.value)}, lies after the order and does not count"
        evidence = [case.attestation(done)]
        finding = unknown(Gap.INCOMPLETE, words, closes, evidence, next_step=step)
    elif records:
        last = max(records, key=_recency)
        words = f"{last.label} {on_text(last.when)}: charted only in words, it may not be diabetes education"
        finding = unknown(Gap.NEEDS_REVIEW, words, closes, map(cite, records[-3:]))
    else:
        finding = unknown(Gap.NOT_DOCUMENTED, "No diabetes self-management education found", closes)
    return case.guarded(finding, ChartSection.EDUCATION, ChartSection.ENCOUNTERS)
