"""FHIR-free words for a chart.

Dates are calendar days in the member's time zone. Values are in the unit that the policy speaks: HbA1c in
% NGSP, albumin-creatinine ratio in mg/g, eGFR in mL/min/1.73 m2, glucose in whole mg/dL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from enum import StrEnum

from cds_service.concepts import Concept, Product
from cds_service.facts.glucose import GlucoseReading, OtherReading, SensorReading
from cds_service.facts.regimen import InsulinOrder


class ChartSection(StrEnum):
    """What the chart is asked for; the values are the prefetch keys."""

    __hash__ = str.__hash__

    PATIENT = "patient"
    COVERAGE = "coverage"
    CONDITIONS = "conditions"
    HBA1C = "hba1c"
    GLUCOSE = "glucose"
    ALBUMIN_CREATININE = "albuminCreatinine"
    EGFR = "egfr"
    INSULIN = "insulin"
    EDUCATION = "education"
    DEVICES = "devices"
    ENCOUNTERS = "encounters"
    ATTESTATIONS = "attestations"
    REQUESTER = "requester"


# What each part of the chart is called in a sentence.
SECTION_NAMES: dict[str, str] = {
    ChartSection.PATIENT: "the patient",
    ChartSection.COVERAGE: "coverage",
    ChartSection.CONDITIONS: "diagnoses",
    ChartSection.HBA1C: "HbA1c results",
    ChartSection.GLUCOSE: "glucose readings",
    ChartSection.ALBUMIN_CREATININE: "albumin-creatinine ratios",
    ChartSection.EGFR: "eGFR results",
    ChartSection.INSULIN: "insulin orders",
    ChartSection.EDUCATION: "procedures and education",
    ChartSection.DEVICES: "devices",
    ChartSection.ENCOUNTERS: "visits",
    ChartSection.ATTESTATIONS: "signed statements",
    ChartSection.REQUESTER: "the ordering provider",
}


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
    """One result in the policy's unit. `comparator` is one of '', '<', '<=', '>', '>='."""

    value: float | None = None
    comparator: str = ""
    shown: str = ""
    unusable: Unusable | None = None
    pending: bool = False

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


class Credential(StrEnum):
    """What the chart says about an orderer's credential."""

    MAY_ORDER = "may order"
    MAY_NOT_ORDER = "does not order by itself"
    SUPPLIER = "equipment supplier"
    UNREAD = "not readable"


@dataclass(frozen=True, slots=True)
class Provider:
    """A person or organization that orders, performs or cares. `specialty_text`: words that name endocrinology."""

    reference: str
    credential: Credential
    credential_label: str = ""
    endocrinology: bool = False
    specialty_text: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a clinician attested under one linkId.

    `questionnaire`: the id of the one that was answered, empty where none is named. `meaning`: the general
    name of what the question asks, under which other policies may ask the same; empty where it has none.
    """

    value: bool | float | str | When
    authored: When
    reference: str
    questionnaire: str = ""
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """One insurance. `status` is empty where none is given; `plan_texts` name the plan, `other_texts` group and type.

    `products`: by the type's codes. `…_unread`: a payor or a date could not be read. `nameable`: can be referred to."""

    reference: str
    status: str
    period: tuple[When | None, When | None]
    order: int | None
    payer_identifiers: frozenset[str]
    payer_names: tuple[str, ...]
    plan_ids: tuple[str, ...]
    plan_texts: tuple[str, ...] = ()
    other_texts: tuple[str, ...] = ()
    products: frozenset[Product] = frozenset()
    member_ids: frozenset[str] = frozenset()
    payer_unread: bool = False
    period_unread: bool = False
    nameable: bool = True


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything read about the member, sorted, so that the order of arrival never matters.

    `unread` names the sections that could not be read and why; `partial` those of which something may be
    missing. `notes` list what was set aside. `other_readings` are glucose readings that count as no self-test,
    `sensor_signs` what shows a sensor without a reading: summaries, devices, orders. `results`: of the kinds that a
    policy asks for on its own, by key.
    """

    diagnoses: tuple[Diagnosis, ...] = ()
    hba1c: tuple[LabResult, ...] = ()
    albumin_creatinine: tuple[LabResult, ...] = ()
    egfr: tuple[LabResult, ...] = ()
    self_tests: tuple[GlucoseReading, ...] = ()
    sensor: tuple[SensorReading, ...] = ()
    sensor_reference: str = ""
    sensor_wear: tuple[LabResult, ...] = ()
    sensor_signs: tuple[Record, ...] = ()
    other_readings: tuple[OtherReading, ...] = ()
    self_test_counts: tuple[LabResult, ...] = ()
    insulin: tuple[InsulinOrder, ...] = ()
    education: tuple[Record, ...] = ()
    visits: tuple[Visit, ...] = ()
    dialysis: tuple[Record, ...] = ()
    pumps: tuple[Record, ...] = ()
    pump_procedures: tuple[Record, ...] = ()
    pump_training: tuple[Record, ...] = ()
    answers: Mapping[str, tuple[Answer, ...]] = field(default_factory=dict)
    care_team: tuple[Provider, ...] = ()
    coverages: tuple[Coverage, ...] = ()
    state: str | None = None
    open_orders: frozenset[str] = frozenset()
    results: Mapping[str, tuple[LabResult, ...]] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    partial: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
