"""Views of what results refer to: the specimen that they were measured in, the report that lists them."""

from __future__ import annotations

from msgspec import Raw, Struct

from fhir_mappings.common.datatypes import NOTHING, CodeableConcept, Period, Quantity, Reference, Several
from fhir_mappings.json.clinical_views import Resource


class Specimen(Resource, tag="Specimen"):
    """What was drawn from the patient."""

    class Collection(Struct, gc=False):
        """When, and whether the patient was fasting."""

        collectedDateTime: str | None = None
        collectedPeriod: Period | None = None
        fastingStatusCodeableConcept: CodeableConcept | None = None
        fastingStatusDuration: Quantity | None = None

    status: str | None = None
    subject: Reference | None = None
    collection: Collection | None = None
    condition: Raw = NOTHING
    note: Raw = NOTHING


class DiagnosticReport(Resource, tag="DiagnosticReport"):
    """A report that lists results."""

    status: str | None = None
    subject: Reference | None = None
    result: Several[Reference] | None = None
