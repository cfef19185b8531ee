"""What the rules read: a chart and orders, free of FHIR."""

from cds_service.facts.chart import (
    SECTION_NAMES,
    Answer,
    Chart,
    ChartSection,
    Coverage,
    Credential,
    Person,
    Provider,
    Sex,
)
from cds_service.facts.glucose import OPEN_ORIGINS, GlucoseReading, OtherReading, ReadingOrigin, SensorReading
from cds_service.facts.laboratory import Draw, Fasting, LabReport, RangeProblem, ReferenceRange, TestOutcome
from cds_service.facts.orders import DeviceOrder, Scope
from cds_service.facts.records import (
    Diagnosis,
    LabResult,
    PractitionerVisit,
    Record,
    SeenHow,
    Unusable,
    Visit,
    When,
)
from cds_service.facts.regimen import InsulinAction, InsulinOrder, Moment
from cds_service.facts.results import ResultKind

__all__ = [
    "OPEN_ORIGINS",
    "SECTION_NAMES",
    "Answer",
    "Chart",
    "ChartSection",
    "Coverage",
    "Credential",
    "DeviceOrder",
    "Diagnosis",
    "Draw",
    "Fasting",
    "GlucoseReading",
    "InsulinAction",
    "InsulinOrder",
    "LabReport",
    "LabResult",
    "Moment",
    "OtherReading",
    "Person",
    "PractitionerVisit",
    "Provider",
    "RangeProblem",
    "ReadingOrigin",
    "Record",
    "ReferenceRange",
    "ResultKind",
    "Scope",
    "SeenHow",
    "SensorReading",
    "Sex",
    "TestOutcome",
    "Unusable",
    "Visit",
    "When",
]
