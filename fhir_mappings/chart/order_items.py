"""What an order orders: its codes, and the device or drug that it refers to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from fhir_mappings.chart.context import ChartContext
from fhir_mappings.common import terminology
from fhir_mappings.common.datatypes import CodeableConcept, Coding, Reference
from fhir_mappings.common.free_text import cut
from fhir_mappings.json.clinical_views import Device, Medication, MedicationRequest
from fhir_mappings.json.fhir_json import plain
from fhir_mappings.json.views import DeviceRequest, ServiceRequest, SupplyRequest

AnyOrder = DeviceRequest | ServiceRequest | MedicationRequest | SupplyRequest

_BILLING = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-billing-options"


def ordered_items(view: AnyOrder, context: ChartContext) -> list[CodeableConcept]:
    """Everything that says what is ordered: codes, and the device or drug that the order refers to."""
    found: list[CodeableConcept | None] = [*own_items(view)]
    reference = item_reference(view)
    device = context.resolve(reference, Device, view.contained)
    if device is not None:
        names = " ".join(n.name or "" for n in device.deviceName or ())
        found += [device.type, CodeableConcept(text=names) if names else None, *billing_codes(device.extension)]
    medication = context.resolve(reference, Medication, view.contained)
    if medication is not None:
        found.append(medication.code)
    if reference is not None and device is None and medication is None and reference.display:
        found.append(CodeableConcept(text=reference.display))
    return [item for item in found if item is not None]


def own_items(view: AnyOrder) -> list[CodeableConcept]:
    """What the order itself says is ordered, without what it refers to."""
    found: list[CodeableConcept | None]
    if isinstance(view, DeviceRequest):
        found = [view.codeCodeableConcept, *_code_of_any_shape(view)]
    elif isinstance(view, ServiceRequest):
        found = [view.code]
    elif isinstance(view, MedicationRequest):
        found = [view.medicationCodeableConcept]
    else:
        found = [view.itemCodeableConcept]
    return [item for item in found if item is not None]


def item_reference(view: AnyOrder) -> Reference | None:
    """The device or drug that the order refers to."""
    if isinstance(view, DeviceRequest):
        return view.codeReference
    if isinstance(view, MedicationRequest):
        return view.medicationReference
    return view.itemReference if isinstance(view, SupplyRequest) else None


def _code_of_any_shape(view: DeviceRequest) -> list[CodeableConcept]:
    """`code` as a CodeableConcept or as R5's CodeableReference, which some clients send for R4."""
    code = plain(view.code)
    if isinstance(code, dict):
        for shape in (code.get("concept"), code):
            try:
                return [msgspec.convert(shape, CodeableConcept)]
            except msgspec.ValidationError:
                continue
    return []


def billing_codes(extension: bytes | msgspec.Raw) -> list[CodeableConcept]:
    """Billing codes that CRD clients hang as an extension on an order, its code, its device or its drug."""
    found: list[CodeableConcept] = []

    def walk(node: Any, inside: bool, depth: int) -> None:
        if depth > 8:
            return
        if isinstance(node, list):
            for item in node:
                walk(item, inside, depth + 1)
        elif isinstance(node, dict):
            inside = inside or node.get("url") == _BILLING
            if inside and isinstance(node.get("code"), str):
                system = node.get("system")
                found.append(
                    CodeableConcept(coding=[Coding(system if isinstance(system, str) else None, node["code"])])
                )
            for value in node.values():
                walk(value, inside, depth + 1)

    walk(plain(extension), False, 0)
    return found


def words_of(items: Iterable[CodeableConcept]) -> str:
    """All words that say what is ordered."""
    words = [word for item in items for word in (item.text, *(c.display for c in terminology.codings(item))) if word]
    return cut(" | ".join(map(cut, words)))
