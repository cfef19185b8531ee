"""What is kept of one call: plain JSON, made when the answer is ready and before anything is written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from cds_service.engine.determination import GROUPS

JSON = dict[str, Any]
# Parts of a determination that hold what the chart says.
_VALUES = ("explanation", "remarks", "closes")


class CallRecord(msgspec.Struct, frozen=True, tag="call", tag_field="kind"):
    """One answered call. `response`: its bytes, sealed; None when no key is given."""

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
    """One entry of feedback. `id` is the same for the same words on the same card."""

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
    """A digest of what was asked: every member of the request as it was sent, but for the token."""
    digest = hashlib.sha256()
    for name in sorted(root):
        if name != "fhirAuthorization":
            raw = memoryview(root[name])
            digest.update(f"{len(name)}:{name}:{raw.nbytes}:".encode())
            digest.update(raw)
    return digest.hexdigest()


def kept_determinations(found: Iterable[JSON], values: bool) -> list[JSON]:
    """Determinations as they are kept: with references to the evidence, and its values only when asked for."""
    return [dict(each) if values else _without_values(each) for each in found]


def _without_values(found: JSON) -> JSON:
    return {name: _findings(value) if name in GROUPS else value for name, value in found.items() if name not in _VALUES}


def _findings(findings: Iterable[JSON]) -> list[JSON]:
    return [
        {
            name: _findings(value) if name == "parts" else list(map(_reference, value)) if name == "evidence" else value
            for name, value in finding.items()
            if name not in _VALUES
        }
        for finding in findings
    ]


def _reference(evidence: JSON) -> JSON:
    return {name: evidence[name] for name in ("reference", "source") if name in evidence}


def kept_cards(cards: Iterable[JSON]) -> list[JSON]:
    """Of each card what feedback is joined by."""
    return [_card(card) for card in cards]


def _card(card: JSON) -> JSON:
    extension = card.get("extension", {})
    orders = [each["reference"] for each in extension.get("davinci-crd.associated-resource", ())]
    return {
        "uuid": card["uuid"],
        "order_reference": extension.get("com.insulin-pump-cds.order") or next(iter(orders), None),
        "topic": card["source"]["topic"]["code"],
        "suggestions": {offer["uuid"]: offer["label"] for offer in card.get("suggestions", ())},
    }


def utc(moment: datetime) -> datetime:
    """A time as the store gives it back, in UTC: SQLite keeps no zone, and there it is UTC already."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def stamp(moment: datetime) -> str:
    """An aware time as it is kept in a record."""
    return moment.isoformat()
