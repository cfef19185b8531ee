"""Opens the store of the settings: one for each database in a process."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from cds_service.errors import Unavailable
from cds_service.settings import Settings
from cds_service.store.database import data_folder, database_name, is_current, open_engine, sqlite_file, upgrade
from cds_service.store.encryption import Seal
from cds_service.store.recorder import Recorder
from cds_service.store.repository import Repository

OFF = "off"
# What the database raises when it cannot be reached.
StoreError = (SQLAlchemyError, OSError)
_opened: dict[tuple[str, str, int], Store] = {}
_guard = threading.Lock()


@dataclass(slots=True)
class Store:
    """A database with its background writer."""

    engine: Engine
    recorder: Recorder
    _ready: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def repository(self) -> Repository:
        """The repository; in SQLite its tables are created first. SQLAlchemyError when there is no database."""
        with self._lock:
            if not self._ready and self.engine.dialect.name == "sqlite":
                upgrade(self.engine)
            self._ready = True
        return Repository(self.engine)

    def is_ready(self) -> bool:
        """Whether the database answers with tables of this version."""
        try:
            self.repository()
        except StoreError:
            return False
        return is_current(self.engine)

    def first_use(self, client: str, jti: str, ends_at: float) -> bool:
        """Whether a token is used for the first time; Unavailable when the database cannot say."""
        try:
            return self.repository().first_use(client, jti, ends_at)
        except StoreError:
            raise Unavailable("the service cannot verify callers at the moment: try again") from None

    def forget_use(self, client: str, jti: str) -> None:
        """Deletes the record of a token's use; without effect while the database cannot be reached."""
        with suppress(*StoreError):
            self.repository().forget_use(client, jti)


def open_store(settings: Settings) -> Store | None:
    """The store of these settings, None when it is off. BadSetting when the URL cannot be used."""
    if settings.database_url == OFF:
        return None
    folder = _spool_folder(settings)
    key = (settings.database_url, folder, settings.max_spool_bytes)
    with _guard:
        if key not in _opened:
            engine = open_engine(settings.database_url)
            spool = (Path(folder), settings.max_spool_bytes, database_name(settings.database_url))
            store = Store(engine, Recorder(lambda: store.repository(), *spool))
            _opened[key] = store
        return _opened[key]


def check_store(settings: Settings) -> None:
    """BadSetting when the store's settings cannot be used; nothing is opened yet."""
    seal_of(settings)
    if settings.database_url != OFF:
        open_engine(settings.database_url).dispose()
        _spool_folder(settings)


def _spool_folder(settings: Settings) -> str:
    """The folder of the spool: the setting's, else beside the SQLite file, else in the data folder."""
    if not settings.spool_folder:
        file = sqlite_file(settings.database_url)
        return str((file.parent if file is not None else data_folder()) / "spool")
    with suppress(OSError):  # the recorder tries again when there is something to write
        Path(settings.spool_folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    return settings.spool_folder


def close_stores() -> None:
    """Writes the waiting records and closes every store, when the process ends."""
    with _guard:
        for store in _opened.values():
            store.recorder.close()
            store.engine.dispose()
        _opened.clear()


def seal_of(settings: Settings) -> Seal:
    """The encryption of stored responses."""
    return Seal(settings.store_key)
