"""Findings: the best supported basis counts; a conjunction stands on its weakest part, a disjunction on its best."""

from __future__ import annotations

import itertools

import pytest

from cds_service.engine.finding import (
    Basis,
    Evidence,
    Finding,
    Gap,
    best_supported,
    conjunction,
    disjunction,
    met,
    not_met,
    unknown,
)
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN

SEEN = Evidence("Observation/1", "8.1 %", "2026-10-01")


def yes(basis: Basis) -> Finding:
    """Met on a basis."""
    return met(f"met, {basis}", basis, [Evidence(f"Observation/{basis}")])


def no(basis: Basis | None) -> Finding:
    """Not met on a basis."""
    return not_met(f"not met, {basis}", basis)


def open_for(gap: Gap) -> Finding:
    """Unknown with a gap."""
    return unknown(gap, f"unknown, {gap}", f"close {gap}")


DOCUMENTED, ATTESTED, SUPPORTED = Basis.DOCUMENTED, Basis.ATTESTED, Basis.SUPPORTED


# ---------------------------------------------------------------- makers


def test_a_decided_finding_has_a_basis_and_no_gap() -> None:
    found = met("HbA1c 8.1 %", DOCUMENTED, [SEEN], remarks=("old",))
    assert (found.truth, found.basis, found.gap, found.evidence) == (MET, DOCUMENTED, None, (SEEN,))
    assert found.remarks == ("old",)
    assert found.decided


def test_an_unknown_finding_has_a_gap_and_names_what_closes_it() -> None:
    found = unknown(Gap.INCOMPLETE, "one of two", "a second one", [SEEN])
    assert (found.truth, found.basis, found.gap, found.closes) == (UNKNOWN, None, Gap.INCOMPLETE, "a second one")
    assert not found.decided


# ---------------------------------------------------------------- best_supported

# Documented, then attested, then supported; a decided finding before an unknown one.
STRONGEST = {
    "documented before attested": (yes(DOCUMENTED), no(ATTESTED)),
    "documented against before attested for": (no(DOCUMENTED), yes(ATTESTED)),
    "attested before supported": (yes(ATTESTED), no(SUPPORTED)),
    "attested against before supported for": (no(ATTESTED), yes(SUPPORTED)),
    "documented before supported": (yes(DOCUMENTED), yes(SUPPORTED)),
    "supported before unknown": (yes(SUPPORTED), open_for(Gap.NEEDS_REVIEW)),
    "against before unknown": (no(SUPPORTED), open_for(Gap.NOT_RETRIEVED)),
    "met before not met on one basis": (yes(DOCUMENTED), no(DOCUMENTED)),
    "a reviewer's gap before a missing attestation": (open_for(Gap.NEEDS_REVIEW), open_for(Gap.NEEDS_ATTESTATION)),
    "what could not be read before all other gaps": (open_for(Gap.NOT_RETRIEVED), open_for(Gap.NEEDS_REVIEW)),
}


@pytest.mark.parametrize(("winner", "loser"), STRONGEST.values(), ids=STRONGEST.keys())
def test_strongest(winner: Finding, loser: Finding) -> None:
    assert best_supported(winner, loser) == winner
    assert best_supported(loser, winner) == winner
    assert best_supported(None, loser, None, winner) == winner


def test_the_only_one_is_the_strongest() -> None:
    assert best_supported(None, open_for(Gap.INCOMPLETE)).gap is Gap.INCOMPLETE


# ---------------------------------------------------------------- conjunction


@pytest.mark.parametrize("bases", list(itertools.product(Basis, repeat=2)), ids=str)
def test_a_conjunction_stands_on_its_weakest_basis(bases: tuple[Basis, Basis]) -> None:
    weakest = next(b for b in (SUPPORTED, ATTESTED, DOCUMENTED) if b in bases)
    found = conjunction([yes(b) for b in bases], "all")
    assert (found.truth, found.basis) == (MET, weakest)


def test_one_part_against_decides_a_conjunction() -> None:
    found = conjunction([yes(DOCUMENTED), open_for(Gap.NEEDS_REVIEW), no(ATTESTED)], "all")
    assert (found.truth, found.basis, found.gap) == (NOT_MET, ATTESTED, None)


def test_an_open_part_leaves_a_conjunction_open_and_names_what_closes_every_open_part() -> None:
    found = conjunction([yes(DOCUMENTED), open_for(Gap.NOT_DOCUMENTED), open_for(Gap.NEEDS_REVIEW)], "all")
    assert (found.truth, found.basis, found.gap) == (UNKNOWN, None, Gap.NEEDS_REVIEW)
    assert found.closes == "close not-documented; close needs-review"


def test_a_conjunction_keeps_the_evidence_of_all_parts_once() -> None:
    found = conjunction([met("a", DOCUMENTED, [SEEN]), met("b", DOCUMENTED, [SEEN, Evidence("Condition/1")])], "all")
    assert found.evidence == (SEEN, Evidence("Condition/1"))


# ---------------------------------------------------------------- disjunction


def one_of(*parts: Finding, if_none_met: object = NOT_MET) -> Finding:
    """A disjunction of some parts."""
    return disjunction(parts, "any", "one of them", if_none_met=if_none_met)  # type: ignore[arg-type]


@pytest.mark.parametrize("bases", list(itertools.product(Basis, repeat=2)), ids=str)
def test_a_disjunction_stands_on_its_strongest_met_part(bases: tuple[Basis, Basis]) -> None:
    best = next(b for b in (DOCUMENTED, ATTESTED, SUPPORTED) if b in bases)
    found = one_of(*(yes(b) for b in bases), open_for(Gap.NEEDS_REVIEW), no(DOCUMENTED))
    assert (found.truth, found.basis) == (MET, best)
    assert found.evidence == (Evidence(f"Observation/{best}"),)
    assert len(found.parts) == 4


def test_an_open_part_leaves_a_disjunction_open() -> None:
    found = one_of(no(DOCUMENTED), open_for(Gap.NEEDS_ATTESTATION), open_for(Gap.INCOMPLETE))
    assert (found.truth, found.gap, found.closes) == (UNKNOWN, Gap.INCOMPLETE, "one of them")


def test_all_parts_against_decide_a_disjunction() -> None:
    assert one_of(no(DOCUMENTED), no(SUPPORTED)).truth is NOT_MET


def test_examples_that_are_all_against_leave_it_unknown() -> None:
    # The two signs of D.I.H are examples: neither is unknown, never not met.
    found = one_of(no(DOCUMENTED), no(SUPPORTED), if_none_met=UNKNOWN)
    assert (found.truth, found.basis) == (UNKNOWN, None)
    assert found.gap is not None
    assert found.closes


# ---------------------------------------------------------------- order


@pytest.mark.parametrize(
    "parts",
    [
        (yes(DOCUMENTED), no(SUPPORTED), open_for(Gap.INCOMPLETE)),
        (yes(DOCUMENTED), yes(SUPPORTED), yes(ATTESTED)),
        (no(DOCUMENTED), no(SUPPORTED), no(ATTESTED)),
        (open_for(Gap.INCOMPLETE), open_for(Gap.NEEDS_REVIEW), open_for(Gap.NOT_RETRIEVED)),
    ],
    ids=["mixed", "met", "not met", "unknown"],
)
def test_order_of_parts_never_matters_for_the_verdict(parts: tuple[Finding, ...]) -> None:
    def essence(found: Finding) -> tuple[object, ...]:
        return found.truth, found.basis, found.gap

    for shuffled in itertools.permutations(parts):
        assert essence(conjunction(shuffled, "all")) == essence(conjunction(parts, "all"))
        assert essence(one_of(*shuffled)) == essence(one_of(*parts))
        assert essence(best_supported(*shuffled)) == essence(best_supported(*parts))


def test_what_is_merged_says_whether_it_names_a_statement() -> None:
    stated = met("12 a day (attested 2026-11-18)", Basis.ATTESTED, names_statement=True)
    charted = met("charted", Basis.DOCUMENTED)
    assert conjunction((charted, stated), "charted; 12 a day (attested 2026-11-18)").names_statement
    assert not conjunction((charted,), "charted").names_statement
    assert disjunction((stated,), "", "").names_statement
    assert stated.with_id("A").names_statement


def test_an_open_disjunction_says_what_its_parts_have_found() -> None:
    part = unknown(Gap.INCOMPLETE, "one low", "another")
    whole = disjunction((part,), "Not enough yet: one low", "")
    assert whole.quotes_parts
    assert whole.with_id("A").quotes_parts
