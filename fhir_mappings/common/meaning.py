"""What a coded element means: its concepts, each as documented, supported or for review.

One mechanism for every concept of every criterion. A sure code documents; a code that several editions of ICD-10
share supports; a code of an unknown system, a local code's display and plain words are for a reviewer, never more.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache, reduce
from importlib.resources import files
from sys import intern

from cds_service.concepts import Concept
from fhir_mappings.common import labels, terminology
from fhir_mappings.common.code_systems import normal_code, system_key
from fhir_mappings.common.datatypes import CodeableConcept, Coding
from fhir_mappings.common.free_text import cached_for_short_texts, cut
from fhir_mappings.common.word_context import folded, is_history, present_mentions

_NONE: frozenset[Concept] = frozenset()
# A concept named in general words says nothing beside one that says more.
_GENERAL = {
    Concept.DIABETES_TYPE_UNCLEAR: frozenset(
        {Concept.TYPE_1_DIABETES, Concept.TYPE_2_DIABETES, Concept.OTHER_DIABETES_TYPE, Concept.NOT_DIABETES}
    ),
    Concept.HYPOGLYCEMIA_GENERIC: frozenset({Concept.HYPOGLYCEMIA, Concept.HYPOGLYCEMIA_LEVEL}),
    Concept.EARLY_COMPLICATION: frozenset({Concept.MICROALBUMINURIA, Concept.KIDNEY_DISEASE_DEGREE_UNSTATED}),
    Concept.KIDNEY_FAILURE_FOR_REVIEW: frozenset(
        {Concept.END_STAGE_RENAL_DISEASE, Concept.CHRONIC_KIDNEY_DISEASE, Concept.ACUTE_KIDNEY_INJURY}
    ),
    Concept.END_STAGE_RENAL_DISEASE: frozenset(
        {Concept.CHRONIC_DIALYSIS, Concept.DIALYSIS, Concept.DIALYSIS_FOR_REVIEW}
    ),
}
# Kidney failure of the past is over once there is a transplant.
_OVER_BY_TRANSPLANT = frozenset({Concept.END_STAGE_RENAL_DISEASE, Concept.KIDNEY_FAILURE_FOR_REVIEW})
# Words without which no pattern can fit: most elements are passed over at once.
_STEMS = re.compile(
    r"diab|\bdm|t[12]d|lada|mody|cfrd|gdm|insulin|csii|pump|end[ -]?stage|es[rkl][df]|dialy|ckd|kidney|renal|transplant"
    r"|\b(?:hd|pd|capd|ccpd|aki)\b|hypogly|low blood|brittle|labile|crisis|keto|dka|albumin|acr\b|alb/c|retinop|neurop"
    r"|filtration|liver|hepatic|nephrop|protein|macular|complian|adheren|dsm|educ|a1|hba|ghb|glyc|gfr|glomer|glucose"
    r"|sugar|finger|smbg|fsb|accu|bgm|cbg|endocrin|hyperosm|hhn?s|honk|implant|jet |needle[ -]free|pulsatile"
    r"|intravenous insulin|oivit|ciit|pivit",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """The concepts of one coded element by certainty; no concept is in two of the sets."""

    documented: frozenset[Concept] = _NONE
    supported: frozenset[Concept] = _NONE
    review: frozenset[Concept] = _NONE

    @property
    def all(self) -> frozenset[Concept]:
        """Every concept, however surely it is said."""
        return self.documented | self.supported | self.review

    def only(self, wanted: frozenset[Concept]) -> Meaning:
        """The same for some concepts."""
        return _interned(Meaning(self.documented & wanted, self.supported & wanted, self.review & wanted))

    def __bool__(self) -> bool:
        """Whether it says anything that a rule reads."""
        return bool(self.documented or self.supported or self.review)

    def __or__(self, other: Meaning) -> Meaning:
        """The union of two meanings; a concept that is in both keeps the surer of its two places."""
        documented = self.documented | other.documented
        supported = (self.supported | other.supported) - documented
        return Meaning(documented, supported, (self.review | other.review) - documented - supported)


@lru_cache(maxsize=4096)
def _interned(meaning: Meaning) -> Meaning:
    """Interns a meaning: thousands of equal ones share one object."""
    return meaning


NOTHING = Meaning()


def meaning_of(concept: CodeableConcept | None) -> Meaning:
    """What a CodeableConcept means: all its codings and texts together."""
    return NOTHING if concept is None else _meaning(concept, read_words=_has_stem(concept))


def credentials_of(concepts: Iterable[CodeableConcept | None]) -> Meaning:
    """What qualifications, roles and specialties of a person mean, in whose short words (`RN`) no other stem occurs."""
    whole = NOTHING
    for concept in concepts:
        if concept is not None:
            whole |= _meaning(concept, read_words=True)
    return whole


def _meaning(concept: CodeableConcept, *, read_words: bool) -> Meaning:
    by_code = _by_codes(terminology.codings(concept))
    named = _by_words(_texts(concept)) if read_words else _NONE
    return _interned(by_code | Meaning(review=_beyond_codes(named, by_code))) if named else by_code


def meaning_of_any(concepts: Iterable[CodeableConcept | None] | None) -> Meaning:
    """What several CodeableConcepts mean together."""
    whole = NOTHING
    for concept in concepts or ():
        whole |= meaning_of(concept)
    return whole


def naming_text(concept: CodeableConcept | None, wanted: Concept) -> str:
    """The text that names a concept, for an explanation; empty when none does."""
    for text in _texts(concept) if concept is not None else ():
        if wanted in _by_words((text,)):
            return text[:120].strip()
    return ""


def _by_codes(codings: Iterable[Coding]) -> Meaning:
    meanings = [_by_code(coding.system, coding.code) for coding in codings]
    if len(meanings) < 2:
        return meanings[0] if meanings else NOTHING
    return _interned(reduce(Meaning.__or__, meanings))


@cached_for_short_texts(8192)
def _by_code(system: str | None, code: str | None) -> Meaning:
    reading = terminology.read_code(system, code)
    return _interned(NOTHING | Meaning(reading.documented, reading.supported, reading.review))


def _beyond_codes(named: frozenset[Concept], by_code: Meaning) -> frozenset[Concept]:
    """Concepts named in text beyond those of the codes; a general one is dropped beside a more specific one."""
    known = by_code.documented | by_code.supported
    more = named - known
    return frozenset(c for c in more if not (_GENERAL.get(c, _NONE) & (known | named)))


def _texts(concept: CodeableConcept) -> Iterator[str]:
    """The words of an element, without the displays that our own value sets hold for the same code."""
    if concept.text:
        yield concept.text
    for coding in concept.coding or ():
        if coding.display and coding.display != terminology.display_of(coding):
            yield coding.display


def _has_stem(concept: CodeableConcept) -> bool:
    return any(_STEMS.search(cut(text)) for text in _texts(concept))


def _by_words(texts: Iterable[str]) -> frozenset[Concept]:
    """The concepts that texts name as present in the patient."""
    found: frozenset[Concept] = _NONE
    for text in dict.fromkeys(map(folded, texts)):
        named = frozenset(words.concept for words in _all_words() if words.names(text))
        if Concept.KIDNEY_TRANSPLANT in named and is_history(text):
            named -= _OVER_BY_TRANSPLANT
        found |= named
    return found


@dataclass(frozen=True, slots=True)
class _Words:
    """How one concept is named in words."""

    concept: Concept
    says: re.Pattern[str]
    unless: re.Pattern[str] | None
    own: tuple[str, ...]

    def names(self, text: str) -> bool:
        """Whether folded text names the concept as the patient's own and present."""
        if not self.says.search(text) or (self.unless is not None and self.unless.search(text)):
            return False
        return any(True for _ in present_mentions(self.says, text, self.own))


@cache
def _all_words() -> tuple[_Words, ...]:
    tables = tomllib.loads(files(__package__).joinpath("concept_words.toml").read_text(encoding="utf-8"))
    return tuple(
        _Words(
            Concept(name),
            re.compile("|".join(table["says"])),
            re.compile("|".join(table["unless"])) if "unless" in table else None,
            tuple(table.get("own_context", ())),
        )
        for name, table in tables.items()
    )


def code_and_label(concept: CodeableConcept | None, meaning: Meaning) -> tuple[str, str]:
    """Code and label of what an element means; words that say more than its code are quoted, for who reviews them."""
    code, label = code_and_name(concept, meaning.documented or meaning.supported or meaning.review)
    sure = meaning.documented | meaning.supported
    texts = (naming_text(concept, wanted) for wanted in sorted(meaning.review)) if sure else ()
    text = next((text for text in texts if text), "")
    label = label if not text or text in label else f'{label} (charted as "{text}")'
    return intern(code), intern(label)  # of thousands that say the same each is kept once


def code_and_name(concept: CodeableConcept | None, meaning: frozenset[Concept]) -> tuple[str, str]:
    """Code and label of the coding that carries one of these concepts, else the text that names it."""
    for coding in terminology.codings(concept):
        if coding.code and terminology.any_concepts_of(coding.system, coding.code) & meaning:
            return normal_code(system_key(coding.system), coding.code), labels.label(concept, meaning)
    for wanted in sorted(meaning):
        text = naming_text(concept, wanted)
        if text:
            return "", text
    return "", labels.label(concept, meaning)
