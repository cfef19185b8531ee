"""IV.D: a pump before enrollment in Medicare, with self-testing in the month before it."""

from __future__ import annotations

from datetime import date

from cds_service.engine.finding import Basis, Evidence, Finding, Gap, best_supported, met, not_met, unknown
from cds_service.engine.pathways import every_part
from cds_service.engine.plain_text import day_text
from cds_service.engine.rule import criterion
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth
from cds_service.facts import ChartSection, Record, When
from cds_service.payers.identify import payer_named
from cds_service.policies.rules.case import Case, cite
from cds_service.policies.rules.self_testing import tests_often_enough

_REMEDY = "State that a pump was used before Medicare began, and the day on which Medicare began"
_BEFORE = "pump-before-enrollment"


def enrollment(case: Case) -> tuple[When, Evidence] | None:
    """The start of Medicare: as stated, else of the first coverage by Medicare itself; None where neither is known.

    A Medicare Advantage plan begins anew each year: its first day is not the enrollment in Medicare.
    """
    stated = case.answer("enrollment")
    if stated is not None and isinstance(stated.value, When):
        return stated.value, case.attestation(stated)
    payer = payer_named("medicare")
    starts = [(c.period[0], c) for c in case.chart.coverages if payer.is_run_by_program(c)]
    known = [(start, c) for start, c in starts if start is not None]
    if not known:
        return None
    start, coverage = min(known, key=lambda pair: (pair[0].first, pair[1].reference))
    return start, Evidence(coverage.reference, "Medicare began", str(start))


def pumps_ever(case: Case) -> list[Record]:
    """Coded evidence of any pump, with its first day."""
    return [r for r in (*case.chart.pump_uses, *case.chart.pumps) if r.coded_concepts and r.when is not None]


@criterion("IV.D.1", "Insulin pump before enrollment in Medicare")
def pump_before_enrollment(case: Case) -> Finding:
    """A pump whose first day lies before the day on which Medicare began documents it; that day is stated, or the first
    day of a coverage of Medicare itself, never of a Medicare Advantage plan. A statement attests it. Both days have to
    be known well enough to be told apart."""
    stated = case.attested(_BEFORE, "A pump was used before Medicare", "No pump was used before Medicare")
    charted = case.guarded(_charted(case), ChartSection.DEVICES, ChartSection.COVERAGE)
    if stated is None:
        return charted
    if charted.truth is MET and stated.truth is NOT_MET:
        evidence = (*charted.evidence, *stated.evidence)
        words = f"Chart and statement differ: {charted.explanation}; {stated.explanation}"
        return unknown(Gap.NEEDS_REVIEW, words, "Correct the chart or the statement", evidence)
    return best_supported(charted, stated) if charted.decided else stated


def _charted(case: Case) -> Finding:
    pumps = pumps_ever(case)
    if not pumps:
        return unknown(Gap.NEEDS_ATTESTATION, "No pump from before Medicare is on file", _REMEDY)
    first = min(pumps, key=lambda r: (r.when.first if r.when else date.max, r.reference))
    since = day_text(first.when) if first.when else ""
    began = enrollment(case)
    if began is None:
        words = f"{first.label} since {since}; nothing says when Medicare began"
        return unknown(Gap.INCOMPLETE, words, "State the day on which Medicare began", [cite(first)])
    day, evidence = began
    words = f"{first.label} since {since}, Medicare since {day_text(day)}"
    truth = _earlier(first.when, day)
    if truth is UNKNOWN:
        closes = "State the exact days on which the pump and Medicare began"
        return unknown(Gap.INCOMPLETE, words, closes, [cite(first), evidence])
    if truth is NOT_MET:
        # An earlier pump may not be on file.
        return unknown(Gap.NEEDS_ATTESTATION, f"{words}: no pump from before it is on file", _REMEDY, [cite(first)])
    return met(words, Basis.DOCUMENTED, [cite(first), evidence])


def _earlier(one: When | None, other: When) -> Truth:
    if one is None:
        return UNKNOWN
    if one.last < other.first:
        return MET
    return NOT_MET if one.first >= other.last else UNKNOWN


@criterion(
    "IV.D.2",
    "Self-testing at least {self_tests_per_day:times} a day in the month before enrollment, or a sensor",
    "enrollment_test_days",
    "self_tests_per_day",
)
def self_tests_before_enrollment(case: Case) -> Finding:
    """As IV.C.T, with the window of {enrollment_test_days:days} before the day on which Medicare began. A statement
    decides where the chart does not reach back so far."""
    p = case.parameters
    stated = case.answer("self-tests-before-enrollment")
    began = enrollment(case)
    if began is not None and began[0].first == began[0].last and began[0].first <= case.as_of:
        window = {
            "self_test_window_days": p["enrollment_test_days"],
            "self_test_complete_days": p["enrollment_test_days"],
        }
        questions = {"self-tests-a-day": "self-tests-before-enrollment"}
        finding = tests_often_enough(case.at_event(began[0].first, parameters=window, questions=questions))
        if stated is not None or finding.truth is not UNKNOWN or finding.evidence:
            return finding
    elif stated is not None and isinstance(stated.value, int | float) and not isinstance(stated.value, bool):
        evidence = [case.attestation(stated)]
        words = f"{stated.value:g} self-tests a day in the month before Medicare (stated {day_text(stated.authored)})"
        make = met if stated.value >= p["self_tests_per_day"] else not_met
        return make(words, Basis.ATTESTED, evidence, names_statement=True)
    closes = "Add a meter or sensor record of the month before Medicare began, or sign a statement"
    return unknown(Gap.NEEDS_ATTESTATION, "No self-testing from the month before Medicare is on file", closes)


@criterion("IV.D", "On a pump before Medicare")
def on_pump_before_medicare(case: Case) -> Finding:
    """Both the pump and the self-testing before enrollment."""
    return every_part((case.finding(pump_before_enrollment), case.finding(self_tests_before_enrollment)))
