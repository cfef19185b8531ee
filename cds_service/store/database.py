"""Opens the database of a URL, by default a SQLite file in the platform's data folder; migrations by Alembic."""

from __future__ import annotations

import sqlite3
import threading
import time
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from platformdirs import user_data_path
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from cds_service.errors import BadSetting

APPLICATION = "insulin-pump-cds"
_BUSY_SECONDS = 5
_BUSY_PAUSE = 0.02
_LOGIN = ("user", "password", "passfile", "sslpassword", "sslkey", "sslcert")
_one_at_a_time = threading.Lock()


class UnknownVersion(SQLAlchemyError):
    """The tables were made by a version that this one does not know, most likely a later one."""


def data_folder() -> Path:
    """The platform's folder for data of this service, made when it is not there; readable by its user alone.

    BadSetting when it cannot be made, as in a container without a home.
    """
    folder = user_data_path(APPLICATION, appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadSetting(
            f"{folder} cannot be made ({error.strerror}): set PUMP_CDS_DATABASE_URL and PUMP_CDS_SPOOL_FOLDER"
        ) from None
    return folder


def database_url(setting: str) -> str:
    """The URL of a setting, or of the SQLite file in the data folder."""
    if not setting:
        return f"sqlite:///{data_folder() / 'store.sqlite3'}"
    # The driver that the extra `postgresql` installs.
    return setting.replace("postgresql://", "postgresql+psycopg://", 1)


def sqlite_file(setting: str) -> Path | None:
    """The file of a SQLite database; None for another database, one in memory, or a malformed URL."""
    try:
        url = make_url(database_url(setting))
    except (ArgumentError, ValueError):
        return None
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)).resolve() if is_file else None


def database_name(setting: str) -> str:
    """A name for file names that differs between databases and holds no secret.

    Users and passwords are not part of it: they may change while records wait in the spool.
    """
    file, url = sqlite_file(setting), make_url(database_url(setting))
    parts = [str(file)] if file is not None else [url.get_backend_name(), url.host, url.port, url.database]
    if file is None:
        parts += [f"{name}={url.query[name]}" for name in sorted(url.query) if name not in _LOGIN]
    return sha256("|".join(map(str, parts)).encode()).hexdigest()[:16]


def open_engine(setting: str) -> Engine:
    """An engine; BadSetting when the URL cannot be used. Nothing is connected yet."""
    url = database_url(setting)
    try:
        options: dict[str, Any] = {
            "pool_pre_ping": True,
            "json_serializer": lambda value: msgspec.json.encode(value).decode(),
            "json_deserializer": msgspec.json.decode,
        }
        if make_url(url).get_backend_name() != "sqlite":
            options |= {"pool_timeout": _BUSY_SECONDS, "connect_args": {"connect_timeout": _BUSY_SECONDS}}
        engine = create_engine(url, **options)
    except (ArgumentError, NoSuchModuleError, ImportError, TypeError, ValueError):
        raise BadSetting("PUMP_CDS_DATABASE_URL is no SQLAlchemy URL of SQLite or PostgreSQL") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={_BUSY_SECONDS * 1000}", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    _write_ahead(cursor)
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Switches to the write-ahead log, with retries: SQLite ignores busy_timeout for this statement."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(_BUSY_PAUSE)


def _configuration(engine: Engine) -> Any:
    # Alembic is slow to import, and only needed when tables are created or checked.
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(files("cds_service.store").joinpath("migrations")))
    configuration.attributes["engine"] = engine
    return configuration


def upgrade(engine: Engine) -> None:
    """Creates or migrates the tables; UnknownVersion when a later version of this service made them."""
    from alembic import command
    from alembic.util.exc import CommandError

    try:
        with _one_at_a_time:  # Alembic keeps its context in module globals
            command.upgrade(_configuration(engine), "head")
    except CommandError as error:
        raise UnknownVersion(str(error)) from None


def is_current(engine: Engine) -> bool:
    """Whether the database answers and its tables are those of this version."""
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    head = ScriptDirectory.from_config(_configuration(engine)).get_current_head()
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision() == head
    except SQLAlchemyError:
        return False
