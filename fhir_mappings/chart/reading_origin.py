"""Where a glucose reading comes from: a finger-stick at home, a sensor, a laboratory, a visit.

What readings share (device, visit, category, performer) is interpreted once and cached.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Flag, auto
from typing import Any

from msgspec import Raw

from cds_service.concepts import Concept
from cds_service.facts import ReadingOrigin
from fhir_mappings.chart.context import ChartContext
from fhir_mappings.chart.glucose_devices import names_meter, names_point_of_care, names_sensor, names_serum
from fhir_mappings.chart.visit_kind import HOSPITAL, VisitKind, visit_kind
from fhir_mappings.common import terminology
from fhir_mappings.common.datatypes import NOTHING, CodeableConcept, Reference
from fhir_mappings.common.memo import Memo
from fhir_mappings.json.clinical_views import Device, Encounter, Observation
from fhir_mappings.json.fhir_json import contained, plain


class Sign(Flag):
    """What the device, the method or the performer of a reading says of it."""

    NONE = 0
    SENSOR = auto()
    HOME_METER = auto()
    METER_METHOD = auto()
    PATIENT = auto()
    CLINICIAN = auto()
    POINT_OF_CARE = auto()


_AT_HOME = Sign.HOME_METER | Sign.PATIENT
_METER_CODES = frozenset({Concept.GLUCOSE_SELF_TEST, Concept.SELF_MONITORING})
_GLUCOSE_CODES = _METER_CODES | {Concept.GLUCOSE_GENERAL}
_PERFORMERS = {
    "Patient": Sign.PATIENT,
    "RelatedPerson": Sign.PATIENT,
    "Practitioner": Sign.CLINICIAN,
    "PractitionerRole": Sign.CLINICIAN,
}


class ReadingOrigins:
    """The origins of one chart's glucose readings."""

    def __init__(self, context: ChartContext) -> None:
        """`context` holds the devices and visits that readings refer to."""
        self._context = context
        self._devices = Memo(self._device)
        self._visits = Memo(self._visit)
        self._performers = Memo(_performers)
        self._category, self._category_says_laboratory = NOTHING, False
        self._laboratory = Memo(lambda category: "laboratory" in str(plain(category)).casefold())
        self._sensor_extensions = Memo(lambda raw: any(map(names_sensor, _strings(plain(raw)))))

    def of(self, observation: Observation, concepts: frozenset[Concept]) -> ReadingOrigin:
        """The origin of a reading whose code carries these concepts.

        A device that is a sensor decides first, whatever the code; a hospital visit next. The laboratory category
        is outweighed by the patient as performer or a home meter as device, not by a meter code or method alone.
        """
        if self.is_sensor(observation):
            return ReadingOrigin.SENSOR
        signs, visit = self._signs(observation), self._visits[_visit_of(observation)]
        at_home, by_meter = bool(signs & _AT_HOME), bool(concepts & _METER_CODES)
        if visit in HOSPITAL:
            return ReadingOrigin.HOSPITAL
        if not at_home and self._is_filed_by_laboratory(observation.category):
            return ReadingOrigin.LABORATORY
        if not by_meter and self._is_serum(observation, concepts, signs):
            return ReadingOrigin.LABORATORY
        if visit is VisitKind.AMBULATORY and not at_home and signs & (Sign.CLINICIAN | Sign.POINT_OF_CARE):
            return ReadingOrigin.POINT_OF_CARE
        if not concepts & _GLUCOSE_CODES:
            return ReadingOrigin.NAMED_ONLY
        if by_meter or at_home or Sign.METER_METHOD in signs or visit is not VisitKind.UNKNOWN:
            return ReadingOrigin.SELF_TEST
        return ReadingOrigin.VISIT_UNREAD

    def is_visit_unread(self, observation: Observation) -> bool:
        """Whether a reading was taken at a visit that the call does not hold."""
        literal = _visit_of(observation)
        return literal is not None and self._context.resolve(Reference(literal), Encounter) is None

    def is_sensor(self, observation: Observation) -> bool:
        """Whether the device, the method or an extension of a reading says that a sensor measured it."""
        device, method = observation.device, observation.method
        return (
            (device is not None and self.of_device(observation) is Sign.SENSOR)
            or (method is not None and any(map(names_sensor, concept_texts(method))))
            or (bool(observation.extension) and self._sensor_extensions[bytes(observation.extension)])
        )

    def of_device(self, observation: Observation) -> Sign:
        """What the device of a reading is."""
        device = observation.device
        if device is None:
            return Sign.NONE
        literal = device.reference or ""
        inside = bytes(observation.contained) if literal.startswith("#") else b""
        sign: Sign = self._devices[literal, device.display or "", inside]
        return sign

    @staticmethod
    def _is_serum(observation: Observation, concepts: frozenset[Concept], signs: Sign) -> bool:
        """Whether code or text says serum or plasma, unless a general code beside it comes with signs of a meter."""
        if Concept.GLUCOSE_LABORATORY in concepts:
            return not (Concept.GLUCOSE_GENERAL in concepts and signs & (_AT_HOME | Sign.METER_METHOD))
        return not concepts & _GLUCOSE_CODES and any(map(names_serum, concept_texts(observation.code)))

    def needs_full_reading(self, observation: Observation) -> bool:
        """Whether a reading under a meter code has elements that decide its origin, so the fast path cannot take it."""
        return bool(
            observation.encounter is not None
            or observation.device is not None
            or observation.method is not None
            or observation.performer
            or observation.extension
            or self._is_filed_by_laboratory(observation.category)
        )

    def _is_filed_by_laboratory(self, category: Raw) -> bool:
        """Whether a category names a laboratory. Most readings have the one of the reading before."""
        if category is not self._category and category != self._category:
            self._category = category
            self._category_says_laboratory = bool(category) and self._laboratory[bytes(category)]
        return self._category_says_laboratory

    def _signs(self, observation: Observation) -> Sign:
        signs = self.of_device(observation)
        if observation.performer:
            signs |= self._performers[bytes(observation.performer)]
        method = observation.method
        if method is not None:
            said = list(concept_texts(method))
            if Concept.SELF_MONITORING in terminology.concepts(method) or any(map(names_meter, said)):
                signs |= Sign.METER_METHOD
            if any(map(names_point_of_care, said)):
                signs |= Sign.POINT_OF_CARE
        if any(map(names_point_of_care, concept_texts(observation.code))):
            signs |= Sign.POINT_OF_CARE
        return signs

    def _device(self, asked: tuple[str, str, bytes]) -> Sign:
        literal, display, inside = asked
        reference = Reference(literal)
        found = dict(contained(inside)).get(literal) if inside else self._context.resolve(reference, Device)
        device = found if isinstance(found, Device) else None
        names = [display, *device_names(device)] if device is not None else [display]
        concepts = terminology.concepts(device.type) if device is not None else frozenset()
        if Concept.CGM_DEVICE in concepts or any(map(names_sensor, names)):
            return Sign.SENSOR
        if any(map(names_point_of_care, names)):
            return Sign.POINT_OF_CARE
        if Concept.HOME_GLUCOSE_METER in concepts or any(map(names_meter, names)):
            return Sign.HOME_METER
        return Sign.NONE

    def _visit(self, literal: str | None) -> VisitKind | None:
        if literal is None:
            return None
        encounter = self._context.resolve(Reference(literal), Encounter)
        return visit_kind(encounter) if encounter is not None else VisitKind.UNKNOWN


def device_names(device: Device) -> Iterator[str]:
    """The words by which a Device is called."""
    yield from (each.name for each in device.deviceName or () if each.name)
    yield from (text for text in (device.modelNumber, device.manufacturer) if text)
    yield from concept_texts(device.type)


def concept_texts(concept: CodeableConcept | None) -> Iterator[str]:
    """The words of a coded element: its text and its displays."""
    if concept is not None:
        yield from (text for text in (concept.text, *(c.display for c in concept.coding or ())) if text)


def _visit_of(observation: Observation) -> str | None:
    """The reference of a reading's visit; empty when it has one that cannot be referred to, None when it has none."""
    visit = observation.encounter
    if visit is None or not (visit.reference or visit.identifier or visit.display):
        return None
    return visit.reference or ""


def _performers(raw: bytes) -> Sign:
    found = plain(raw)
    signs = Sign.NONE
    for performer in found if isinstance(found, list) else [found]:
        literal = performer.get("reference") if isinstance(performer, dict) else None
        kinds: Iterable[Any] = literal.split("/") if isinstance(literal, str) else ()
        kind = performer.get("type") if isinstance(performer, dict) else None
        for name in (*kinds, kind):
            signs |= _PERFORMERS.get(name, Sign.NONE) if isinstance(name, str) else Sign.NONE
    return signs


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    """The texts of an extension's values; its addresses are no words."""
    if isinstance(value, str):
        yield value
    elif depth < 8:
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, each in inner:
            if key not in ("url", "system"):
                yield from _strings(each, depth + 1)
