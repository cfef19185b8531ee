"""Marks on an order: modifiers, signs of replacement or repair, reasons in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cds_service.concepts import Concept
from fhir_mappings import terminology
from fhir_mappings.datatypes import CodeableConcept, Coding
from fhir_mappings.order_items import AnyOrder
from fhir_mappings.reading import plain

_REPLACES = re.compile(r"\breplac(?:e|es|ing|ement)\b|\brepair", re.IGNORECASE)
_MODIFIER = re.compile(r"\b(RA|RB|EY)\b")


def modifiers(view: AnyOrder, items: list[CodeableConcept]) -> set[str]:
    """HCPCS modifiers, wherever clients put them: behind the code, as a coding, a parameter, a detail or a note."""
    found = {m for item in items for c in terminology.codings(item) for m in modifiers_of(c)}
    parameters = plain(getattr(view, "parameter", b""))
    for parameter in parameters if isinstance(parameters, list) else ():
        value = parameter.get("valueCodeableConcept") if isinstance(parameter, dict) else None
        for coding in (value.get("coding") or ()) if isinstance(value, dict) else ():
            if isinstance(coding, dict):
                found.add(str(coding.get("code", "")).upper())
        if isinstance(value, dict) and isinstance(value.get("text"), str):
            found.update(_MODIFIER.findall(value["text"]))
    for detail in getattr(view, "orderDetail", None) or ():
        found.update((c.code or "").upper() for c in terminology.codings(detail))
    for note in getattr(view, "note", None) or ():
        found.update(_MODIFIER.findall(note.text or ""))
    return found


def modifiers_of(coding: Coding) -> list[str]:
    """Modifiers that a coding carries: behind its code, or as a coding of its own."""
    code = (coding.code or "").strip().upper()
    return [code] if code in ("RA", "RB", "EY") else terminology.modifiers_in(coding.code)


def replacement_sign(view: AnyOrder, items: list[CodeableConcept], concepts: frozenset[Concept]) -> str | None:
    """What says that the order replaces or repairs a device in use; None when nothing does."""
    marks = modifiers(view, items) & {"RA", "RB"}
    if marks:
        return f"modifier {min(marks)}"
    if Concept.EQUIPMENT_REPAIR in concepts:
        return "a repair code"
    for field in ("replaces", "priorRequest", "priorPrescription"):
        if getattr(view, field, None):
            return f"{field} names an earlier order"
    for note in getattr(view, "note", None) or ():
        if _REPLACES.search(note.text or ""):
            return "the order's note speaks of replacement"
    return None


def reason_words(view: AnyOrder) -> Iterator[str]:
    """Reasons and notes in words, for a reviewer."""
    for reason in view.reasonCode or ():
        text = reason.text or next((c.display for c in terminology.codings(reason) if c.display), None)
        if text:
            yield text[:160]
    for note in getattr(view, "note", None) or ():
        if note.text:
            yield note.text[:160]
