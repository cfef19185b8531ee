"""Databases for the tests of the store: SQLite, and a PostgreSQL process that is started once for the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from cds_service.store.database import open_engine, upgrade
from cds_service.store.repository import Repository
from tests.store.postgresql import NOT_INSTALLED, PostgreSQL, is_installed

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.real)]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    if not is_installed():
        pytest.skip(NOT_INSTALLED)
    server = PostgreSQL()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.sqlite3'}"
    return request.getfixturevalue("postgresql").new_database()


@pytest.fixture
def empty(url: str) -> Iterator[Engine]:
    """An engine on a database without tables."""
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def repository(empty: Engine) -> Repository:
    """The tables, made."""
    upgrade(empty)
    return Repository(empty)
