"""FHIR-free words for a chart.

Dates are calendar days in the member's time zone. Values are in the unit that the policy speaks: HbA1c in
% NGSP, albumin-creatinine ratio in mg/g, eGFR in mL/min/1.73 m2, glucose in whole mg/dL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cds_service.concepts import Product
from cds_service.facts.glucose import GlucoseReading, OtherReading, SensorReading
from cds_service.facts.records import Diagnosis, LabResult, PractitionerVisit, Record, Visit, When
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

    `products`: by the type's codes. `…_unread`: a payor or a date could not be read. `nameable`: can be referred to.
    `pays_second`: its type says that another plan pays before it."""

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
    pays_second: bool = False


class Sex(StrEnum):
    """What the chart says of the patient's sex, as far as a value is computed from it."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "neither female nor male"
    UNSTATED = "not stated"
    DIFFERS = "stated differently: administrative gender and sex at birth"


@dataclass(frozen=True, slots=True)
class Person:
    """Who the patient is. `born`: a day, or a month or year where no more is known; None where it cannot be read."""

    born: When | None = None
    sex: Sex = Sex.UNSTATED


NOBODY_KNOWN = Person()


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything read about the member, sorted, so that the order of arrival never matters.

    `unread` names the sections that could not be read and why; `partial` those of which something may be
    missing. `notes` list what was set aside. `other_readings` are glucose readings that count as no self-test,
    `sensor_signs` what shows a sensor without a reading: summaries, devices, orders. `results`: of the kinds that a
    policy asks for on its own, by key; `practitioner_visits` likewise, none where no policy asks. `pump_uses`: whatever
    shows that a pump was used at some time, today or in the past, by its dates.
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
    practitioner_visits: tuple[PractitionerVisit, ...] = ()
    dialysis: tuple[Record, ...] = ()
    pumps: tuple[Record, ...] = ()
    pump_procedures: tuple[Record, ...] = ()
    pump_training: tuple[Record, ...] = ()
    pump_uses: tuple[Record, ...] = ()
    answers: Mapping[str, tuple[Answer, ...]] = field(default_factory=dict)
    care_team: tuple[Provider, ...] = ()
    coverages: tuple[Coverage, ...] = ()
    state: str | None = None
    person: Person = NOBODY_KNOWN
    open_orders: frozenset[str] = frozenset()
    results: Mapping[str, tuple[LabResult, ...]] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    partial: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
