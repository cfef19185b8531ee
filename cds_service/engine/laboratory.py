"""What laboratory results say together: a value held against the report's own range, two results of one draw.

Nothing is rounded: figures are compared as they are printed, so that 0.88 is 110 % of 0.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth
from cds_service.engine.wording import counted
from cds_service.facts import LabReport, LabResult, RangeProblem, ReferenceRange, Sex, When

_NO_REPORT = LabReport(range_problem=RangeProblem.MISSING)


@dataclass(frozen=True, slots=True)
class RangeComparison:
    """Whether a result is at most a share of the lower limit of its report's range.

    `why` says in a clause why that is not decidable, else empty. `ranges`: those that it was held against.
    """

    truth: Truth
    why: str = ""
    ranges: tuple[ReferenceRange, ...] = ()


def at_most_share_of_low(result: LabResult, share: float) -> RangeComparison:
    """Whether a result is at most `share` (1.1 for 110 %) of the lower limit of the laboratory's own range.

    Where several ranges may be the patient's, it holds only by all of them, and does not only by none of them.
    """
    report = result.report or _NO_REPORT
    if result.value is None or result.unusable is not None:
        return RangeComparison(UNKNOWN, f"the result cannot be used: {result.unusable}")
    if report.range_problem is not None:
        return RangeComparison(UNKNOWN, str(report.range_problem))
    ranges = tuple(each for each in report.ranges if each.low is not None)
    if not ranges or len(ranges) < len(report.ranges):
        return RangeComparison(UNKNOWN, str(RangeProblem.NO_LOW), report.ranges)
    answers = {_at_most(result, _exact(share) * _exact(each.low)) for each in ranges if each.low is not None}
    if len(answers) == 1 and answers != {UNKNOWN}:
        return RangeComparison(answers.pop(), "", ranges)
    why = "the value is not exact" if UNKNOWN in answers else "the report's ranges lead to different answers"
    return RangeComparison(UNKNOWN, why, ranges)


def _at_most(result: LabResult, limit: Decimal) -> Truth:
    """Whether every value that a result allows is at most `limit`; NOT_MET: none is."""
    value = _exact(result.value or 0)
    if result.comparator == "":
        return MET if value <= limit else NOT_MET
    if result.comparator in ("<", "<="):
        return MET if value <= limit else UNKNOWN
    above = value >= limit if result.comparator == ">" else value > limit
    return NOT_MET if above else UNKNOWN


def _exact(number: float) -> Decimal:
    return Decimal(repr(number))


@dataclass(frozen=True, slots=True)
class DrawMatch:
    """Whether two results are of one draw. UNKNOWN: only a person can tell. `why` says by what, in a clause."""

    truth: Truth
    why: str


def same_draw(one: LabResult, other: LabResult, minutes: int) -> DrawMatch:
    """Whether two results are of one draw: one specimen, one report, or one time.

    Times up to `minutes` apart are for a reviewer, and so are two results of one day without a time on both. One
    report is no proof where its results are timed apart: reports of stimulation tests hold several draws.
    """
    draws = [result.report.draw if result.report is not None else None for result in (one, other)]
    first, second = draws
    apart = _minutes_apart(first.taken, second.taken) if first and second else None
    days_differ = _on_different_days(one.when, other.when)
    if first and second and first.specimen and first.specimen == second.specimen:
        if days_differ:
            return DrawMatch(UNKNOWN, "they name one specimen and are of different days")
        return DrawMatch(MET, "they are of one specimen")
    if days_differ:
        return DrawMatch(NOT_MET, "they are of different days")
    if apart == 0:
        return DrawMatch(MET, "they were drawn at the same time")
    if apart is not None:
        why = f"they were drawn {counted(apart, 'minute')} apart"
        return DrawMatch(UNKNOWN if apart <= minutes else NOT_MET, why)
    if first and second and first.together & second.together:
        return DrawMatch(MET, "they stand in one report")
    return DrawMatch(UNKNOWN, "they are of one day, and no time of the draw is stated for both")


def _minutes_apart(one: str, other: str) -> int | None:
    """Whole minutes between two draws, a part of one counted as one; None where a time is missing."""
    if not one or not other:
        return None
    apart = abs(datetime.fromisoformat(one) - datetime.fromisoformat(other))
    return -(-apart // timedelta(minutes=1))


def _on_different_days(one: When | None, other: When | None) -> bool:
    """Whether two times have no day in common; a time that nobody states has every day."""
    return one is not None and other is not None and (one.last < other.first or other.last < one.first)


@dataclass(frozen=True, slots=True)
class ComputedClearance:
    """A creatinine clearance in mL/min by Cockcroft and Gault, as an interval that holds every value that the chart
    allows: one value where age and sex are known.

    None where something is lacking; `lacks` says what, in clauses.
    """

    least: float | None
    most: float | None
    lacks: tuple[str, ...] = ()


def cockcroft_gault(
    born: When | None, sex: Sex, weight_kg: float | None, creatinine_mg_dl: float | None, day: date
) -> ComputedClearance:
    """(140 - age) x weight / (72 x creatinine), times 0.85 for women; age in whole years on the day of the creatinine.

    Cockcroft and Gault, Nephron 1976;16:31-41. Where the sex is not known, the interval holds both values.
    """
    lacks = []
    if born is None or born.first > day:
        lacks.append("the date of birth cannot be read")
    if sex is not Sex.FEMALE and sex is not Sex.MALE:
        lacks.append(f"the sex is {sex}")
    if weight_kg is None or weight_kg <= 0:
        lacks.append("no body weight")
    if creatinine_mg_dl is None or creatinine_mg_dl <= 0:
        lacks.append("no serum creatinine")
    if born is None or born.first > day or not weight_kg or not creatinine_mg_dl:
        return ComputedClearance(None, None, tuple(lacks))
    factors = {Sex.FEMALE: (0.85,), Sex.MALE: (1.0,)}.get(sex, (0.85, 1.0))
    ages = (_age(born.first, day), _age(min(born.last, day), day))
    values = [max(140 - age, 0) * weight_kg * factor / (72 * creatinine_mg_dl) for age in ages for factor in factors]
    return ComputedClearance(min(values), max(values), tuple(lacks))


def _age(born: date, day: date) -> int:
    """Whole years of life."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
