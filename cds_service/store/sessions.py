"""Sessions on the server: one row each, found and decrypted only with the secret in its browser's cookie."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Engine, delete, insert, select, update

from cds_service.errors import Unavailable
from cds_service.store.run_database import RunDatabase
from cds_service.store.schema import sessions
from cds_service.store.store import Store, StoreError


class Sessions:
    """The table reveals nothing: a row's id is a digest of its secret, and its body is encrypted with the secret."""

    def __init__(self, engine: Callable[[], Engine], clock: Callable[[], float] = time.time) -> None:
        """`engine`: of a database whose tables exist. `clock`: epoch seconds."""
        self._engine = engine
        self._clock = clock

    def put(self, secret: str, body: bytes, ends_at: float) -> None:
        """Stores a session under its secret until a time in epoch seconds; it replaces the one stored before."""
        row = {"id": _id(secret), "body": _seal(secret).encrypt(body), "ends_at": ends_at}
        try:
            with self._engine().begin() as connection:
                connection.execute(delete(sessions).where(sessions.c.ends_at < self._clock()))
                # An update, not delete and insert: two pages of one browser may store at the same time.
                changed = connection.execute(update(sessions).where(sessions.c.id == row["id"]).values(row))
                if not changed.rowcount:
                    connection.execute(insert(sessions).values(row))
        except StoreError:
            raise _unavailable() from None

    def get(self, secret: str) -> bytes | None:
        """A session by its secret; None when there is none, it has expired, or its row was tampered with."""
        query = select(sessions.c.body).where(sessions.c.id == _id(secret), sessions.c.ends_at >= self._clock())
        try:
            with self._engine().connect() as connection:
                body = connection.execute(query).scalar()
        except StoreError:
            raise _unavailable() from None
        try:
            return _seal(secret).decrypt(body) if body is not None else None
        except InvalidToken:
            return None

    def drop(self, secret: str) -> None:
        """Deletes a session."""
        try:
            with self._engine().begin() as connection:
                connection.execute(delete(sessions).where(sessions.c.id == _id(secret)))
        except StoreError:
            raise _unavailable() from None


def open_sessions(store: Store | None, run: RunDatabase) -> Sessions:
    """Sessions in the store or, when that is off, in the run's file."""
    return Sessions(run.engine) if store is None else Sessions(lambda: store.repository().engine)


def _unavailable() -> Unavailable:
    return Unavailable("sessions cannot be read or written at the moment: try again")


def _id(secret: str) -> str:
    return sha256(f"id|{secret}".encode()).hexdigest()


def _seal(secret: str) -> Fernet:
    return Fernet(urlsafe_b64encode(sha256(f"seal|{secret}".encode()).digest()))
