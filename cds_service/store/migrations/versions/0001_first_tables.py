"""The first tables: calls, determinations, cards, feedback, used tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
    _calls()
    _determinations()
    _feedback()
    op.create_table(
        "used_tokens",
        sa.Column("client", sa.String(200), primary_key=True),
        sa.Column("jti", sa.String(256), primary_key=True),
        sa.Column("ends_at", sa.Float, nullable=False),
    )
    op.create_index("ix_used_tokens_ends_at", "used_tokens", ["ends_at"])


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("hook_instance", sa.String(36), nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("hook", sa.String(64), nullable=False),
        sa.Column("client", sa.String(200)),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_ms", sa.Float, nullable=False),
        sa.Column("crd_version", sa.String(16), nullable=False),
        sa.Column("live", sa.Boolean, nullable=False),
        sa.Column("input_digest", sa.String(64), nullable=False),
        sa.Column("software_version", sa.String(32), nullable=False),
        sa.Column("response", sa.LargeBinary),
    )
    op.create_index("ix_calls_received_at", "calls", ["received_at"])


def _determinations() -> None:
    op.create_table(
        "determinations",
        sa.Column("id", sa.Integer, primary_key=True),
        _call(nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("order_reference", sa.String(300), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("coverage", sa.String(32), nullable=False),
        sa.Column("policy_id", sa.String(64), nullable=False),
        sa.Column("policy_version", sa.String(32)),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("assertion_id", sa.String(36)),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("notes", sa.JSON, nullable=False),
    )
    op.create_index("ix_determinations_call_id", "determinations", ["call_id"])
    op.create_index("ix_determinations_assertion_id", "determinations", ["assertion_id"])
    op.create_table(
        "cards",
        sa.Column("uuid", sa.String(36), primary_key=True),
        _call(nullable=False),
        sa.Column("order_reference", sa.String(300)),
        sa.Column("topic", sa.String(64), nullable=False),
        sa.Column("suggestions", sa.JSON, nullable=False),
    )
    op.create_index("ix_cards_call_id", "cards", ["call_id"])


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("card_uuid", sa.String(200), nullable=False),
        _call(nullable=True),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("client", sa.String(200)),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("outcome_timestamp", sa.String(64), nullable=False),
        sa.Column("timestamp_readable", sa.Boolean, nullable=False),
        sa.Column("override_code", sa.String(200)),
        sa.Column("override_system", sa.String(300)),
        sa.Column("comment", sa.Text),
        sa.Column("accepted", sa.JSON, nullable=False),
    )
    op.create_index("ix_feedback_received_at", "feedback", ["received_at"])
    op.create_index("feedback_by_card", "feedback", ["card_uuid"])


def _call(*, nullable: bool) -> sa.Column[str]:
    return sa.Column("call_id", sa.String(36), sa.ForeignKey("calls.id", ondelete="CASCADE"), nullable=nullable)


def downgrade() -> None:
    """Drops the tables."""
    for name in ("used_tokens", "feedback", "cards", "determinations", "calls"):
        op.drop_table(name)
