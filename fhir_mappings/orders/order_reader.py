"""Draft orders → DeviceOrder facts: a pump, supplies, an excluded device or something else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from cds_service.concepts import Concept
from cds_service.engine.plain_text import status_text
from cds_service.errors import BadRequest
from cds_service.facts import DeviceOrder, Scope
from fhir_mappings.chart.context import ChartContext
from fhir_mappings.chart.coverage import references_in
from fhir_mappings.chart.order_items import AnyOrder, billing_codes, item_reference, ordered_items, own_items, words_of
from fhir_mappings.chart.order_modifiers import (
    modifiers,
    not_to_be_done,
    reason_words,
    replacement_sign,
    unsure_replacement_sign,
)
from fhir_mappings.chart.providers import Providers
from fhir_mappings.common import code_systems, labels, terminology
from fhir_mappings.common.datatypes import CodeableConcept
from fhir_mappings.common.meaning import Meaning, meaning_of_any
from fhir_mappings.common.references import SubjectMatch, local
from fhir_mappings.json.clinical_views import Device, Medication, MedicationRequest, Resource
from fhir_mappings.json.edge_numbers import DecodeError
from fhir_mappings.json.long_values import path_in, refuse_long_list
from fhir_mappings.json.object_members import is_null
from fhir_mappings.json.views import AnyResource, DeviceRequest, RawEntry, RawObject, ServiceRequest, SupplyRequest
from fhir_mappings.orders.order_people import orderer_of, performers_of, subject_of

_NO_ORDER_STATUS = ("entered-in-error", "revoked", "cancelled", "completed")
_NO_ORDER_INTENT = ("proposal", "plan")
_EXCLUDED = frozenset({Concept.IMPLANTED_DEVICE, Concept.JET_DEVICE, Concept.INTRAVENOUS_INSULIN_THERAPY})
_PUMPS = _EXCLUDED | {Concept.INSULIN_PUMP, Concept.INSULIN_PUMP_PRODUCT}
# Families of tubeless pumps, which pharmacies file by name.
_PRODUCT = re.compile(r"\bomni ?pod\b|\bv-?go\b|\btwiist\b", re.IGNORECASE)
_PUMP_WORDS = re.compile(
    r"\binsulin (?:infusion )?pump\b|\bexternal ambulatory infusion pump,? insulin\b", re.IGNORECASE
)
_NOT_THE_PUMP = re.compile(
    r"suppl|infusion set|cartridge|reservoir|battery|training|education|instruction|initiation"
    r"|for (?:an? )?insulin pump|syringe|sensor|insulin for|non-insulin",
    re.IGNORECASE,
)
_LOOKS_LIKE_PUMP = re.compile(rb"E0784|E0787|A9274|S1034|pump|omnipod", re.IGNORECASE)

# What pumps and devices that policies exclude are ordered under.
DEVICE_CODES = frozenset(terminology.codes_in(*_PUMPS, system=code_systems.HCPCS))
# Of those the pumps that policies are written for.
PUMP_CODES = tuple(terminology.codes_in(Concept.INSULIN_PUMP, system=code_systems.HCPCS))

_typed = msgspec.json.Decoder(AnyResource, float_hook=Decimal)
_untyped = msgspec.json.Decoder(RawObject)


@dataclass(frozen=True, slots=True)
class DraftOrder:
    """One order of the bundle: its reference, its view when it is of a kind that may order a pump, its JSON.

    `place`: its path in the request. `readable` False: it was named, and could not be read.
    """

    reference: str
    resource_type: str
    view: AnyOrder | None
    raw: bytes | msgspec.Raw
    place: str = ""
    readable: bool = True

    @property
    def has_id(self) -> bool:
        """Whether the order has an id of its own; without one it goes by the fullUrl of its entry."""
        return self.reference.startswith(f"{self.resource_type}/")


def draft_orders(entries: Iterable[RawEntry], fields: str = "context.draftOrders.entry") -> Iterator[DraftOrder]:
    """The orders of a bundle, in its order. A pump order that cannot be read or named is a BadRequest."""
    for index, entry in enumerate(entries):
        if not entry.resource or is_null(entry.resource):
            continue
        place = f"{fields}[{index}].resource"
        try:
            head = _untyped.decode(entry.resource)
        except DecodeError:
            raise BadRequest(f"{place} is no FHIR resource: send a JSON object with resourceType", place) from None
        if not isinstance(head.resourceType, str):
            raise BadRequest(f"{place}.resourceType is missing: name the FHIR type", f"{place}.resourceType")
        view = _view(entry.resource, head, place)
        reference = _reference(head, entry, view is not None, place)
        if reference is not None:
            yield DraftOrder(reference, head.resourceType, view, entry.resource, place)


def _view(raw: msgspec.Raw, head: RawObject, place: str) -> AnyOrder | None:
    if head.resourceType not in ("DeviceRequest", "ServiceRequest", "MedicationRequest", "SupplyRequest"):
        return None
    try:
        view = _typed.decode(raw)
    except DecodeError as error:
        if not _LOOKS_LIKE_PUMP.search(bytes(raw)):
            return None
        refuse_long_list(error, place)
        field = f"{place}{path_in(error)}"
        raise BadRequest(f"{field} has the wrong type: send it as FHIR R4 defines it", field) from None
    return view if isinstance(view, DeviceRequest | ServiceRequest | MedicationRequest | SupplyRequest) else None


def _reference(head: RawObject, entry: RawEntry, readable: bool, place: str) -> str | None:
    if isinstance(head.id, str) and head.id:
        return f"{head.resourceType}/{head.id}"
    if isinstance(entry.fullUrl, str) and entry.fullUrl:
        return entry.fullUrl
    if readable and _LOOKS_LIKE_PUMP.search(bytes(entry.resource)):
        raise BadRequest(f"{place}.id is missing: give the order an id, so that the answer can name it", f"{place}.id")
    return None


# ---------------------------------------------------------------- classification


def classify(draft: DraftOrder, context: ChartContext, providers: Providers, user: str | None) -> DeviceOrder:
    """What the order is: a pump, supplies, an excluded device, or something else; who orders it; how it is marked."""
    view = draft.view
    if view is None:
        label, why = f"a {draft.resource_type}", _OTHER if draft.readable else "The order could not be read"
        return DeviceOrder(draft.reference, draft.resource_type, label, Scope.OTHER, out_of_scope=why)
    items = ordered_items(view, context)
    billing = _billing(view, items)
    meaning = meaning_of_any([*items, *billing])
    concepts = meaning.documented
    scope, coded = _scope(meaning, items, view)
    requester = view.requester
    orderer = orderer_of(view, requester, providers, user)
    return DeviceOrder(
        reference=draft.reference,
        resource_type=draft.resource_type,
        label=_label(items, concepts, scope),
        scope=scope,
        concepts=concepts,
        review=meaning.supported | meaning.review,
        coded=coded,
        authored=context.when(view.authoredOn),
        out_of_scope=_out_of_scope(view, scope, context),
        replacement_sign=replacement_sign(view, items, concepts),
        unsure_replacement_sign=unsure_replacement_sign(view, items),
        replacement_reasons=tuple(dict.fromkeys(reason_words(view))),
        no_order_modifier="EY" in modifiers(view, items),
        orderer=orderer,
        performers=tuple(performers_of(view, providers)),
        subject_reference=subject_of(view),
        requester_reference=requester.reference if requester is not None else None,
        billing_codes=_hcpcs_codes([*items, *billing]),
        coverage_references=tuple(references_in(getattr(view, "insurance", None) or (), context)),
        notes=tuple(_notes(view, scope, coded, items, context)),
    )


_OTHER = "The order is not for an insulin pump"


def may_be_for_pump(draft: DraftOrder, *, supplies: bool = False) -> bool:
    """Whether the order's own words, or a device or drug that they leave open, may make it one for a pump, or, where
    `supplies` are asked for, for its supplies."""
    view = draft.view
    if view is None:
        return False
    if item_reference(view) is not None:
        return True
    items = own_items(view)
    scope, _ = _scope(meaning_of_any([*items, *_billing(view, items)]), items, view)
    return scope is not Scope.OTHER and (supplies or scope is not Scope.SUPPLIES)


def _billing(view: AnyOrder, items: Iterable[CodeableConcept]) -> list[CodeableConcept]:
    return [*billing_codes(view.extension), *(code for item in items for code in billing_codes(item.extension))]


def _hcpcs_codes(items: list[CodeableConcept]) -> tuple[str, ...]:
    """The HCPCS codes that say what is ordered, without modifiers; codes that no value set knows say nothing."""
    coded = [c for item in items for c in terminology.codings(item) if c.code]
    known = [c for c in coded if terminology.concepts_of(c.system, c.code)]
    hcpcs = [c for c in known if code_systems.system_key(c.system) == code_systems.HCPCS]
    return tuple(sorted({code_systems.normal_code(code_systems.HCPCS, c.code or "") for c in hcpcs}))


def _scope(meaning: Meaning, items: list[CodeableConcept], view: AnyOrder) -> tuple[Scope, bool]:
    """The scope, and whether a sure code says so. Words alone, or a code of an unknown system, bring an order in scope
    too, and the card asks for the code."""
    concepts = meaning.documented
    if concepts & _EXCLUDED:
        return Scope.EXCLUDED_DEVICE, True
    if concepts & {Concept.INSULIN_PUMP, Concept.INSULIN_PUMP_PRODUCT}:
        return Scope.PUMP, True
    if Concept.PUMP_SUPPLIES in concepts:
        return Scope.SUPPLIES, True
    texts = words_of(items)
    if Concept.EQUIPMENT_REPAIR in concepts:
        words = " ".join((texts, *reason_words(view)))
        about_pump = "pump" in words.casefold() or Concept.PUMP_BREAKDOWN in terminology.concepts_in(view.reasonCode)
        return (Scope.REPAIR, True) if about_pump else (Scope.OTHER, True)
    if Concept.NOT_A_PUMP in concepts or Concept.PUMP_TRAINING in concepts:
        return Scope.OTHER, True
    if _PRODUCT.search(texts):
        return Scope.PUMP, True
    unsure = _only_words(items, concepts)
    if Concept.PUMP_IN_USE in concepts or (unsure and (_names_a_pump(texts) or meaning.review & _PUMPS)):
        return Scope.PUMP, False
    if unsure and Concept.PUMP_SUPPLIES in meaning.review:
        return Scope.SUPPLIES, False
    return Scope.OTHER, bool(items)


def _only_words(items: list[CodeableConcept], concepts: frozenset[Concept]) -> bool:
    """Whether no code says what this is: none, miscellaneous equipment, an unknown system, or a misspelt code."""
    if Concept.MISCELLANEOUS_EQUIPMENT in concepts:
        return True
    coded = (c for item in items for c in terminology.codings(item) if c.code)
    return not any(terminology.is_well_formed(c.system, c.code or "") for c in coded)


def _names_a_pump(texts: str) -> bool:
    return bool(_PUMP_WORDS.search(texts)) and not _NOT_THE_PUMP.search(texts)


def _label(items: list[CodeableConcept], concepts: frozenset[Concept], scope: Scope) -> str:
    first = next((item for item in items if terminology.codings(item) or item.text), None)
    return labels.label_with_code(first, concepts) if first is not None else scope.value


def _out_of_scope(view: AnyOrder, scope: Scope, context: ChartContext) -> str | None:
    if scope is Scope.OTHER:
        return _OTHER
    if not_to_be_done(view):
        return "The order says that this is not to be done"
    if getattr(view, "intent", None) in _NO_ORDER_INTENT:
        return f"A {view.intent} is not an order"  # type: ignore[union-attr]
    if view.status in _NO_ORDER_STATUS:
        return f"The order is {status_text(view.status)}"
    subject = getattr(view, "subject", None)
    if context.identity.subject_match(subject) is SubjectMatch.OTHER and not context.identity.same_id_elsewhere(
        subject
    ):
        return "The order is for another patient than the call"
    return None


def _notes(
    view: AnyOrder, scope: Scope, coded: bool, items: list[CodeableConcept], context: ChartContext
) -> Iterator[str]:
    if scope is not Scope.OTHER and view.status not in ("draft", None):
        yield f"The order's status is {status_text(str(view.status)[:20])}, not draft"
    if scope is Scope.PUMP and not coded:
        yield "The order names an insulin pump only in words: add its HCPCS code"
    for item in items:
        for coding in terminology.codings(item):
            code = (coding.code or "").strip().upper()
            if re.fullmatch(r"[A-Z][O0]\d{3}", code) and "O" in code[1:2]:
                yield f"Code {code} was not recognized: it has the letter O where HCPCS codes have a zero"
            elif code_systems.is_odd_spelling(coding.system):
                yield f"Code {code[:20]} came under another name of the HCPCS code system, read as HCPCS"
            elif not terminology.is_known_system(coding.system) and terminology.looks_like(code):
                yield f"Code {code[:20]} was not recognized: its code system is unknown"
    whose = context.identity.subject_match(getattr(view, "subject", None))
    if scope is not Scope.OTHER and whose is SubjectMatch.UNSTATED:
        yield "The order names no patient; taken as this patient's"
    elif scope is not Scope.OTHER and whose is SubjectMatch.OTHER:
        yield "The order names its patient on another server; the id is this patient's"


def unresolved_items(draft: DraftOrder, context: ChartContext) -> list[str]:
    """References to the device or drug that is ordered, as far as nothing in the call resolves them."""
    reference = item_reference(draft.view) if draft.view is not None else None
    if reference is None or (reference.reference or "#").startswith("#"):
        return []
    known = context.resolve(reference, Device) or context.resolve(reference, Medication)
    plain_reference = local(reference.reference, context.fhir_server)
    return [plain_reference] if known is None and plain_reference else []


def order_codes(drafts: Iterable[DraftOrder]) -> frozenset[str]:
    """Plain codes of all draft orders, so that nothing is suggested that is already ordered."""
    codes: set[str] = set()
    for draft in drafts:
        view: Resource | None = draft.view
        concept = getattr(view, "code", None) if isinstance(view, ServiceRequest) else None
        codes.update((c.code or "").strip().upper() for c in terminology.codings(concept))
    return frozenset(codes)
