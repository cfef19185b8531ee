"""Glucose self-testing often enough, on average, during the days before the order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from math import ceil
from typing import Any

from cds_service.engine.days import days_before, within
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, best_supported, met, not_met, unknown
from cds_service.engine.plain_text import capitalized, day_text, period_text
from cds_service.engine.rule import shared_rule
from cds_service.engine.statements import figure_source
from cds_service.engine.truth import MET, NOT_MET
from cds_service.engine.wording import counted, last_days
from cds_service.facts import OPEN_ORIGINS, Answer, ChartSection, GlucoseReading, OtherReading, ReadingOrigin, When
from cds_service.policies.rules.case import Case, cite, signed, unread
from cds_service.policies.rules.sensor_wear import SensorWear, sensor_wear

# Readings that are no self-tests by the rule, though some reader may say that they are the member's own.
_SET_ASIDE = frozenset({ReadingOrigin.LABORATORY, ReadingOrigin.POINT_OF_CARE, ReadingOrigin.HOSPITAL})
_SENSOR_STEP = "ask the plan whether sensor data count as self-testing"
# `sensor_remedy` in a policy's wording says more.
_SENSOR_REMEDY = "Ask the plan whether sensor data count as self-testing"


@shared_rule(
    "Self-testing at least {self_tests_per_day:times} a day over the {self_test_window_days:last}",
    "self_test_window_days",
    "self_tests_per_day",
    "plausible_self_tests_per_day",
    "implausible_days_of_a_sensor",
    "self_test_complete_days",
    "self_test_complete_per_day",
    "sensor_wear_days",
    "cgm_counts_as_self_testing",
    reads=(
        ChartSection.GLUCOSE,
        ChartSection.DEVICES,
        ChartSection.ENCOUNTERS,
        ChartSection.ATTESTATIONS,
    ),
)
def tests_often_enough(case: Case) -> Finding:
    """The window is the {self_test_window_days:local days} before the day of the order, which is not over and does not
    count. Accepted self-tests divided by {self_test_window_days}, never rounded up: {self_tests_that_pass} pass,
    {self_tests_that_fail} do not. More than {plausible_self_tests_per_day} in a day are a sensor's. Fewer is evidence
    against only where the record is complete (readings on {self_test_complete_days} of the days,
    {self_test_complete_per_day} or more on most) and no sensor was worn. A statement speaks where the chart's record is
    not complete; against a complete one it is for a reviewer. Sensor readings are no self-tests by the policy's words,
    unless the plan's parameter says that they count: then they have to cover {sensor_wear_days:days}. It says
    {cgm_counts_as_self_testing} here."""
    charted = _charted(case)
    attested = _attested(case)
    if attested is None:
        by_count = _counted(case)
        return charted if by_count is None or charted.decided else by_count
    if not charted.decided and not (attested.truth is MET and _may_contradict(case)):
        return attested
    if charted.truth is MET and attested.truth is NOT_MET and charted.basis is Basis.SUPPORTED:
        return charted  # a sensor that counts leaves few finger-sticks to state
    if charted.truth is attested.truth:
        return best_supported(charted, attested)
    return unknown(
        Gap.NEEDS_REVIEW,
        f"Chart and statement differ: {charted.explanation}; {attested.explanation}",
        "Correct the statement or the meter record, so that both say the same",
        (*charted.evidence, *attested.evidence),
    )


def tests_that_pass(parameters: Mapping[str, Any]) -> int:
    """The fewest self-tests of the window that come to enough a day on average."""
    # Rounded first: a product of decimals may lie a hair above the whole number that it is.
    a_day, days = float(parameters["self_tests_per_day"]), int(parameters["self_test_window_days"])
    return ceil(round(a_day * days, 6))


def figures(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the policy's sentences say about self-tests beside the parameters themselves."""
    enough, sensors_count = tests_that_pass(parameters), parameters["cgm_counts_as_self_testing"]
    return {
        "self_tests_that_pass": enough,
        "self_tests_that_fail": enough - 1,
        "what_does_not_count": "Laboratory values" if sensors_count else "Sensor (CGM) and laboratory values",
    }


def window(case: Case) -> tuple[date, date]:
    """First and last day of the window before the order."""
    return case.days_ago("self_test_window_days"), days_before(case.as_of, 1)


def _charted(case: Case) -> Finding:
    """What the readings show."""
    start, end = window(case)
    tests = [r for r in case.glucose.self_tests if start <= r.day <= end]
    others = [r for r in case.glucose.others if start <= r.day <= end]
    explanation = _tests_in_words(case, tests)
    evidence = [Evidence(tests[-1].reference, counted(len(tests), "self-test"), f"{start}/{end}")] if tests else []
    if len(tests) >= _goal(case):
        finding, reason = met(explanation, Basis.DOCUMENTED, evidence), case.not_read(ChartSection.ENCOUNTERS)
        # Where visits could not be read, readings of one may be a ward's and not the member's own.
        if reason is not None and sum(not r.visit_unread for r in tests) < _goal(case):
            return unread(finding, reason)
        return finding
    worn = sensor_wear(case, start, end)
    if worn is not None:
        return case.guarded(
            _with_sensor(case, worn, f"{explanation}{_aside_in_words(others)}", evidence), ChartSection.GLUCOSE
        )
    open_readings = sum(r.origin in OPEN_ORIGINS for r in others)
    step = f"needs {case.parameters['self_tests_per_day']} self-tests a day; the meter shows {_rate(case, tests)}"
    finding = not_met(f"{explanation}{_aside_in_words(others)}", Basis.DOCUMENTED, evidence, next_step=step)
    if not _is_complete(case, [r.day for r in tests]) or len(tests) + open_readings >= _goal(case):
        finding = _without_sensor(case, tests, others, explanation, evidence)
    # A visit that was not read may be at home, and a device that was not read may be a sensor.
    sections = [ChartSection.GLUCOSE, *([ChartSection.ENCOUNTERS] if open_readings else [])]
    sections += [ChartSection.DEVICES] if finding.truth is NOT_MET else []
    return case.guarded(finding, *sections)


def _goal(case: Case) -> int:
    return tests_that_pass(case.parameters)


def _is_complete(case: Case, days: list[date]) -> bool:
    """Whether a record below the goal, a day for each test, is complete enough to stand against the criterion."""
    p, by_day = case.parameters, Counter(days)
    full = sum(count >= p["self_test_complete_per_day"] for count in by_day.values())
    below = len(days) < p["self_tests_per_day"] * len(by_day)
    return bool(len(by_day) >= p["self_test_complete_days"] and 2 * full > len(by_day) and below)


def _may_contradict(case: Case) -> bool:
    """Whether the record would stand against a statement if what only words or a local code name were self-tests."""
    start, end = window(case)
    named = [r.day for r in case.glucose.others if r.origin is ReadingOrigin.NAMED_ONLY and start <= r.day <= end]
    days = [*named, *(r.day for r in case.glucose.self_tests if start <= r.day <= end)]
    small = len(days) < _goal(case) and _is_complete(case, days)
    return bool(named) and small and sensor_wear(case, start, end) is None


def _with_sensor(case: Case, worn: SensorWear, explanation: str, evidence: list[Evidence]) -> Finding:
    """Too few self-tests beside a sensor: whether sensor data count is the plan's to say."""
    evidence = [*evidence, *worn.evidence]
    explanation = f"{explanation}; {worn.shown}"
    if not case.parameters["cgm_counts_as_self_testing"]:
        explanation += ". The policy does not say whether a sensor counts"
        closes = f"{_sensor_remedy(case)}; or {_remedy(case)}"
        return unknown(Gap.NEEDS_REVIEW, explanation, closes, evidence, next_step=_SENSOR_STEP)
    needed = case.parameters["sensor_wear_days"]
    explanation += f". {case.words('sensor_counts', 'This plan counts sensor data that cover {sensor_wear_days:days}')}"
    if worn.days >= needed:
        return met(explanation, Basis.SUPPORTED, evidence)
    closes = f"Add sensor data of at least {counted(needed, 'day')}; or {_remedy(case)}"
    step = f"needs sensor data of {counted(needed, 'day')}; the chart shows {worn.days}"
    return unknown(Gap.INCOMPLETE, explanation, closes, evidence, next_step=step)


def _without_sensor(
    case: Case, tests: list[GlucoseReading], others: list[OtherReading], explanation: str, evidence: list[Evidence]
) -> Finding:
    """Too few self-tests in a record that is not complete."""
    days = {r.day for r in tests}
    if days:
        explanation += f", {tenths(len(tests), len(days))} on days with tests"
    explanation += _by_rate_in_words(case) + _aside_in_words(others)
    evidence = [*evidence, *(Evidence(r.reference, r.label or None, r.day.isoformat()) for r in others[-3:])]
    more = [r for r in others if r.origin in OPEN_ORIGINS or r.origin in _SET_ASIDE]
    if more and len(tests) + len(more) >= _goal(case):
        closes = f"Show that the member took these readings; or {_remedy(case)}"
        step = "show that the member took the readings that were not counted"
        return unknown(Gap.NEEDS_REVIEW, explanation, closes, evidence, next_step=step)
    if not evidence and not case.glucose.sensor:
        explanation = f"No self-tests are charted, {period_text(*window(case))}"
    some = tests or any(r.origin in OPEN_ORIGINS for r in others)
    gap, step = (Gap.INCOMPLETE if some else Gap.NOT_DOCUMENTED), ""
    if not some and (evidence or case.glucose.sensor):
        step = f"show the member's own self-tests of the {last_days(case.parameters['self_test_window_days'])}"
    return unknown(gap, explanation, capitalized(_remedy(case)), evidence, next_step=step)


def _tests_in_words(case: Case, tests: list[GlucoseReading]) -> str:
    start, end = window(case)
    days = case.parameters["self_test_window_days"]
    if not tests:
        return f"0 self-tests counted, {period_text(start, end)}"
    number = counted(len(tests), "self-test")
    test_days = len({r.day for r in tests})
    return f"{number} on {test_days} of {days} days ({period_text(start, end)}), {tenths(len(tests), days)} a day"


def _rate(case: Case, tests: list[GlucoseReading]) -> str:
    return tenths(len(tests), case.parameters["self_test_window_days"])


def _aside_in_words(others: list[OtherReading]) -> str:
    """Readings that were not counted, by reason; those that only words name are named."""
    if not others:
        return ""
    counts = Counter(r.origin for r in others)
    parts = [f"{_readings(count)} {origin.value}{_names(others, origin)}" for origin, count in sorted(counts.items())]
    return f"; not counted as self-tests: {', '.join(parts)}"


def _by_rate_in_words(case: Case) -> str:
    """Readings of single days that are too many for a person, where nothing else shows a sensor."""
    start, end = window(case)
    many = [r for r in case.glucose.sensor if start <= r.day <= end]
    most = case.parameters["plausible_self_tests_per_day"]
    return f"; {_readings(len(many))} on days with more than {most} are counted as sensor readings" if many else ""


def _readings(count: int) -> str:
    return "1 reading" if count == 1 else f"{count:,} readings"


def _names(others: list[OtherReading], origin: ReadingOrigin) -> str:
    names = dict.fromkeys(r.label for r in others if r.origin is origin and r.label)
    return f" ({', '.join(list(names)[:2])})" if origin is ReadingOrigin.NAMED_ONLY and names else ""


def _remedy(case: Case) -> str:
    start, end = window(case)
    enough = f"at least {_goal(case)} self-tests"
    return f"attach a meter download for {period_text(start, end)} with {enough}, or sign a statement"


def _attested(case: Case) -> Finding | None:
    answer = case.answer("self-tests-a-day")
    if answer is None or isinstance(answer.value, bool) or not isinstance(answer.value, int | float):
        return None
    through = case.answer("self-tests-through")
    source = figure_source(case.answer("self-tests-source"), through)
    taken = f", {source}" if source else ""
    evidence = [Evidence(answer.reference, f"{answer.value:g} a day{taken}", str(answer.authored))]
    explanation = f"{answer.value:g} self-tests a day on average{taken} ({signed(answer)})"
    remarks = _about_last_day(case, through)
    if answer.value >= case.parameters["self_tests_per_day"]:
        return met(explanation, Basis.ATTESTED, evidence, remarks, names_statement=True)
    step = f"needs {case.parameters['self_tests_per_day']} self-tests a day; the statement says {answer.value:g}"
    finding = not_met(explanation, Basis.ATTESTED, evidence, remarks, next_step=step)
    worn = sensor_wear(case, *window(case))
    if worn is None:
        return finding
    remarks = (f"{capitalized(worn.shown)}. {_sensor_remedy(case)}", *remarks)
    closes = _SENSOR_REMEDY
    return replace(finding, closes=closes, remarks=remarks, next_step=_SENSOR_STEP)


def _about_last_day(case: Case, through: Answer | None) -> tuple[str, ...]:
    """A remark where the stated figure ends before the window begins; the statement counts all the same."""
    start, end = window(case)
    if through is None or not isinstance(through.value, When) or through.value.last >= start:
        return ()
    named = f"The last day of the stated figure, {day_text(through.value)}, lies before the days that count"
    return (f"{named} ({period_text(start, end)})",)


def _counted(case: Case) -> Finding | None:
    """A recorded number of tests a day; too small a number says nothing beside a sensor."""
    start, end = window(case)
    counts = [
        r
        for r in case.chart.self_test_counts
        if within(r.when, start, case.as_of) is MET and r.value is not None and not r.comparator
    ]
    if not counts or case.not_read(ChartSection.GLUCOSE):
        return None  # a newer record may say otherwise
    newest = max(counts, key=lambda r: (str(r.when), r.reference))
    explanation, evidence = (
        f"Self-tests recorded as a count: {newest.shown}{f' ({day_text(newest.when)})' if newest.when else ''}",
        [cite(newest, newest.shown)],
    )
    if (newest.value or 0) >= case.parameters["self_tests_per_day"]:
        return met(explanation, Basis.SUPPORTED, evidence)
    step = f"needs {case.parameters['self_tests_per_day']} self-tests a day; the chart shows {newest.shown}"
    worn = sensor_wear(case, start, end) is not None
    return None if worn else not_met(explanation, Basis.SUPPORTED, evidence, next_step=step)


def _sensor_remedy(case: Case) -> str:
    return case.words("sensor_remedy", _SENSOR_REMEDY)


def tenths(count: int, days: int) -> str:
    """An average cut, not rounded, to tenths: 119 over 30 is 3.9."""
    return f"{count * 10 // days / 10:.1f}"
