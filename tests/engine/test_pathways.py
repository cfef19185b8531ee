"""All of several parts, one of several ways: truth, basis, and what is missing on the shortest way."""

from __future__ import annotations

import itertools

import pytest

from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, not_met, unknown
from cds_service.engine.pathways import effort, every_part, one_way
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, all_of, any_of

DOCUMENTED, SUPPORTED, ATTESTED = Basis.DOCUMENTED, Basis.SUPPORTED, Basis.ATTESTED


def yes(section: str, basis: Basis = DOCUMENTED) -> Finding:
    return met(f"{section} holds", basis, [Evidence(section)]).with_id(section)


def no(section: str) -> Finding:
    return not_met(f"{section} does not hold", DOCUMENTED, [Evidence(section)]).with_id(section)


def open_for(section: str, gap: Gap = Gap.NOT_DOCUMENTED) -> Finding:
    return unknown(gap, f"{section} is open", f"Show {section}").with_id(section)


def way(*ways: Finding, remote: tuple[str, ...] = ()) -> Finding:
    return one_way(ways, lambda each: f"the way of {each.id}", remote=remote)


def ids(found: Finding) -> list[str]:
    return [each.id for each in found.missing]


class TestEveryPart:
    """All parts have to hold."""

    def test_met_on_the_weakest_basis_and_with_nothing_missing(self) -> None:
        found = every_part((yes("a"), yes("b", SUPPORTED)))
        assert (found.truth, found.basis, found.missing) == (MET, SUPPORTED, ())
        assert [part.id for part in found.parts] == ["a", "b"]

    def test_what_is_open_is_missing_beside_what_stands_against_it(self) -> None:
        found = every_part((yes("a"), open_for("b"), no("c")))
        assert (found.truth, ids(found)) == (NOT_MET, ["b", "c"])
        assert found.explanation == "c does not hold"

    def test_the_missing_parts_of_a_part_stand_in_its_place(self) -> None:
        inner = every_part((open_for("a"), open_for("b"))).with_id("ab")
        assert ids(every_part((inner, yes("c")))) == ["a", "b"]

    def test_a_sentence_of_the_caller_stands_in_place_of_the_parts_own(self) -> None:
        found = every_part((open_for("a"), open_for("b")), lambda parts: f"{len(parts)} of the parts are open")
        assert found.explanation == "2 of the parts are open"


class TestOneWay:
    """One way is enough."""

    def test_of_ways_that_are_met_the_one_that_stands_best_speaks(self) -> None:
        found = way(yes("a", SUPPORTED), yes("b", ATTESTED), open_for("c"))
        assert (found.truth, found.basis, found.explanation) == (MET, ATTESTED, "b holds")
        assert (found.id, [part.id for part in found.parts]) == ("", ["a", "b", "c"])

    def test_the_shortest_way_is_named_first_and_the_others_behind_it(self) -> None:
        long = every_part((open_for("a"), open_for("b"), yes("c"))).with_id("abc")
        short = every_part((open_for("d"), yes("e"))).with_id("de")
        found = way(long, short)
        assert (found.truth, ids(found), found.explanation) == (UNKNOWN, ["d"], "d is open")
        assert found.remarks == ("Another way: the way of abc",)

    def test_a_signature_is_less_than_a_laboratory_result(self) -> None:
        assert effort(open_for("a", Gap.NEEDS_ATTESTATION)) < effort(open_for("b", Gap.INCOMPLETE))
        assert effort(open_for("b", Gap.INCOMPLETE)) < effort(open_for("c", Gap.NOT_DOCUMENTED))

    def test_many_documents_are_less_than_one_part_that_the_chart_contradicts(self) -> None:
        many = every_part(open_for(name) for name in "abcdefgh").with_id("many")
        found = way(no("x"), many)
        assert ids(found) == list("abcdefgh")
        # What stands against another way is said first.
        assert found.explanation.startswith("x does not hold; a is open")

    def test_a_way_of_which_nothing_is_found_comes_last_however_short(self) -> None:
        short = open_for("pump", Gap.NEEDS_ATTESTATION)
        long = every_part((open_for("a"), no("b"))).with_id("ab")
        found = way(long, short, remote=("pump",))
        assert (found.truth, ids(found)) == (UNKNOWN, ["a", "b"])
        assert found.gap is Gap.NEEDS_ATTESTATION
        assert found.closes == "Show pump"

    def test_not_met_only_when_every_way_is(self) -> None:
        found = way(no("a"), no("b"))
        assert (found.truth, found.basis, found.evidence) == (NOT_MET, DOCUMENTED, (Evidence("a"), Evidence("b")))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_truths_are_those_of_the_three_valued_logic(size: int) -> None:
    for kinds in itertools.product((yes, no, open_for), repeat=size):
        parts = [kind(str(number)) for number, kind in enumerate(kinds)]
        truths = [part.truth for part in parts]
        assert every_part(parts).truth is all_of(truths)
        assert way(*parts).truth is any_of(truths)


def test_an_open_finding_always_says_why_and_what_closes_it() -> None:
    for kinds in itertools.product((yes, no, open_for), repeat=3):
        parts = [kind(str(number)) for number, kind in enumerate(kinds)]
        for found in (every_part(parts), way(*parts), way(every_part(parts[:2]).with_id("p"), parts[2])):
            assert (found.truth is UNKNOWN) == (found.gap is not None)
            assert found.truth is not UNKNOWN or found.closes
