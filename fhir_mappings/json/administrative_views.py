"""Views of who cares and who pays: people, organizations, insurances. Names are FHIR's own."""

from __future__ import annotations

from msgspec import Raw, Struct

from fhir_mappings.common.datatypes import NOTHING, CodeableConcept, Few, Identifier, Period, Reference, Several
from fhir_mappings.json.clinical_views import Resource


class Coverage(Resource, tag="Coverage", rename={"class_": "class"}):
    """An insurance."""

    class Class(Struct, gc=False):
        """A group or plan of the insurance."""

        type: CodeableConcept | None = None
        value: str | None = None
        name: str | None = None

    contained: Raw = NOTHING
    identifier: Raw = NOTHING
    subscriberId: Raw = NOTHING
    status: str | None = None
    type: CodeableConcept | None = None
    beneficiary: Reference | None = None
    period: Period | None = None
    payor: Few[Reference] | None = None
    class_: Few[Class] | None = None
    order: float | str | None = None


class Qualification(Struct, gc=False):
    """A certificate or license."""

    code: CodeableConcept | None = None


class Practitioner(Resource, tag="Practitioner"):
    """A person who provides care."""

    qualification: Several[Qualification] | None = None


class PractitionerRole(Resource, tag="PractitionerRole"):
    """What a practitioner does for whom."""

    practitioner: Reference | None = None
    code: Several[CodeableConcept] | None = None
    specialty: Several[CodeableConcept] | None = None


class Organization(Resource, tag="Organization"):
    """A payer, supplier or practice."""

    identifier: Several[Identifier] | None = None
    name: str | None = None
    alias: Several[str] | None = None
    type: Several[CodeableConcept] | None = None


class CareTeam(Resource, tag="CareTeam"):
    """Who cares for the patient."""

    class Participant(Struct, gc=False):
        """One member of the team."""

        role: Several[CodeableConcept] | None = None
        member: Reference | None = None

    status: str | None = None
    subject: Reference | None = None
    participant: Several[Participant] | None = None
