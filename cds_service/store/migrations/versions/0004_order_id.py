"""What tells that two determinations are about one order, whatever the coverage."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds the column; determinations that are stored already have none."""
    with op.batch_alter_table("determinations") as table:
        table.add_column(sa.Column("order_id", sa.String(36)))


def downgrade() -> None:
    """Drops the column."""
    with op.batch_alter_table("determinations") as table:
        table.drop_column("order_id")
