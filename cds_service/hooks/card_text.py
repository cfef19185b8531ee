"""The detail of a card, in GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from cds_service.engine.determination import CoverageStanding, Determination, Outcome
from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.facts import Chart, DeviceOrder, Topic
from cds_service.hooks.in_question import doubtful, excluding, required, still_open
from cds_service.hooks.markdown import escaped
from cds_service.policies.mp_mm_1316 import PARAMETERS, PAYER, POLICY_ID, UNITS
from cds_service.policies.mp_mm_1316.needs import FEEDS, NAMES, feeds_any
from cds_service.policies.mp_mm_1316.remedies import how_to_close, what_helps


def detail(order: DeviceOrder, determination: Determination, chart: Chart, today: date) -> Iterator[str]:
    """The paragraphs of a card's detail, most important first."""
    version = f"{PAYER} {POLICY_ID} (version {determination.policy_version})"
    yield f"**{escaped(order.label)}**, judged as of {determination.as_of} under {version}."
    if determination.eligibility:
        yield f"**First**: {escaped(determination.eligibility)}."
    if determination.outcome is Outcome.EXCLUDED:
        yield "The policy text excludes this, and a plan reviewer will say no:"
        yield _lines(_item(f) for f in excluding(determination))
        yield "If the chart or the statement is wrong, correct it and sign again; else remove the order."
    if determination.reason:
        yield f"{escaped(determination.reason)}."
    if determination.outcome is not Outcome.EXCLUDED:
        yield from _gaps(determination)
    yield from _other_path(determination)
    yield from _not_read(determination, chart)
    lines = remarks(order, determination, today)
    if lines:
        yield "**Note**\n\n" + _lines(lines)
    excluded = determination.outcome is Outcome.EXCLUDED
    shown = [] if excluded else [f for f in required(determination) if f.truth is MET]
    if shown:
        yield "**Shown**\n\n" + _lines(f"{_name(f)}: {escaped(f.explanation)}{_weak(f)}" for f in shown)
    yield "This predicts what a reviewer will say; it decides nothing."


def first_step(determination: Determination) -> str:
    """What has to be settled with the plan before anything else, and why."""
    step = f"{determination.eligibility[:1].upper()}{determination.eligibility[1:]}"
    return f"{step}: {determination.coverage_note}"


def _gaps(determination: Determination) -> Iterator[str]:
    """What is open, under what it has in common: first what stands against it, last what could not be read."""
    gaps, doubts = still_open(determination), doubtful(determination)
    headings = {finding.id: _heading(finding, doubt=finding in doubts) for finding in gaps}
    for heading in (_CHART_SAYS_NO, _STATEMENT_SAYS_NO, _MAY_EXCLUDE, _TO_ADD, _UNREAD):
        findings = [finding for finding in gaps if headings[finding.id] == heading]
        if findings:
            yield f"**{heading}**\n\n" + _lines(map(_item, findings))


_CHART_SAYS_NO = "The chart shows otherwise"
_STATEMENT_SAYS_NO = "The signed statement says otherwise"
_MAY_EXCLUDE = "May exclude the pump"
_TO_ADD = "To add"
_UNREAD = "Could not be read"


def _heading(finding: Finding, *, doubt: bool) -> str:
    if finding.gap is Gap.NOT_RETRIEVED:
        return _UNREAD
    if doubt:
        return _MAY_EXCLUDE
    if finding.truth is UNKNOWN:
        return _TO_ADD
    return _STATEMENT_SAYS_NO if finding.basis is Basis.ATTESTED else _CHART_SAYS_NO


def _not_read(determination: Determination, chart: Chart) -> Iterator[str]:
    """One line on what could not be read whole and could change something, what it feeds, and what to do."""
    lacking = [topic for topic in Topic if topic in chart.unread or topic in chart.partial]
    sections = [finding.id for finding in (*still_open(determination), *determination.replacement)]
    topics = [topic for topic in lacking if _may_change(topic, sections)]
    if topics and determination.outcome is Outcome.NEEDS_DOCUMENTATION:
        named = "; ".join(f"{NAMES[topic]} ({', '.join(FEEDS[topic])})" for topic in topics)
        yield f"**Not read whole**: {named}. Let the service read these in the EHR, or send the records to the plan."


def _may_change(topic: Topic, sections: Iterable[str]) -> bool:
    """Whether a part of the chart feeds a section that is open, or says whose plan it is and where the member lives."""
    return "coverage" in FEEDS[topic] or any(feeds_any([topic], section) for section in sections)


def _other_path(determination: Determination) -> Iterator[str]:
    if _asks_for_path(determination):
        needed = [f for f in determination.replacement if f.id.startswith("D.III.A")]
        yield "**If it replaces or repairs the pump in use (D.III)**\n\n" + _lines(
            f"{_name(f)}: {_STANDS[f.truth]}. {_sentence(f.explanation)}" for f in needed
        )


_STANDS = {MET: "shown", NOT_MET: "not met", UNKNOWN: "not shown yet"}


def _item(finding: Finding) -> str:
    """One finding: what was found, and what closes it."""
    found = f"{_name(finding)}: {_sentence(finding.explanation)}"
    parts = [
        f"{escaped(p.explanation)} ({p.id})"
        for p in finding.parts
        if p.evidence and p.truth is UNKNOWN and p.explanation not in finding.explanation
    ]
    if parts:
        found += f" Found: {'; '.join(parts)}."
    if finding.truth is MET and finding.basis is not Basis.SUPPORTED:
        return found  # it excludes, and nothing closes it
    how = how_to_close(finding)
    return " ".join((found, escaped(what_helps(finding)), *((f"{how}.",) if how else ())))


def _sentence(text: str) -> str:
    """With one full stop."""
    return f"{escaped(text).rstrip('. ')}."


def _name(finding: Finding) -> str:
    return f"**{finding.id} {UNITS[finding.id].title}**" if finding.id in UNITS else f"**{finding.id}**"


def _weak(finding: Finding) -> str:
    """Says when a met criterion rests on less than documentation."""
    if finding.basis is Basis.SUPPORTED:
        return " (supported; a reviewer may still ask)"
    told = "attested" in finding.explanation.casefold()
    return " (attested)" if finding.basis is Basis.ATTESTED and not told else ""


def remarks(order: DeviceOrder, determination: Determination, today: date, *, coverage: bool = True) -> list[str]:
    """What a reader should know beside the findings, in Markdown; `coverage`: also that it was not verified."""
    lines = []
    if coverage and determination.coverage is CoverageStanding.UNVERIFIED:
        why = escaped(determination.coverage_note)
        lines.append(f"Coverage was not verified: {why}. This holds if the member has a {PAYER} Marketplace plan.")
    age = (today - determination.as_of).days
    if age > PARAMETERS["order_age_days"].on(determination.as_of):
        lines.append(f"The order is {age} days old (of {determination.as_of}) and was judged at that date.")
    for finding in determination.criteria:
        for part in (finding, *finding.parts):
            lines += [f"{escaped(remark)}." for remark in part.remarks]
    if _asks_for_path(determination):
        lines.append(
            "A pump is in use. Is this order a replacement or repair (D.III)? Say so on the order (modifier RA or RB) "
            "or in the questionnaire; then D.I.A, the reason and the exclusions are judged instead."
        )
    if not order.coded:
        lines.append(
            "No HCPCS code of the device is known from the order: add it (E0784, E0787, A9274 or S1034 for an external "
            "insulin pump)."
        )
    return list(dict.fromkeys(lines))


def _asks_for_path(determination: Determination) -> bool:
    """A pump in use and no word about replacement: the clinician is asked which path this is, and sees both."""
    return bool(determination.replacement) and not determination.on_replacement_path


def _lines(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
