"""Encounter → visits at which a practitioner saw the patient, of whatever reason, and how.

EHRs file messages, refills, laboratory draws and paperwork as Encounters too (Epic's `Telephone`, `Refill`, `Orders
Only`, `Patient Message`): they are kept, and said to be what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from functools import partial
from typing import NamedTuple

import msgspec
from msgspec import Struct

from cds_service.concepts import DIABETES, Concept
from cds_service.facts import PractitionerVisit, SeenHow
from fhir_mappings.chart.context import ChartContext, reference_to
from fhir_mappings.chart.providers import Providers
from fhir_mappings.chart.reading_origin import concept_texts
from fhir_mappings.chart.visit_kind import HOSPITAL, VisitKind, visit_kind
from fhir_mappings.common import terminology
from fhir_mappings.common.code_systems import HCPCS, normal_code, system_key
from fhir_mappings.common.datatypes import CodeableConcept, Coding, Reference, Several
from fhir_mappings.common.free_text import cut
from fhir_mappings.common.meaning import Meaning, meaning_of_any
from fhir_mappings.common.memo import Memo
from fhir_mappings.json.administrative_views import PractitionerRole
from fhir_mappings.json.clinical_views import Encounter
from fhir_mappings.json.raw_elements import entries

_NEVER_HAPPENED = (
    "planned",
    "cancelled",
    "entered-in-error",
    "discontinued",
    "pending",
    "proposed",
    "booked",
    "noshow",
)
_NOT_SEEN = re.compile(
    r"\b(?:refills?|orders? only|patient (?:message|email|outreach)|portal message|my ?chart (?:message|encounter)"
    r"|secure messag\w*|documentation(?: only)?|letter|abstract(?:ion)?|lab(?:oratory)?(?: (?:visit|only|draw"
    r"|requisition|appointment|encounter))?|blood draw|phlebotomy|imaging|radiology|results? (?:only|review|follow)"
    r"|chart (?:update|review|abstraction)|erroneous|prior auth\w*|pharmacy|scan(?:ned)?|no[- ]show|non[- ]?visit"
    r"|left without being seen|nurse (?:only|triage)|immunization only|external contact|e-?consult|record keeping"
    r"|administrative)\b",
    re.IGNORECASE,
)
_TELEPHONE = re.compile(r"\b(?:tele)?phone\b|\baudio[- ]?only\b|\bphone call\b", re.IGNORECASE)
_VIDEO = re.compile(r"\b(?:video|tele-?(?:health|medicine|visit)|virtual|remote (?:visit|consult\w*))\b", re.I)
# Asynchronous care; and MEDITECH's outpatient registrations, which are visits to a practitioner or to a laboratory.
_UNCLEAR = re.compile(
    r"\be-?visit\b|\basynchronous\b|\bquestionnaire\b|\bregistered (?:clinical|referred|recurring)\b", re.IGNORECASE
)
_HOME = re.compile(r"\bhome (?:visit|care|health)\b|\bhouse call\b", re.IGNORECASE)
_OFFICE = re.compile(r"\b(?:office|clinic|consult\w*|follow[- ]?up|appointment|check ?up|examination)\b", re.IGNORECASE)
_ENDOCRINE = re.compile(r"\bendocrin", re.IGNORECASE)
# CPT and HCPCS codes of evaluation and management, by their numbers alone.
_BY_CODE = {
    SeenHow.OFFICE: re.compile(r"99(?:20[2-5]|21[2-5]|24[2-5]|39[5-7]|38[5-7])|G0463|G0438|G0439|G0402"),
    SeenHow.TELEPHONE: re.compile(r"9944[123]|9896[678]|G2012"),
    SeenHow.HOME: re.compile(r"99(?:34[1-9]|350)"),
    SeenHow.EMERGENCY: re.compile(r"9928[1-5]"),
    SeenHow.NOT_SEEN: re.compile(r"9942[123]|36415|99211"),
}
_BY_KIND = {
    VisitKind.INPATIENT: SeenHow.INPATIENT,
    VisitKind.EMERGENCY: SeenHow.EMERGENCY,
    VisitKind.OBSERVATION: SeenHow.OBSERVATION,
    VisitKind.AMBULATORY: SeenHow.OFFICE,
}
# More than the visits of one kind that the two years hold which are searched: dialysis on three days a week is 320.
MOST_OF_A_KIND = 500
_REFERRERS = frozenset({"REF", "REFB", "REFT", "CALLBCK", "ESC", "TRANS"})


class Participant(Struct, gc=False):
    """Who took part in a visit; R4 says `individual`, R5 `actor`."""

    type: Several[CodeableConcept] | None = None
    individual: Reference | None = None
    actor: Reference | None = None


def read_practitioner_visits(
    encounters: Iterable[tuple[Encounter, str | None]], providers: Providers, context: ChartContext
) -> list[PractitionerVisit]:
    """Visits that took place, or may have; planned, cancelled and withdrawn ones never did.

    Of each kind only the newest MOST_OF_A_KIND are kept, so that a long chart does not fill the memory.
    """
    kept, called = _NewestVisits(), dict[bytes, _VisitType]()
    known = Memo(partial(_is_endocrinologist, providers=providers))
    for encounter, full_url in encounters:
        status = (encounter.status or "").strip().casefold()
        # Whose is another patient's was noted when the same Encounters were read for what they were for.
        if status not in _NEVER_HAPPENED and context.may_belong_to_patient(encounter.subject):
            name = reference_to(encounter, full_url)
            key = msgspec.json.encode((encounter.class_, encounter.type, encounter.serviceType))
            if key not in called:
                called[key] = _visit_type(encounter)
            kept.add(_visit(encounter, name, status, called[key], known, context))
    return kept.visits()


class _NewestVisits:
    """The newest visits of each kind; an undated one is older than any.

    A kind is how the patient was seen and whether in endocrinology: messages never push out visits in the office.
    """

    def __init__(self) -> None:
        """No visit yet."""
        self._by_kind: dict[tuple[SeenHow, bool], list[PractitionerVisit]] = {}

    def add(self, visit: PractitionerVisit) -> None:
        """Keeps a visit; the oldest ones of its kind are dropped in passing, many at a time."""
        visits = self._by_kind.setdefault((visit.how, visit.endocrinology), [])
        visits.append(visit)
        if len(visits) >= 2 * MOST_OF_A_KIND:
            visits[:] = _newest(visits)

    def visits(self) -> list[PractitionerVisit]:
        """At most MOST_OF_A_KIND of each kind."""
        return [visit for visits in self._by_kind.values() for visit in _newest(visits)]


def _newest(visits: list[PractitionerVisit]) -> list[PractitionerVisit]:
    return sorted(visits, key=_age_key, reverse=True)[:MOST_OF_A_KIND]


def _age_key(visit: PractitionerVisit) -> tuple[date, str]:
    return (visit.when.last if visit.when is not None else date.min), visit.reference


class _VisitType(NamedTuple):
    """What class, type and service of an Encounter say; cached, since most visits share them."""

    how: SeenHow
    label: str
    endocrinology: bool


def _visit_type(encounter: Encounter) -> _VisitType:
    texts = list(_texts(encounter))
    label = next(iter(texts), "a visit")[:120]
    return _VisitType(_how_seen(encounter, texts), label, any(map(_ENDOCRINE.search, texts)))


def _is_endocrinologist(literal: str, providers: Providers) -> bool:
    found = providers.find(Reference(literal))
    return found is not None and found.endocrinology


def _visit(
    encounter: Encounter, name: str, status: str, called: _VisitType, known: Memo, context: ChartContext
) -> PractitionerVisit:
    """`known`: whether a practitioner is of endocrinology, by reference."""
    period = encounter.period
    when = context.when(period.start, period.end) if period is not None else None
    end = context.when(period.end) if period is not None else None
    people = [(who, display) for who, display in _people(encounter) if who or display]
    references = frozenset(each for who, _ in people if who for each in _references_of(who, context))
    reasons = _reasons(encounter, context)
    return PractitionerVisit(
        reference=name,
        when=when,
        concepts=reasons.documented,
        label=called.label,
        supported=reasons.supported,
        review=reasons.review,
        until=end.last if end is not None else None,
        how=called.how,
        practitioners=references,
        practitioner_names=tuple(dict.fromkeys(display[:80] for _, display in people if display)),
        endocrinology=called.endocrinology or any(known[who.reference or ""] for who, _ in people if who is not None),
        status=status,
    )


def _people(encounter: Encounter) -> Iterator[tuple[Reference | None, str]]:
    """Practitioners who took part, without who only referred the patient."""
    for participant in entries(encounter.participant, Participant):
        codes = {(coding.code or "").upper() for kind in participant.type or () for coding in kind.coding or ()}
        who = participant.individual or participant.actor
        if who is None or (codes and codes <= _REFERRERS):
            continue
        literal = who.reference or ""
        if not literal or "Practitioner" in literal or literal.startswith("#"):
            yield (who if literal else None), who.display or ""


def _references_of(who: Reference, context: ChartContext) -> Iterator[str]:
    """A reference as the chart names it, and that of the practitioner behind a role."""
    yield context.local(who) or ""
    role = context.resolve(who, PractitionerRole)
    if role is not None and role.practitioner is not None:
        yield context.local(role.practitioner) or ""


def _reasons(encounter: Encounter, context: ChartContext) -> Meaning:
    """What the visit says about diabetes, by its reasons and diagnoses."""
    meaning = meaning_of_any(encounter.reasonCode)
    for reference in (*(encounter.reasonReference or ()), *(each.condition for each in encounter.diagnosis or ())):
        diagnosis = context.diagnosis(reference)
        if diagnosis is not None:
            meaning |= Meaning(diagnosis.concepts, diagnosis.supported, diagnosis.review)
    return meaning.only(frozenset({*DIABETES, Concept.INSULIN_DEPENDENCY}))


def _texts(encounter: Encounter) -> Iterator[str]:
    """The words that say what kind of visit it was, the most telling ones first."""
    for concept in (*(encounter.type or ()), encounter.serviceType):
        yield from map(cut, concept_texts(concept))
    kind = encounter.class_
    for coding in (kind, *(kind.coding or ())) if kind is not None else ():
        yield from (cut(text) for text in (coding.display,) if text)


def _how_seen(encounter: Encounter, texts: Iterable[str]) -> SeenHow:
    """How the patient was seen. Words of messages and paperwork outweigh a class that says ambulatory."""
    by_code = _by_code(encounter)
    if by_code is not None:
        return by_code
    kind, words = visit_kind(encounter), " | ".join(texts)
    if kind in HOSPITAL:
        return _BY_KIND[kind]
    if _NOT_SEEN.search(words):
        return SeenHow.NOT_SEEN
    if _TELEPHONE.search(words):
        return SeenHow.TELEPHONE
    if _VIDEO.search(words):
        return SeenHow.VIRTUAL
    if _UNCLEAR.search(words):
        return SeenHow.UNREAD
    codes = {(coding.code or "").upper() for coding in _classes(encounter)}
    if kind is VisitKind.HOME_OR_VIRTUAL or codes & {"VR", "HH"}:
        at_home = "HH" in codes or bool(_HOME.search(words))
        return SeenHow.HOME if at_home else SeenHow.VIRTUAL if "VR" in codes else SeenHow.UNREAD
    return _BY_KIND.get(kind) or (SeenHow.OFFICE if _OFFICE.search(words) else SeenHow.UNREAD)


def _classes(encounter: Encounter) -> list[Coding]:
    kind = encounter.class_
    return [kind, *(kind.coding or ())] if kind is not None else []


def _by_code(encounter: Encounter) -> SeenHow | None:
    """By a billing code of the visit's type; of several the one that saw the patient."""
    codes = {
        normal_code(HCPCS, coding.code)
        for concept in encounter.type or ()
        for coding in terminology.codings(concept)
        if coding.code and system_key(coding.system) == HCPCS
    }
    found = [how for how, pattern in _BY_CODE.items() if any(map(pattern.fullmatch, codes))]
    return found[0] if found else None
