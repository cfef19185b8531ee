"""Every case file's chart in an export: what a run says of the member is what one hook call says."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from cds_service.services.population.run_rules import Orders
from tests.cases.build import case_files
from tests.services.population.exports import (
    JSON,
    OPEN,
    Charted,
    answered,
    case_charts,
    hook_call,
    judged,
    synthetic,
    write_export,
)

Groups = dict[tuple[date, frozenset[str]], list[Charted]]


@pytest.fixture(scope="module")
def charted() -> Groups:
    groups: defaultdict[tuple[date, frozenset[str]], list[Charted]] = defaultdict(list)
    for each in case_charts():
        groups[each.day, each.absent].append(each)
    return groups


def _different(name: str, found: list[JSON] | None, expected: list[JSON]) -> list[str]:
    """In which sections a member is judged otherwise, in words."""
    if found == expected:
        return []
    if found is None or len(found) != len(expected):
        return [f"{name}: {len(found or ())} determinations, not {len(expected)}"]
    lines = []
    for one, other in zip(found, expected, strict=True):
        heads = ("outcome", "coverage", "policy")
        lines += [f"{name} {key}: {one[key]}, {other[key]}" for key in heads if one[key] != other[key]]
        both = one["findings"], other["findings"]
        sections = sorted({*both[0], *both[1]})
        lines += [
            f"{name} {s}: {both[0].get(s)}, {both[1].get(s)}" for s in sections if both[0].get(s) != both[1].get(s)
        ]
    return lines


def test_a_new_order_for_every_case(charted: Groups, tmp_path: Path) -> None:
    count, several, different = 0, 0, list[str]()
    for number, ((day, absent), group) in enumerate(charted.items()):
        folder = write_export(tmp_path / f"e{number}", (each.member for each in group), absent)
        found, _ = judged(folder, tmp_path / f"r{number}", day)
        for each in group:
            expected = answered(hook_call(each.member, [synthetic(each.member.id, day)], absent), day)
            different += _different(each.name, found.get(each.member.id), expected)
            count += 1
            several += len(expected) > 1
    assert not different, "\n".join(different)
    assert count == len(case_files())
    assert several > 1


def _expected_of_own_order(each: Charted) -> list[JSON]:
    """What a call about the newest open order says; nothing where the member has no open order for a pump."""
    found = []
    for order in each.member.orders:
        dated = order.get("authoredOn") or ""
        if order.get("status") in OPEN and dated[:10] <= each.day.isoformat():
            answers = answered(hook_call(each.member, [order], each.absent), each.day)
            for_supplies = any(SUPPLIES in answer["findings"] for answer in answers)  # a run is about pumps
            if not for_supplies and any(a["findings"] or a["coverage"] != "unverified" for a in answers):
                found.append((dated, order["id"], answers))
    return max(found, key=lambda one: one[:2])[2] if found else []


# The section of L33794 that only an order for supplies alone is held against.
SUPPLIES = "IV.S.1"
NOBODY_ORDERS = {
    "clinic-as-requester-leaves-it-to-the-hook-user",
    "hook-user-stands-in-for-a-missing-requester",
    "requester-by-urn-uuid-is-found-beside-the-order",
}


def test_the_own_order_of_every_case(charted: Groups, tmp_path: Path) -> None:
    """A call is signed by a user, who stands in for an orderer that cannot be found; an export has no user."""
    none, by_user, different = 0, set[str](), list[str]()
    for number, ((day, absent), group) in enumerate(charted.items()):
        folder = write_export(tmp_path / f"e{number}", (each.member for each in group), absent)
        found, _ = judged(folder, tmp_path / f"r{number}", day, Orders.CHART)
        for each in group:
            expected, own = _expected_of_own_order(each), found[each.member.id]
            if not expected:
                none += 1
                assert [one["outcome"] for one in own] == ["not-applicable"], each.name
            elif own[0]["findings"].get("D.I.B") == ("unknown", "", "not-documented"):
                by_user.add(each.name)
            else:
                different += _different(each.name, own, expected)
    assert not different, "\n".join(different)
    assert none < 120
    assert by_user == NOBODY_ORDERS
