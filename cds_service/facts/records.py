"""What the chart holds about one thing: when it was, what its codes say, diagnoses, results and visits.

Dates are calendar days in the member's time zone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from enum import StrEnum

from cds_service.concepts import Concept
from cds_service.facts.laboratory import LabReport


@dataclass(frozen=True, slots=True, order=True)
class When:
    """A time in the chart as an interval of local days; `clock` is the local time where the chart has one."""

    first: date
    last: date
    clock: time | None = field(default=None, compare=False)

    def __str__(self) -> str:
        """The interval as the chart would write it: a day, a month, a year, else both ends."""
        if self.first == self.last:
            return self.first.isoformat()
        whole_months = self.first.day == 1 and (self.last == date.max or (self.last + timedelta(days=1)).day == 1)
        if whole_months and (self.first.year, self.first.month) == (self.last.year, self.last.month):
            return self.first.strftime("%Y-%m")
        if whole_months and self.first.year == self.last.year and (self.first.month, self.last.month) == (1, 12):
            return self.first.strftime("%Y")
        return f"{self.first.isoformat()}/{self.last.isoformat()}"


@dataclass(frozen=True, slots=True)
class Record:
    """Anything the chart holds: where it stands, when it was, what its codes say, what it is called.

    `concepts` are said by a sure code; `supported` by one that several code system editions share or whose term only
    implies it; `review` by a code of an unknown system or by words, so that a person has to look. `code` is the code
    that counted, as its system spells it; empty where only words say it. `until` is its last day, where it is over.
    """

    reference: str
    when: When | None
    concepts: frozenset[Concept]
    label: str
    code: str = field(default="", kw_only=True)
    supported: frozenset[Concept] = field(default=frozenset(), kw_only=True)
    review: frozenset[Concept] = field(default=frozenset(), kw_only=True)
    until: date | None = field(default=None, kw_only=True)

    @property
    def coded_concepts(self) -> frozenset[Concept]:
        """What its codes say or imply."""
        return self.concepts | self.supported

    @property
    def all_concepts(self) -> frozenset[Concept]:
        """What its codes say or imply, and what only a person can tell from it."""
        return self.concepts | self.supported | self.review


@dataclass(frozen=True, slots=True)
class Diagnosis(Record):
    """A Condition, recorded at `encounter`, begun at `onset`. `active` None: not said, and no duty to say it."""

    active: bool | None = True
    abated: When | None = None
    onset: When | None = None
    confirmed: bool = True
    status: str = "active"
    encounter: str | None = None


class Unusable(StrEnum):
    """Why a result cannot be compared with a threshold."""

    NO_VALUE = "no value"
    TEXT_ONLY = "the value is text"
    WRONG_UNIT = "the unit is of another kind"
    IMPLAUSIBLE = "the value is not plausible"
    ODD_COMPARATOR = "the comparator is not readable"
    NAMED_ONLY = "named by a local code or in words only"


@dataclass(frozen=True, slots=True)
class LabResult(Record):
    """One result in the policy's unit. `comparator` is one of '', '<', '<=', '>', '>='.

    `report`: what the report gives beside the value; None for results that no policy asks for on its own.
    """

    value: float | None = None
    comparator: str = ""
    shown: str = ""
    unusable: Unusable | None = None
    pending: bool = False
    report: LabReport | None = None

    @property
    def surely_named(self) -> LabResult:
        """The same result as if a sure code named it: what it would say."""
        return replace(self, unusable=None) if self.unusable is Unusable.NAMED_ONLY else self


@dataclass(frozen=True, slots=True)
class Visit(Record):
    """A visit with what it was for, from `when` to `end`; `days` is its length, None when not stated.

    `inpatient` is None when its class cannot be read. `diagnoses` are the Conditions that belong to it.
    """

    days: int | None = None
    end: When | None = None
    inpatient: bool | None = True
    diagnoses: frozenset[str] = frozenset()


class SeenHow(StrEnum):
    """How a practitioner saw the patient at a visit; the values stand in sentences."""

    OFFICE = "office visit"
    VIRTUAL = "visit by video"
    TELEPHONE = "telephone call"
    HOME = "visit at home"
    OBSERVATION = "hospital observation"
    EMERGENCY = "emergency visit"
    INPATIENT = "hospital stay"
    NOT_SEEN = "message, refill, laboratory visit or paperwork"
    UNREAD = "visit whose kind could not be read"


@dataclass(frozen=True, slots=True)
class PractitionerVisit(Record):
    """A visit that took place, of whatever reason, from `when` to `until`.

    `practitioners`: references of who took part, each practitioner's role with the practitioner behind it;
    `practitioner_names` as the chart prints them. `endocrinology`: one of them, or the visit's service, is of that
    specialty. `status`: of the Encounter; a visit that is `in-progress` or without a status may not be over. `concepts`
    are those of its reasons and diagnoses.
    """

    how: SeenHow = SeenHow.UNREAD
    practitioners: frozenset[str] = frozenset()
    practitioner_names: tuple[str, ...] = ()
    endocrinology: bool = False
    status: str = "finished"
