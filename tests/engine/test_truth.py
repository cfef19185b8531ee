"""Three-valued truth: in all-of not-met dominates, in any-of met dominates, then unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth, all_of, any_of

PAIRS = [
    # one, other, all of, any of
    (MET, MET, MET, MET),
    (MET, UNKNOWN, UNKNOWN, MET),
    (MET, NOT_MET, NOT_MET, MET),
    (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    (UNKNOWN, NOT_MET, NOT_MET, UNKNOWN),
    (NOT_MET, NOT_MET, NOT_MET, NOT_MET),
]
TRUTHS = st.lists(st.sampled_from(list(Truth)), max_size=6)


@pytest.mark.parametrize(("one", "other", "conjunction", "disjunction"), PAIRS)
def test_truth_table(one: Truth, other: Truth, conjunction: Truth, disjunction: Truth) -> None:
    for pair in ((one, other), (other, one)):
        assert all_of(pair) is conjunction
        assert any_of(pair) is disjunction


@pytest.mark.parametrize("truth", list(Truth))
def test_one_alone_is_itself(truth: Truth) -> None:
    assert all_of([truth]) is truth
    assert any_of([truth]) is truth


def test_of_nothing() -> None:
    assert all_of([]) is MET
    assert any_of([]) is NOT_MET


@given(TRUTHS.flatmap(lambda truths: st.tuples(st.just(truths), st.permutations(truths))))
def test_order_never_matters(both: tuple[list[Truth], list[Truth]]) -> None:
    truths, shuffled = both
    assert all_of(truths) is all_of(shuffled)
    assert any_of(truths) is any_of(shuffled)


@given(TRUTHS)
def test_repeating_never_matters(truths: list[Truth]) -> None:
    assert all_of(truths + truths) is all_of(truths)
    assert any_of(truths + truths) is any_of(truths)


@given(TRUTHS)
def test_one_is_the_other_turned_round(truths: list[Truth]) -> None:
    turned = {MET: NOT_MET, NOT_MET: MET, UNKNOWN: UNKNOWN}
    assert turned[all_of(truths)] is any_of(turned[t] for t in truths)


@given(TRUTHS, TRUTHS)
def test_grouping_never_matters(some: list[Truth], others: list[Truth]) -> None:
    assert all_of([all_of(some), all_of(others)]) is all_of(some + others)
    assert any_of([any_of(some), any_of(others)]) is any_of(some + others)


@given(TRUTHS)
def test_more_knowledge_never_turns_a_decided_truth(truths: list[Truth]) -> None:
    for known in (MET, NOT_MET):
        better = [known if t is UNKNOWN else t for t in truths]
        for combine in (all_of, any_of):
            assert combine(truths) in (UNKNOWN, combine(better))


def test_the_words_are_those_of_the_contract() -> None:
    assert [str(t) for t in (MET, NOT_MET, UNKNOWN)] == ["met", "not-met", "unknown"]
