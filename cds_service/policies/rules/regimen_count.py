"""How many injections a day insulin orders that are live together come to.

The smaller count comes first. What it would be if rival insulins were both current, or if doses of one time of
day were not drawn up into one syringe, is kept beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cds_service.facts import InsulinAction, InsulinOrder, Moment

# Ingredients of one class are usually a switch that nobody cleaned up.
_CLASSES = {
    InsulinAction.LONG: "basal insulins",
    InsulinAction.RAPID: "mealtime insulins",
    InsulinAction.SHORT: "mealtime insulins",
    InsulinAction.INTERMEDIATE: "NPH insulins",
    InsulinAction.PREMIX: "premixed insulins",
    InsulinAction.COMBINED: "insulins with a GLP-1 agonist",
}
_NPH, _MEALTIME = _CLASSES[InsulinAction.INTERMEDIATE], _CLASSES[InsulinAction.RAPID]
_ANY_INSULIN = ("insulin", InsulinAction.UNSTATED.value)
NO_MOMENTS: frozenset[Moment] = frozenset()


@dataclass(frozen=True, slots=True)
class Injections:
    """Injections a day of orders that are live together.

    `certain`: scheduled ones, where rivals are a switch and shared times of day are one injection.
    `if_all_current`: where rivals are all taken; `if_separate`: where shared times are two injections; `if_both`.
    `possible`: the most that the directions allow; None when an order cannot be read.
    """

    certain: float = 0.0
    if_all_current: float = 0.0
    if_separate: float = 0.0
    if_both: float = 0.0
    possible: float | None = 0.0
    rivals: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    orders: int = 0


@dataclass(frozen=True, slots=True)
class _Dose:
    """Certain injections of one ingredient, and the times of day that they name."""

    ingredient: str
    count: float
    moments: frozenset[Moment]


def class_of(order: InsulinOrder) -> str:
    """The group within which insulins replace each other: the action class, else the ingredient."""
    return _CLASSES.get(order.action, order.ingredient)


def counted_part(order: InsulinOrder) -> InsulinOrder:
    """An order reduced to what is counted, so that its renewals are equal and count once."""
    return InsulinOrder(
        reference="",
        ingredient=order.ingredient,
        label="",
        action=order.action,
        start=None,
        end=None,
        certain=order.certain,
        possible=order.possible,
        no_ceiling=order.no_ceiling,
        certain_at=order.certain_at,
        moments=order.moments,
        as_needed=order.as_needed,
        mixed=order.mixed,
    )


def injections(orders: Iterable[InsulinOrder], unstated_ceiling: float) -> Injections:
    """The counts of one day. `unstated_ceiling`: for an as-needed or scale line that states none."""
    live = list(dict.fromkeys(map(counted_part, orders)))
    doses = _doses(live)
    by_class: dict[str, list[_Dose]] = defaultdict(list)
    for insulin_class, dose in doses:
        by_class[insulin_class].append(dose)
    mixed = any(order.mixed for order in live if class_of(order) in (_NPH, _MEALTIME))
    largest = {
        insulin_class: max(class_doses, key=lambda d: (d.count, d.ingredient))
        for insulin_class, class_doses in by_class.items()
    }
    added = {insulin_class: _sum(class_doses) for insulin_class, class_doses in by_class.items()}
    one, every = _total(largest, live), sum(dose.count for dose in added.values())
    shared, shared_of_all = _shared(largest), _shared(added)
    certain = one - shared
    return Injections(
        certain=certain,
        if_all_current=every - shared_of_all,
        if_separate=certain if mixed else one,
        if_both=every - shared_of_all if mixed else every,
        possible=_possible(live, unstated_ceiling, shared if mixed else 0.0),
        rivals=_rivals(by_class, live),
        shared=tuple(
            largest[insulin_class].ingredient for insulin_class in (_NPH, _MEALTIME) if insulin_class in largest
        )
        if shared
        else (),
        orders=len(live),
    )


def _doses(orders: Sequence[InsulinOrder]) -> list[tuple[str, _Dose]]:
    """Each ingredient once: of two live orders the larger counts, unless they name different times of day."""
    together: dict[str, list[InsulinOrder]] = defaultdict(list)
    for order in orders:
        together[order.ingredient].append(order)
    doses = []
    for ingredient, same in sorted(together.items()):
        named = frozenset(moment for order in same for moment in order.certain_at)
        count = max([float(len(named)), *(order.certain for order in same)])
        doses.append((class_of(same[0]), _Dose(ingredient, count, named)))
    return doses


def _sum(doses: Sequence[_Dose]) -> _Dose:
    moments = frozenset(moment for dose in doses for moment in dose.moments)
    return _Dose(doses[0].ingredient, sum(dose.count for dose in doses), moments)


def _total(largest: dict[str, _Dose], orders: Sequence[InsulinOrder]) -> float:
    """The sum over classes; unspecified insulin may be one of the others, so it is not added to them."""
    named = sum(dose.count for dose in largest.values() if dose.ingredient not in _ANY_INSULIN)
    return max([named, *(dose.count for dose in largest.values() if dose.ingredient in _ANY_INSULIN)])


def _shared(doses: dict[str, _Dose]) -> float:
    """Times of day at which NPH and a mealtime insulin are both due: one injection when they are drawn up together.

    Doses that name no time count as shared wherever the other insulin leaves one.
    """
    nph, mealtime = doses.get(_NPH), doses.get(_MEALTIME)
    if nph is None or mealtime is None:
        return 0.0
    both = float(len(nph.moments & mealtime.moments))
    own, open_own = len(nph.moments) - both, nph.count - len(nph.moments)
    other, open_other = len(mealtime.moments) - both, mealtime.count - len(mealtime.moments)
    first = min(own, open_other)
    return both + first + min(open_own, other + open_other - first)


def _possible(orders: Sequence[InsulinOrder], unstated_ceiling: float, shared: float) -> float | None:
    """The most that every line allows: renewals count once, as-needed doses come on top of scheduled ones."""
    together: dict[tuple[str, bool], list[InsulinOrder]] = defaultdict(list)
    for order in orders:
        if order.possible is None:
            return None
        together[order.ingredient, order.as_needed].append(order)
    total = -shared
    for same in together.values():
        ceilings = [(order.possible or 0.0) + order.no_ceiling * unstated_ceiling for order in same]
        renewals = len({order.moments for order in same if order.moments}) < 2
        total += max(ceilings) if renewals else sum(ceilings)
    return total


def _rivals(by_class: dict[str, list[_Dose]], orders: Sequence[InsulinOrder]) -> tuple[str, ...]:
    """Ingredients of which probably only one is current."""
    rivals = [dose.ingredient for doses in by_class.values() if len(doses) > 1 for dose in doses if dose.count]
    unnamed = [order.ingredient for order in orders if order.ingredient in _ANY_INSULIN and order.certain]
    if unnamed and len(by_class) > 1:
        rivals = [dose.ingredient for doses in by_class.values() for dose in doses if dose.count]
    return tuple(dict.fromkeys(rivals))
