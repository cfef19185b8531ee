"""What the services are, and the prefetch that they ask for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cds_service.concepts import Concept
from cds_service.engine.policy import Policy
from cds_service.engine.wording import listed
from cds_service.facts import ChartSection, ResultKind
from cds_service.hooks import crd_prefetch
from cds_service.hooks.configuration import OPTIONS
from cds_service.policies.registry import result_kinds
from fhir_mappings.common.terminology import codes_of_kinds, result_codes
from fhir_mappings.output.crd_versions import DECLARED

# Of CDS Hooks: what plain clients speak, and what the current CRD guide builds on.
SPECIFICATION, CRD_SPECIFICATION = "2.0.1", "3.0.0-ballot"
VERSIONS = "davinci-crd.version"
CONFIGURATION_OPTIONS = "davinci-crd.configuration-options"
_PAGE = 1000
# Two services that listen to one hook both answer it.
_ONE_FAMILY = "Subscribe to the CRD services or to the plain ones, not to both: each order would be answered twice."
_PLAIN_USAGE = (
    "Reads the chart from prefetch or from the FHIR server in the call; what it can read from neither is named as not "
    "retrieved."
)
_CRD_USAGE = (
    "Needs exactly one primary Coverage of {any_payer} with its payer's identifier, by prefetch or from the FHIR "
    "server in the call, and reads the chart there with the call's token. Judges insulin pump orders; others get no "
    "answer."
)


@dataclass(frozen=True, slots=True)
class HookService:
    """One service of the discovery document. `title` and `description` have placeholders for the policies in use.

    `crd`: it follows Da Vinci CRD's rules for coverage, errors and cards, in place of the plain service's tolerance
    and full card.
    """

    id: str
    hook: str
    title: str
    description: str
    crd: bool = False

    @property
    def primary(self) -> bool:
        """Whether the hook is one of CRD's primary ones, which may ask for documentation; order-select is not."""
        return self.hook != "order-select"


ORDER_SIGN = HookService(
    "insulin-pump-order-sign",
    "order-sign",
    "Insulin pump coverage ({policies})",
    "When an insulin pump order is signed: predicts whether {any_plan} will approve it under medical "
    f"policy {{any_policy}}, and names what is missing, section by section. Plain CDS Hooks. {_ONE_FAMILY}",
)
ORDER_SELECT = HookService(
    "insulin-pump-order-select",
    "order-select",
    "Insulin pump coverage at order selection ({policies})",
    "The same prediction as soon as an insulin pump is selected, for the selected orders only. Plain CDS Hooks. "
    f"{_ONE_FAMILY}",
)
CRD_ORDER_SIGN = HookService(
    "crd-order-sign",
    "order-sign",
    "{payers} coverage requirements at signing (insulin pumps)",
    "Da Vinci CRD for insulin pump orders: whether medical policy {any_policy} covers the order, and which "
    f"documentation prior authorization needs, as coverage information on the order. {_ONE_FAMILY}",
    crd=True,
)
CRD_ORDER_SELECT = HookService(
    "crd-order-select",
    "order-select",
    "{payers} coverage requirements at selection (insulin pumps)",
    "Da Vinci CRD for selected insulin pump orders: a first word on coverage, without asking for documentation. "
    f"{_ONE_FAMILY}",
    crd=True,
)
CRD_ORDER_DISPATCH = HookService(
    "crd-order-dispatch",
    "order-dispatch",
    "{payers} coverage requirements at dispatch (insulin pumps)",
    "Da Vinci CRD for insulin pump orders that are sent to a supplier: coverage and documentation, looked at again. "
    f"{_ONE_FAMILY}",
    crd=True,
)
SERVICES = {
    service.id: service for service in (ORDER_SIGN, ORDER_SELECT, CRD_ORDER_SIGN, CRD_ORDER_SELECT, CRD_ORDER_DISPATCH)
}


def lab_codes(*concepts: Concept) -> str:
    """Codes of some value sets as one search value. Plain codes: a pipe in a template breaks some clients."""
    return ",".join(result_codes(*concepts))


def kind_templates(kinds: Iterable[ResultKind]) -> dict[str, str]:
    """Prefetch for results that the policies in use ask for on their own, by chart section."""
    patient, newest = "patient={{context.patientId}}", f"_sort=-date&_count={_PAGE}"
    sections: dict[str, list[ResultKind]] = {}
    for kind in kinds:
        sections.setdefault(kind.chart_section, []).append(kind)
    templates = {}
    for section, own in sections.items():
        codes = codes_of_kinds(own)
        by_code = f"&code={','.join(codes)}" if codes else ""
        templates[section] = f"{own[0].type}?{patient}{by_code}&{newest}"
    return templates


GLUCOSE_CODES = (
    Concept.GLUCOSE_SELF_TEST,
    Concept.GLUCOSE_GENERAL,
    Concept.SELF_MONITORING,
    Concept.GLUCOSE_LABORATORY,
)
SENSOR_CODES = (Concept.CGM_READING, Concept.CGM_DAYS_OF_WEAR, Concept.CGM_SUMMARY)


def prefetch_templates(kinds: Iterable[ResultKind]) -> dict[str, str]:
    """Prefetch by section, in the form that CDS Hooks 2.0 clients can resolve: root context fields only.

    `kinds`: results that the policies in use ask for on their own.
    """
    patient = "patient={{context.patientId}}"
    newest = f"&_sort=-date&_count={_PAGE}"
    return {
        ChartSection.PATIENT.value: "Patient/{{context.patientId}}",
        # Of any status: a coverage that has ended is told from none.
        ChartSection.COVERAGE.value: f"Coverage?{patient}",
        ChartSection.CONDITIONS.value: f"Condition?{patient}&_count={_PAGE}",
        ChartSection.HBA1C.value: f"Observation?{patient}&code="
        f"{lab_codes(Concept.HBA1C, Concept.HBA1C_UNIT_REQUIRED)}{newest}",
        ChartSection.GLUCOSE.value: f"Observation?{patient}&code={lab_codes(*GLUCOSE_CODES, *SENSOR_CODES)}{newest}",
        ChartSection.ALBUMIN_CREATININE.value: f"Observation?{patient}&code="
        f"{lab_codes(Concept.ALBUMIN_CREATININE_RATIO)}{newest}",
        ChartSection.EGFR.value: f"Observation?{patient}&code={lab_codes(Concept.EGFR)}{newest}",
        ChartSection.INSULIN.value: f"MedicationRequest?{patient}&_count={_PAGE}",
        ChartSection.EDUCATION.value: f"Procedure?{patient}&_count={_PAGE}",
        ChartSection.DEVICES.value: f"Device?{patient}",
        ChartSection.ENCOUNTERS.value: f"Encounter?{patient}&_count={_PAGE}",
        ChartSection.ATTESTATIONS.value: f"QuestionnaireResponse?{patient}&status=completed,amended",
        ChartSection.REQUESTER.value: "Practitioner/{{userPractitionerId}}",
        **kind_templates(kinds),
    }


@dataclass(frozen=True, slots=True)
class ServiceBase:
    """A base URL, as the path below the public one, and the services that are offered there.

    `legacy`: templates that clients of CDS Hooks 2.0 can fill, and CRD 2.0.1 for clients that ask for none.
    """

    path: str = ""
    crd: bool = True
    plain: bool = True
    legacy: bool = False

    def offers(self, service: HookService) -> bool:
        """Whether a service is offered here."""
        return self.crd if service.crd else self.plain

    def services(self) -> list[HookService]:
        """Its services, those of CRD first: a client that takes the first one of a hook is a CRD client."""
        return sorted(filter(self.offers, SERVICES.values()), key=lambda service: not service.crd)


EVERYTHING = ServiceBase()
CRD_2_0 = ServiceBase("/crd-2.0", plain=False, legacy=True)
PLAIN = ServiceBase("/plain", crd=False)
BASES = (EVERYTHING, CRD_2_0, PLAIN)


def discovery(base: ServiceBase, policies: Sequence[Policy]) -> dict[str, Any]:
    """The body of GET /cds-services at a base URL. `policies`: those in use."""
    names, kinds = _names(policies), result_kinds(policies)
    return {"services": [_entry(service, base.legacy, names, kinds) for service in base.services()]}


def _names(policies: Sequence[Policy]) -> dict[str, str]:
    """What the placeholders of titles and descriptions stand for."""
    payers = [policy.payer for policy in policies]
    return {
        "policies": listed(f"{policy.payer} {policy.id}" for policy in policies),
        "payers": listed(payers),
        "any_payer": listed(payers, "or"),
        "any_plan": listed((f"{policy.payer} {policy.governs.product_name}" for policy in policies), "or"),
        "any_policy": listed((policy.id for policy in policies), "or"),
    }


def _entry(service: HookService, legacy: bool, names: dict[str, str], kinds: Sequence[ResultKind]) -> dict[str, Any]:
    return {
        "hook": service.hook,
        "id": service.id,
        "title": service.title.format(**names),
        "description": service.description.format(**names),
        "version": CRD_SPECIFICATION if service.crd and not legacy else SPECIFICATION,
        "usageRequirements": (_CRD_USAGE if service.crd else _PLAIN_USAGE).format(**names),
        "prefetch": _templates(service, legacy, kinds),
        "extension": {VERSIONS: list(DECLARED), CONFIGURATION_OPTIONS: [option.as_json() for option in OPTIONS]},
    }


def _templates(service: HookService, legacy: bool, kinds: Sequence[ResultKind]) -> dict[str, str]:
    if not service.crd:
        return prefetch_templates(kinds)
    if legacy:
        return crd_prefetch.legacy_templates(service.hook)
    dispatches = service.hook == "order-dispatch"
    return crd_prefetch.dispatch_templates() if dispatches else crd_prefetch.signing_templates()
