"""References that a rule needs and that nothing in the call resolves: what has to be read beside the searches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cds_service.concepts import Concept
from fhir_mappings import terminology
from fhir_mappings.administrative_views import CareTeam, Coverage, Organization, Practitioner, PractitionerRole
from fhir_mappings.clinical_views import (
    Device,
    DeviceUseStatement,
    Medication,
    MedicationDispense,
    MedicationRequest,
    MedicationStatement,
    Observation,
    Resource,
)
from fhir_mappings.context import ChartContext
from fhir_mappings.datatypes import Reference
from fhir_mappings.references import local

# A chart refers to few drugs, payers and people; more than this is no chart.
MOST = 40


def missing_references(
    located: Iterable[tuple[Resource, str | None]], context: ChartContext, *, identify_payers: bool = False
) -> list[str]:
    """`Type/id` of what is missing, each once, in a stable order. References to other servers are left alone.

    `identify_payers`: a payer's name alone does not do, its identifier is wanted.
    """
    found: dict[str, None] = {}
    for resource, _ in located:
        for reference, kind in _needed(resource, identify_payers):
            literal = reference.reference if reference is not None else None
            if not literal or literal.startswith("#") or context.resolve(reference, kind) is not None:
                continue
            plain = local(literal, context.fhir_server)
            if plain is not None and plain.startswith(f"{kind.__name__}/"):
                found[plain] = None
    return sorted(found)[:MOST]


def _needed(resource: Resource, identify_payers: bool) -> Iterator[tuple[Reference | None, type[Resource]]]:
    if isinstance(resource, MedicationRequest | MedicationStatement | MedicationDispense):
        yield resource.medicationReference, Medication
    elif isinstance(resource, Coverage):
        for payor in resource.payor or ():
            named = payor.display and not identify_payers
            yield (None if named or payor.identifier else payor), Organization
    elif isinstance(resource, PractitionerRole):
        yield resource.practitioner, Practitioner
    elif isinstance(resource, DeviceUseStatement):
        yield resource.device, Device
    elif isinstance(resource, Observation):
        # A general glucose code counts when a home meter measured it.
        if resource.device is not None and Concept.GLUCOSE_GENERAL in terminology.concepts(resource.code):
            yield resource.device, Device
    elif isinstance(resource, CareTeam):
        for participant in resource.participant or ():
            yield participant.member, PractitionerRole
