"""Small counts, and what would tell them."""

from __future__ import annotations

from itertools import product

import pytest

from cds_service.services.report.small_counts import cell, hidden_places, is_small


@pytest.mark.parametrize(("count", "small"), [(0, False), (1, True), (10, True), (11, False)])
def test_small_is_one_to_ten(count: int, small: bool) -> None:
    assert is_small(count) is small
    assert cell(count, small_cells=False) == ("<11" if small else count)
    assert cell(count, small_cells=True) == count


def test_a_small_count_beside_its_sum_takes_another_one_with_it() -> None:
    # 20 + 3 + 30 = 53: 53 - 20 - 30 would tell the 3.
    assert hidden_places([[20, 3, 30, 53]]) == {(0, 1): "<11", (0, 0): "hidden"}


def test_a_small_count_alone_takes_its_sum_with_it() -> None:
    assert hidden_places([[0, 3, 0, 3]]) == {(0, 1): "<11", (0, 3): "<11"}


def test_two_small_counts_hide_each_other() -> None:
    assert hidden_places([[2, 3, 30, 35]]) == {(0, 0): "<11", (0, 1): "<11"}


def test_one_hidden_sum_takes_another_one_with_it() -> None:
    # The sums 5, 40 and 60 add up to 105, which the headline says.
    hidden = hidden_places([[5, 0, 5], [20, 20, 40], [30, 30, 60]])
    assert hidden[0, 2] == "<11"
    assert hidden[1, 2] == "hidden"
    # With the sum of 40 hidden, 20 and 20 would tell it.
    assert sum((1, column) in hidden for column in (0, 1)) == 1


def test_no_shown_number_tells_a_hidden_one() -> None:
    """For all tables of two rows of small numbers: each hidden count can be another one, all that is shown the same."""
    values = (0, 3, 12, 20)
    for first, second, third, fourth in product(values, repeat=4):
        counts = [[first, second, first + second], [third, fourth, third + fourth]]
        hidden = hidden_places(counts)
        for row in (0, 1):
            assert sum((row, column) in hidden for column in range(3)) != 1 or sum(counts[row]) == 0
        sums = sum((row, 2) in hidden for row in (0, 1))
        assert sums != 1 or 0 in (counts[0][2], counts[1][2])
