"""What the workers of one run remember together where nothing is stored: a SQLite file that goes with the run."""

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
    """The file of this run, opened when it is first needed: a process that is forked then opens its own."""

    def __init__(self) -> None:
        """Nothing is opened yet."""
        self._engine: Engine | None = None
        self._forgot = 0.0

    def engine(self) -> Engine:
        """An engine whose tables are there."""
        with _guard:
            if self._engine is None:
                made = open_engine(f"sqlite:///{run_folder() / 'run.sqlite3'}")
                upgrade(made)
                self._engine = made
            return self._engine

    def first_use(self, client: str, jti: str, ends_at: float) -> bool:
        """Whether a token comes for the first time, whichever worker it comes to; Unavailable when nobody can say."""
        try:
            self._forget_ended()
            return Repository(self.engine()).first_use(client, jti, ends_at)
        except StoreError:
            raise Unavailable("the service cannot verify callers at the moment: try again") from None

    def forget_use(self, client: str, jti: str) -> None:
        """Lets what was remembered be used once more."""
        with suppress(*StoreError):
            Repository(self.engine()).forget_use(client, jti)

    def _forget_ended(self) -> None:
        now = time.time()
        if now - self._forgot > _FORGET_SECONDS:
            self._forgot = now
            with self.engine().begin() as connection:
                connection.execute(delete(used_tokens).where(used_tokens.c.ends_at < now))
