"""What codes say: value sets as data, codes compared after normalising their system and spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import Any

import msgspec

from cds_service.concepts import Concept
from fhir_mappings.datatypes import CodeableConcept, Coding

ICD10CM, ICD9CM = "icd-10-cm", "icd-9-cm"
SNOMED, LOINC, RXNORM, HCPCS, NDC, ATC = "snomed", "loinc", "rxnorm", "hcpcs", "ndc", "atc"

# One system under many names, as seen in public data. WHO ICD-10 (sid/icd-10) is another system than ICD-10-CM
# and stands here on purpose as unknown. HCPCS level I is CPT, so both share a key.
_ALIASES = {
    "snomed.info/sct": SNOMED,
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "loinc.org": LOINC,
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "hl7.org/fhir/sid/icd-10-cm": ICD10CM,
    "urn:oid:2.16.840.1.113883.6.90": ICD10CM,
    "www.cms.gov/medicare/coding/icd10": ICD10CM,
    "hl7.org/fhir/sid/icd-9-cm": ICD9CM,
    "terminology.hl7.org/codesystem/icd9cm": ICD9CM,
    "urn:oid:2.16.840.1.113883.6.103": ICD9CM,
    "www.cms.gov/medicare/coding/hcpcsreleasecodesets": HCPCS,
    "www.cms.gov/medicare/coding/medhcpcsgeninfo/index.html": HCPCS,
    "www.cms.gov/medicare/coding/medhcpcsgeninfo": HCPCS,
    "bluebutton.cms.gov/resources/codesystem/hcpcs": HCPCS,
    "urn:oid:2.16.840.1.113883.6.285": HCPCS,
    "urn:oid:2.16.840.1.113883.6.14": HCPCS,
    "www.ama-assn.org/go/cpt": HCPCS,
    "urn:oid:2.16.840.1.113883.6.12": HCPCS,
    "www.nlm.nih.gov/research/umls/rxnorm": RXNORM,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "hl7.org/fhir/sid/ndc": NDC,
    "urn:oid:2.16.840.1.113883.6.69": NDC,
    "www.whocc.no/atc": ATC,
    "urn:oid:2.16.840.1.113883.6.73": ATC,
    "hl7.org/fhir/v3/actcode": "terminology.hl7.org/codesystem/v3-actcode",
    "urn:oid:2.16.840.1.113883.5.4": "terminology.hl7.org/codesystem/v3-actcode",
    "hl7.org/fhir/v2/0004": "terminology.hl7.org/codesystem/v2-0004",
    "urn:oid:2.16.840.1.113883.12.4": "terminology.hl7.org/codesystem/v2-0004",
}
_ICD_SHAPE = re.compile(r"^[A-Z]\d[0-9A-Z](?:\.?[0-9A-Z]{1,4})?$")
_HCPCS_SHAPE = re.compile(r"^([A-Z]\d{4}|\d{5}|\d{4}[A-Z])(?:[-: ,]+(.+))?$")
_CATEGORY_SYSTEMS = (ICD10CM, ATC, "nucc.org/provider-taxonomy")
_COUNT_URL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"


@lru_cache(maxsize=512)
def system_key(system: str | None) -> str | None:
    """A short name for a code system under any of its spellings; the folded URI itself when it is no known one."""
    if not system:
        return None
    folded = system.strip().split("|", 1)[0].rstrip("/").casefold()
    folded = re.sub(r"^https?://", "", folded)
    if folded.startswith("snomed.info/sct"):
        return SNOMED
    return _ALIASES.get(folded, folded)


def normal_code(system: str | None, code: str) -> str:
    """A code as its system spells it: trimmed, upper case, ICD dot restored, NDC on eleven digits."""
    code = code.strip()
    if system in (ICD10CM, ICD9CM):
        code = code.upper()
        if "." not in code and len(code) > 3 and _ICD_SHAPE.match(code):
            return f"{code[:3]}.{code[3:]}"
        return code.rstrip(".")
    if system == HCPCS:
        shape = _HCPCS_SHAPE.match(code.upper())
        return shape[1] if shape else code.upper()
    if system == NDC:
        return _ndc11(code)
    if system in (SNOMED, LOINC, RXNORM):
        return code
    return code.upper()


def modifiers_in(code: str | None) -> list[str]:
    """HCPCS modifiers written behind a code: `E0784-RA` has RA."""
    shape = _HCPCS_SHAPE.match((code or "").strip().upper())
    return re.findall(r"[A-Z0-9]{2}", shape[2]) if shape and shape[2] else []


def _ndc11(code: str) -> str:
    parts = code.split("-")
    if len(parts) == 3:
        return "".join(part.zfill(width) for part, width in zip(parts, (5, 4, 2), strict=True))
    return code.replace("-", "")


class _ValueSets:
    """All value sets, turned round: which concepts a code carries."""

    def __init__(self) -> None:
        self.codes: dict[tuple[str | None, str], set[Concept]] = {}
        self.categories: list[tuple[str | None, str, Concept]] = []
        self.displays: dict[tuple[str | None, str], str] = {}
        self.daily: dict[str, float] = {}
        self.any_system: dict[str, set[Concept]] = {}
        for path in sorted(files(__package__).joinpath("valuesets").iterdir(), key=lambda p: p.name):
            if path.name.endswith(".json"):
                self._add(msgspec.json.decode(path.read_bytes()))

    def _add(self, value_set: dict[str, Any]) -> None:
        concept = Concept(value_set["id"])
        for include in value_set["compose"]["include"]:
            system = system_key(include["system"])
            for row in include.get("concept", ()):
                code = normal_code(system, row["code"])
                self.codes.setdefault((system, code), set()).add(concept)
                self.any_system.setdefault(code.upper(), set()).add(concept)
                self.displays.setdefault((system, code), row.get("display", ""))
                for extension in row.get("extension", ()):
                    if extension["url"] == _COUNT_URL:
                        self.daily[code] = extension["valueDecimal"]
            for rule in include.get("filter", ()):
                self.categories.append((system, rule["value"], concept))


_SETS = _ValueSets()


def codes_in(*wanted: Concept, system: str) -> list[str]:
    """The codes of one system in some value sets, for a search."""
    found = {code for (key, code), concepts in _SETS.codes.items() if key == system and concepts & set(wanted)}
    return sorted(found)


@lru_cache(maxsize=8192)
def concepts_of(system: str | None, code: str | None) -> frozenset[Concept]:
    """The concepts that one code carries; none for an unknown system."""
    if not code:
        return frozenset()
    key = system_key(system)
    normal = normal_code(key, code)
    found = set(_SETS.codes.get((key, normal), ()))
    if key in _CATEGORY_SYSTEMS:
        found.update(c for s, prefix, c in _SETS.categories if s == key and normal.startswith(prefix))
    return frozenset(found)


@lru_cache(maxsize=2048)
def looks_like(code: str | None) -> frozenset[Concept]:
    """The concepts that a code would carry under its proper system: for notes about unknown systems only."""
    if not code:
        return frozenset()
    plain = code.strip().upper()
    return frozenset(_SETS.any_system.get(plain, ())) | frozenset(_SETS.any_system.get(normal_code(ICD10CM, plain), ()))


@lru_cache(maxsize=64)
def is_known_system(system: str | None) -> bool:
    """Whether a code system is one that the value sets speak of."""
    key = system_key(system)
    return key is not None and any(key == known for known, _ in _SETS.codes)


def is_well_formed(system: str | None, code: str) -> bool:
    """Whether a code is of a known system and looks like one of its codes."""
    if not is_known_system(system):
        return False
    return system_key(system) != HCPCS or bool(_HCPCS_SHAPE.match(code.strip().upper()))


def is_odd_spelling(system: str | None) -> bool:
    """Whether this is HCPCS under another address than the one that CRD and CMS print."""
    plain = re.sub(r"^https?://", "", (system or "").strip())
    usual = ("www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "www.ama-assn.org/go/cpt")
    return system_key(system) == HCPCS and plain not in usual


# Of several codings the one of the billing or laboratory system speaks, whichever comes first.
_SPEAKING = {system: rank for rank, system in enumerate((ICD10CM, HCPCS, LOINC, RXNORM, NDC, SNOMED, ATC, ICD9CM))}


def codings(concept: CodeableConcept | None) -> list[Coding]:
    """The codings of a concept in an order of our own, so that the client's never matters; none when it has none."""
    found = (concept.coding or []) if concept is not None else []
    return found if len(found) < 2 else sorted(found, key=_speaking)


def _speaking(coding: Coding) -> tuple[int, str, str, str]:
    rank = _SPEAKING.get(system_key(coding.system) or "", len(_SPEAKING))
    return rank, coding.code or "", coding.display or "", coding.system or ""


def concepts(*sources: CodeableConcept | None) -> frozenset[Concept]:
    """All concepts that any coding of these CodeableConcepts carries."""
    found: frozenset[Concept] = frozenset()
    for source in sources:
        for coding in codings(source):
            found |= concepts_of(coding.system, coding.code)
    return found


def concepts_in(sources: Iterable[CodeableConcept] | None) -> frozenset[Concept]:
    """The same for a list that may be missing."""
    return concepts(*(sources or ()))


def display_of(coding: Coding) -> str:
    """The value set's own display of a code, which a chart cannot mislabel; empty when there is none."""
    return _spelt(coding.system, coding.code or "")[1]


def daily_events(code: str) -> float | None:
    """How many times a day a dosing event or abbreviation means (BID 2, AC 3); None when it is not known."""
    return _SETS.daily.get(code.strip().upper())


def name(concept: CodeableConcept, meaning: Concept) -> str:
    """What the coding that carries a meaning is called, without its code."""
    for coding in codings(concept):
        if meaning in concepts_of(coding.system, coding.code):
            return (display_of(coding) or coding.display or concept.text or coding.code or "")[:120]
    return (concept.text or "")[:120]


def code_of(concept: CodeableConcept | None, preferred: frozenset[Concept]) -> str:
    """The code that carries a meaning, as its system spells it; empty when only words say it."""
    for coding in codings(concept):
        if coding.code and concepts_of(coding.system, coding.code) & preferred:
            return normal_code(system_key(coding.system), coding.code)
    return ""


def label(concept: CodeableConcept | None, preferred: frozenset[Concept] = frozenset()) -> str:
    """How a person would name a concept: code and display of the coding that counted, else its text."""
    best = codings(concept)
    if preferred:
        best = [c for c in best if concepts_of(c.system, c.code) & preferred] or best
    for coding in best:
        if coding.code:
            spelt, display = _spelt(coding.system, coding.code)
            name = coding.display or display or (concept.text if concept else None) or ""
            return f"{spelt} {name}".strip()[:120]
    return ((concept.text if concept else None) or "without a code").strip()[:120]


@lru_cache(maxsize=8192)
def _spelt(system: str | None, code: str) -> tuple[str, str]:
    """A code as its system spells it, and the value set's own display of it."""
    key = system_key(system)
    normal, charted = normal_code(key, code), code.strip()
    as_charted = f" (charted as {charted})" if key == ICD10CM and charted != normal else ""
    return f"{normal}{as_charted}", _SETS.displays.get((key, normal), "")
