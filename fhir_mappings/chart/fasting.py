"""Whether the patient was fasting at a draw: by code, component, specimen, note, or a result of its own.

Notes of laboratories speak of fasting without saying that the patient did: "Fasting reference interval" stands under
each glucose of one large laboratory. Only a statement about this draw counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Raw, Struct

from cds_service.concepts import Concept
from cds_service.facts import Fasting
from fhir_mappings.common import terminology, units
from fhir_mappings.common.datatypes import Annotation, CodeableConcept, Quantity
from fhir_mappings.common.free_text import cut
from fhir_mappings.common.word_context import folded
from fhir_mappings.json.clinical_views import Observation
from fhir_mappings.json.laboratory_views import Specimen
from fhir_mappings.json.raw_elements import element, entries

# Fasting is no caloric intake for at least 8 hours (American Diabetes Association, Standards of Care, section 2).
HOURS_OF_FASTING = 8
_NOT = re.compile(
    r"\b(?:non|not|no|without)[ -]?fast|\bunfasted\b|\bdid not fast|\brandom\b"
    r"|\bpost[ -]?(?:prandial|meal|dose|lunch|load)"
    r"|\bafter (?:a )?meal|\bnon-?fasting\b|\b\d+ ?(?:h|hr|hrs|hours?|min|minutes?) (?:p|post|pc|after)\b"
)
_NAMED = re.compile(r"\bfasting\b|\bfasted\b|\bfbg\b|\bfpg\b|\bfbs\b|\bnpo\b")
# What a note has to say so that it is said of this draw.
_STATED = re.compile(
    r"\bfast(?:ing|ed)(?: status| state| specimen| sample)?(?: reported)?\s?[:=?-]\s?(?P<answer>[a-z]+)"
    r"|\b(?:patient|pt|specimen|sample|draw|drawn|collected|obtained|was|is|were)\b[a-z ,]{0,25}\bfast(?:ing|ed)\b"
    r"|\bfast(?:ed|ing) (?:since |after )?(?:overnight|midnight)"
    r"|^\W*(?:fasting|fasted|fasting (?:specimen|sample|draw|blood|labs?)|npo)\W*$"
)
_HOURS = re.compile(
    r"\bfast(?:ing|ed)(?: status| state)?\s?[:=-]?\s?(?:for |x ?|> ?|at least )?(\d{1,2}) ?(?:h|hr|hrs|hours?)?"
    r"(?![\d.]| ?m)"
)
_NO_STATEMENT = re.compile(
    r"reference|interval|\brange\b|\bif (?:the )?(?:patient|fasting)|\bfor fasting\b|should|must|recommend|required"
    r"|prefer|unknown|not (?:given|stated|asked|known|provided)|\bn/a\b|guideline|criteri|unless|whether"
)
_YES = frozenset({"y", "yes", "true", "fasting", "f", "fasted", "1"})
_NO = frozenset({"n", "no", "false", "nonfasting", "nf", "not", "non", "random", "0"})
# HL7 v2 table 0916, table 0136, LOINC answers, SNOMED CT.
_YES_CODES = frozenset({"F", "Y", "YES", "LA33-6", "373066001", "16985007", "TRUE"})
_NO_CODES = frozenset({"NF", "N", "NO", "LA32-8", "373067005", "276330009", "FALSE"})


class Component(Struct, gc=False):
    """One component of an Observation."""

    code: CodeableConcept | None = None
    valueQuantity: Quantity | None = None
    valueString: str | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueInteger: int | None = None
    valueBoolean: bool | None = None
    valueRatio: Raw = b""  # type: ignore[assignment]
    interpretation: Raw = b""  # type: ignore[assignment]
    referenceRange: Raw = b""  # type: ignore[assignment]


Statement = tuple[Fasting, str]


def fasting_of(observation: Observation, specimen: Specimen | None) -> Statement:
    """Whether a result says that the patient was fasting, and the words that say so.

    What is said of this draw outweighs the name of the test: a fasting glucose of a patient who had eaten is none.
    """
    stated = dict(_statements(observation, specimen))
    if len(stated) > 1:
        return Fasting.CONFLICTING, " / ".join(sorted(stated.values()))[:120]
    named = named_fasting(observation.code)
    if not stated:
        return named
    found, words = next(iter(stated.items()))
    if found is Fasting.NOT_FASTING and named[0] is Fasting.FASTING:
        return Fasting.CONFLICTING, f"{named[1]} / {words}"[:120]
    return found, words


def named_fasting(concept: CodeableConcept | None) -> Statement:
    """What the name of a test says: a fasting glucose, a glucose after a meal."""
    if concept is None:
        return Fasting.UNSTATED, ""
    codings = terminology.codings(concept)
    for text in (*map(terminology.display_of, codings), *(c.display for c in codings), concept.text):
        plain = folded(text or "")
        if _NOT.search(plain):
            return Fasting.NOT_FASTING, (text or "")[:80]
        if _NAMED.search(plain) and "non" not in plain:
            return Fasting.FASTING, (text or "")[:80]
    return Fasting.UNSTATED, ""


def answer_of(observation: Observation | Component) -> Fasting:
    """What the value of a result or component about fasting says."""
    quantity = observation.valueQuantity
    if quantity is not None:
        return _by_hours(quantity)
    raw = observation.valueBoolean
    boolean = raw if isinstance(raw, bool) else element(raw, bool) if raw else None
    if boolean is not None:
        return Fasting.FASTING if boolean else Fasting.NOT_FASTING
    said = observation.valueCodeableConcept
    if said is not None:
        return _by_code(said)
    return _by_word(observation.valueString or "")


def _statements(observation: Observation, specimen: Specimen | None) -> Iterator[Statement]:
    for component in entries(observation.component, Component):
        if Concept.FASTING_STATUS in terminology.concepts(component.code) or _is_named_status(component.code):
            found = answer_of(component)
            if found is not Fasting.UNSTATED:
                yield found, f"fasting status: {found}"
    yield from _in_notes(entries(observation.note, Annotation))
    if specimen is None:
        return
    collection = specimen.collection
    if collection is not None and collection.fastingStatusCodeableConcept is not None:
        found = _by_code(collection.fastingStatusCodeableConcept)
        if found is not Fasting.UNSTATED:
            yield found, f"the specimen says {found}"
    if collection is not None and collection.fastingStatusDuration is not None:
        found = _by_hours(collection.fastingStatusDuration)
        if found is not Fasting.UNSTATED:
            yield found, f"the specimen says {units.shown(collection.fastingStatusDuration)} of fasting"
    for concept in entries(specimen.condition, CodeableConcept):
        found = _by_code(concept)
        if found is not Fasting.UNSTATED:
            yield found, f"the specimen says {found}"
    yield from _in_notes(entries(specimen.note, Annotation))


def _is_named_status(concept: CodeableConcept | None) -> bool:
    texts = [concept.text, *(c.display for c in concept.coding or ())] if concept is not None else []
    return any(re.search(r"\bfasting\b", folded(text)) is not None for text in texts if text)


def _in_notes(notes: Iterable[Annotation]) -> Iterator[Statement]:
    for note in notes:
        for sentence in re.split(r"[.;\n]", cut(note.text or "")):
            found = stated_in(sentence)
            if found is not Fasting.UNSTATED:
                yield found, sentence.strip()[:80]


def stated_in(sentence: str) -> Fasting:
    """What a sentence states about this draw."""
    plain = folded(sentence)
    if _NO_STATEMENT.search(plain):
        return Fasting.UNSTATED
    hours = _HOURS.search(plain)
    if hours is not None:
        return Fasting.FASTING if int(hours[1]) >= HOURS_OF_FASTING else Fasting.NOT_FASTING
    match = _STATED.search(plain)
    answer = match["answer"] if match is not None else None
    if answer in _NO or (_NOT.search(plain) and answer not in _YES):
        return Fasting.NOT_FASTING
    if match is None or (answer is not None and answer not in _YES):
        return Fasting.UNSTATED
    return Fasting.FASTING


def _by_hours(quantity: Quantity) -> Fasting:
    """Hours of fasting; a duration in another unit is no statement that can be read."""
    value = units.number(quantity.value)
    unit = units.unit_of(quantity).rstrip("s")
    if value is None or unit not in ("h", "hr", "hour", ""):
        return Fasting.UNSTATED
    return Fasting.FASTING if value >= HOURS_OF_FASTING else Fasting.NOT_FASTING


def _by_code(concept: CodeableConcept) -> Fasting:
    codes = {(coding.code or "").strip().upper() for coding in terminology.codings(concept)}
    yes, no = bool(codes & _YES_CODES), bool(codes & _NO_CODES)
    if yes is not no:
        return Fasting.FASTING if yes else Fasting.NOT_FASTING
    texts = [concept.text, *(coding.display for coding in terminology.codings(concept))]
    found = {_by_word(text) for text in texts if text} - {Fasting.UNSTATED}
    return found.pop() if len(found) == 1 else Fasting.UNSTATED


def _by_word(text: str) -> Fasting:
    """An answer such as `Yes`, `FASTING` or `12 hours`."""
    plain = folded(text).strip(" .!")
    hours = re.fullmatch(r"(?:yes,? ?)?(\d{1,2}) ?(?:h|hr|hrs|hours?)?", plain)
    if hours is not None and plain not in ("0", "1"):
        return Fasting.FASTING if int(hours[1]) >= HOURS_OF_FASTING else Fasting.NOT_FASTING
    if plain in _YES:
        return Fasting.FASTING
    return Fasting.NOT_FASTING if plain in _NO or _NOT.search(plain) else stated_in(plain)
