"""Records as they come out of the spool, small and valid."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from cds_service.store.records import CallRecord, FeedbackRecord

JSON = dict[str, Any]
ORDER = "DeviceRequest/pump-1"
RECEIVED = "2026-11-20T17:00:00+00:00"


def determination(order: str = ORDER, outcome: str = "needs-documentation", **members: Any) -> JSON:
    return {
        "order": order,
        "outcome": outcome,
        "asOf": "2026-11-20",
        "policy": {"id": "MP-MM-1316", "version": "2026-05-01"},
        "coverage": "governed",
        "criteria": [{"id": "D.I.A", "truth": "met"}, {"id": "D.I.G", "truth": "unknown"}],
        "notes": ["Conditions came with the call"],
        **members,
    }


def card(order: str | None = ORDER, **members: Any) -> JSON:
    return {"uuid": str(uuid4()), "order_reference": order, "topic": "coverage-info", "suggestions": {}, **members}


def call_record(**members: Any) -> CallRecord:
    base: JSON = {
        "id": str(uuid4()),
        "hook_instance": str(uuid4()),
        "service": "crd-order-sign",
        "hook": "order-sign",
        "client": None,
        "received_at": RECEIVED,
        "duration_ms": 12.5,
        "crd_version": "2.2",
        "live": False,
        "input_digest": "0" * 64,
        "software_version": "0.1.0",
        "determinations": [determination()],
        "cards": [card()],
    }
    return CallRecord(**base | members)


def feedback_record(card_uuid: str, **members: Any) -> FeedbackRecord:
    base: JSON = {
        "id": uuid4().hex,
        "card_uuid": card_uuid,
        "service": "crd-order-sign",
        "client": None,
        "received_at": RECEIVED,
        "outcome": "accepted",
        "outcome_timestamp": "2026-11-20T17:01:00Z",
        "timestamp_readable": True,
        "override_code": None,
        "override_system": None,
        "comment": None,
        "accepted": [],
    }
    return FeedbackRecord(**base | members)


def plain(record: CallRecord | FeedbackRecord) -> JSON:
    """The record as the database is handed it."""
    return json.loads(record.as_json())


@dataclass(frozen=True)
class Line:
    """Any bytes as a record."""

    content: bytes

    def as_json(self) -> bytes:
        return self.content
