"""D.I.G: glucose self-testing at least 4 times a day on average during the last month."""

from __future__ import annotations

from datetime import date

from cds_service.engine.days import days_before, within
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, not_met, strongest, unknown
from cds_service.engine.section import criterion
from cds_service.engine.truth import MET, NOT_MET
from cds_service.facts import Topic
from cds_service.policies.mp_mm_1316.case import Case, attestation, cite, unread


@criterion(
    "D.I.G",
    "Self-testing at least 4 times a day over the last month",
    "self_test_window_days",
    "self_tests_per_day",
    "cgm_counts_as_self_testing",
)
def tests_often_enough(case: Case) -> Finding:
    """The window is the 30 local days before the day of the order, which is not over and does not count. Accepted
    self-tests divided by 30, never rounded up: 120 pass, 119 do not. Fewer, though the days with data average 4
    or more, is incomplete. Laboratory glucose never counts. Sensor readings are not self-tests by the policy's
    words: a reviewer decides, unless the plan's parameter says that they count."""
    charted = case.guarded(_charted(case), Topic.GLUCOSE, Topic.ENCOUNTERS)
    return strongest(charted, _attested(case), _counted(case))


def window(case: Case) -> tuple[date, date]:
    """First and last day of the last month before the order."""
    return case.days_ago("self_test_window_days"), days_before(case.as_of, 1)


def _charted(case: Case) -> Finding:
    start, end = window(case)
    days = case.parameters["self_test_window_days"]
    goal = case.parameters["self_tests_per_day"]
    tests = [r for r in case.chart.self_tests if start <= r.day <= end]
    if not tests:
        return _without_tests(case, start, end)
    count, test_days = len(tests), len({r.day for r in tests})
    words = (
        f"{count} self-tests on {test_days} of {days} days ({start} to {end}): "
        f"{tenths(count, days)} a day over the window"
    )
    evidence = [Evidence(tests[-1].reference, f"{count} self-tests", f"{start}/{end}")]
    closes = f"A meter download for {start} to {end} with at least {goal * days} self-tests"
    if count >= goal * days:
        reason = case.not_read(Topic.ENCOUNTERS)
        finding = met(words, Basis.DOCUMENTED, evidence)
        # Readings at a visit that was not read may be a ward's and not the member's own.
        if reason and sum(not r.visit_unknown for r in tests) < goal * days:
            return unread(finding, reason)
        return finding
    if count >= goal * test_days:
        words += f", {tenths(count, test_days)} on days with data"
        return unknown(Gap.INCOMPLETE, words, closes, evidence)
    return not_met(words, Basis.DOCUMENTED, evidence)


def _without_tests(case: Case, start: date, end: date) -> Finding:
    closes = f"A meter download for {start} to {end}"
    readings = [r for r in case.chart.sensor if start <= r.day <= end]
    wear = [r for r in case.chart.sensor_wear if within(r.when, start, case.as_of) is not NOT_MET and r.value]
    worn = len({r.day for r in readings})
    if readings and case.parameters["cgm_counts_as_self_testing"]:
        goal = case.parameters["self_tests_per_day"] * case.parameters["self_test_window_days"]
        words = f"{len(readings)} sensor readings on {worn} days; this plan counts sensor readings"
        if len(readings) >= goal:
            return met(words, Basis.DOCUMENTED, [Evidence(case.chart.sensor_reference, words, f"{start}/{end}")])
    if readings or wear:
        shown = f"{worn} days of sensor wear" if readings else f"{wear[-1].shown} of sensor wear"
        words = f"No finger-sticks found; {shown} between {start} and {end}. The policy speaks of self-testing"
        closes += ", or the plan's word that sensor glucose counts"
        return unknown(Gap.NEEDS_REVIEW, words, closes, map(cite, wear))
    return unknown(Gap.NOT_DOCUMENTED, f"No self-tests found from {start} to {end}", closes)


def _attested(case: Case) -> Finding | None:
    answer = case.answer("D.I.G.average")
    if answer is None or isinstance(answer.value, bool) or not isinstance(answer.value, int | float):
        return None
    words = f"{answer.value:g} self-tests a day on average (attested {answer.authored})"
    enough = answer.value >= case.parameters["self_tests_per_day"]
    make = met if enough else not_met
    return make(words, Basis.ATTESTED, [attestation(answer, "D.I.G.average")])


def _counted(case: Case) -> Finding | None:
    start, _ = window(case)
    counts = [
        r
        for r in case.chart.self_test_counts
        if within(r.when, start, case.as_of) is MET and r.value is not None and not r.comparator
    ]
    if not counts or case.not_read(Topic.GLUCOSE):
        return None  # a newer record may say otherwise
    newest = max(counts, key=lambda r: (str(r.when), r.reference))
    enough = (newest.value or 0) >= case.parameters["self_tests_per_day"]
    make = met if enough else not_met
    return make(f"{newest.shown} self-tests recorded", Basis.SUPPORTED, [cite(newest, newest.shown)])


def tenths(count: int, days: int) -> str:
    """An average cut, not rounded, to tenths: 119 over 30 is 3.9."""
    return f"{count * 10 // days / 10:.1f}"
