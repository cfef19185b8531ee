"""Enough insulin injections a day, for long enough, with frequent self-adjustment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from cds_service.engine.agreement import reconciled
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, best_supported, conjunction, met, not_met, unknown
from cds_service.engine.plain_text import capitalized, on_text, status_text
from cds_service.engine.rule import shared_rule
from cds_service.engine.truth import NOT_MET, UNKNOWN
from cds_service.facts import ChartSection, InsulinAction, InsulinOrder, When
from cds_service.policies.rules.case import Case
from cds_service.policies.rules.pump_use import injection_orders, live_orders, pump_signs, regimen_chain
from cds_service.policies.rules.regimen_count import Injections, injections
from cds_service.policies.rules.regimen_length import charted_duration, duration_is_complete, shows_smaller_regimen
from cds_service.policies.rules.regimen_statement import for_months, stated_adjustment, stated_count, stated_duration
from cds_service.policies.rules.regimen_words import a_day, by_ingredient, counted_once, ended_words, open_question

# Where a finding says that it rests on a signed statement.
_SOURCE = re.compile(r" \(signed statement, [^()]*+\)\Z")
_MEALTIME = (InsulinAction.RAPID, InsulinAction.SHORT)


@shared_rule(
    "{regimen_injections:Words} or more insulin injections a day for {regimen_months:words months}, self-adjusted",
    "regimen_injections",
    "regimen_months",
    "regimen_gap_days",
    "assumed_supply_days",
    "unstated_ceiling",
    "pump_vial_days",
    reads=(
        ChartSection.INSULIN,
        ChartSection.DEVICES,
        ChartSection.EDUCATION,
        ChartSection.ATTESTATIONS,
    ),
)
def injection_regimen(case: Case) -> Finding:
    """Three parts, all needed. Count: scheduled injections a day over all live insulin orders are certain, as-needed
    doses, ceilings and scales without a timing are possible ({unstated_ceiling} where they state no ceiling); certain
    {regimen_injections} or more is met, possible below {regimen_injections} with every order readable is not. Duration:
    the unbroken chain of days at {regimen_injections} or more, gaps of up to {regimen_gap_days:days} bridged, from
    {regimen_months:calendar months} before the order. Self-adjustment: a ratio, correction, scale or as-needed bolus
    documents it, mealtime insulin supports it. A statement closes each part that it answers; against a complete record
    it is for a reviewer. With a pump in use only the stated history counts."""
    on_pump = _on_pump(case)
    parts = _stated_parts(case, on_pump) if on_pump is not None else _charted_parts(case)
    count = parts[0]
    if on_pump is None and count.truth is NOT_MET:
        # A regimen that is not in place has no length: the other parts would only blur what stands against it.
        parts = (count,)
    whole = conjunction(parts, capitalized(_in_one([part.explanation for part in parts])))
    return case.guarded(whole, ChartSection.INSULIN)


def _in_one(explanations: Sequence[str]) -> str:
    """Several findings in one sentence; a source in parentheses that several of them name stands at the last one."""
    clauses = list(dict.fromkeys(explanations))
    sources = [_SOURCE.search(clause) for clause in clauses]
    ends = [match[0] if match else "" for match in sources]
    kept = [
        clause.removesuffix(end) if end and end in ends[number + 1 :] else clause
        for number, (clause, end) in enumerate(zip(clauses, ends, strict=True))
    ]
    return "; ".join(kept)


@shared_rule(
    "At least {regimen_injections:words} insulin injections a day",
    "regimen_injections",
    "regimen_injections_reviewed",
    "regimen_gap_days",
    "assumed_supply_days",
    "unstated_ceiling",
    "pump_vial_days",
    reads=(ChartSection.INSULIN, ChartSection.DEVICES, ChartSection.EDUCATION, ChartSection.ATTESTATIONS),
)
def injections_a_day(case: Case) -> Finding:
    """Scheduled injections a day over all live insulin orders are certain, as-needed doses, ceilings and scales without
    a timing are possible ({unstated_ceiling} where they state no ceiling); certain {regimen_injections} or more is met,
    possible below {regimen_injections_reviewed} with every order readable is not; in between a reviewer has to say
    whether it is enough. A statement speaks where the chart leaves it open; against a chart that is read whole it is
    for a reviewer. With a pump in use only the stated injections before it count."""
    on_pump = _on_pump(case)
    stated = stated_count(case)
    if on_pump is not None:
        finding = best_supported(stated, on_pump)
    else:
        read_whole = case.not_read(ChartSection.INSULIN) is None
        finding = reconciled(_reviewed(case, _count(case)), stated, read_whole)
    return case.guarded(finding, ChartSection.INSULIN)


def _reviewed(case: Case, count: Finding) -> Finding:
    """The count, for a reviewer where it is below what is needed and not below what may be enough."""
    least = case.parameters["regimen_injections_reviewed"]
    possible = _injections(case, live_orders(case)).possible
    if count.truth is not NOT_MET or possible is None or possible < least:
        return count
    closes = f"Ask the plan whether {least} injections a day are enough, or add orders that show more"
    step = "ask the plan whether so many injections a day are enough"
    return unknown(Gap.NEEDS_REVIEW, count.explanation, closes, count.evidence, next_step=step)


def _charted_parts(case: Case) -> tuple[Finding, ...]:
    unread = case.not_read(ChartSection.INSULIN) is not None
    charted = _count(case)
    count = reconciled(charted, stated_count(case), not unread and shows_smaller_regimen(case))
    if not live_orders(case):
        # Nothing is in place: what no statement answers is as open as the count, and said once.
        stated = (stated_duration(case), stated_adjustment(case))
        return count, *(reconciled(charted, part, complete=False) for part in stated)
    duration = reconciled(charted_duration(case), stated_duration(case), not unread and duration_is_complete(case))
    if charted.truth is UNKNOWN and duration.truth is UNKNOWN and regimen_chain(case) is None:
        duration = charted  # how long cannot be told before how many is
    return count, duration, reconciled(_adjustment(case), stated_adjustment(case), complete=False)


def _stated_parts(case: Case, on_pump: Finding) -> tuple[Finding, ...]:
    stated = (stated_count(case), stated_duration(case), stated_adjustment(case))
    return tuple(best_supported(part, on_pump) for part in stated)


def regimen_start(case: Case) -> date | None:
    """First day of the regimen as charted or attested; None when it is not shown."""
    since = case.answer("injections-since")
    if since is not None and isinstance(since.value, When):
        return since.value.last
    return regimen_chain(case)


def charted_regimen_answers(case: Case) -> dict[str, bool | float | date]:
    """What the chart says of the regimen, by the question that asks for it: only what it documents, no guess."""
    if pump_signs(case) or case.not_read(ChartSection.INSULIN):
        return {}
    known: dict[str, bool | float | date] = {}
    live = live_orders(case)
    counts = _injections(case, live)
    # A range, a fraction, a count in words or an insulin whose dosing cannot be read is no number of injections.
    exact = counts.certain == counts.possible == counts.if_both == int(counts.certain)
    running = all(order.end is None or order.end >= case.as_of for order in live)
    if live and exact and running and not any(order.from_text for order in live):
        known["injections-a-day"] = counts.certain
    start = regimen_chain(case)
    if start is not None:
        known["injections-since"] = start
    if _adjustment(case).basis is Basis.DOCUMENTED:
        known["injections-self-adjusted"] = True
    return known


def _on_pump(case: Case) -> Finding | None:
    evidence = pump_signs(case)
    if not evidence:
        return None
    more = ", since when, self-adjusted" if "injections-since" in case.policy.questions else ""
    closes = f"State the injections before the pump (how many a day{more})"
    pathway = case.policy.replacement
    return unknown(
        Gap.NEEDS_ATTESTATION,
        f"A pump is already in use ({evidence[0].value}), so current insulin does not show the injections before it",
        f"{closes}, or say that this order replaces a pump ({pathway})" if pathway else closes,
        evidence,
    )


def _injections(case: Case, orders: Sequence[InsulinOrder]) -> Injections:
    return injections(orders, case.parameters["unstated_ceiling"])


def _count(case: Case) -> Finding:
    goal = case.parameters["regimen_injections"]
    live = live_orders(case)
    if not live:
        return _no_current_insulin(
            case, f"Update the insulin orders so that the directions show at least {goal} injections a day"
        )
    counts = _injections(case, live)
    evidence = [Evidence(o.reference, o.label, _day(o.start)) for o in live]
    if counts.certain >= goal:
        sure = _injections(case, [o for o in live if not o.from_text])
        basis = Basis.DOCUMENTED if sure.certain >= goal else Basis.SUPPORTED
        explanation = f"{counts.certain:g} insulin injections a day ({by_ingredient(live)})"
        return met(f"{explanation}{counted_once(counts)}{ended_words(live, case.as_of)}", basis, evidence)
    if counts.possible is not None and counts.possible < goal:
        mixed = ", some of them mixed in one syringe" if counts.shared else ""
        shown = f"{a_day(counts.possible)} ({by_ingredient(live)}{mixed})"
        explanation = f"needs {goal} or more insulin injections a day; the chart shows {shown}"
        step = f"needs {goal} or more injections a day{for_months(case)}; the chart shows {a_day(counts.possible)}"
        return not_met(explanation, Basis.DOCUMENTED, evidence, next_step=step)
    explanation, closes, step = open_question(counts, live, goal)
    return unknown(Gap.INCOMPLETE, explanation, closes, evidence, next_step=step)


def _no_current_insulin(case: Case, closes: str) -> Finding:
    begun = [o for o in injection_orders(case) if o.start is None or o.start <= case.as_of]
    if not begun:
        months, goal = case.parameters.get("regimen_months"), case.parameters["regimen_injections"]
        if months is not None:  # a policy may ask for a count alone
            shown = f"{goal} self-adjusted injections a day for {months} months"
            closes = f"Add insulin orders that show {shown}, or state it"
        return unknown(Gap.NOT_DOCUMENTED, "no order for injected insulin is charted", closes)
    last = max(begun, key=lambda o: (o.end or date.min, o.start or date.min, o.reference))
    over = (
        f"ended {on_text(last.end)}"
        if last.end is not None and last.end < case.as_of
        else f"is {status_text(last.status)}"
    )
    evidence = [Evidence(last.reference, last.label, _day(last.end))]
    explanation = f"the last insulin order ({last.label}) {over}, and none is current"
    return unknown(Gap.INCOMPLETE, explanation, closes, evidence, next_step="renew the insulin order, none is current")


def _adjustment(case: Case) -> Finding:
    live = live_orders(case)
    adjusted = [o for o in live if o.adjusts]
    if adjusted:
        evidence = [Evidence(o.reference, o.adjusts) for o in adjusted]
        return met(f"doses are self-adjusted ({adjusted[0].adjusts})", Basis.DOCUMENTED, evidence)
    mealtime = [o for o in live if o.action in _MEALTIME and o.at_meals]
    if mealtime:
        evidence = [Evidence(o.reference, o.label) for o in mealtime]
        return met("mealtime insulin, which is usually self-adjusted", Basis.SUPPORTED, evidence)
    titrated = [o for o in live if o.titrates]
    if titrated:
        evidence = [Evidence(o.reference, o.titrates) for o in titrated]
        return met(f"the member chooses within the directions ({titrated[0].titrates})", Basis.SUPPORTED, evidence)
    closes = (
        "Add a carb ratio, correction factor or sliding scale to the directions, or state that doses are self-adjusted"
    )
    if not injection_orders(case):
        return unknown(Gap.NOT_DOCUMENTED, "no order for injected insulin is charted", closes)
    explanation = "the directions do not show self-adjusted doses"
    step = "show that the insulin doses are self-adjusted"
    return unknown(Gap.NOT_DOCUMENTED, explanation, closes, next_step=step)


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
