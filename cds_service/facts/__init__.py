"""What the rules read: a chart and orders, free of FHIR."""

from cds_service.facts.chart import (
    Answer,
    Chart,
    Coverage,
    Credential,
    Diagnosis,
    GlucoseReading,
    LabResult,
    Provider,
    Record,
    SensorReading,
    Topic,
    Unusable,
    Visit,
    When,
)
from cds_service.facts.orders import DeviceOrder, Scope
from cds_service.facts.regimen import InsulinAction, InsulinOrder, Moment

__all__ = [
    "Answer",
    "Chart",
    "Coverage",
    "Credential",
    "DeviceOrder",
    "Diagnosis",
    "GlucoseReading",
    "InsulinAction",
    "InsulinOrder",
    "LabResult",
    "Moment",
    "Provider",
    "Record",
    "Scope",
    "SensorReading",
    "Topic",
    "Unusable",
    "Visit",
    "When",
]
