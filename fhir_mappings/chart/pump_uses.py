"""Evidence that a pump was used at some time, also in the past: use statements, orders, prescriptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cds_service.concepts import Concept
from cds_service.facts import Diagnosis, InsulinOrder, Record, When
from fhir_mappings.chart.context import ChartContext, reference_to
from fhir_mappings.chart.devices import pump_record
from fhir_mappings.chart.order_items import ordered_items
from fhir_mappings.chart.order_modifiers import not_to_be_done
from fhir_mappings.common.meaning import code_and_name, meaning_of
from fhir_mappings.json.clinical_views import Device, DeviceUseStatement

_USED = frozenset({"active", "completed", "stopped", "on-hold", None})
_FILLED = frozenset({"active", "completed"})
_ORDER_INTENTS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order", None})
_ORDERS = ("DeviceRequest", "ServiceRequest", "SupplyRequest")
_SUPPLIES, _IN_USE = frozenset({Concept.PUMP_SUPPLIES}), frozenset({Concept.PUMP_IN_USE})

Located = Sequence[tuple[Any, str | None]]


def read_pump_uses(
    kinds: Mapping[str, Located],
    diagnoses: Iterable[Diagnosis],
    procedures: Iterable[Record],
    insulin: Iterable[InsulinOrder],
    context: ChartContext,
) -> list[Record]:
    """Uses of a pump with their first day, and their last where they are over.

    `diagnoses`, `procedures` and `insulin` are those that their own filters let through. Supplies imply a use.
    """
    return [
        *_statements(kinds["DeviceUseStatement"], context),
        *map(_of_diagnosis, _about_pumps(diagnoses)),
        *procedures,
        *(use for kind in _ORDERS for use in _supplies(kinds[kind], context)),
        *(_of_prescription(order) for order in insulin if order.via_pump and order.start is not None),
    ]


def _statements(statements: Located, context: ChartContext) -> Iterator[Record]:
    statement: DeviceUseStatement
    for statement, full_url in statements:
        device = context.resolve(statement.device, Device, statement.contained)
        if device is None or statement.status not in _USED or not context.may_belong_to_patient(statement.subject):
            continue
        name = reference_to(statement, full_url)
        when = context.when(statement.timingDateTime, statement.timingPeriod, statement.recordedOn)
        _, until = context.calendar.period(statement.timingPeriod)
        record = pump_record(device, name, when, until)
        if record is not None:
            yield record


def _about_pumps(diagnoses: Iterable[Diagnosis]) -> Iterator[Diagnosis]:
    return (d for d in diagnoses if d.confirmed and Concept.PUMP_IN_USE in d.all_concepts)


def _of_diagnosis(diagnosis: Diagnosis) -> Record:
    """Presence of a pump, from its onset; without one from the day on which it was recorded."""
    return Record(
        diagnosis.reference,
        diagnosis.onset or diagnosis.when,
        diagnosis.concepts & _IN_USE,
        diagnosis.label,
        code=diagnosis.code,
        supported=diagnosis.supported & _IN_USE,
        review=diagnosis.review & _IN_USE,
        until=diagnosis.abated.last if diagnosis.abated is not None else None,
    )


def _supplies(orders: Located, context: ChartContext) -> Iterator[Record]:
    for order, full_url in orders:
        ordered = order.status in _FILLED and getattr(order, "intent", None) in _ORDER_INTENTS
        own = context.may_belong_to_patient(getattr(order, "subject", None))
        if not ordered or not own or not_to_be_done(order):
            continue
        for item in ordered_items(order, context):
            if meaning_of(item).documented & _SUPPLIES:
                code, label = code_and_name(item, _SUPPLIES)
                when = context.when(order.authoredOn)
                yield Record(reference_to(order, full_url), when, frozenset(), label, code=code, supported=_IN_USE)
                break


def _of_prescription(order: InsulinOrder) -> Record:
    """Insulin that its directions put into a pump."""
    when = When(order.start, order.start) if order.start is not None else None
    return Record(order.reference, when, frozenset(), order.label, supported=_IN_USE, until=order.end)
