"""Used tokens and sessions where there is no store: a SQLite file that the workers share and that ends with the run."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

from sqlalchemy import Engine, delete

from cds_service.errors import Unavailable
from cds_service.store.database import open_engine, upgrade
from cds_service.store.repository import Repository
from cds_service.store.runtime_dir import run_folder
from cds_service.store.schema import used_tokens
from cds_service.store.store import StoreError

_FORGET_SECONDS = 60.0
_guard = threading.Lock()


class RunDatabase:
    """The run's SQLite file, opened when first needed, so that every forked process opens its own connection."""

    def __init__(self) -> None:
        """Nothing is opened yet."""
        self._engine: Engine | None = None
        self._forgot = 0.0

    def engine(self) -> Engine:
        """An engine; its tables exist."""
        with _guard:
            if self._engine is None:
                engine = open_engine(f"sqlite:///{run_folder() / 'run.sqlite3'}")
                upgrade(engine)
                self._engine = engine
            return self._engine

    def first_use(self, client: str, jti: str, ends_at: float) -> bool:
        """Whether any worker gets a token for the first time; Unavailable when the file cannot be read."""
        try:
            self._forget_ended()
            return Repository(self.engine()).first_use(client, jti, ends_at)
        except StoreError:
            raise Unavailable("the service cannot verify callers at the moment: try again") from None

    def forget_use(self, client: str, jti: str) -> None:
        """Deletes the record of a token's use."""
        with suppress(*StoreError):
            Repository(self.engine()).forget_use(client, jti)

    def _forget_ended(self) -> None:
        now = time.time()
        if now - self._forgot > _FORGET_SECONDS:
            self._forgot = now
            with self.engine().begin() as connection:
                connection.execute(delete(used_tokens).where(used_tokens.c.ends_at < now))
