"""Device, DeviceUseStatement and orders of the chart → signs that a continuous glucose sensor is worn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cds_service.concepts import Concept
from cds_service.facts import Record
from fhir_mappings.chart.context import ChartContext, reference_to
from fhir_mappings.chart.glucose_devices import names_sensor
from fhir_mappings.chart.order_items import ordered_items
from fhir_mappings.chart.order_modifiers import not_to_be_done
from fhir_mappings.chart.reading_origin import concept_texts, device_names
from fhir_mappings.common import labels, terminology
from fhir_mappings.common.datatypes import CodeableConcept, Reference
from fhir_mappings.common.free_text import LONGEST_TEXT
from fhir_mappings.common.references import SubjectMatch
from fhir_mappings.json.clinical_views import Device, DeviceUseStatement, MedicationStatement

_SENSOR = frozenset({Concept.CGM_DEVICE})
_NOT_IN_USE = ("inactive", "entered-in-error")
_ORDER_INTENTS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order", None})
_ORDERS = ("DeviceRequest", "ServiceRequest", "SupplyRequest", "MedicationRequest")
# An order that speaks of sensors without ordering one.
_NO_DEVICE = re.compile(
    r"\b(?:education|training|teaching|class|referral|consult|evaluation|interpretation)", re.IGNORECASE
)

Located = Sequence[tuple[Any, str | None]]


def read_sensor_signs(kinds: Mapping[str, Located], context: ChartContext) -> list[Record]:
    """Sensors that the chart says are used, and current orders for sensors or their supplies."""
    return [
        *_devices(kinds["Device"], context),
        *_uses(kinds["DeviceUseStatement"], context),
        *(sign for kind in _ORDERS for sign in _orders(kinds[kind], context)),
        *_statements(kinds["MedicationStatement"], context),
    ]


def _belongs_to_patient(subject: Reference | None, context: ChartContext) -> bool:
    return context.identity.subject_match(subject) is not SubjectMatch.OTHER


def _sensor_name(items: Iterable[CodeableConcept | None], names: Iterable[str] = ()) -> str | None:
    """The name of the sensor among these items; None when there is none."""
    for item in items:
        if terminology.concepts(item) & _SENSOR:
            return labels.label(item, _SENSOR)
        names = [*names, *concept_texts(item)]
    return next(
        (name[:120] for name in names if names_sensor(name) and not _NO_DEVICE.search(name[:LONGEST_TEXT])), None
    )


def _devices(devices: Located, context: ChartContext) -> Iterator[Record]:
    for device, full_url in devices:
        # A Device that no patient is named on may be a catalogue entry that an order refers to.
        if device.status in _NOT_IN_USE or device.patient is None or not _belongs_to_patient(device.patient, context):
            continue
        called = _sensor_name([device.type], device_names(device))
        if called is not None:
            yield Record(reference_to(device, full_url), None, _SENSOR, called)


def _uses(statements: Located, context: ChartContext) -> Iterator[Record]:
    statement: DeviceUseStatement
    for statement, full_url in statements:
        if statement.status not in ("active", None) or not _belongs_to_patient(statement.subject, context):
            continue
        device = context.resolve(statement.device, Device, statement.contained)
        names = [statement.device.display or ""] if statement.device is not None else []
        called = (
            _sensor_name([device.type], [*names, *device_names(device)])
            if device is not None
            else _sensor_name([], names)
        )
        if called is not None:
            when = context.when(statement.timingDateTime, statement.timingPeriod, statement.recordedOn)
            yield Record(reference_to(statement, full_url), when, _SENSOR, called)


def _orders(orders: Located, context: ChartContext) -> Iterator[Record]:
    for order, full_url in orders:
        ordered = order.status == "active" and getattr(order, "intent", None) in _ORDER_INTENTS
        if not ordered or not_to_be_done(order) or not _belongs_to_patient(getattr(order, "subject", None), context):
            continue
        called = _sensor_name(ordered_items(order, context))
        if called is not None:
            yield Record(reference_to(order, full_url), context.when(order.authoredOn), _SENSOR, called)


def _statements(statements: Located, context: ChartContext) -> Iterator[Record]:
    statement: MedicationStatement
    for statement, full_url in statements:
        if statement.status != "active" or not _belongs_to_patient(statement.subject, context):
            continue
        called = _sensor_name([statement.medicationCodeableConcept])
        if called is not None:
            when = context.when(statement.effectiveDateTime, statement.effectivePeriod, statement.dateAsserted)
            yield Record(reference_to(statement, full_url), when, _SENSOR, called)
