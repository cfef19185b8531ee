"""A report in a few sentences: how many orders, how many were ready at first signing, what is most often missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_service.engine.determination import Outcome
from cds_service.engine.plain_text import capitalized
from cds_service.engine.wording import listed
from cds_service.services.population.small_cells import COVERED, HIDDEN, LEAST, shown_count
from cds_service.services.report.orders import ReportedOrder
from cds_service.services.report.policies import in_a_sentence
from cds_service.services.report.small_counts import is_small

_COUNTS_IN_WORDS = {HIDDEN: f"fewer than {LEAST}", COVERED: "some"}
_HOURS_OF_TWO_DAYS = 48


@dataclass(frozen=True, slots=True)
class Figures:
    """What the sentences are made from, of one policy or of all together.

    `orders`: that a policy was applied to, `shown` how their number stands on the page. `signed` of them have been
    signed, `ready` at once. `missing`: the titles of what is most often missing, several where they are level.
    """

    orders: int
    shown: str
    signed: int
    ready: int
    missing: tuple[str, ...]
    small_cells: bool

    def hides(self, count: int) -> bool:
        """Whether a count is too small to be shown."""
        return not self.small_cells and is_small(count)


def figures(
    orders: Sequence[ReportedOrder], shown: str, missing: Sequence[str], policy: str | None, *, small_cells: bool
) -> Figures:
    """The figures of some orders under a policy, or under any."""
    signings = [signing for order in orders if (signing := order.first_signing(policy)) is not None]
    ready = sum(signing.outcome == Outcome.LIKELY_APPROVED for signing in signings)
    return Figures(len(orders), shown, len(signings), ready, tuple(missing), small_cells)


def headline(found: Figures) -> str:
    """The report in one line: `212 orders; 14% were ready at first signing; most often missing: self-testing`."""
    if not found.orders:
        return "No pump order was checked in these days."
    count = count_in_words(found.shown)
    parts = [f"{capitalized(count)} {'order' if found.orders == 1 and count == '1' else 'orders'}"]
    if found.signed:
        parts.append(_ready(found))
    if found.missing:
        parts.append(f"most often missing: {listed(map(in_a_sentence, found.missing[:2]))}")
    return f"{'; '.join(parts)}."


def _ready(found: Figures) -> str:
    """How many were ready when they were first signed, worded so that no small count can be inferred."""
    left = found.signed - found.ready
    if found.ready == 0:
        return "none was ready at first signing"
    if left == 0:
        return "all were ready at first signing"
    if found.hides(found.ready):
        return f"fewer than {LEAST} were ready at first signing"
    if found.hides(left):
        return f"all but fewer than {LEAST} were ready at first signing"
    share = f"{100 * found.ready / found.signed:.0f}%"
    unsigned = found.orders - found.signed
    if unsigned == 0 or found.hides(unsigned):
        return f"{share} were ready at first signing"
    return f"{share} of the {found.signed:,} that were signed were ready at first signing"


def unchecked_sentence(count: int, *, small_cells: bool) -> Iterator[str]:
    """One sentence on the orders that no policy was applied to; nothing where there are none."""
    if count:
        words = count_in_words(shown_count(count, small_cells=small_cells))
        more, verb = ("order", "was") if words == "1" else ("orders", "were")
        yield (
            f"{capitalized(words)} more {more} {verb} not checked: for another device, or under a plan that "
            "no policy in use governs."
        )


def answered_sentence(asked: int, answered: int, hours: float | None, *, small_cells: bool) -> Iterator[str]:
    """One sentence on how often and how soon documentation was given; nothing where too few gave it."""
    if hours is not None and (small_cells or not (is_small(asked - answered) or is_small(answered))):
        yield (
            f"Documentation was asked for on {asked:,} {'order' if asked == 1 else 'orders'} and given for "
            f"{answered:,}, half of them within {_time(hours)}."
        )


def _time(hours: float) -> str:
    if hours < 1:
        return "an hour"
    amount, unit = (hours, "hour") if hours < _HOURS_OF_TWO_DAYS else (hours / 24, "day")
    whole = -int(-amount // 1)
    return f"{whole} {unit}{'' if whole == 1 else 's'}"


def count_in_words(shown: str) -> str:
    """A count as it stands in a sentence."""
    return _COUNTS_IN_WORDS.get(shown, shown)
