"""The title of a card: the outcome and the single most useful next step, in one whole sentence.

A title is never cut. Of several wordings, the longest first, the first one that fits is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cds_service.engine.determination import CoverageStanding, Determination, Outcome
from cds_service.engine.finding import Basis, Finding
from cds_service.hooks.in_question import excluding, required, still_open
from cds_service.hooks.markdown import plain, shortened
from cds_service.policies.mp_mm_1316 import PAYER, POLICY_ID, UNITS
from cds_service.policies.mp_mm_1316.remedies import next_step

SUMMARY_LIMIT = 139
_COVERAGE = {
    CoverageStanding.UNVERIFIED: ", coverage not verified",
    CoverageStanding.NOT_IN_FORCE: ", coverage not in force",
}


def title(determination: Determination) -> str:
    """One line under 140 characters."""
    what = "Insulin pump replacement" if determination.on_replacement_path else "Insulin pump"
    what += _COVERAGE.get(determination.coverage, "")
    if determination.outcome is Outcome.LIKELY_APPROVED:
        return first_that_fits(f"{what}: likely approved, {shown}" for shown in _shown(required(determination)))
    if determination.outcome is Outcome.EXCLUDED:
        return first_that_fits(_excluded(what, excluding(determination)[0]))
    return first_that_fits(_to_do(what, determination))


def first_that_fits(wordings: Iterable[str]) -> str:
    """The first wording that is short enough for a title."""
    wording = ""
    for wording in map(plain, wordings):
        if len(wording) <= SUMMARY_LIMIT:
            break
    return shortened(wording, SUMMARY_LIMIT)  # the last wording is short by its own words, a test holds it


def supported(findings: Iterable[Finding]) -> list[Finding]:
    """The criteria that rest on indirect evidence only, about which a reviewer may still ask."""
    return [finding for finding in findings if finding.basis is Basis.SUPPORTED]


def _shown(criteria: list[Finding]) -> Iterator[str]:
    """How well the criteria stand: never "all" without saying how many are only supported."""
    indirect, every = len(supported(criteria)), len(criteria)
    policy = f" ({PAYER} {POLICY_ID})"
    for ending in (policy, ""):
        if indirect == every:
            yield f"but a reviewer may still ask about all {every} criteria{ending}"
        elif indirect:
            yield f"but a reviewer may still ask about {indirect} of {every} criteria{ending}"
        else:
            yield f"all {every} criteria are documented or attested{ending}"


def _excluded(what: str, exclusion: Finding) -> Iterator[str]:
    """With what was found, else with what the section is called."""
    head = f"{what}: excluded by {POLICY_ID} {exclusion.id}"
    yield f"{head}. {exclusion.explanation}"
    yield f"{head}. {UNITS[exclusion.id].title if exclusion.id in UNITS else 'See the policy'}"
    yield head


def _to_do(what: str, determination: Determination) -> Iterator[str]:
    gaps = still_open(determination)
    if determination.eligibility:
        step, more = determination.eligibility, len(gaps)
    elif gaps:
        step, more = f"{next_step(gaps[0])} ({gaps[0].id})", len(gaps) - 1
    else:
        step, more = "add the HCPCS code to the order", 0
    for head in (f"{what}: needs documentation", what):
        if more:
            yield f"{head}. Next: {step}; {more} more"
        yield f"{head}. Next: {step}"
