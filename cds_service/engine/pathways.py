"""Criteria that combine others: all of several parts, or one of several ways, each shown with what it found.

Unlike a plain conjunction, these keep their parts, and say which of them are missing on the shortest way: a card asks
for those and not for everything that the text could accept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from cds_service.engine.finding import Finding, Gap, best_supported, conjunction
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, any_of

# How much a gap asks of the people who close it, in the order from a signature to another result of a laboratory.
_EFFORT = {
    Gap.NEEDS_ATTESTATION: 1,
    Gap.NOT_RETRIEVED: 1,
    Gap.INCOMPLETE: 2,
    Gap.NEEDS_REVIEW: 3,
    Gap.NOT_DOCUMENTED: 4,
}
# What the chart contradicts has to happen first, or to be corrected: more than any number of documents.
_EFFORT_AGAINST = 100


def every_part(parts: Iterable[Finding], explain: Callable[[Sequence[Finding]], str] | None = None) -> Finding:
    """All parts have to hold; stands on the weakest basis among them.

    `explain`: a sentence on the parts that speak, in place of what they found one after the other.
    """
    parts = tuple(parts)
    whole = conjunction(parts, "")
    speaking = [part for part in parts if part.truth is whole.truth]
    explanation = explain(speaking) if explain is not None else "; ".join(part.explanation for part in speaking)
    missing = () if whole.truth is MET else _missing_of(parts)
    return replace(whole, explanation=explanation, parts=parts, missing=missing, quotes_parts=True)


def one_way(ways: Sequence[Finding], name: Callable[[Finding], str], *, remote: Iterable[str] = ()) -> Finding:
    """One way is enough; of several that are met the one that stands best speaks.

    Where none is met, the shortest speaks: the one that takes least to complete. The others are named behind it.
    `name`: what a way is called in a sentence. `remote`: ids of ways of which nothing is found, which are no shorter
    however little they ask.
    """
    met_ways = [way for way in ways if way.truth is MET]
    if met_ways:
        best = best_supported(*met_ways)
        return replace(best, id="", parts=tuple(ways), missing=(), quotes_parts=True)
    first, *others = sorted(ways, key=lambda way: (way.id in set(remote), effort(way)))
    truth = any_of(way.truth for way in ways)
    # What stands against one of the ways is said beside what is open on another.
    against = [way.explanation for way in others if way.truth is NOT_MET and way.evidence and not way.missing]
    explanation = "; ".join((*against, first.explanation))
    closes = first.closes or ""
    remarks = tuple(f"Another way: {name(way)}" for way in others if way.truth is UNKNOWN)
    missing = first.missing
    if truth is NOT_MET:
        evidence = tuple(dict.fromkeys(e for way in ways for e in way.evidence))
        return Finding(
            NOT_MET,
            explanation,
            first.basis,
            evidence=evidence,
            parts=tuple(ways),
            remarks=remarks,
            next_step=first.next_step,
            missing=missing,
            quotes_parts=True,
        )
    speaking = first if first.truth is UNKNOWN else next(way for way in others if way.truth is UNKNOWN)
    gap = speaking.gap or Gap.NOT_DOCUMENTED
    return Finding(
        UNKNOWN,
        explanation,
        None,
        gap,
        closes or speaking.closes,
        first.evidence,
        tuple(ways),
        remarks,
        next_step=first.next_step,
        missing=missing,
        quotes_parts=True,
    )


def effort(finding: Finding) -> int:
    """How much is missing: nothing of what is met, more the more parts are open and the more each asks for."""
    if finding.truth is MET:
        return 0
    if finding.missing:
        return sum(map(effort, finding.missing))
    if finding.truth is NOT_MET:
        return _EFFORT_AGAINST
    return _EFFORT[finding.gap] if finding.gap is not None else _EFFORT[Gap.NOT_DOCUMENTED]


def _missing_of(parts: Iterable[Finding]) -> tuple[Finding, ...]:
    """The parts that are open or stand against it, those of a part that combines others in its place."""
    return tuple(one for part in parts if part.truth is not MET for one in (part.missing or (part,)))
