"""D.I.F: at least 3 insulin injections a day for at least 6 months, with frequent self-adjustment."""

from __future__ import annotations

from datetime import date

from cds_service.engine.days import months_before, within
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, conjunction, met, not_met, strongest, unknown
from cds_service.engine.section import criterion
from cds_service.engine.truth import NOT_MET
from cds_service.facts import InsulinAction, InsulinOrder, Topic, When
from cds_service.policies.mp_mm_1316.case import Case, attestation, usable
from cds_service.policies.mp_mm_1316.regimen_timeline import Segment, chain_start, daily_count, segments

_MEALTIME = (InsulinAction.RAPID, InsulinAction.SHORT)


@criterion(
    "D.I.F",
    "Three or more insulin injections a day for six months, self-adjusted",
    "regimen_injections",
    "regimen_months",
    "regimen_gap_days",
)
def injection_regimen(case: Case) -> Finding:
    """Three parts, all needed. Count: scheduled injections a day over all live insulin orders; distinct insulins
    add, two orders for one ingredient are a renewal, PRN and sliding-scale lines add nothing, ranges that straddle
    3 and unreadable dosing are incomplete. Duration: the unbroken chain of days at 3 or more, short gaps bridged,
    from 6 calendar months before the order. Self-adjustment: carb ratio, correction factor, sliding scale or PRN
    lines document it, mealtime insulin supports it. With a pump in use only the attested history counts."""
    on_pump = _on_pump(case)
    count = strongest(None if on_pump else _count(case), _attested_count(case), on_pump)
    duration = strongest(None if on_pump else _duration(case), _attested_duration(case), on_pump)
    adjusted = strongest(None if on_pump else _adjustment(case), _attested_adjustment(case), on_pump)
    explanation = "; ".join(dict.fromkeys(p.explanation for p in (count, duration, adjusted)))
    whole = conjunction((count, duration, adjusted), explanation)
    if on_pump is None and count.truth is NOT_MET:
        # A regimen that is not in place has no length: the other parts would only blur what stands against it.
        whole = conjunction((count,), count.explanation)
    return case.guarded(whole, Topic.INSULIN)


def regimen_start(case: Case) -> date | None:
    """First day of the regimen as charted or attested; None when it is not shown (used by D.I.H.2)."""
    since = case.answer("D.I.F.since")
    if since is not None and isinstance(since.value, When):
        return since.value.last
    return _chain(case)


def regimen_known(case: Case) -> dict[str, bool | float | date]:
    """What the chart says of the regimen, by the question that asks for it: only what it documents, no guess."""
    if _on_pump(case) is not None or case.not_read(Topic.INSULIN):
        return {}
    known: dict[str, bool | float | date] = {}
    live = [o for o in case.chart.insulin if _current(o, case.as_of) and not o.via_pump]
    least, most = daily_count(live)
    # A range, a fraction, a count in words or an insulin whose dosing cannot be read is no number of injections.
    if live and _count(case).basis is Basis.DOCUMENTED and least == most == int(least) and _all_read(live):
        known["D.I.F.injections"] = least
    start = _chain(case)
    if start is not None:
        known["D.I.F.since"] = start
    if _adjustment(case).basis is Basis.DOCUMENTED:
        known["D.I.F.adjusts"] = True
    return known


def pump_signs(case: Case) -> list[Evidence]:
    """What shows that a pump is already in use: a device, a status code, insulin given through a pump."""
    pumps = [r for r in case.chart.pumps if usable(r.when, case.as_of)]
    evidence = [Evidence(r.reference, r.label, str(r.when) if r.when else None) for r in pumps]
    evidence += [Evidence(o.reference, o.label) for o in case.chart.insulin if o.via_pump and _current(o, case.as_of)]
    return evidence


def _on_pump(case: Case) -> Finding | None:
    evidence = pump_signs(case)
    if not evidence:
        return None
    return unknown(
        Gap.NEEDS_ATTESTATION,
        f"A pump is already in use ({evidence[0].value}): today's insulin says nothing about the injections before",
        "The injections before the pump: how many a day, since when, self-adjusted; or say that this order "
        "replaces a pump (D.III)",
        evidence,
    )


def _count(case: Case) -> Finding:
    goal = case.parameters["regimen_injections"]
    closes = f"Insulin orders whose directions show at least {goal} scheduled injections a day"
    live = [o for o in case.chart.insulin if _current(o, case.as_of) and not o.via_pump]
    if not live:
        return _no_current_insulin(case, closes)
    least, most = daily_count(live)
    evidence = [Evidence(o.reference, o.label, _day(o.start)) for o in live]
    if least >= goal:
        basis = Basis.SUPPORTED if _needs_text(live, goal) else Basis.DOCUMENTED
        return met(f"insulin injections a day: {least:g}", basis, evidence)
    if any(o.least is None for o in live):
        return unknown(Gap.INCOMPLETE, "insulin orders whose dosing cannot be read", closes, evidence)
    as_needed = sum(o.as_needed for o in live)
    if most + as_needed >= goal:
        words = f"scheduled insulin injections a day: {_span(least, most)}"
        words += ", the rest only as needed or by scale" if as_needed else ""
        return unknown(Gap.INCOMPLETE, words, closes, evidence)
    basis = Basis.SUPPORTED if any(o.from_text for o in live) else Basis.DOCUMENTED
    return not_met(f"insulin injections a day: {_span(least, most)}, {goal} needed", basis, evidence)


def _nothing(case: Case) -> Finding:
    goal, months = case.parameters["regimen_injections"], case.parameters["regimen_months"]
    closes = f"Insulin orders that show {goal} self-adjusted injections a day for {months} months"
    return unknown(Gap.NOT_DOCUMENTED, "No order for injected insulin found", closes)


def _no_current_insulin(case: Case, closes: str) -> Finding:
    ended = [o for o in case.chart.insulin if o.end is not None and o.end < case.as_of and not o.via_pump]
    if not ended:
        return _nothing(case)
    last = max(ended, key=lambda o: (o.end or date.min, o.reference))
    evidence = [Evidence(last.reference, last.label, _day(last.end))]
    if _chain(case) is not None:
        least, _ = daily_count([o for o in ended if o.end == last.end])
        words = f"insulin injections a day: {least:g} until {last.end}, renewal due"
        return met(words, Basis.DOCUMENTED, evidence)
    over = f"ended {last.end}" if last.live else f"is {last.status}"
    return unknown(Gap.INCOMPLETE, f"no current insulin order; the last {over}", closes, evidence)


def _duration(case: Case) -> Finding:
    if not case.chart.insulin:
        return _nothing(case)
    months, goal = case.parameters["regimen_months"], case.parameters["regimen_injections"]
    needed = months_before(case.as_of, months)
    closes = f"Insulin orders or dispenses that show {goal} injections a day since {needed} or earlier"
    start = _chain(case)
    if start is None:
        return unknown(Gap.INCOMPLETE, f"no unbroken {goal}-a-day regimen up to the order found", closes)
    evidence = [Evidence(o.reference, o.label, _day(o.start)) for o in case.chart.insulin if o.start == start]
    if start <= needed:
        return met(f"in place since {start}", Basis.DOCUMENTED, evidence)
    return unknown(Gap.INCOMPLETE, f"shown only since {start}, {months} months needed", closes, evidence)


def _adjustment(case: Case) -> Finding:
    if not case.chart.insulin:
        return _nothing(case)
    live = [o for o in case.chart.insulin if _current(o, case.as_of) and not o.via_pump]
    told = [o for o in live if o.adjusts]
    if told:
        evidence = [Evidence(o.reference, o.adjusts) for o in told]
        return met(f"self-adjusted ({told[0].adjusts})", Basis.DOCUMENTED, evidence)
    mealtime = [o for o in live if o.action in _MEALTIME and o.at_meals]
    if mealtime:
        evidence = [Evidence(o.reference, o.label) for o in mealtime]
        return met("mealtime insulin, which is self-adjusted as a rule", Basis.SUPPORTED, evidence)
    closes = "Directions with a carb ratio, correction factor or sliding scale, or a statement of self-adjustment"
    return unknown(Gap.NOT_DOCUMENTED, "nothing shows self-adjustment of the doses", closes)


def _attested_count(case: Case) -> Finding | None:
    answer = case.answer("D.I.F.injections")
    if answer is None or isinstance(answer.value, bool) or not isinstance(answer.value, int | float):
        return None
    make = met if answer.value >= case.parameters["regimen_injections"] else not_met
    words = f"insulin injections a day: {answer.value:g} (attested {answer.authored})"
    return make(words, Basis.ATTESTED, [attestation(answer, "D.I.F.injections")])


def _attested_duration(case: Case) -> Finding | None:
    answer = case.answer("D.I.F.since")
    if answer is None or not isinstance(answer.value, When):
        return None
    evidence = [attestation(answer, "D.I.F.since")]
    needed = months_before(case.as_of, case.parameters["regimen_months"])
    # Whole interval on or before the day needed: met; none of it: not met; across it: not exact enough.
    early = within(answer.value, date.min, needed)
    if answer.value.last <= needed:
        return met(f"since {answer.value} (attested)", Basis.ATTESTED, evidence)
    if early is NOT_MET:
        return not_met(f"only since {answer.value} (attested)", Basis.ATTESTED, evidence)
    return unknown(Gap.INCOMPLETE, f"since {answer.value}, not exact enough", "The day of the start", evidence)


def _attested_adjustment(case: Case) -> Finding | None:
    return case.attested("D.I.F.adjusts", "self-adjusted", "not self-adjusted")


def _chain(case: Case) -> date | None:
    timeline: list[Segment] = segments((o for o in case.chart.insulin if not o.via_pump), case.as_of)
    goal, gap = case.parameters["regimen_injections"], case.parameters["regimen_gap_days"]
    return chain_start(timeline, goal, gap, case.as_of)


def _current(order: InsulinOrder, as_of: date) -> bool:
    begun = order.start is None or order.start <= as_of
    return begun and order.live and (order.end is None or order.end >= as_of)


def _all_read(orders: list[InsulinOrder]) -> bool:
    return all(order.least is not None and not order.from_text for order in orders)


def _needs_text(orders: list[InsulinOrder], goal: float) -> bool:
    """Whether the count reaches the goal only with directions that were read from text."""
    return daily_count(o for o in orders if not o.from_text)[0] < goal


def _span(least: float, most: float) -> str:
    return f"{least:g}" if least == most else f"{least:g} to {most:g}"


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
