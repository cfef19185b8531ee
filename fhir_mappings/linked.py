"""References that a rule needs and that nothing in the call resolves: what has to be read beside the searches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

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
    located: Mapping[type[Resource], Iterable[tuple[Resource, str | None]]],
    context: ChartContext,
    *,
    identify_payers: bool = False,
) -> list[str]:
    """`Type/id` of what is missing, each once, in a stable order. References to other servers are left alone.

    `identify_payers`: a payer's name alone does not do, its identifier is wanted.
    """
    found: dict[str, None] = {}
    for kind, (wanted, references) in NEEDED.items():
        for resource, _ in located.get(kind, ()):
            for reference in references(resource, identify_payers):
                literal = reference.reference if reference is not None else None
                if not literal or literal.startswith("#") or context.resolve(reference, wanted) is not None:
                    continue
                plain = local(literal, context.fhir_server)
                if plain is not None and plain.startswith(f"{wanted.__name__}/"):
                    found[plain] = None
    return sorted(found)[:MOST]


References = Iterable[Reference | None]


def _drug(order: MedicationRequest | MedicationStatement | MedicationDispense, _identify_payers: bool) -> References:
    return (order.medicationReference,)


def _payers(coverage: Coverage, identify_payers: bool) -> References:
    for payor in coverage.payor or ():
        named = payor.display and not identify_payers
        yield None if named or payor.identifier else payor


def _person(role: PractitionerRole, _identify_payers: bool) -> References:
    return (role.practitioner,)


def _used_device(statement: DeviceUseStatement, _identify_payers: bool) -> References:
    return (statement.device,)


def _meter(observation: Observation, _identify_payers: bool) -> References:
    """A general glucose code counts when a home meter measured it."""
    general = observation.device is not None and Concept.GLUCOSE_GENERAL in terminology.concepts(observation.code)
    return (observation.device,) if general else ()


def _participants(team: CareTeam, _identify_payers: bool) -> References:
    return [participant.member for participant in team.participant or ()]


# What a resource of each type needs to have beside it, and where it says which.
NEEDED: dict[type[Resource], tuple[type[Resource], Callable[[Any, bool], References]]] = {
    MedicationRequest: (Medication, _drug),
    MedicationStatement: (Medication, _drug),
    MedicationDispense: (Medication, _drug),
    Coverage: (Organization, _payers),
    PractitionerRole: (Practitioner, _person),
    DeviceUseStatement: (Device, _used_device),
    Observation: (Device, _meter),
    CareTeam: (PractitionerRole, _participants),
}
