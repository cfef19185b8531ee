"""Device and DeviceUseStatement → pumps in use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from cds_service.concepts import Concept
from cds_service.facts import Record, When
from fhir_mappings.chart.context import ChartContext, reference_to
from fhir_mappings.common.meaning import Meaning, code_and_name, meaning_of
from fhir_mappings.json.clinical_views import Device, DeviceUseStatement

_IN_USE = frozenset({Concept.PUMP_IN_USE, Concept.INSULIN_PUMP, Concept.INSULIN_PUMP_PRODUCT})
_NOT_IN_USE = ("inactive", "entered-in-error")
_USED = ("active", None)
# Products that are insulin pumps and nothing else; a product's name says as much as a code does.
_PRODUCTS = re.compile(
    "|".join(
        (
            *(
                r"\bt:?slim\b",
                r"\btandem mobi\b",
                r"\bomni ?pod\b",
                r"\btwiist\b",
                r"\bv-?go\b",
                r"\bilet\b",
                r"\bbionic pancreas\b",
            ),
            *(r"\bminimed \d{3}g?\b", r"\bminimed (?:paradigm|mio)\b", r"\bparadigm (?:revel|veo)\b", r"\bypsopump\b"),
            *(
                r"\bdana-?(?:rs|i)\b",
                r"\baccu-chek (?:combo|spirit|insight)\b",
                r"\bonetouch ping\b",
                r"\banimas vibe\b",
            ),
        )
    ),
    re.IGNORECASE,
)
_PUMP_WORDS = re.compile(r"\binsulin (?:infusion )?pump\b", re.IGNORECASE)
# Parts and companions that carry a pump's name.
_PARTS = re.compile(
    r"cartridge|reservoir|infusion set|sensor|transmitter|charger|remote|app\b|meter\b|case\b", re.IGNORECASE
)


def read_devices(
    devices: Iterable[tuple[Device, str | None]],
    statements: Iterable[tuple[DeviceUseStatement, str | None]],
    context: ChartContext,
) -> list[Record]:
    """Insulin pumps that the chart says are in use."""
    pumps = []
    for device, full_url in devices:
        # A Device that no patient is named on may be a catalogue entry that an order refers to.
        if device.status in _NOT_IN_USE or device.patient is None:
            continue
        name = reference_to(device, full_url)
        record = pump_record(device, name, None, None)
        if record is not None and context.belongs_to_patient(device, device.patient, name):
            pumps.append(record)
    for statement, full_url in statements:
        used = context.resolve(statement.device, Device, statement.contained)
        name = reference_to(statement, full_url)
        if used is None or statement.status not in _USED:
            continue
        when = context.when(statement.timingDateTime, statement.timingPeriod, statement.recordedOn)
        _, until = context.calendar.period(statement.timingPeriod)
        record = pump_record(used, name, when, until)
        if record is not None and context.belongs_to_patient(statement, statement.subject, name):
            pumps.append(record)
    return pumps


def pump_record(device: Device, name: str, when: When | None, until: date | None) -> Record | None:
    """A device that is an insulin pump by its code, by its product's name, or in words; None when it is none."""
    meaning = meaning_of(device.type).only(_IN_USE)
    names = [n.name[:200] for n in device.deviceName or () if n.name]
    if device.type is not None and device.type.text:
        names.append(device.type.text[:200])
    product = next((each for each in names if _PRODUCTS.search(each) and not _PARTS.search(each)), None)
    if product is not None and not meaning.documented:
        return Record(name, when, frozenset({Concept.PUMP_IN_USE}), product[:120], until=until)
    for each in names:
        if not meaning and _PUMP_WORDS.search(each) and not _PARTS.search(each):
            meaning = Meaning(review=frozenset({Concept.PUMP_IN_USE}))
    if not meaning:
        return None
    code, label = code_and_name(device.type, meaning.documented or meaning.supported or meaning.review)
    shown = label if device.type is not None else names[0][:120]
    return Record(
        name,
        when,
        meaning.documented,
        shown,
        code=code,
        supported=meaning.supported,
        review=meaning.review,
        until=until,
    )
