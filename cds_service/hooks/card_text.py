"""The detail of a card, in GitHub-flavored Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from cds_service.engine.assessment import Assessment
from cds_service.engine.determination import Applicability, Determination, Outcome
from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.policy import PolicyOnDay
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.facts import Chart, ChartSection
from cds_service.hooks.markdown import escaped


def detail(assessment: Assessment, chart: Chart, today: date) -> Iterator[str]:
    """The paragraphs of a card's detail, most important first."""
    determination, policy = assessment.determination, assessment.policy
    version = f"{policy.payer} {policy.id} (version {determination.policy_version})"
    yield f"**{escaped(assessment.order.label)}**, judged as of {determination.as_of} under {version}."
    if determination.eligibility:
        yield f"**First**: {escaped(determination.eligibility)}."
    if determination.outcome is Outcome.EXCLUDED:
        yield "The policy text excludes this, and a plan reviewer will say no:"
        yield _lines(_item(f, policy) for f in determination.excluding_findings)
        yield "If the chart or the statement is wrong, correct it and sign again; else remove the order."
    if determination.reason:
        yield f"{escaped(determination.reason)}."
    if determination.outcome is not Outcome.EXCLUDED:
        yield from _gaps(determination, policy)
    yield from _other_path(determination, policy)
    yield from _not_read(determination, policy, chart)
    lines = remarks(assessment, today)
    if lines:
        yield "**Note**\n\n" + _lines(lines)
    excluded = determination.outcome is Outcome.EXCLUDED
    shown = [] if excluded else [f for f in determination.required_findings if f.truth is MET]
    if shown:
        yield "**Shown**\n\n" + _lines(f"{_name(f, policy)}: {escaped(f.explanation)}{_basis_suffix(f)}" for f in shown)
    yield "This predicts what a reviewer will say; it decides nothing."


def first_step(determination: Determination) -> str:
    """What has to be settled with the plan before anything else, and why."""
    step = f"{determination.eligibility[:1].upper()}{determination.eligibility[1:]}"
    return f"{step}: {determination.coverage_note}"


def _gaps(determination: Determination, policy: PolicyOnDay) -> Iterator[str]:
    """What is open, under what it has in common: first what stands against it, last what could not be read."""
    gaps, doubts = determination.open_findings, determination.possible_exclusions
    headings = {finding.id: _heading(finding, doubt=finding in doubts) for finding in gaps}
    for heading in (_CHART_SAYS_NO, _STATEMENT_SAYS_NO, _MAY_EXCLUDE, _TO_ADD, _UNREAD):
        findings = [finding for finding in gaps if headings[finding.id] == heading]
        if findings:
            yield f"**{heading}**\n\n" + _lines(_item(finding, policy) for finding in findings)


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


def _not_read(determination: Determination, policy: PolicyOnDay, chart: Chart) -> Iterator[str]:
    """One line on what could not be read whole and could change something, what it feeds, and what to do."""
    lacking = [name for name in policy.policy.dependencies if name in chart.unread or name in chart.partial]
    sections = [finding.id for finding in (*determination.open_findings, *determination.replacement)]
    names = [name for name in lacking if _may_change(name, sections, policy)]
    if names and determination.outcome is Outcome.NEEDS_DOCUMENTATION:
        fed = policy.policy.dependencies
        called = policy.policy.section_names
        named = "; ".join(f"{called.get(name, name)} ({', '.join(fed[name])})" for name in names)
        yield f"**Not read whole**: {named}. Let the service read these in the EHR, or send the records to the plan."


def _may_change(name: str, sections: Iterable[str], policy: PolicyOnDay) -> bool:
    """Whether a part of the chart feeds a section that is open, or says whose plan it is and where the member lives."""
    if name in (ChartSection.PATIENT, ChartSection.COVERAGE):
        return True
    return any(policy.feeds_any([name], section) for section in sections)


def _other_path(determination: Determination, policy: PolicyOnDay) -> Iterator[str]:
    replacement = policy.policy.replacement
    if replacement is not None and _asks_for_path(determination):
        wanted = {rule.section for rule in replacement.required}
        needed = [f for f in determination.replacement if f.id in wanted]
        yield f"**{policy.words('replacement_heading')}**\n\n" + _lines(
            f"{_name(f, policy)}: {_STANDS[f.truth]}. {_sentence(f.explanation)}" for f in needed
        )


_STANDS = {MET: "shown", NOT_MET: "not met", UNKNOWN: "not shown yet"}


def _item(finding: Finding, policy: PolicyOnDay) -> str:
    """One finding: what was found, and what closes it."""
    found = f"{_name(finding, policy)}: {_sentence(finding.explanation)}"
    parts = [f"{escaped(p.explanation)} ({p.id})" for p in finding.parts if p.evidence and p.truth is UNKNOWN]
    if parts and not finding.quotes_parts:
        found += f" Found: {'; '.join(parts)}."
    if finding.truth is MET and finding.basis is not Basis.SUPPORTED:
        return found  # it excludes, and nothing closes it
    how = policy.how_to_close(finding)
    return " ".join((found, escaped(policy.what_helps(finding)), *((f"{how}.",) if how else ())))


def _sentence(text: str) -> str:
    """With one full stop."""
    return f"{escaped(text).rstrip('. ')}."


def _name(finding: Finding, policy: PolicyOnDay) -> str:
    return f"**{policy.labeled(finding.id)}**"


def _basis_suffix(finding: Finding) -> str:
    """Says when a met criterion rests on less than documentation."""
    if finding.basis is Basis.SUPPORTED:
        return " (supported; a reviewer may still ask)"
    return " (attested)" if finding.basis is Basis.ATTESTED and not finding.names_statement else ""


def remarks(assessment: Assessment, today: date, *, coverage: bool = True) -> list[str]:
    """What a reader should know beside the findings, in Markdown; `coverage`: also that it was not verified."""
    determination, policy = assessment.determination, assessment.policy
    lines = []
    if coverage and determination.coverage is Applicability.UNVERIFIED:
        why = escaped(determination.coverage_note)
        lines.append(f"Coverage was not verified: {why}. This holds if the member has a {policy.words('plan')}.")
    age = (today - determination.as_of).days
    if age > policy.parameters["order_age_days"]:
        lines.append(f"The order is {age} days old (of {determination.as_of}) and was judged at that date.")
    for finding in determination.criteria:
        for part in finding.tree:
            lines += [f"{escaped(remark)}." for remark in part.remarks]
    if _asks_for_path(determination):
        lines.append(policy.words("ask_replacement"))
    if not assessment.order.coded:
        lines.append(policy.words("uncoded"))
    return list(dict.fromkeys(lines))


def _asks_for_path(determination: Determination) -> bool:
    """A pump in use and no word about replacement: the clinician is asked which path this is, and sees both."""
    return bool(determination.replacement) and not determination.on_replacement_path


def _lines(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
