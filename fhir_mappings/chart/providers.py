"""Practitioner, PractitionerRole, Organization, CareTeam → who orders, performs and cares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cds_service.concepts import Concept
from cds_service.facts import Credential, Provider
from fhir_mappings.chart.context import ChartContext, own_resources
from fhir_mappings.common import labels
from fhir_mappings.common.datatypes import CodeableConcept, Reference
from fhir_mappings.common.meaning import NOTHING, credentials_of
from fhir_mappings.json.administrative_views import CareTeam, Organization, Practitioner, PractitionerRole

_PEOPLE = ("Practitioner/", "PractitionerRole/")


class Providers:
    """Finds the provider and credentials behind a reference; a practitioner's roles are looked up too."""

    def __init__(self, roles: Iterable[PractitionerRole], context: ChartContext) -> None:
        """`roles`: every PractitionerRole that the call holds."""
        self._context = context
        self._roles: dict[str, list[PractitionerRole]] = {}
        for role in roles:
            if role.practitioner is not None and role.practitioner.reference:
                self._roles.setdefault(role.practitioner.reference, []).append(role)

    def find(self, reference: Reference | None, contained: object = b"") -> Provider | None:
        """The provider that a reference names; None when it names no practitioner and no organization."""
        literal = reference.reference if reference is not None else None
        person = self._context.resolve(reference, Practitioner, contained)
        role = self._context.resolve(reference, PractitionerRole, contained)
        organization = self._context.resolve(reference, Organization, contained)
        if organization is not None or (literal or "").startswith("Organization/"):
            return self._organization(organization, literal or "Organization")
        is_person = person is not None or role is not None or any(kind in (literal or "") for kind in _PEOPLE)
        if not is_person and not (reference is not None and reference.display and not literal):
            return None
        credentials = self._credentials(person, role, literal)
        return _provider(
            literal or (reference.display if reference and reference.display else "requester"), credentials
        )

    def _credentials(
        self, person: Practitioner | None, role: PractitionerRole | None, literal: str | None
    ) -> list[CodeableConcept]:
        found: list[CodeableConcept] = []
        roles = [role] if role is not None else []
        if role is not None:
            person = person or self._context.resolve(role.practitioner, Practitioner)
        if person is not None:
            roles += self._roles.get(f"Practitioner/{person.id}", [])
            found += [q.code for q in person.qualification or () if q.code is not None]
        if literal:
            roles += self._roles.get(literal, [])
        for each_role in roles:
            found += [*(each_role.code or ()), *(each_role.specialty or ())]
        return found

    def _organization(self, organization: Organization | None, literal: str) -> Provider | None:
        meaning = credentials_of(organization.type or ()) if organization is not None else NOTHING
        if Concept.EQUIPMENT_SUPPLIER in meaning.documented | meaning.supported:
            return Provider(literal, Credential.SUPPLIER, "equipment supplier")
        if Concept.EQUIPMENT_SUPPLIER in meaning.review:
            return Provider(literal, Credential.MAY_NOT_ORDER, "an equipment supplier, as it seems")
        return None


def _provider(name: str, credentials: list[CodeableConcept]) -> Provider:
    meaning = credentials_of(credentials)
    known = meaning.documented | meaning.supported
    endocrinology = Concept.ENDOCRINOLOGY in known
    told = _credential_name(credentials, Concept.ENDOCRINOLOGY) if Concept.ENDOCRINOLOGY in meaning.review else ""
    for credential, concept in (
        (Credential.MAY_ORDER, Concept.MAY_ORDER),
        (Credential.SUPPLIER, Concept.EQUIPMENT_SUPPLIER),
        (Credential.MAY_NOT_ORDER, Concept.MAY_NOT_ORDER),
    ):
        # Words that name who may order leave it to the EHR, which let them sign; those of others ask for a reviewer.
        in_words = concept is not Concept.MAY_ORDER and concept in meaning.review
        if concept in known or (in_words and Concept.MAY_ORDER not in meaning.review):
            unsure = Credential.MAY_NOT_ORDER if in_words and concept not in known else credential
            return Provider(name, unsure, _credential_name(credentials, concept), endocrinology, told)
    return Provider(name, Credential.UNREAD, "", endocrinology, told)


def _credential_name(credentials: list[CodeableConcept], concept: Concept) -> str:
    """The name of the credential that carries a concept."""
    carrying = next((c for c in credentials if concept in credentials_of([c]).all), None)
    return labels.name(carrying, concept) if carrying is not None else ""


def read_care_team(
    teams: Iterable[tuple[CareTeam, str | None]], providers: Providers, context: ChartContext
) -> list[Provider]:
    """The members of active care teams."""
    found = []
    for team, _ in own_resources(context, teams, lambda t: t.subject):
        if team.status not in ("active", None):
            continue
        for participant in team.participant or ():
            provider = providers.find(participant.member)
            if provider is not None:
                role = _provider(provider.reference, participant.role or [])
                known = provider.endocrinology or role.endocrinology
                told = provider.specialty_text or role.specialty_text
                found.append(replace(provider, endocrinology=known, specialty_text=told))
    return found
