"""The policy that a card is of: an order may have a card of each of several policies."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the column; cards of before have none, and their order had one policy."""
    op.add_column("cards", sa.Column("policy_id", sa.String(64)))


def downgrade() -> None:
    """Drops the column."""
    with op.batch_alter_table("cards") as table:
        table.drop_column("policy_id")
