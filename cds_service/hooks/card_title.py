"""The title of a card: the outcome and the single most useful next step, in one whole sentence.

A title is never cut. Of several wordings, the longest first, the first one that fits is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cds_service.engine.assessment import Assessment
from cds_service.engine.determination import Applicability, Determination, Outcome
from cds_service.engine.finding import Finding
from cds_service.engine.policy import PolicyOnDay
from cds_service.facts import Scope
from cds_service.hooks.card_text import suggested_only
from cds_service.hooks.markdown import plain, shortened

SUMMARY_LIMIT = 139
_COVERAGE = {
    Applicability.UNVERIFIED: ", coverage not verified",
    Applicability.NOT_IN_FORCE: ", coverage not in force",
}


def title(assessment: Assessment) -> str:
    """One line under 140 characters."""
    determination, policy = assessment.determination, assessment.policy
    what = policy.words(_what(assessment))
    what += _COVERAGE.get(determination.coverage, "")
    if determination.outcome is Outcome.LIKELY_APPROVED:
        shown = _shown(determination.required_findings, policy)
        return first_that_fits(f"{what}: likely approved, {words}" for words in shown)
    if determination.outcome is Outcome.EXCLUDED:
        return first_that_fits(_excluded(what, determination.excluding_findings[0], policy))
    return first_that_fits(_to_do(what, determination, policy))


def _what(assessment: Assessment) -> str:
    """The policy's name for what is ordered."""
    if assessment.order.scope is Scope.REFILL:
        return "supplies"
    return "replaced_device" if assessment.determination.on_replacement_path else "device"


def first_that_fits(wordings: Iterable[str]) -> str:
    """The first wording that is short enough for a title."""
    wording = ""
    for wording in map(plain, wordings):
        if len(wording) <= SUMMARY_LIMIT:
            break
    return shortened(wording, SUMMARY_LIMIT)  # the last wording is short by its own words, a test holds it


def _shown(criteria: Sequence[Finding], policy: PolicyOnDay) -> Iterator[str]:
    """How well the criteria stand: never "all" without saying how many the chart only suggests."""
    indirect, every = len(suggested_only(criteria)), len(criteria)
    for ending in (f" ({policy.payer} {policy.id})", ""):
        if indirect == every:
            yield f"but a reviewer may still ask about all {every} criteria{ending}"
        elif indirect:
            yield f"but a reviewer may still ask about {indirect} of {every} criteria{ending}"
        else:
            yield f"all {every} criteria are met{ending}"


def _excluded(what: str, exclusion: Finding, policy: PolicyOnDay) -> Iterator[str]:
    """With what was found, else with what the section is called."""
    head = f"{what}: excluded by {policy.id} {exclusion.id}"
    yield f"{head}. {exclusion.explanation}"
    yield f"{head}. {policy.title(exclusion.id) or 'See the policy'}"
    yield head


def _to_do(what: str, determination: Determination, policy: PolicyOnDay) -> Iterator[str]:
    gaps = determination.open_findings
    if determination.eligibility:
        step, more = determination.eligibility, len(gaps)
    elif gaps:
        step, more = f"{policy.next_step(gaps[0])} ({gaps[0].id})", len(gaps) - 1
    else:
        step, more = policy.words("code_step"), 0
    for head in (f"{what}: needs documentation", what):
        if more:
            yield f"{head}. Next: {step}; {more} more"
        yield f"{head}. Next: {step}"
