"""What a card says beside findings: coverage, what could not be read, another pathway, facts that decide nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from cds_service.engine.assessment import Assessment
from cds_service.engine.determination import Applicability, Determination, Outcome
from cds_service.engine.finding import Finding
from cds_service.engine.plain_text import capitalized, day_text
from cds_service.engine.policy import PolicyOnDay
from cds_service.engine.truth import MET
from cds_service.facts import Chart, ChartSection
from cds_service.hooks.markdown import escaped, plain


def first_step(determination: Determination) -> str:
    """What has to be settled with the plan before anything else, and why."""
    return f"{capitalized(determination.eligibility)}. {capitalized(determination.coverage_note)}"


def other_path(determination: Determination, policy: PolicyOnDay) -> Iterator[str]:
    """A pump in use and no word about replacement: which path it is, and what that one still needs."""
    replacement = policy.policy.replacement
    if replacement is None or not _asks_for_path(determination):
        return
    wanted = {rule.section for rule in replacement.required}
    lacking = [f for f in determination.replacement if f.id in wanted and f.truth is not MET]
    needs = f" {policy.words('replacement_heading')}, still open: {labels(lacking, policy)}." if lacking else ""
    yield f"{policy.words('ask_replacement')}{needs}"


def not_read(determination: Determination, policy: PolicyOnDay, chart: Chart) -> Iterator[str]:
    """What could not be read in full and could change something, as far as no gap says it."""
    lacking = [name for name in policy.policy.dependencies if name in chart.unread or name in chart.partial]
    sections = [finding.id for finding in (*determination.open_findings, *determination.replacement)]
    told = {each.not_read for finding in determination.open_findings for each in finding.tree}
    untold = [name for name in lacking if name not in told and _may_change(name, sections, policy)]
    if untold and determination.outcome is Outcome.NEEDS_DOCUMENTATION:
        names = ", ".join(policy.policy.section_names.get(name, name) for name in untold)
        yield f"Could not be read in full: {names}."


def _may_change(name: str, sections: Iterable[str], policy: PolicyOnDay) -> bool:
    """Whether a part of the chart feeds a section that is open, or says whose plan it is and where the member lives."""
    if name in (ChartSection.PATIENT, ChartSection.COVERAGE):
        return True
    return any(policy.feeds_any([name], section) for section in sections)


def remarks(assessment: Assessment, today: date, *, coverage: bool = True) -> list[str]:
    """What a reader should know beside the findings, in Markdown; `coverage`: also that it was not verified."""
    lines = [*coverage_note(assessment)] if coverage else []
    lines += notes_of(assessment, today)
    if _asks_for_path(assessment.determination):
        lines.append(assessment.policy.words("ask_replacement"))
    if not assessment.order.coded:
        lines.append(assessment.policy.words("uncoded"))
    return list(dict.fromkeys(lines))


def coverage_note(assessment: Assessment) -> Iterator[str]:
    """That the coverage was not verified, and why."""
    determination, policy = assessment.determination, assessment.policy
    if determination.coverage is Applicability.UNVERIFIED:
        why = escaped(determination.coverage_note)
        yield f"Coverage was not verified: {why}. This holds if the member has a {policy.words('plan')}."


def notes_of(assessment: Assessment, today: date) -> list[str]:
    """How old the order is, and facts that decide nothing."""
    determination = assessment.determination
    age = (today - determination.as_of).days
    lines = []
    if age > assessment.policy.parameters["order_age_days"]:
        lines.append(f"The order is {age} days old ({day_text(determination.as_of)}); it was checked for that day.")
    for finding in determination.criteria:
        for part in finding.tree:
            lines += [sentence(remark) for remark in part.remarks]
    return list(dict.fromkeys(lines))


def _asks_for_path(determination: Determination) -> bool:
    """A pump in use and no word about replacement: the clinician is asked which path this is."""
    return bool(determination.replacement) and not determination.on_replacement_path


def labels(findings: Sequence[Finding], policy: PolicyOnDay) -> str:
    """Sections with their short titles, in a list."""
    return ", ".join(escaped(policy.labeled(finding.id)) for finding in findings)


def sentence(text: str) -> str:
    """With one full stop."""
    return f"{escaped(plain(text)).rstrip('. ')}."
