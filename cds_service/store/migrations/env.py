"""Runs migrations on the engine that the caller hands over, one process at a time."""

from alembic import context
from sqlalchemy import text

from cds_service.store.schema import metadata

_LOCK = 1316


def _run() -> None:
    with context.config.attributes["engine"].begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        elif connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        context.run_migrations()


_run()
