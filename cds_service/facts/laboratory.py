"""What a laboratory reports beside a value: its own reference range, the draw, fasting, and what a test found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ReferenceRange:
    """A range that the report itself gives for a result, in the unit of the result's `value`.

    `low` and `high` are None where the range is open on that side; `low_excluded` and `high_excluded` tell that the
    limit itself lies outside (`> 0.8`, `< 1:4`). Titers are given by the number behind the colon: `1:4` is 4. `shown`
    is the range as the report prints it.
    """

    low: float | None
    high: float | None
    shown: str
    low_excluded: bool = False
    high_excluded: bool = False


class RangeProblem(StrEnum):
    """Why a result has no reference range that it can be compared with; the values stand in sentences."""

    MISSING = "the report gives no reference range"
    UNREAD = "the report's reference range is text that cannot be read"
    NO_LOW = "the report's reference range has no lower limit"
    OTHER_UNIT = "the report's reference range is in another unit, or in none, than can be compared with the value"
    NOT_NORMAL = "the report's range is a target or a treatment range, not what is normal"
    NOT_THIS_PATIENT = "none of the report's reference ranges is for a patient of this age and sex"


class Fasting(StrEnum):
    """Whether the patient was fasting at the draw, as far as the report says."""

    FASTING = "fasting"
    NOT_FASTING = "not fasting"
    CONFLICTING = "the report says both fasting and not fasting"
    UNSTATED = "not stated"


class TestOutcome(StrEnum):
    """What a test that finds something or does not has found."""

    __test__ = False  # no test case, whatever pytest takes from the name

    POSITIVE = "positive"
    NEGATIVE = "negative"
    EQUIVOCAL = "between positive and negative"
    CONFLICTING = "the parts of the report disagree"
    UNREAD = "not readable"


@dataclass(frozen=True, slots=True)
class Draw:
    """What tells which draw of blood a result comes from.

    `specimen`: reference of the Specimen. `together`: references of the reports and panels that list the result.
    `taken` is the local start of the draw as `YYYY-MM-DDTHH:MM:SS`, empty where the report gives no time of the day.
    """

    specimen: str = ""
    together: frozenset[str] = frozenset()
    taken: str = ""


NO_DRAW = Draw()


@dataclass(frozen=True, slots=True)
class LabReport:
    """What stands beside the value of a result of a kind that a policy asks for on its own.

    `ranges`: the report's reference ranges that may be this patient's, several where nothing tells which is; none
    where `range_problem` says why. `fasting_source` and `outcome_source` are the words of the report that say so.
    `outcome` is None for kinds that are measured, not found.
    """

    ranges: tuple[ReferenceRange, ...] = ()
    range_problem: RangeProblem | None = None
    draw: Draw = NO_DRAW
    fasting: Fasting = Fasting.UNSTATED
    fasting_source: str = ""
    outcome: TestOutcome | None = None
    outcome_source: str = ""
