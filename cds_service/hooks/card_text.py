"""The detail of a card, in GitHub-flavored Markdown, short enough to be read in ten seconds.

First what to do, a line for each gap; then what is met, in one line; then what a reviewer may still ask about. Where
that is more than a reader has time for, findings lose their last clauses, and after them the gaps that come last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from cds_service.engine.assessment import Assessment
from cds_service.engine.determination import Applicability, Determination, Outcome
from cds_service.engine.finding import Basis, Finding
from cds_service.engine.plain_text import day_text, sections_text, unbroken
from cds_service.engine.policy import PolicyOnDay
from cds_service.engine.truth import MET
from cds_service.facts import Chart, ChartSection
from cds_service.hooks.markdown import escaped, plain, whole_clauses

# Words of a detail: where one thing is to be done, where many are, and where nothing is or the order is excluded.
SINGLE_GAP_WORDS, MANY_GAPS_WORDS, SETTLED_WORDS = 120, 250, 80
# How much of a finding is shown, in characters: the most that fits in the words of a card.
_LENGTHS = (400, 240, 160, 110, 80, 60)
# Of very many gaps so few are told in a line each.
_FEWEST_GAPS = 3


def word_limit(determination: Determination) -> int:
    """The most words that the detail of a card may have."""
    if determination.outcome in (Outcome.EXCLUDED, Outcome.LIKELY_APPROVED):
        return SETTLED_WORDS
    return SINGLE_GAP_WORDS if len(determination.open_findings) <= 1 else MANY_GAPS_WORDS


def detail(assessment: Assessment, chart: Chart, today: date) -> str:
    """A card's detail: what to do, what is met, what a reviewer may still ask about, and on what it rests."""
    limit = word_limit(assessment.determination)
    excluded = assessment.determination.outcome is Outcome.EXCLUDED
    write = _excluded if excluded else _open_or_met
    text = ""
    for length, gaps, notes in _sizes(len(assessment.determination.findings_in_question)):
        text = unbroken("\n\n".join(write(assessment, chart, today, length, gaps, notes)))
        if len(text.split()) <= limit:
            break
    return text


def first_step(determination: Determination) -> str:
    """What has to be settled with the plan before anything else, and why."""
    step = f"{determination.eligibility[:1].upper()}{determination.eligibility[1:]}"
    return f"{step}: {determination.coverage_note}"


def _sizes(gaps: int) -> Iterator[tuple[int, int, bool]]:
    """Characters of a finding, how many gaps are told, and whether notes are: the most first."""
    yield from ((length, gaps, True) for length in _LENGTHS)
    yield from ((length, gaps, False) for length in _LENGTHS[2:])
    yield from ((_LENGTHS[-1], fewer, False) for fewer in range(gaps - 1, _FEWEST_GAPS - 1, -1))


# ---------------------------------------------------------------- open or met


def _open_or_met(
    assessment: Assessment, chart: Chart, today: date, length: int, most: int, with_notes: bool
) -> Iterator[str]:
    determination, policy = assessment.determination, assessment.policy
    gaps = determination.open_findings
    doubts = determination.possible_exclusions
    steps = [_gap(finding, policy, length, may_exclude=finding in doubts) for finding in gaps[:most]]
    if len(gaps) > most:
        steps.append(f"{len(gaps) - most} more: {_ids(gaps[most:], policy)}. See the questionnaire.")
    if determination.eligibility:
        steps.insert(0, f"**First**: {_sentence(first_step(determination))}")
    if not assessment.order.coded:
        steps.append(policy.words("uncoded"))
    if steps:
        yield _lines(steps)
    yield _met(determination, policy)
    asked = _may_be_asked(determination, policy)
    if asked:
        yield asked
    notes = [*_other_path(determination, policy), *_not_read(determination, policy, chart)]
    if not determination.eligibility:  # which says the same
        notes += _coverage(assessment)
    if with_notes:
        notes += _notes(assessment, today)
    if notes:
        yield _lines(notes)
    yield _rests_on(assessment)


def _gap(finding: Finding, policy: PolicyOnDay, length: int, *, may_exclude: bool) -> str:
    """One line: what was found, and what closes it."""
    found = whole_clauses(_with_parts(finding), length)
    to_do = policy.what_helps(finding)
    if len(to_do) > max(length, _LENGTHS[2]):
        to_do = policy.next_step(finding)
        to_do = f"{to_do[:1].upper()}{to_do[1:]}"
    name = f"**{escaped(policy.labeled(finding.id))}**{' (may exclude the pump)' if may_exclude else ''}"
    return f"{name}: {_sentence(found)} **To do**: {_sentence(to_do)}"


def _with_parts(finding: Finding) -> str:
    """What was found, with what its open parts have found, where the finding does not say it itself."""
    parts = [part.explanation for part in finding.parts if part.evidence and part.truth is not MET]
    if not parts or finding.quotes_parts:
        return finding.explanation
    return "; ".join((finding.explanation, *parts))


def _met(determination: Determination, policy: PolicyOnDay) -> str:
    """How many of the criteria are met, and which."""
    required = determination.required_findings
    met = [finding for finding in required if finding.truth is MET]
    if not met:
        return f"None of {len(required)} criteria is met yet."
    what = (
        f"All {len(required)} criteria are"
        if len(met) == len(required)
        else (f"{len(met)} of {len(required)} criteria {'is' if len(met) == 1 else 'are'}")
    )
    return f"{what} met: {_ids(met, policy)}."


def _may_be_asked(determination: Determination, policy: PolicyOnDay) -> str:
    """The criteria that the chart only suggests."""
    suggested = suggested_only(determination.required_findings)
    if not suggested:
        return ""
    return f"A reviewer may still ask about {_ids(suggested, policy)}: the chart suggests it without stating it."


def suggested_only(findings: Iterable[Finding]) -> list[Finding]:
    """The criteria that are met by what the chart suggests, and by no document or statement."""
    return [finding for finding in findings if finding.truth is MET and finding.basis is Basis.SUPPORTED]


def _other_path(determination: Determination, policy: PolicyOnDay) -> Iterator[str]:
    """A pump in use and no word about replacement: which path it is, and what that one still needs."""
    replacement = policy.policy.replacement
    if replacement is None or not _asks_for_path(determination):
        return
    wanted = {rule.section for rule in replacement.required}
    lacking = [f for f in determination.replacement if f.id in wanted and f.truth is not MET]
    needs = f" {policy.words('replacement_heading')}, still open: {_labels(lacking, policy)}." if lacking else ""
    yield f"{policy.words('ask_replacement')}{needs}"


def _not_read(determination: Determination, policy: PolicyOnDay, chart: Chart) -> Iterator[str]:
    """What could not be read in full and could change something, as far as no gap says it."""
    lacking = [name for name in policy.policy.dependencies if name in chart.unread or name in chart.partial]
    sections = [finding.id for finding in (*determination.open_findings, *determination.replacement)]
    names = [policy.policy.section_names.get(name, name) for name in lacking if _may_change(name, sections, policy)]
    said = " ".join(finding.explanation.casefold() for finding in determination.open_findings)
    unsaid = [name for name in names if f"{name.casefold()} could not be read" not in said]
    if unsaid and determination.outcome is Outcome.NEEDS_DOCUMENTATION:
        yield f"Could not be read in full: {', '.join(unsaid)}."


def _may_change(name: str, sections: Iterable[str], policy: PolicyOnDay) -> bool:
    """Whether a part of the chart feeds a section that is open, or says whose plan it is and where the member lives."""
    if name in (ChartSection.PATIENT, ChartSection.COVERAGE):
        return True
    return any(policy.feeds_any([name], section) for section in sections)


# ---------------------------------------------------------------- excluded


def _excluded(
    assessment: Assessment, _chart: Chart, _today: date, length: int, most: int, _with_notes: bool
) -> Iterator[str]:
    """What excludes the order, what was asked there, and what would lift it: nothing else."""
    determination, policy = assessment.determination, assessment.policy
    findings = determination.excluding_findings
    yield _lines(_exclusion(finding, policy, length) for finding in findings[: max(most, 1)])
    if assessment.determination.eligibility:
        yield f"{_sentence(first_step(determination))}"
    yield _rests_on(assessment)


def _exclusion(finding: Finding, policy: PolicyOnDay, length: int) -> str:
    asked = next((q.text for q in policy.questions if q.criterion == finding.id), "")
    question = f" Question: {escaped(asked)}" if asked else ""
    found = _sentence(whole_clauses(finding.explanation, length))
    lifts = _sentence(policy.what_helps(finding))
    return f"**{escaped(policy.labeled(finding.id))}**: {found}{question} **To lift it**: {lifts}"


# ---------------------------------------------------------------- notes


def remarks(assessment: Assessment, today: date, *, coverage: bool = True) -> list[str]:
    """What a reader should know beside the findings, in Markdown; `coverage`: also that it was not verified."""
    lines = [*_coverage(assessment)] if coverage else []
    lines += _notes(assessment, today)
    if _asks_for_path(assessment.determination):
        lines.append(assessment.policy.words("ask_replacement"))
    if not assessment.order.coded:
        lines.append(assessment.policy.words("uncoded"))
    return list(dict.fromkeys(lines))


def _coverage(assessment: Assessment) -> Iterator[str]:
    determination, policy = assessment.determination, assessment.policy
    if determination.coverage is Applicability.UNVERIFIED:
        why = escaped(determination.coverage_note)
        yield f"Coverage was not verified: {why}. This holds if the member has a {policy.words('plan')}."


def _notes(assessment: Assessment, today: date) -> list[str]:
    """How old the order is, and facts that decide nothing."""
    determination = assessment.determination
    age = (today - determination.as_of).days
    lines = []
    if age > assessment.policy.parameters["order_age_days"]:
        lines.append(f"The order is {age} days old ({day_text(determination.as_of)}); it was checked for that day.")
    for finding in determination.criteria:
        for part in finding.tree:
            lines += [_sentence(remark) for remark in part.remarks]
    return list(dict.fromkeys(lines))


def _asks_for_path(determination: Determination) -> bool:
    """A pump in use and no word about replacement: the clinician is asked which path this is."""
    return bool(determination.replacement) and not determination.on_replacement_path


def _rests_on(assessment: Assessment) -> str:
    """For which order this is said, and that it is no decision."""
    policy, day = assessment.policy, assessment.determination.as_of
    order = escaped(whole_clauses(assessment.order.label, _LENGTHS[-1]))
    return f"{order}, {day_text(day)}. Predicted from {escaped(policy.payer)} {policy.id}; the plan decides."


# ---------------------------------------------------------------- pieces


def _ids(findings: Sequence[Finding], policy: PolicyOnDay) -> str:
    return sections_text((finding.id for finding in findings), tuple(policy.policy.rules))


def _labels(findings: Sequence[Finding], policy: PolicyOnDay) -> str:
    return ", ".join(escaped(policy.labeled(finding.id)) for finding in findings)


def _sentence(text: str) -> str:
    """With one full stop."""
    return f"{escaped(plain(text)).rstrip('. ')}."


def _lines(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
