"""What was found about one criterion, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from cds_service.engine.plain_text import in_one_step
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth, all_of, any_of


class Basis(StrEnum):
    """How well a decided criterion stands."""

    DOCUMENTED = "documented"
    ATTESTED = "attested"
    SUPPORTED = "supported"


class Gap(StrEnum):
    """Why a criterion is unknown."""

    NOT_DOCUMENTED = "not-documented"
    INCOMPLETE = "incomplete"
    NEEDS_REVIEW = "needs-review"
    NEEDS_ATTESTATION = "needs-attestation"
    NOT_RETRIEVED = "not-retrieved"


_STRENGTH = {Basis.DOCUMENTED: 3, Basis.ATTESTED: 2, Basis.SUPPORTED: 1, None: 0}
# Precedence of gaps when unknown findings are merged: the highest wins.
_GAP_PRECEDENCE = {
    Gap.NOT_RETRIEVED: 5,
    Gap.NEEDS_REVIEW: 4,
    Gap.INCOMPLETE: 3,
    Gap.NOT_DOCUMENTED: 2,
    Gap.NEEDS_ATTESTATION: 1,
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One resource that counted: its reference, the value and the date that counted."""

    reference: str
    value: str | None = None
    date: str | None = None


# Not frozen: a call makes a hundred findings, and a frozen dataclass takes four times as long to make.
@dataclass(slots=True)
class Finding:
    """The truth of one criterion with its reasons.

    `basis` stands beside a decided truth that rests on evidence; `gap` and `closes` stand beside unknown.
    `remarks` are facts that the card shows although they decide nothing. `next_step` says in a few words what to do
    about it, where what was found asks for something else than the section does as a rule. `stale`: it decides, but
    newer evidence would stand better. `names_statement`: the explanation says that it rests on a signed statement.
    `quotes_parts`: it says what the parts have found. `missing`: where several parts have to hold, those that are still
    open on the shortest way; empty where the finding itself is the gap. `not_read`: the part of the chart that could
    not be read in full and that the explanation names.
    """

    truth: Truth
    explanation: str
    basis: Basis | None = None
    gap: Gap | None = None
    closes: str | None = None
    evidence: tuple[Evidence, ...] = ()
    parts: tuple[Finding, ...] = ()
    remarks: tuple[str, ...] = ()
    id: str = ""
    next_step: str = ""
    stale: bool = False
    names_statement: bool = False
    quotes_parts: bool = False
    missing: tuple[Finding, ...] = ()
    not_read: str = ""

    def with_id(self, section: str) -> Finding:
        """The same finding under a section's id."""
        return Finding(
            self.truth,
            self.explanation,
            self.basis,
            self.gap,
            self.closes,
            self.evidence,
            self.parts,
            self.remarks,
            section,
            self.next_step,
            self.stale,
            self.names_statement,
            self.quotes_parts,
            self.missing,
            self.not_read,
        )

    @property
    def tree(self) -> Iterator[Finding]:
        """The finding, then its parts with theirs."""
        yield self
        for part in self.parts:
            yield from part.tree

    @property
    def parts_first(self) -> Iterator[Finding]:
        """The parts, each after its own, then the finding."""
        for part in self.parts:
            yield from part.parts_first
        yield self

    @property
    def decided(self) -> bool:
        """Whether the criterion is met or not met."""
        return self.truth is not UNKNOWN


def met(
    explanation: str,
    basis: Basis,
    evidence: Iterable[Evidence] = (),
    remarks: tuple[str, ...] = (),
    *,
    names_statement: bool = False,
) -> Finding:
    """A criterion that holds."""
    return Finding(MET, explanation, basis, evidence=tuple(evidence), remarks=remarks, names_statement=names_statement)


def not_met(
    explanation: str,
    basis: Basis | None = None,
    evidence: Iterable[Evidence] = (),
    remarks: tuple[str, ...] = (),
    next_step: str = "",
    *,
    names_statement: bool = False,
) -> Finding:
    """A criterion that evidence contradicts; without evidence only an exclusion may be so, by absence."""
    return Finding(
        NOT_MET,
        explanation,
        basis,
        evidence=tuple(evidence),
        remarks=remarks,
        next_step=next_step,
        names_statement=names_statement,
    )


def unknown(
    gap: Gap,
    explanation: str,
    closes: str,
    evidence: Iterable[Evidence] = (),
    remarks: tuple[str, ...] = (),
    next_step: str = "",
) -> Finding:
    """A criterion that could not be decided, with what would close it."""
    return Finding(UNKNOWN, explanation, None, gap, closes, tuple(evidence), (), remarks, next_step=next_step)


def best_supported(*findings: Finding | None) -> Finding:
    """The finding on the strongest basis (documented, attested, supported), else the first unknown.

    Several ways to show one criterion: the best documented one speaks for it.
    """
    there = [finding for finding in findings if finding is not None]
    decided = [finding for finding in there if finding.decided]
    if decided:
        return max(decided, key=lambda f: (_STRENGTH[f.basis], f.truth is MET))
    return max(there, key=_precedence)


def conjunction(parts: Iterable[Finding], explanation: str) -> Finding:
    """All parts must hold; stands on the weakest basis among them. The explanation says what those have found."""
    parts = tuple(parts)
    truth = all_of(part.truth for part in parts)
    speaking = [part for part in parts if part.truth is truth]
    evidence = tuple(dict.fromkeys(e for part in parts for e in part.evidence))
    remarks = tuple(dict.fromkeys(r for part in parts for r in part.remarks))
    if truth is UNKNOWN:
        first = max(speaking, key=_precedence)
        closes = in_one_step(part.closes for part in speaking if part.closes)
        step = first.next_step
        return Finding(UNKNOWN, explanation, None, first.gap, closes, evidence, (), remarks, next_step=step)
    basis = min((part.basis for part in speaking), key=lambda b: _STRENGTH[b])
    step = next((part.next_step for part in speaking if part.next_step), "")
    stated = any(part.names_statement for part in speaking)
    return Finding(truth, explanation, basis, None, None, evidence, (), remarks, next_step=step, names_statement=stated)


def disjunction(parts: Iterable[Finding], explanation: str, closes: str, *, if_none_met: Truth = NOT_MET) -> Finding:
    """One part is enough; stands on the strongest basis among those met.

    `if_none_met` is the truth when no part is met and none is unknown: UNKNOWN where the policy lists examples only.
    `explanation`: where no part is met; it says what those that are open have found.
    """
    parts = tuple(parts)
    truth = any_of(part.truth for part in parts)
    if truth is NOT_MET:
        truth = if_none_met
    if truth is MET:
        best = max((p for p in parts if p.truth is MET), key=lambda p: _STRENGTH[p.basis])
        stated = best.names_statement
        return Finding(MET, best.explanation, best.basis, evidence=best.evidence, parts=parts, names_statement=stated)
    if truth is UNKNOWN:
        open_parts = [part for part in parts if part.truth is UNKNOWN]
        gap = max(open_parts, key=_precedence).gap if open_parts else Gap.NOT_DOCUMENTED
        return Finding(UNKNOWN, explanation, None, gap, closes, parts=parts, quotes_parts=True)
    evidence = tuple(e for part in parts for e in part.evidence)
    weakest = min((part.basis for part in parts), key=lambda b: _STRENGTH[b], default=None)
    return Finding(NOT_MET, explanation, weakest, evidence=evidence, parts=parts)


def _precedence(finding: Finding) -> int:
    return _GAP_PRECEDENCE[finding.gap] if finding.gap is not None else 0
