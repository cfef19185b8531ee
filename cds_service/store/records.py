"""The records that are stored: of a call and of a feedback entry, as plain JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from cds_service.engine.determination import GROUPS

JSON = dict[str, Any]
# Of a stored determination: what the column order_id holds.
ORDER_ID = "orderId"
# Members of a finding that hold values from the chart.
_CHART_VALUES = ("explanation", "remarks", "closes")


class CallRecord(msgspec.Struct, frozen=True, tag="call", tag_field="kind"):
    """One answered call. `response`: its bytes, encrypted; None when no key is given."""

    id: str
    hook_instance: str
    service: str
    hook: str
    client: str | None
    received_at: str
    duration_ms: float
    crd_version: str
    live: bool
    input_digest: str
    software_version: str
    determinations: list[JSON]
    cards: list[JSON]
    response: str | None = None

    def as_json(self) -> bytes:
        """One line of JSON."""
        return msgspec.json.encode(self)


class FeedbackRecord(msgspec.Struct, frozen=True, tag="feedback", tag_field="kind"):
    """One entry of feedback. `id` is the same for the same entry on the same card, however often it is sent."""

    id: str
    card_uuid: str
    service: str
    client: str | None
    received_at: str
    outcome: str
    outcome_timestamp: str
    timestamp_readable: bool
    override_code: str | None
    override_system: str | None
    comment: str | None
    accepted: list[str]

    def as_json(self) -> bytes:
        """One line of JSON."""
        return msgspec.json.encode(self)


def input_digest(root: Mapping[str, msgspec.Raw]) -> str:
    """A digest of the request: every member as it was sent, except the token."""
    digest = hashlib.sha256()
    for name in sorted(root):
        if name != "fhirAuthorization":
            raw = memoryview(root[name])
            digest.update(f"{len(name)}:{name}:{raw.nbytes}:".encode())
            digest.update(raw)
    return digest.hexdigest()


def stored_determinations(determinations: Iterable[JSON], values: bool) -> list[JSON]:
    """Determinations as they are stored: with references to the evidence, and with chart values only if `values`."""
    return [dict(one) if values else _without_values(one) for one in determinations]


def with_order_ids(determinations: Iterable[JSON], order_id: Callable[[str], str]) -> list[JSON]:
    """Stored determinations, each with what tells its order from all others. `order_id`: of a reference."""
    return [{**one, ORDER_ID: order_id(one["order"])} for one in determinations]


def _without_values(determination: JSON) -> JSON:
    members = {name: value for name, value in determination.items() if name not in _CHART_VALUES}
    return {name: _findings(value) if name in GROUPS else value for name, value in members.items()}


def _findings(findings: Iterable[JSON]) -> list[JSON]:
    return [
        {
            name: _findings(value) if name == "parts" else list(map(_reference, value)) if name == "evidence" else value
            for name, value in finding.items()
            if name not in _CHART_VALUES
        }
        for finding in findings
    ]


def _reference(evidence: JSON) -> JSON:
    return {name: evidence[name] for name in ("reference", "source") if name in evidence}


def stored_cards(cards: Iterable[JSON]) -> list[JSON]:
    """The members of each card that feedback is joined to."""
    return [_card(card) for card in cards]


def _card(card: JSON) -> JSON:
    extension = card.get("extension", {})
    orders = [reference["reference"] for reference in extension.get("davinci-crd.associated-resource", ())]
    return {
        "uuid": card["uuid"],
        "order_reference": extension.get("com.insulin-pump-cds.order") or next(iter(orders), None),
        "policy_id": extension.get("com.insulin-pump-cds.policy"),
        "topic": card["source"]["topic"]["code"],
        "suggestions": {offer["uuid"]: offer["label"] for offer in card.get("suggestions", ())},
    }


def utc(moment: datetime) -> datetime:
    """A time from the store, in UTC. SQLite stores no zone: its times are UTC already."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def stamp(moment: datetime) -> str:
    """An aware time as text for a record."""
    return moment.isoformat()
