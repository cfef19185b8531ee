"""The detail of a card, in GitHub-flavored Markdown, short enough to be read in ten seconds.

First what to do, a line for each gap; then what is met, in one line; then what a reviewer may still ask about. Where
that is more than a reader has time for, findings lose their last clauses, and after them the gaps that come last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from cds_service.engine.assessment import Assessment
from cds_service.engine.determination import Determination, Outcome
from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.plain_text import capitalized, day_text, sections_text, unbroken
from cds_service.engine.policy import PolicyOnDay
from cds_service.engine.truth import MET, UNKNOWN
from cds_service.facts import Chart
from cds_service.hooks.card_notes import coverage_note, first_step, labels, not_read, notes_of, other_path, sentence
from cds_service.hooks.markdown import escaped, plain, whole_clauses

# Words of a detail: where one thing is to be done, where many are, and where nothing is or the order is excluded.
SINGLE_GAP_WORDS, MANY_GAPS_WORDS, SETTLED_WORDS = 120, 250, 80
# How much of a finding is shown, in characters: the most that fits in the words of a card. At last only what to do.
_LENGTHS = (400, 240, 160, 110, 80, 50)
_LONGEST_STEP = 160
_LONGEST_LABEL = 60
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
    for size in _sizes(len(assessment.determination.findings_in_question)):
        text = unbroken("\n\n".join(write(assessment, chart, today, size)))
        if len(text.split()) <= limit:
            break
    return text


@dataclass(frozen=True, slots=True)
class _Size:
    """How much a card says: characters of what was found, of what to do, how many gaps, and whether notes."""

    found: int
    gaps: int
    whole_steps: bool = True
    notes: bool = True


def _sizes(gaps: int) -> Iterator[_Size]:
    """From the most to the least."""
    yield from (_Size(length, gaps) for length in _LENGTHS[:3])
    yield from (_Size(length, gaps, whole_steps=False) for length in _LENGTHS[1:])
    yield from (_Size(length, gaps, whole_steps=False, notes=False) for length in (*_LENGTHS[2:], 0))
    yield from (_Size(0, fewer, whole_steps=False, notes=False) for fewer in range(gaps - 1, _FEWEST_GAPS - 1, -1))


# ---------------------------------------------------------------- open or met


def _open_or_met(assessment: Assessment, chart: Chart, today: date, size: _Size) -> Iterator[str]:
    determination, policy = assessment.determination, assessment.policy
    gaps = determination.open_findings
    doubts = determination.possible_exclusions
    steps = [_gap(finding, policy, size, may_exclude=finding in doubts) for finding in gaps[: size.gaps]]
    if len(gaps) > size.gaps:
        steps.append(f"{len(gaps) - size.gaps} more: {_ids(gaps[size.gaps :], policy)}. See the questionnaire.")
    if determination.eligibility:
        steps.insert(0, f"**First**: {sentence(first_step(determination))}")
    if not assessment.order.coded:
        steps.append(policy.words("uncoded"))
    if steps:
        yield _lines(steps)
    yield _met(determination, policy)
    asked = _may_be_asked(determination, policy)
    if asked:
        yield asked
    notes = [*other_path(determination, policy)]
    if not determination.eligibility:  # which says the same
        notes += coverage_note(assessment)
    if size.notes:
        notes += not_read(determination, policy, chart)
        notes += notes_of(assessment, today)
    if notes:
        yield _lines(notes)
    yield _rests_on(assessment)


def _gap(finding: Finding, policy: PolicyOnDay, size: _Size, *, may_exclude: bool) -> str:
    """One line: what was found, and what closes it."""
    found, to_do = _shortened(_with_parts(finding), size.found), policy.what_helps(finding)
    if len(to_do) > max(size.found, _LONGEST_STEP) or not size.whole_steps:
        to_do = _short_step(finding, policy)
    name = f"**{escaped(policy.labeled(finding.id))}**{' (may exclude the pump)' if may_exclude else ''}"
    return f"{name}: {f'{sentence(found)} ' if found else ''}**To do**: {sentence(to_do)}"


def _short_step(finding: Finding, policy: PolicyOnDay) -> str:
    """What closes a gap in a few words; where the step of a title would only say again what was found, what helps."""
    if finding.truth is UNKNOWN and finding.gap is not Gap.NOT_RETRIEVED:
        return capitalized(policy.next_step(finding))
    return policy.what_helps(finding).partition("; or ")[0]


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
    them = "it" if len(suggested) == 1 else "them"
    ids = _ids(suggested, policy)
    return f"A reviewer may still ask about {ids}: the chart suggests {them} without stating {them}."


def suggested_only(findings: Iterable[Finding]) -> list[Finding]:
    """The criteria that are met by what the chart suggests, and by no document or statement."""
    return [finding for finding in findings if finding.truth is MET and finding.basis is Basis.SUPPORTED]


# ---------------------------------------------------------------- excluded


def _excluded(assessment: Assessment, _chart: Chart, _today: date, size: _Size) -> Iterator[str]:
    """What excludes the order, what was asked there, and what would lift it: nothing else."""
    determination, policy = assessment.determination, assessment.policy
    first, *others = determination.excluding_findings
    lines = [_exclusion(first, policy, size.found)]
    if others:
        lines.append(f"Also excluded by {labels(others, policy)}.")
    yield _lines(lines)
    if assessment.determination.eligibility:
        yield f"{sentence(first_step(determination))}"
    yield _rests_on(assessment)


def _question(finding: Finding, policy: PolicyOnDay) -> str:
    """What was asked: of an exclusion by statement its own question, of a refused reason the one for the reason."""
    own = next((q.text for q in policy.questions if q.criterion == finding.id), "")
    replacement = policy.policy.replacement
    if own or replacement is None or finding.id not in {rule.section for rule in replacement.refusals}:
        return own
    of_path = [q for q in policy.questions if q.section == replacement.root and q.required]
    return of_path[0].text if of_path else ""


def _exclusion(finding: Finding, policy: PolicyOnDay, length: int) -> str:
    asked = _question(finding, policy)
    question = f" Question: {escaped(asked)}" if asked else ""
    found = sentence(whole_clauses(finding.explanation, max(length, _LONGEST_STEP)))
    lifts = sentence(policy.what_helps(finding))
    return f"**{escaped(policy.labeled(finding.id))}**: {found}{question} **To lift it**: {lifts}"


def _rests_on(assessment: Assessment) -> str:
    """For which order this is said, and that it is no decision."""
    policy, day = assessment.policy, assessment.determination.as_of
    order = escaped(_short_label(assessment.order.label))
    return f"{order}, {day_text(day)}. Predicted from {escaped(policy.payer)} {policy.id}; the plan decides."


# ---------------------------------------------------------------- pieces


def _shortened(text: str, most: int) -> str:
    """At most so many characters: without what stands in parentheses, else whole clauses from the beginning, else
    nothing."""
    text = plain(text)
    if len(text) <= most:
        return text
    bare = _IN_PARENTHESES.sub("", text)
    if len(bare) <= most:
        return bare
    ends = [place for place in range(most - len(_MORE)) if text[place : place + 2] in ("; ", ". ")]
    whole = [end for end in ends if text[:end].count("(") == text[:end].count(")")]
    return f"{text[: whole[-1]]}{_MORE}" if whole else ""


_MORE = "; and more"
_IN_PARENTHESES = re.compile(r" \([^()]*\)")


def _short_label(label: str) -> str:
    """What is ordered, without the clauses at the end of a long name."""
    while len(label) > _LONGEST_LABEL and ", " in label:
        label = label.rpartition(", ")[0]
    return label


def _ids(findings: Sequence[Finding], policy: PolicyOnDay) -> str:
    return sections_text((finding.id for finding in findings), tuple(policy.policy.rules))


def _lines(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
