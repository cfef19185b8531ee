"""The sentences of the injection regimen: what counts from which insulin, and what has to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from cds_service.engine.plain_text import insulin_name, on_text
from cds_service.facts import InsulinOrder, Moment
from cds_service.policies.rules.regimen_count import Injections


def a_day(count: float) -> str:
    """Injections a day with at most one decimal; an injection a week is under one."""
    return "under 1" if 0 < count < 1 else f"{round(count, 1):g}"


def by_ingredient(orders: Sequence[InsulinOrder], most: int = 4) -> str:
    """Each insulin with its injections a day: `1 insulin glargine, 3 insulin lispro`."""
    largest: dict[str, float] = {}
    named: dict[str, set[Moment]] = {}
    for order in orders:
        largest[order.ingredient] = max(largest.get(order.ingredient, 0.0), order.certain)
        named.setdefault(order.ingredient, set()).update(order.certain_at)
    counts = {ingredient: max(count, len(named[ingredient])) for ingredient, count in largest.items()}
    unclear = {order.ingredient for order in orders if order.possible is None}
    listed = [_amount(ingredient, count, ingredient in unclear) for ingredient, count in sorted(counts.items())]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def _amount(ingredient: str, count: float, unclear: bool) -> str:
    if count:
        return f"{a_day(count)} {insulin_name(ingredient)}"
    return f"{insulin_name(ingredient)} {'with unclear directions' if unclear else 'as needed'}"


def counted_once(counts: Injections) -> str:
    """What stands in the list of insulins and is not added: a rival, and times of day that two insulins share."""
    rival_names, shared_names = (" and ".join(map(insulin_name, names[:3])) for names in (counts.rivals, counts.shared))
    text = f"; of {rival_names} one is counted" if rival_names and counts.if_all_current > counts.certain else ""
    return text + (f"; {shared_names} at the same time of day count once" if shared_names else "")


def ended_words(orders: Sequence[InsulinOrder], as_of: date) -> str:
    """Which supply has run out, where a refill is due."""
    ended = [order for order in orders if order.end is not None and order.end < as_of]
    if not ended:
        return ""
    last = max(ended, key=lambda order: (order.end or date.min, order.reference))
    return f"; the supply of {insulin_name(last.ingredient)} ran out {on_text(last.end)}, a refill is due"


def _either(ingredients: Sequence[str]) -> str:
    return " or ".join(map(insulin_name, ingredients[:3]))


def open_question(counts: Injections, orders: Sequence[InsulinOrder], goal: float) -> tuple[str, str, str]:
    """Why a count is open, what closes it, and the next step."""
    number = (
        "1 insulin injection a day is" if counts.certain == 1 else f"{counts.certain:g} insulin injections a day are"
    )
    sure = f"{number} certain ({by_ingredient(orders)})"
    rivals, shared = (" and ".join(map(insulin_name, names[:3])) for names in (counts.rivals, counts.shared))
    if counts.if_all_current >= goal and counts.rivals:
        return (
            f"{sure}; {goal:g} only if {rivals} are both taken, which looks like a switch",
            f"End the order that is no longer current ({_either(counts.rivals)})",
            "end the insulin order that is no longer current",
        )
    if counts.if_separate >= goal and counts.shared:
        return (
            f"{sure}; {goal:g} only if {shared} are injected separately at the same time of day",
            f"State whether {shared} are mixed in one syringe",
            "state whether the insulins are mixed in one syringe",
        )
    if counts.if_both >= goal:
        return (
            f"{sure}; {goal:g} only if {rivals} are both taken and none are mixed in one syringe",
            f"End the order that is no longer current ({_either(counts.rivals)}), and state whether {shared} are mixed",
            "state which insulins are current, and which are mixed",
        )
    closes = f"Write directions that show {goal:g} or more injections a day, or state how many are taken"
    if counts.possible is None:
        unread = sorted({insulin_name(order.ingredient) for order in orders if order.possible is None})
        explanation = f"{sure}; the directions for {', '.join(unread)} do not say how often"
        return explanation, closes, "write insulin directions that say how many injections a day"
    explanation = f"{sure}, up to {counts.possible:g} with as-needed doses, scales and ranges"
    return explanation, closes, "state how many insulin injections a day are taken"
