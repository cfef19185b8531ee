"""What the rules read: a chart and orders, free of FHIR."""

from cds_service.facts.chart import (
    SECTION_NAMES,
    Answer,
    Chart,
    ChartSection,
    Coverage,
    Credential,
    Diagnosis,
    LabResult,
    Provider,
    Record,
    Unusable,
    Visit,
    When,
)
from cds_service.facts.glucose import OPEN_ORIGINS, GlucoseReading, OtherReading, ReadingOrigin, SensorReading
from cds_service.facts.orders import DeviceOrder, Scope
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
    "GlucoseReading",
    "InsulinAction",
    "InsulinOrder",
    "LabResult",
    "Moment",
    "OtherReading",
    "Provider",
    "ReadingOrigin",
    "Record",
    "ResultKind",
    "Scope",
    "SensorReading",
    "Unusable",
    "Visit",
    "When",
]
