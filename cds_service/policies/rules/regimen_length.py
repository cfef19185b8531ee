"""How long the injection regimen has lasted by the chart, and whether the chart is complete for that time."""

from __future__ import annotations

from datetime import date

from cds_service.concepts import DIABETES
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, not_met, unknown
from cds_service.engine.plain_text import day_text, on_text, period_text
from cds_service.policies.rules.case import Case, cite
from cds_service.policies.rules.pump_use import injection_orders, live_orders, regimen_chain, regimen_timeline
from cds_service.policies.rules.regimen_timeline import covers, smaller_days


def charted_duration(case: Case) -> Finding:
    """The unbroken chain of days at enough injections, against the months that are needed.

    A shorter one is not met only where the chart shows a smaller regimen, or the diagnosis, within those months.
    """
    goal, months = case.parameters["regimen_injections"], case.parameters["regimen_months"]
    needed = case.months_ago("regimen_months")
    since = f"since {day_text(needed)} or earlier"
    closes = f"Add insulin orders or fills that show {goal} injections a day {since}, or state it"
    if not injection_orders(case):
        explanation, step = (
            "no order for injected insulin is charted",
            "show since when the insulin regimen is in place",
        )
        return unknown(Gap.NOT_DOCUMENTED, explanation, closes, next_step=step)
    start = regimen_chain(case)
    if start is None:
        explanation = f"{goal} injections a day without a break up to the order are not charted"
        return unknown(Gap.INCOMPLETE, explanation, closes, next_step="show since when the insulin regimen is in place")
    evidence = [Evidence(o.reference, o.label, start.isoformat()) for o in injection_orders(case) if o.start == start]
    if start <= needed:
        return met(f"in place since {day_text(start)}", Basis.DOCUMENTED, evidence)
    against = _smaller_before(case, start) or _diagnosed_since(case)
    explanation = f"in place only since {day_text(start)}; {months} months are needed"
    if against is None:
        step = f"show the insulin regimen of the months before {day_text(start)}"
        return unknown(Gap.INCOMPLETE, explanation, closes, evidence, next_step=step)
    step = f"needs {months} months of the regimen; the chart has it since {day_text(start)}"
    evidence += against.evidence
    return not_met(f"{explanation}: {against.explanation}", Basis.DOCUMENTED, evidence, next_step=step)


def duration_is_complete(case: Case) -> bool:
    """Whether the chart shows the whole of the months: readable orders on every day, or the diagnosis in them."""
    if _diagnosed_since(case) is not None:
        return True
    return not _undated(case) and covers(regimen_timeline(case), *_window(case), None)


def shows_smaller_regimen(case: Case) -> bool:
    """Whether the chart itself shows fewer injections than needed on every day of the months."""
    return not _undated(case) and covers(regimen_timeline(case), *_window(case), case.parameters["regimen_injections"])


def _window(case: Case) -> tuple[date, date, int]:
    return case.months_ago("regimen_months"), case.as_of, case.parameters["regimen_gap_days"]


def _undated(case: Case) -> bool:
    """Whether a live order has no start date, so that its share of the count over time is unknown."""
    return any(order.start is None for order in live_orders(case))


def _smaller_before(case: Case, start: date) -> Finding | None:
    """A smaller regimen that the chart shows within the months, before the chain."""
    goal, needed = case.parameters["regimen_injections"], case.months_ago("regimen_months")
    smaller = None if _undated(case) else smaller_days(regimen_timeline(case), goal, needed, start)
    if smaller is None:
        return None
    first, last, count = smaller
    explanation = f"the chart shows {count:g} a day from {period_text(first, last)}"
    before = [o for o in injection_orders(case) if o.start is not None and o.start <= first]
    newest = max(before, key=lambda o: (o.start or date.min, o.reference), default=None)
    evidence = [Evidence(newest.reference, newest.label, str(newest.start))] if newest else []
    return not_met(explanation, Basis.DOCUMENTED, evidence)


def _diagnosed_since(case: Case) -> Finding | None:
    """Diabetes whose every charted onset lies within the months: no regimen for it can be older."""
    needed = case.months_ago("regimen_months")
    charted = [d for d in case.diagnoses if d.all_concepts & DIABETES]
    onsets = [d.onset for d in charted if d.onset is not None]
    if not charted or len(onsets) < len(charted) or min(onset.first for onset in onsets) <= needed:
        return None
    first = min(charted, key=lambda d: d.onset.first if d.onset else date.max)
    return not_met(f"diabetes began {on_text(first.onset)}", Basis.DOCUMENTED, [cite(first)])
