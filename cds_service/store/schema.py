"""The tables. Times are UTC. Of a patient's chart only references are stored, unless the settings ask for values."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

calls = Table(
    "calls",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("hook_instance", String(36), nullable=False),
    Column("service", String(64), nullable=False),
    Column("hook", String(64), nullable=False),
    Column("client", String(200)),
    Column("received_at", DateTime(timezone=True), nullable=False, index=True),
    Column("duration_ms", Float, nullable=False),
    Column("crd_version", String(16), nullable=False),
    Column("live", Boolean, nullable=False),
    Column("input_digest", String(64), nullable=False),
    Column("software_version", String(32), nullable=False),
    Column("response", LargeBinary),
)

determinations = Table(
    "determinations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("call_id", String(36), ForeignKey("calls.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("order_reference", String(300), nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("coverage", String(32), nullable=False),
    Column("policy_id", String(64), nullable=False),
    Column("policy_version", String(32)),
    Column("as_of", Date, nullable=False),
    Column("assertion_id", String(36), index=True),
    # The same for all determinations of an order, whatever the coverage; none of before migration 0004.
    Column("order_id", String(36)),
    Column("body", JSON, nullable=False),
    Column("notes", JSON, nullable=False),
)

cards = Table(
    "cards",
    metadata,
    Column("uuid", String(36), primary_key=True),
    Column("call_id", String(36), ForeignKey("calls.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("order_reference", String(300)),
    Column("topic", String(64), nullable=False),
    Column("suggestions", JSON, nullable=False),
    Column("policy_id", String(64)),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("card_uuid", String(200), nullable=False),
    Column("call_id", String(36), ForeignKey("calls.id", ondelete="CASCADE")),
    Column("service", String(64), nullable=False),
    Column("client", String(200)),
    Column("received_at", DateTime(timezone=True), nullable=False, index=True),
    Column("outcome", String(16), nullable=False),
    Column("outcome_timestamp", String(64), nullable=False),
    Column("timestamp_readable", Boolean, nullable=False),
    Column("override_code", String(200)),
    Column("override_system", String(300)),
    Column("comment", Text),
    Column("accepted", JSON, nullable=False),
)
Index("feedback_by_card", feedback.c.card_uuid)

# Signed-in users of the SMART app. A row can be decrypted only with the cookie of its browser.
sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("ends_at", Float, nullable=False, index=True),
)

used_tokens = Table(
    "used_tokens",
    metadata,
    Column("client", String(200), primary_key=True),
    Column("jti", String(256), primary_key=True),
    Column("ends_at", Float, nullable=False, index=True),
)
