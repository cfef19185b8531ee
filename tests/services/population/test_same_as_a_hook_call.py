"""Every case file's chart in an export: what a run says of the member is what one hook call says."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from cds_service.facts import ChartSection
from cds_service.services.population.run_rules import RETRIEVED_TYPES, Orders
from fhir_mappings.json.server_messages import types_of
from tests.cases.build import case_files
from tests.cases.runner import all_cases
from tests.services.population.exports import (
    JSON,
    Member,
    answered,
    has_place,
    hook_call,
    judged,
    renamed,
    resources_of,
    synthetic,
    write_export,
)


@dataclass
class Charted:
    """A case as a member of an export. `absent`: types of which a part is missing in the case's call."""

    name: str
    day: date
    member: Member
    absent: frozenset[str]


ORDERS = ("DeviceRequest", "ServiceRequest", "SupplyRequest", "MedicationRequest")
OPEN = ("draft", "active", "on-hold")


def _charted() -> Iterator[Charted]:
    for number, case in enumerate(all_cases()):
        call = json.loads(case.request)
        prefetch = call.get("prefetch") or {}
        draft = resources_of(call["context"].get("draftOrders"))
        orders = [each for each in draft if each["resourceType"] in ORDERS and has_place(each)]
        others = [each for each in draft if each["resourceType"] not in ORDERS]
        held = [each for each in (*resources_of([*prefetch.values()]), *others) if has_place(each)]
        patient, prefix = call["context"]["patientId"], f"m{number}-"
        both = renamed([*held, *orders, {"resourceType": "Patient", "id": patient}], prefix)
        member = Member(both.pop()["id"], both[: len(held)], both[len(held) :])
        yield Charted(case.name, case.as_of, member, _absent(prefetch))


def _absent(prefetch: JSON) -> frozenset[str]:
    """Types of the parts of the chart that the call does not hold, or holds an error in place of."""
    missing = [
        each for each in ChartSection if each not in prefetch or "OperationOutcome" in json.dumps(prefetch[each])
    ]
    return frozenset(name for each in missing for name in types_of(each) if name in RETRIEVED_TYPES)


Groups = dict[tuple[date, frozenset[str]], list[Charted]]


@pytest.fixture(scope="module")
def charted() -> Groups:
    groups: defaultdict[tuple[date, frozenset[str]], list[Charted]] = defaultdict(list)
    for each in _charted():
        groups[each.day, each.absent].append(each)
    return groups


def _different(name: str, found: JSON | None, expected: JSON) -> list[str]:
    """In which sections a member is judged otherwise, in words."""
    if found == expected:
        return []
    if found is None:
        return [f"{name}: not in the result"]
    heads = [
        f"{name} {key}: {found[key]}, {expected[key]}"
        for key in ("outcome", "coverage", "policy")
        if found[key] != expected[key]
    ]
    sections = {*found["findings"], *expected["findings"]}
    lines = [
        f"{name} {each}: {found['findings'].get(each)}, {expected['findings'].get(each)}"
        for each in sorted(sections)
        if found["findings"].get(each) != expected["findings"].get(each)
    ]
    return [*heads, *lines]


def test_a_new_order_for_every_case(charted: Groups, tmp_path: Path) -> None:
    count, different = 0, list[str]()
    for number, ((day, absent), group) in enumerate(charted.items()):
        folder = write_export(tmp_path / f"e{number}", (each.member for each in group), absent)
        found, _ = judged(folder, tmp_path / f"r{number}", day)
        for each in group:
            (expected,) = answered(hook_call(each.member, [synthetic(each.member.id, day)], absent), day)
            different += _different(each.name, found.get(each.member.id), expected)
            count += 1
    assert not different, "\n".join(different)
    assert count == len(case_files())


def _expected_of_own_order(each: Charted) -> JSON | None:
    """What a call about the newest open order says; None where the member has no open order for a pump."""
    found = []
    for order in each.member.orders:
        dated = order.get("authoredOn") or ""
        if order.get("status") in OPEN and dated[:10] <= each.day.isoformat():
            (answer,) = answered(hook_call(each.member, [order], each.absent), each.day)
            if answer["findings"] or answer["coverage"] != "unverified":
                found.append((dated, order["id"], answer))
    return max(found, key=lambda one: one[:2])[2] if found else None


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
            expected = _expected_of_own_order(each)
            if expected is None:
                none += 1
                assert found[each.member.id]["outcome"] == "not-applicable", each.name
            elif found[each.member.id]["findings"].get("D.I.B") == ("unknown", "", "not-documented"):
                by_user.add(each.name)
            else:
                different += _different(each.name, found.get(each.member.id), expected)
    assert not different, "\n".join(different)
    assert none < 120
    assert by_user == NOBODY_ORDERS
