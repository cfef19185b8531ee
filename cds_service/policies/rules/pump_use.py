"""Whether a pump is already in use. Then charted injections decide nothing, ability to operate a pump is
supported, and the clinician is asked whether it is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from cds_service.concepts import Concept
from cds_service.engine.finding import Evidence
from cds_service.facts import InsulinOrder, Record
from cds_service.policies.rules.case import Case, usable
from cds_service.policies.rules.regimen_timeline import Segment, chain_start, current, segments

_PUMPS = frozenset({Concept.PUMP_IN_USE, Concept.INSULIN_PUMP, Concept.INSULIN_PUMP_PRODUCT})


def injection_orders(case: Case) -> list[InsulinOrder]:
    """Insulin orders that are for injections, whenever they were."""
    return [order for order in case.chart.insulin if not order.via_pump]


def live_orders(case: Case) -> list[InsulinOrder]:
    """Insulin orders of the current injection regimen."""
    return current(injection_orders(case), case.as_of, case.parameters["regimen_gap_days"])


def regimen_timeline(case: Case) -> list[Segment]:
    """The injections a day over time; computed once for each case."""
    kept: list[Segment] | None = case.computed.get("regimen timeline")
    if kept is None:
        kept = case.computed["regimen timeline"] = segments(injection_orders(case), case.as_of, case.parameters)
    return kept


def regimen_chain(case: Case) -> date | None:
    """First day of the unbroken run at enough injections a day that reaches the order; None when there is none."""
    p = case.parameters
    return chain_start(regimen_timeline(case), p["regimen_injections"], p["regimen_gap_days"], case.as_of)


def pumps_in_use(case: Case, *, named_in_words: bool = False) -> list[Record]:
    """What shows a pump that is still used: devices and statuses that last, and procedures that are not older than
    the present regimen of injections, which began when that pump was given up.

    `named_in_words`: also those that only words or a code of an unknown system name.
    """
    devices = [r for r in case.chart.pumps if _names_pump(r, case.as_of, named_in_words)]
    procedures = [r for r in case.chart.pump_procedures if _names_pump(r, case.as_of, named_in_words)]
    since = _regimen_since(case) if procedures else None
    return [*devices, *(r for r in procedures if since is None or r.when is None or r.when.last >= since)]


def pump_signs(case: Case) -> list[Evidence]:
    """What shows that a pump may already be in use: a device, a status by code or in words, insulin given through a
    pump. Today's injections then say nothing, and the clinician is asked whether the order replaces it."""
    pumps = pumps_in_use(case, named_in_words=True)
    evidence = [Evidence(r.reference, r.label, str(r.when) if r.when else None) for r in pumps]
    running = [o for o in case.chart.insulin if o.via_pump and _is_running(o, case.as_of)]
    if not pumps and live_orders(case):
        # Insulin for the pump that is being ordered says nothing against the injections until it comes.
        written_early = case.days_ago("pump_vial_days")
        running = [o for o in running if o.start is None or o.start < written_early]
    return evidence + [Evidence(o.reference, f"{o.label} through a pump") for o in running]


def _regimen_since(case: Case) -> date | None:
    starts: Sequence[date | None] = [regimen_chain(case), *(order.start for order in live_orders(case))]
    return min((start for start in starts if start is not None), default=None)


def _names_pump(record: Record, as_of: date, named_in_words: bool) -> bool:
    """Whether a record names a pump by a sure code (or text, if allowed), and is neither ended nor of a later day."""
    named = record.all_concepts if named_in_words else record.coded_concepts
    current = usable(record.when, as_of) and (record.until is None or record.until >= as_of)
    return bool(named & _PUMPS) and current


def _is_running(order: InsulinOrder, as_of: date) -> bool:
    begun = order.start is None or order.start <= as_of
    return begun and order.live and (order.end is None or order.end >= as_of)
