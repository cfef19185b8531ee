"""IV.C: what holds before the pump starts: the day of the order, or the day on which a pump in use was started."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cds_service.engine.days import days_before
from cds_service.engine.finding import Basis, Finding
from cds_service.engine.pathways import every_part
from cds_service.engine.rule import Rule, RuleFunction, RuleTemplate, criterion
from cds_service.facts import Chart, InsulinOrder
from cds_service.policies.rules import education, glycemic_indication, hypoglycemia, injection_regimen, self_testing
from cds_service.policies.rules.case import Case
from cds_service.policies.rules.pump_use import pumps_in_use

_QUESTIONNAIRE = "l33794"


def before_the_pump(case: Case) -> Case:
    """The case with time windows that end before the pump in use was started, and the chart as it was then; the case
    itself where no pump is in use, or its first day is unknown."""
    kept: Case | None = case.computed.get("before the pump")
    if kept is None:
        start = _start_of_pump(case)
        kept = case if start is None else case.at_event(start, _before(case, start))
        case.computed["before the pump"] = kept
    return kept


def _start_of_pump(case: Case) -> date | None:
    """The first day of the pumps in use; None where one has no date that is known to the day."""
    starts = [record.when for record in pumps_in_use(case)]
    days = [when.first for when in starts if when is not None and when.first == when.last]
    return min(days) if days and len(days) == len(starts) else None


def _before(case: Case, start: date) -> Chart:
    """The chart as it was when the pump was started: no pump, and injections that ended with it still running."""
    shortly_before = days_before(start, case.parameters["regimen_gap_days"])

    def then(order: InsulinOrder) -> InsulinOrder:
        ended_with_it = order.end is not None and shortly_before <= order.end
        return replace(order, live=True, status="active", end=None) if ended_with_it else order

    injected = tuple(then(order) for order in case.chart.insulin if not order.via_pump)
    return replace(case.chart, insulin=injected, pumps=(), pump_procedures=(), pump_training=())


def _tied(template: RuleTemplate, section: str, title: str = "") -> Rule:
    """A shared rule whose time windows end before the start of the pump."""
    function: RuleFunction = template.function

    def tied(case: Case) -> Finding:
        return function(before_the_pump(case))

    tied.__doc__ = function.__doc__
    return replace(template, function=tied).at(section, title)


education_completed = education.education_completed_at_any_time.at("IV.C.E", "Diabetes education")
injections = _tied(injection_regimen.injection_regimen, "IV.C.I")
_self_tests = _tied(
    self_testing.tests_often_enough,
    "IV.C.T",
    "Self-testing at least {self_tests_per_day:times} a day in the two months before the pump, or a sensor",
)


def _with_window(case: Case) -> Finding:
    finding = _self_tests(case)
    stated = case.answer("self-tests-a-day")
    elsewhere = stated is not None and stated.questionnaire not in ("", _QUESTIONNAIRE)
    if not elsewhere or finding.basis is not Basis.ATTESTED:
        return finding
    remark = "The stated number of self-tests answers another plan's question, which may be about one month only"
    return replace(finding, remarks=(*finding.remarks, remark))


_with_window.__doc__ = self_testing.tests_often_enough.function.__doc__
self_tests = replace(_self_tests, function=_with_window)
INDICATIONS = (
    _tied(glycemic_indication.hba1c_above_threshold, "IV.C.1"),
    _tied(hypoglycemia.recurring_hypoglycemia, "IV.C.2"),
    _tied(glycemic_indication.premeal_fluctuation, "IV.C.3"),
    _tied(glycemic_indication.dawn_phenomenon, "IV.C.4"),
    _tied(hypoglycemia.severe_excursions, "IV.C.5"),
)
any_indication = glycemic_indication.any_indication(*INDICATIONS).at(
    "IV.C.G", "At least one glucose problem on injections"
)
PARTS = (education_completed, injections, self_tests, any_indication)


@criterion("IV.C", "New to pumps")
def new_to_pumps(case: Case) -> Finding:
    """All of education, injections, self-testing and a glucose problem. Windows end with the day before the order; for
    a patient whose pump is in use since a known day, with the day before that one, and the insulin of the pump and
    results since then say nothing. Education counts whenever it was."""
    return every_part(case.finding(part) for part in PARTS)
