"""Makes a hook request from a saved chart: an order for a pump, with the chart as its prefetch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from cds_service.errors import BadRequest
from cds_service.facts import ChartSection
from cds_service.policies.registry import chart_sections, policies_in_use
from cds_service.services.saved_chart import Chart
from cds_service.settings import Settings
from fhir_mappings.orders.order_reader import DEVICE_CODES, PUMP_CODES
from fhir_mappings.output.coverage_information import HCPCS

JSON = dict[str, Any]
ORDER_ID = "new-pump"
# Which part of the chart a type of resource is sent as; every other type goes with the visits. The service reads
# resources by their type, whatever they come under.
_SECTIONS = {
    ChartSection.COVERAGE: ("Coverage", "Organization"),
    ChartSection.CONDITIONS: ("Condition",),
    ChartSection.GLUCOSE: ("Observation",),
    ChartSection.INSULIN: ("MedicationRequest", "MedicationStatement", "MedicationDispense", "Medication"),
    ChartSection.EDUCATION: ("Procedure", "ChargeItem"),
    ChartSection.DEVICES: ("Device", "DeviceUseStatement", "DeviceRequest", "ServiceRequest", "SupplyRequest"),
    ChartSection.ATTESTATIONS: ("QuestionnaireResponse",),
    ChartSection.REQUESTER: ("Practitioner", "PractitionerRole", "CareTeam"),
}
_SECTION_OF = {name: section for section, names in _SECTIONS.items() for name in names}
_REQUESTERS = ("Practitioner", "PractitionerRole")
_NOBODY = "Practitioner/nobody"
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class ChartOrder:
    """The order that is asked about: its HCPCS code and date. `patient`, `requester`: ids, None for the only one."""

    code: str
    day: date
    patient: str | None = None
    requester: str | None = None


@dataclass(frozen=True, slots=True)
class ChartRequest:
    """A hook request made from a chart, whose patient it is about, and who orders, None where nobody is known to."""

    body: bytes
    patient: str
    requester: str | None


def request_from_chart(chart: Chart, order: ChartOrder, settings: Settings) -> ChartRequest:
    """An order-sign request for a new order. BadRequest names what the chart lacks, and what to do about it.

    What a whole chart does not hold is not there. Of a chart that is not whole, no part counts as read to its end.
    """
    code = order.code.strip().upper()
    if code not in DEVICE_CODES:
        raise BadRequest(f"{order.code} is no code of an insulin pump: give one such as {', '.join(PUMP_CODES)}")
    patient = _patient(chart, order.patient)
    requester = _requester(chart, order.requester)
    request = {
        "hook": "order-sign",
        "hookInstance": str(uuid5(NAMESPACE_URL, f"{patient['id']}|{code}|{order.day}")),
        "context": {
            "userId": requester or _NOBODY,
            "patientId": patient["id"],
            "draftOrders": _bundle("collection", [_order(order, code, patient["id"], requester)]),
        },
        "prefetch": chart.prefetch or _prefetch(chart, patient, settings),
    }
    return ChartRequest(_encoder.encode(request), patient["id"], requester)


def _patient(chart: Chart, wanted: str | None) -> JSON:
    patients = _of(chart, ("Patient",))
    if wanted is not None:
        chosen = [each for each in patients if each["id"] == wanted.removeprefix("Patient/")]
        if not chosen:
            raise BadRequest("the chart holds no Patient of that id: leave --patient out where it holds only one")
        return chosen[0]
    if not patients:
        raise BadRequest("the chart holds no Patient: add the Patient resource that its records are about")
    if len(patients) > 1:
        raise BadRequest(f"the chart holds {len(patients)} Patients: choose one with --patient ID")
    return patients[0]


def _requester(chart: Chart, wanted: str | None) -> str | None:
    """Who orders: the one that is named, else the only practitioner of the chart. A guess among several is none."""
    people = _of(chart, _REQUESTERS)
    if wanted is not None:
        chosen = [each for each in people if wanted in (each["id"], f"{each['resourceType']}/{each['id']}")]
        if not chosen:
            raise BadRequest("the chart holds no Practitioner or PractitionerRole of that id: see --requester")
        return f"{chosen[0]['resourceType']}/{chosen[0]['id']}"
    for kind in reversed(_REQUESTERS):  # a role says more than a person
        alone = [each for each in people if each["resourceType"] == kind]
        if len(alone) == 1:
            return f"{kind}/{alone[0]['id']}"
    return None


def _of(chart: Chart, kinds: Sequence[str]) -> list[JSON]:
    return [each for each in chart.resources if each["resourceType"] in kinds]


def _order(order: ChartOrder, code: str, patient: str, requester: str | None) -> JSON:
    return {
        "resourceType": "DeviceRequest",
        "id": ORDER_ID,
        "status": "draft",
        "intent": "order",
        "codeCodeableConcept": {"coding": [{"system": HCPCS, "code": code}]},
        "subject": {"reference": f"Patient/{patient}"},
        "authoredOn": order.day.isoformat(),
        **({"requester": {"reference": requester}} if requester else {}),
    }


def _prefetch(chart: Chart, patient: JSON, settings: Settings) -> JSON:
    """Every part of the chart, empty ones too: a part that is not sent would count as not read."""
    parts: dict[str, list[JSON]] = {key: [] for key in chart_sections(policies_in_use(settings.policies))}
    parts |= {section.value: parts.get(section, []) for section in ChartSection}
    for resource in chart.resources:
        if resource["resourceType"] != "Patient":
            parts[_SECTION_OF.get(resource["resourceType"], ChartSection.ENCOUNTERS)].append(resource)
    return {key: _part(chart, found) for key, found in parts.items()} | {ChartSection.PATIENT.value: patient}


def _part(chart: Chart, resources: Sequence[JSON]) -> JSON:
    part = _bundle("searchset", resources)
    part["entry"] += chart.outcomes
    if chart.next_url:
        part["link"] = [{"relation": "next", "url": chart.next_url}]
    elif chart.missing:
        part["total"] = len(resources) + chart.missing
    return part


def _bundle(kind: str, resources: Iterable[JSON]) -> JSON:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": each} for each in resources]}
