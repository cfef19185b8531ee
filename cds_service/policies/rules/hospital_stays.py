"""Recurrent ketoacidosis or hypoglycemia with recurrent or prolonged hospital stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, time

from cds_service.concepts import Concept
from cds_service.engine.finding import Basis, Finding, Gap, best_supported, met, unknown
from cds_service.engine.plain_text import day_text, on_text
from cds_service.engine.rule import shared_rule
from cds_service.engine.wording import counted
from cds_service.facts import ChartSection, Visit, When
from cds_service.policies.rules.case import Case, cite, usable
from cds_service.policies.rules.hypoglycemia import has_diabetes
from cds_service.policies.rules.low_glucose import by_time, last_moment, may_follow
from cds_service.policies.rules.phrases import counted_in_words, dated_labels, sentence

_REMEDY = "Send the discharge summaries of the stays for ketoacidosis or hypoglycemia"


@shared_rule(
    "Hospital stays for ketoacidosis or hypoglycemia",
    "hospital_stays",
    "transfer_hours",
    reads=(
        ChartSection.CONDITIONS,
        ChartSection.ENCOUNTERS,
        ChartSection.ATTESTATIONS,
    ),
)
def recurrent_hospital_stays(case: Case) -> Finding:
    """{hospital_stays:Words} or more inpatient stays for ketoacidosis or hypoglycemia on different days document it;
    fewer need a reviewer, who sees how long they were. Stays that overlap, or begin within {transfer_hours:hours} of
    another's end (a transfer), are one. Emergency and observation visits are no stays; a visit whose class cannot be
    read is for a reviewer; hyperosmolar states are not ketoacidosis. The text prints 'history or recurrent' and is read
    as history of recurrent."""
    attested = case.attested(
        "recurrent-hospital-stays", "Recurrent or prolonged hospital stays", "No recurrent or prolonged hospital stays"
    )
    return best_supported(attested, case.guarded(_stays(case), ChartSection.CONDITIONS, ChartSection.ENCOUNTERS))


def _stays(case: Case) -> Finding:
    visits = [v for v in case.chart.visits if usable(v.when, case.as_of)]
    reasons = _reasons(case)
    documented = [v for v in visits if v.inpatient and v.concepts & reasons]
    supported = [v for v in visits if v.inpatient and v.coded_concepts & reasons]
    for stays, basis in ((documented, Basis.DOCUMENTED), (supported, Basis.SUPPORTED)):
        distinct = distinct_stays(stays, case.parameters["transfer_hours"])
        if len(distinct) >= case.parameters["hospital_stays"]:
            explanation = f"{len(distinct)} inpatient stays, last {on_text(distinct[-1][0].when)}"
            return met(explanation, basis, map(cite, stays))
    return _not_shown(case, visits, supported)


def _not_shown(case: Case, visits: Sequence[Visit], stays: Sequence[Visit]) -> Finding:
    """The finding for too few certain stays: what a reviewer has to read, else visits that do not count as stays."""
    reasons = _reasons(case)
    in_words = [v for v in visits if v.inpatient and v.review & reasons and not v.coded_concepts & reasons]
    unclear = [v for v in visits if v.inpatient is None and v.all_concepts & reasons]
    clauses = []
    if stays:
        clauses.append(_few_stays(distinct_stays(stays, case.parameters["transfer_hours"]), stays))
    if in_words:
        clauses.append(f"inpatient stays that only words name: {dated_labels(in_words)}")
    if unclear:
        clauses.append(f"visits that may or may not be inpatient stays: {dated_labels(unclear)}")
    if clauses:
        return unknown(Gap.NEEDS_REVIEW, sentence(clauses), _REMEDY, map(cite, (*stays, *in_words, *unclear)))
    others = [v for v in visits if v.inpatient is False and v.concepts & reasons]
    charted = [] if others else [d for d in case.diagnoses if d.concepts & {Concept.KETOACIDOSIS}]
    hyperosmolar = [v for v in visits if v.inpatient and Concept.HYPEROSMOLAR_STATE in v.concepts]
    if others:
        clauses.append(f"visits that were not inpatient stays: {dated_labels(others)}")
    if charted:
        clauses.append(f"ketoacidosis is charted without an inpatient stay: {dated_labels(charted)}")
    if hyperosmolar:
        clauses.append(f"a hyperosmolar state, which is not ketoacidosis: {dated_labels(hyperosmolar)}")
    if clauses:
        return unknown(Gap.INCOMPLETE, sentence(clauses), _REMEDY, map(cite, (*others, *charted, *hyperosmolar)))
    return unknown(Gap.NOT_DOCUMENTED, "No inpatient stay for ketoacidosis or hypoglycemia is charted", _REMEDY)


def _reasons(case: Case) -> frozenset[Concept]:
    general = {Concept.HYPOGLYCEMIA_GENERIC} if has_diabetes(case) else set()
    return frozenset({Concept.KETOACIDOSIS, Concept.HYPOGLYCEMIA} | general)


def distinct_stays(stays: Iterable[Visit], hours: int) -> list[list[Visit]]:
    """Stays that are certainly different ones, by date: an overlap or a transfer is one; one without a date counts
    with none."""
    groups: list[list[Visit]] = []
    # The last ends of the present group, with a time of day and without one: what follows any end follows one of them.
    ends: dict[bool, When] = {}
    for stay in sorted((s for s in stays if s.when is not None), key=by_time):
        if any(may_follow(end, stay, hours) for end in ends.values()):
            groups[-1].append(stay)
        else:
            groups.append([stay])
            ends = {}
        end = last_moment(stay)
        timed = end.clock is not None
        ends[timed] = max(ends.get(timed, end), end, key=lambda when: (when.last, when.clock or time.min))
    return groups


def _few_stays(distinct: Sequence[Sequence[Visit]], stays: Sequence[Visit]) -> str:
    """The stays that are there, fewer than it takes, with their length."""
    if len(distinct) < 2:
        return f"{_one_stay(stays)}, which may be a prolonged one"
    lengths = "; ".join(_dated_length(parts) for parts in distinct)
    return f"{counted_in_words(len(distinct), 'inpatient stay')} ({lengths}), which may be prolonged ones"


def _dated_length(parts: Sequence[Visit]) -> str:
    length = _length(parts)
    day = _day(parts[0])
    return day if length is None else f"{day}, {counted(length, 'day')}"


def _day(stay: Visit) -> str:
    return day_text(stay.when) if stay.when else "undated"


def _one_stay(stays: Sequence[Visit]) -> str:
    """The one stay with its length, and what was taken for part of it."""
    length = _length(stays)
    dates = "; ".join(dict.fromkeys(map(_day, stays)))
    days = f" of {counted(length, 'day')}" if length is not None else ""
    shown = f"One inpatient stay{days} ({dates})"
    return f"{shown}, recorded as {len(stays)} that overlap or follow each other" if len(stays) > 1 else shown


def _length(stays: Sequence[Visit]) -> int | None:
    """Days from the first day to the last; None when an end is not stated."""
    if len(stays) == 1:
        return stays[0].days
    starts = [s.when.first for s in stays if s.when is not None]
    ends: list[date] = [s.end.last for s in stays if s.end is not None]
    return (max(ends) - min(starts)).days if starts and len(ends) == len(stays) else None
