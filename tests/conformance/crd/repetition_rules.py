"""Rules on how assertions stand on an order: one action an order, their places, and what repetitions are about."""

import json
from collections.abc import Iterator
from typing import Any

from tests.conformance.crd.information import URL, assertions, values
from tests.conformance.crd.information_rules import key
from tests.conformance.rulebook import Finding, Spot, as_list, rule

LIMITS = ("allowed-quantity", "allowed-period")


@rule(177, "crd-response")
def one_action_for_an_order(spot: Spot) -> Iterator[Finding]:
    """An order is written on by one action, which holds all that is said of it."""
    seen: list[tuple[Any, Any]] = []
    for action in spot.items("systemActions"):
        resource = action.get("resource")
        if assertions(resource):
            name = (resource.get("resourceType"), resource.get("id"))
            if name in seen:
                yield action.where.removeprefix("$."), f"{name[0]}/{name[1]} is written on twice"
            seen.append(name)


def _slots(resource: Any) -> list[str]:
    """The extensions in their order: an assertion by what it goes by, any other by all of it."""
    listed = as_list(resource.get("extension")) if isinstance(resource, dict) else []
    names = [
        str(key(each)) if isinstance(each, dict) and each.get("url") == URL else json.dumps(each, sort_keys=True)
        for each in listed
    ]
    return list(dict.fromkeys(names))


@rule(180, "crd-action")
def extensions_keep_their_places(spot: Spot) -> Iterator[Finding]:
    """Extensions stay in their order; a changed assertion stands where it stood."""
    before, after = _slots(spot.given["order"]), _slots(spot.get("resource"))
    if [each for each in before if each in after] != [each for each in after if each in before]:
        yield "resource.extension", "has its extensions in another order"


def _scope(extension: dict[str, Any]) -> str:
    """What a repetition is about: its key, billing codes, limits, and what it depends on."""
    limits = [d for d in values(extension, "detail") if any(limit in json.dumps(d) for limit in LIMITS)]
    about = [values(extension, name) for name in ("billingCode", "dependency")]
    return json.dumps([key(extension), *about, limits], sort_keys=True)


@rule(187, "crd-action")
def repetitions_about_different_things(spot: Spot) -> Iterator[Finding]:
    """A new assertion takes the place of an older one about the same things."""
    there = assertions(spot.given["order"])
    seen: list[tuple[str, bool]] = []
    for each in assertions(spot.get("resource")):
        new = each not in there
        if any(scope == _scope(each) and (new or was_new) for scope, was_new in seen):
            yield "resource.extension", "has two assertions about the same things"
        seen.append((_scope(each), new))
