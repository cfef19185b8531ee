"""References that a rule needs and the call does not hold: these resources are read after the searches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any

from cds_service.concepts import Concept
from fhir_mappings.chart.context import ChartContext
from fhir_mappings.common import terminology
from fhir_mappings.common.datatypes import Reference
from fhir_mappings.common.references import local
from fhir_mappings.json.administrative_views import CareTeam, Coverage, Organization, Practitioner, PractitionerRole
from fhir_mappings.json.clinical_views import (
    Condition,
    Device,
    DeviceUseStatement,
    Encounter,
    Medication,
    MedicationDispense,
    MedicationRequest,
    MedicationStatement,
    Observation,
    Procedure,
    Resource,
)
from fhir_mappings.json.laboratory_views import Specimen
from fhir_mappings.json.raw_elements import element

# A chart refers to few drugs, payers and people that it does not hold; of each kind no more than this are read.
MOST = 40


def unresolved_references_in(
    located: Mapping[type[Resource], Iterable[tuple[Resource, str | None]]],
    context: ChartContext,
    *,
    identify_payers: bool = False,
    most: int = MOST,
) -> list[str]:
    """`Type/id` of what is missing, each once, in a stable order. References to other servers are left alone.

    `identify_payers`: a payer's name alone does not do, its identifier is wanted. `most`: of each kind.
    """
    found: dict[type[Resource], set[str]] = {}
    for kind, links in NEEDED.items():
        for resource, _ in located.get(kind, ()):
            for wanted, references in links:
                for reference in references(resource, identify_payers):
                    missing = _missing(reference, wanted, context)
                    if missing is not None:
                        found.setdefault(wanted, set()).add(missing)
    return sorted(chain.from_iterable(sorted(names)[:most] for names in found.values()))


def _missing(reference: Reference | None, wanted: type[Resource], context: ChartContext) -> str | None:
    """`Type/id` of a resource of this server that the call does not hold."""
    literal = reference.reference if reference is not None else None
    if not literal or literal.startswith("#") or context.resolve(reference, wanted) is not None:
        return None
    plain = local(literal, context.fhir_server)
    return plain if plain is not None and plain.startswith(f"{wanted.__name__}/") else None


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


def _visit(observation: Observation, _identify_payers: bool) -> References:
    """A glucose reading of a hospital stay is not the member's own test."""
    if observation.encounter is None:
        return ()
    tests = _TESTS & terminology.concepts(observation.code)
    return (observation.encounter,) if tests else ()


def _specimen(observation: Observation, _identify_payers: bool) -> References:
    """The specimen of a C-peptide says whether the patient was fasting, and what else is of that draw."""
    if not observation.specimen or Concept.C_PEPTIDE not in terminology.concepts(observation.code):
        return ()
    return (element(observation.specimen, Reference),)


def _diagnoses(encounter: Encounter, _identify_payers: bool) -> References:
    """What a stay was for."""
    named = [diagnosis.condition for diagnosis in encounter.diagnosis or ()]
    return [*named, *(encounter.reasonReference or ())]


def _reasons(procedure: Procedure, _identify_payers: bool) -> References:
    return procedure.reasonReference or ()


def _participants(team: CareTeam, _identify_payers: bool) -> References:
    return [participant.member for participant in team.participant or ()]


_TESTS = frozenset({Concept.GLUCOSE_SELF_TEST, Concept.GLUCOSE_GENERAL})
Link = tuple[type[Resource], Callable[[Any, bool], References]]
# What a resource of each type needs to have beside it, and where it says which.
NEEDED: dict[type[Resource], tuple[Link, ...]] = {
    MedicationRequest: ((Medication, _drug),),
    MedicationStatement: ((Medication, _drug),),
    MedicationDispense: ((Medication, _drug),),
    Coverage: ((Organization, _payers),),
    PractitionerRole: ((Practitioner, _person),),
    DeviceUseStatement: ((Device, _used_device),),
    Observation: ((Device, _meter), (Encounter, _visit), (Specimen, _specimen)),
    Encounter: ((Condition, _diagnoses),),
    Procedure: ((Condition, _reasons),),
    CareTeam: ((PractitionerRole, _participants),),
}
