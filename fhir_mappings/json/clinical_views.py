"""Views of what a chart holds: results, diagnoses, drugs, visits, devices, answers.

Names are FHIR's own. Fields whose shape differs between servers (`category` as an object, `value` as a string) are
kept raw or as unions, and read where they are used.
"""

from __future__ import annotations

from msgspec import Raw, Struct

from fhir_mappings.common.datatypes import (
    NOTHING,
    Annotation,
    CodeableConcept,
    Coding,
    Dosage,
    Meta,
    Period,
    Quantity,
    Range,
    Reference,
    Several,
)

# Raw elements that are read by `raw_elements` alone, which reads none that is too long: of thousands of sensor readings
# they need not be measured.
RESULT_ELEMENTS = frozenset(
    {
        "valueRatio",
        "valueBoolean",
        "interpretation",
        "note",
        "specimen",
        "referenceRange",
        "hasMember",
        "component",
    }
)


class Resource(Struct, gc=False, tag_field="resourceType"):
    """What all resources share."""

    id: str | None = None
    meta: Meta | None = None


class Patient(Resource, tag="Patient"):
    """Identity and home."""

    class Address(Struct, gc=False):
        """One address."""

        use: str | None = None
        state: str | None = None
        postalCode: str | None = None

    address: Several[Address] | None = None
    birthDate: Raw = NOTHING
    gender: Raw = NOTHING
    extension: Raw = NOTHING


class Observation(Resource, tag="Observation"):
    """A result or reading."""

    contained: Raw = NOTHING
    status: str | None = None
    category: Raw = NOTHING
    code: CodeableConcept | None = None
    subject: Reference | None = None
    encounter: Reference | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    effectiveInstant: str | None = None
    issued: str | None = None
    performer: Raw = NOTHING
    valueQuantity: Quantity | None = None
    valueString: str | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueInteger: int | None = None
    valueRange: Range | None = None
    method: CodeableConcept | None = None
    device: Reference | None = None
    extension: Raw = NOTHING
    # Of results alone: behind what sensor readings have, so that those are decoded as fast as ever.
    valueRatio: Raw = NOTHING
    valueBoolean: Raw = NOTHING
    interpretation: Raw = NOTHING
    note: Raw = NOTHING
    specimen: Raw = NOTHING
    referenceRange: Raw = NOTHING
    hasMember: Raw = NOTHING
    component: Raw = NOTHING


class Condition(Resource, tag="Condition"):
    """A diagnosis or problem."""

    clinicalStatus: CodeableConcept | None = None
    verificationStatus: CodeableConcept | None = None
    category: Raw = NOTHING
    code: CodeableConcept | None = None
    subject: Reference | None = None
    encounter: Reference | None = None
    onsetDateTime: str | None = None
    onsetPeriod: Period | None = None
    abatementDateTime: str | None = None
    abatementPeriod: Period | None = None
    abatementString: str | None = None
    abatementAge: Quantity | None = None
    recordedDate: str | None = None


class Medication(Resource, tag="Medication"):
    """A drug product that orders refer to."""

    class Ingredient(Struct, gc=False):
        """What the product is made of."""

        itemCodeableConcept: CodeableConcept | None = None

    code: CodeableConcept | None = None
    ingredient: Several[Ingredient] | None = None


class Supply(Struct, gc=False):
    """How long a prescription is dispensed for."""

    validityPeriod: Period | None = None
    expectedSupplyDuration: Quantity | None = None
    numberOfRepeatsAllowed: int | None = None


class MedicationRequest(Resource, tag="MedicationRequest"):
    """A prescription."""

    contained: Raw = NOTHING
    extension: Raw = NOTHING
    status: str | None = None
    intent: str | None = None
    reportedBoolean: bool | None = None
    reportedReference: Reference | None = None
    doNotPerform: bool | None = None
    category: Raw = NOTHING
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: Reference | None = None
    subject: Reference | None = None
    authoredOn: str | None = None
    requester: Reference | None = None
    performer: Reference | None = None
    reasonCode: Several[CodeableConcept] | None = None
    insurance: Several[Reference] | None = None
    note: Several[Annotation] | None = None
    dosageInstruction: Several[Dosage] | None = None
    dispenseRequest: Supply | None = None
    priorPrescription: Reference | None = None


class MedicationStatement(Resource, tag="MedicationStatement"):
    """What the patient is said to take."""

    contained: Raw = NOTHING
    status: str | None = None
    category: Raw = NOTHING
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: Reference | None = None
    subject: Reference | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    dateAsserted: str | None = None
    dosage: Several[Dosage] | None = None


class MedicationDispense(Resource, tag="MedicationDispense"):
    """What was handed over."""

    contained: Raw = NOTHING
    status: str | None = None
    category: Raw = NOTHING
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: Reference | None = None
    subject: Reference | None = None
    daysSupply: Quantity | None = None
    whenHandedOver: str | None = None
    whenPrepared: str | None = None
    dosageInstruction: Several[Dosage] | None = None


class Procedure(Resource, tag="Procedure"):
    """Something done."""

    status: str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    performedDateTime: str | None = None
    performedPeriod: Period | None = None
    reasonCode: Several[CodeableConcept] | None = None
    reasonReference: Several[Reference] | None = None


class ChargeItem(Resource, tag="ChargeItem"):
    """Something billed."""

    status: str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    occurrenceDateTime: str | None = None
    occurrencePeriod: Period | None = None
    reason: Several[CodeableConcept] | None = None


class Encounter(Resource, tag="Encounter", rename={"class_": "class"}):
    """A visit or stay."""

    class Class(Coding, gc=False):
        """R4 sends a Coding, R5 a CodeableConcept."""

        coding: Several[Coding] | None = None

    class Diagnosis(Struct, gc=False):
        """A diagnosis of the visit."""

        condition: Reference | None = None

    class Hospitalization(Struct, gc=False):
        """How an admission came about."""

        admitSource: CodeableConcept | None = None

    status: str | None = None
    class_: Class | None = None
    type: Several[CodeableConcept] | None = None
    serviceType: CodeableConcept | None = None
    subject: Reference | None = None
    period: Period | None = None
    reasonCode: Several[CodeableConcept] | None = None
    reasonReference: Several[Reference] | None = None
    diagnosis: Several[Diagnosis] | None = None
    participant: Raw = NOTHING


class Device(Resource, tag="Device"):
    """A device of the patient, or one that an order names."""

    class Name(Struct, gc=False):
        """A name of the device."""

        name: str | None = None

    extension: Raw = NOTHING
    status: str | None = None
    type: CodeableConcept | None = None
    deviceName: Several[Name] | None = None
    manufacturer: str | None = None
    modelNumber: str | None = None
    patient: Reference | None = None
    manufactureDate: str | None = None


class DeviceUseStatement(Resource, tag="DeviceUseStatement"):
    """A device said to be used."""

    contained: Raw = NOTHING
    status: str | None = None
    subject: Reference | None = None
    device: Reference | None = None
    timingDateTime: str | None = None
    timingPeriod: Period | None = None
    recordedOn: str | None = None


class QuestionnaireResponse(Resource, tag="QuestionnaireResponse"):
    """Answers to a form; items are read where they count."""

    questionnaire: str | None = None
    status: str | None = None
    subject: Reference | None = None
    authored: str | None = None
    item: Raw = NOTHING
