"""The sentences of the injection regimen: what counts from which insulin, and what has to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from cds_service.facts import InsulinOrder, Moment
from cds_service.policies.rules.regimen_count import Injections

# How clinicians call an insulin that a drug list names otherwise.
_NAMES = {"isophane": "NPH", "insulin": "insulin of an unstated kind"}


def name_of(ingredient: str) -> str:
    """An insulin as a clinician calls it."""
    return "premixed insulin" if "premix" in ingredient else _NAMES.get(ingredient, ingredient)


def by_ingredient(orders: Sequence[InsulinOrder], most: int = 4) -> str:
    """Each insulin with its injections a day: "glargine 1, lispro 3"."""
    largest: dict[str, float] = {}
    named: dict[str, set[Moment]] = {}
    for order in orders:
        largest[order.ingredient] = max(largest.get(order.ingredient, 0.0), order.certain)
        named.setdefault(order.ingredient, set()).update(order.certain_at)
    counts = {ingredient: max(count, len(named[ingredient])) for ingredient, count in largest.items()}
    listed = [f"{name_of(ingredient)} {count:.3g}" for ingredient, count in sorted(counts.items())]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def counted_once(counts: Injections) -> str:
    """What stands in the list of insulins and is not added: a rival, and times of day that two insulins share."""
    rival_names, shared_names = (" and ".join(map(name_of, names[:3])) for names in (counts.rivals, counts.shared))
    text = f"; of {rival_names} one is counted" if rival_names and counts.if_all_current > counts.certain else ""
    return text + (f"; {shared_names} at the same time of day count once" if shared_names else "")


def ended_words(orders: Sequence[InsulinOrder], as_of: date) -> str:
    """Which supply has run out, where a refill is due."""
    ended = [order for order in orders if order.end is not None and order.end < as_of]
    if not ended:
        return ""
    last = max(ended, key=lambda order: (order.end or date.min, order.reference))
    return f"; the supply of {name_of(last.ingredient)} ran out on {last.end}, a renewal is due"


def open_question(counts: Injections, orders: Sequence[InsulinOrder], goal: float) -> tuple[str, str, str]:
    """Why a count is open, what closes it, and the next step."""
    number = (
        "1 insulin injection a day is" if counts.certain == 1 else f"{counts.certain:g} insulin injections a day are"
    )
    sure = f"{number} certain ({by_ingredient(orders)})"
    rivals, shared = (" and ".join(map(name_of, names[:3])) for names in (counts.rivals, counts.shared))
    if counts.if_all_current >= goal and counts.rivals:
        return (
            f"{sure}; {goal:g} are reached only if {rivals} are both taken, which looks like a switch",
            f"Which of {rivals} is current; end the other order",
            "end the insulin order that is no longer current",
        )
    if counts.if_separate >= goal and counts.shared:
        return (
            f"{sure}; {goal:g} are reached only if {shared} are injected apart at the same time of day",
            f"Whether {shared} are mixed in one syringe",
            "state whether the insulins are mixed in one syringe",
        )
    if counts.if_both >= goal:
        return (
            f"{sure}; {goal:g} are reached only if {rivals} are both taken and none are mixed in one syringe",
            f"Which of {rivals} is current, and whether {shared} are mixed in one syringe",
            "state which insulins are current, and which are mixed",
        )
    closes = f"Directions that say how many injections a day, at least {goal:g}"
    if counts.possible is None:
        unread = sorted({name_of(order.ingredient) for order in orders if order.possible is None})
        explanation = f"{sure}; the directions of {', '.join(unread)} do not say how often in a way that can be read"
        return explanation, closes, "write insulin directions that say how many injections a day"
    explanation = f"{sure}, up to {counts.possible:g} are possible with as-needed doses, scales and ranges"
    return explanation, closes, "state how many insulin injections a day are taken"
