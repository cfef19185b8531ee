"""Device and DeviceUseStatement → pumps in use."""

from __future__ import annotations

from collections.abc import Iterable

from cds_service.concepts import Concept
from cds_service.facts import Record
from fhir_mappings import terminology
from fhir_mappings.clinical_views import Device, DeviceUseStatement
from fhir_mappings.context import ChartContext, named

_IN_USE = frozenset({Concept.PUMP_IN_USE, Concept.INSULIN_PUMP})
_GONE = ("inactive", "entered-in-error")
_USED = ("active", None)


def read_devices(
    devices: Iterable[tuple[Device, str | None]],
    statements: Iterable[tuple[DeviceUseStatement, str | None]],
    context: ChartContext,
) -> list[Record]:
    """Insulin pumps that the chart says are in use."""
    pumps = []
    for device, full_url in devices:
        concepts = terminology.concepts(device.type) & _IN_USE
        # A Device that no patient is named on may be a catalogue entry that an order refers to.
        if not concepts or device.status in _GONE or device.patient is None:
            continue
        name = named(device, full_url)
        if context.is_patients(device, device.patient, name):
            pumps.append(Record(name, None, concepts, terminology.label(device.type, concepts)))
    for statement, full_url in statements:
        used = context.resolve(statement.device, Device, statement.contained)
        concepts = terminology.concepts(used.type) & _IN_USE if used is not None else frozenset()
        name = named(statement, full_url)
        if concepts and used and statement.status in _USED and context.is_patients(statement, statement.subject, name):
            when = context.when(statement.timingDateTime, statement.timingPeriod, statement.recordedOn)
            _, until = context.calendar.period(statement.timingPeriod)
            pumps.append(Record(name, when, concepts, terminology.label(used.type, concepts), until=until))
    return pumps
