"""Small counts are hidden, and whatever a total would tell."""

from __future__ import annotations

import pytest

from cds_service.services.population.small_cells import share, shown_count, shown_counts


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ([0, 11, 12], ["0", "11", "12"]),
        ([3, 7, 500], ["<11", "<11", "500"]),
        # Of a total of 515, 500 and 12 would tell the 3.
        ([3, 500, 12], ["<11", "500", "hidden"]),
        ([10, 0, 0], ["<11", "0", "0"]),
        ([1_234], ["1,234"]),
    ],
)
def test_counts_that_add_up_to_a_total(counts: list[int], shown: list[str]) -> None:
    assert shown_counts(counts, small_cells=False) == shown


def test_small_counts_are_shown_when_asked_for() -> None:
    assert shown_counts([3, 500, 12], small_cells=True) == ["3", "500", "12"]


def test_a_count_alone() -> None:
    assert [shown_count(count, small_cells=False) for count in (0, 1, 10, 11)] == ["0", "<11", "<11", "11"]


def test_a_hidden_count_has_no_share() -> None:
    assert [share("<11", 3, 600), share("hidden", 12, 600), share("12", 12, 600), share("300", 300, 600)] == [
        "",
        "",
        "2.0%",
        "50%",
    ]
