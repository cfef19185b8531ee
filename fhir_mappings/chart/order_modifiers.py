"""Marks on an order: modifiers, signs of replacement or repair, reasons in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cds_service.concepts import Concept
from fhir_mappings.chart.order_items import AnyOrder, words_of
from fhir_mappings.common import code_systems, terminology
from fhir_mappings.common.datatypes import CodeableConcept, Coding
from fhir_mappings.common.free_text import cut
from fhir_mappings.json.fhir_json import plain

# In a note the two letters count as a modifier only where they are called one or stand behind a code: RA is also
# rheumatoid arthritis.
_MODIFIER = re.compile(
    r"\b(?i:modifiers?)\b[\s:]*(?:[A-Z]{2}[\s,]+)*(RA|RB|EY)\b"
    r"|\b(RA|RB|EY) (?i:modifier)\b|\b[A-Z]\d{4}[-\s:]+(RA|RB|EY)\b"
)
# What modifiers RA and RB are called, and the same of a pump.
_REPLACES = re.compile(
    r"\breplacement of (?:[a-z]++ ){0,3}(?:dme|durable medical equipment|item|device|insulin pump|pump)\b"
    r"|\breplacement (?:insulin )?pump\b|\bpump replacement\b",
    re.IGNORECASE,
)
_ALONE = re.compile(r"^\s*(RA|RB|EY)\s*$")
_NOT_TO_BE_DONE = "request-doNotPerform"


def _modifiers_in_words(text: str) -> list[str]:
    text = cut(text)
    found = [*_MODIFIER.findall(text), *((alone,) for alone in _ALONE.findall(text))]
    return [modifier for groups in found for modifier in groups if modifier]


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
            found.update(_modifiers_in_words(value["text"]))
    for detail in getattr(view, "orderDetail", None) or ():
        found.update((c.code or "").upper() for c in terminology.codings(detail))
    for note in getattr(view, "note", None) or ():
        found.update(_modifiers_in_words(note.text or ""))
    return found


def modifiers_of(coding: Coding) -> list[str]:
    """Modifiers that a coding carries: behind its code, or as a coding of its own."""
    code = (coding.code or "").strip().upper()
    return [code] if code in ("RA", "RB", "EY") else code_systems.modifiers_in(coding.code)


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
    return None


def unsure_replacement_sign(view: AnyOrder, items: list[CodeableConcept]) -> str | None:
    """Words of a code, a parameter or a detail that say that a device is replaced, such as those of modifier RA under a
    system that is not known; None when there are none. They are never sure: a reviewer has to look."""
    parameters = plain(getattr(view, "parameter", b""))
    values = (
        [p.get("valueCodeableConcept") for p in parameters if isinstance(p, dict)]
        if isinstance(parameters, list)
        else []
    )
    texts = [words_of([*items, *(getattr(view, "orderDetail", None) or ())])]
    for value in values:
        codings = value.get("coding") if isinstance(value, dict) else None
        named = [c.get("display") for c in codings if isinstance(c, dict)] if isinstance(codings, list) else []
        texts += [cut(word) for word in (*named, value.get("text") if value else None) if isinstance(word, str)]
    found = next((match for text in texts if (match := _REPLACES.search(text))), None)
    return found[0] if found else None


def reason_words(view: AnyOrder) -> Iterator[str]:
    """Reasons and notes in words, for a reviewer."""
    for reason in view.reasonCode or ():
        text = reason.text or next((c.display for c in terminology.codings(reason) if c.display), None)
        if text:
            yield text[:160]
    for note in getattr(view, "note", None) or ():
        if note.text:
            yield note.text[:160]


def not_to_be_done(view: AnyOrder) -> bool:
    """Whether the order says not to perform it: by its own element, or by R4's modifier extension for it."""
    if getattr(view, "doNotPerform", None):
        return True
    extensions = plain(getattr(view, "modifierExtension", b""))
    saying = [e for e in extensions if isinstance(e, dict)] if isinstance(extensions, list) else []
    return any(
        str(each.get("url", "")).endswith(_NOT_TO_BE_DONE) and each.get("valueBoolean") is True for each in saying
    )
