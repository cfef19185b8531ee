"""The image of the Dockerfile, run as compose.yaml runs it: no root, nothing to write to but the store's volume.

Building it takes a minute or two, so that it is built only where every part is required, or by
`PUMP_TESTS_CONTAINER=1`. compose itself and the image of PostgreSQL are not had without a registry of images: the
commands and variables of compose.yaml are run against a PostgreSQL of the test's own.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.conftest import REQUIRE_ALL
from tests.deploy.containers import Containers, Failed, missing_tools
from tests.store import postgresql
from tests.support import call

ROOT = Path(__file__).parents[2]
DATA = "/var/lib/insulin-pump-cds"
CLIENTS = ROOT / "docs" / "deploy" / "clients.example.toml"
# A call from inside of the container, whose loopback nobody else reaches.
_CALL = """\
import sys, urllib.request, urllib.error
address = "http://127.0.0.1:8080/cds-services/insulin-pump-order-sign"
request = urllib.request.Request(address, sys.stdin.buffer.read(), {"Content-Type": "application/json"})
try:
    print(urllib.request.urlopen(request, timeout=20).read().decode())
except urllib.error.HTTPError as error:
    print(error.code)
"""
_WRITABLE = "find / -xdev -writable \\( -type d -o -type f \\) -not -path '/proc/*' -not -path '/sys/*' 2>/dev/null"

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def containers() -> Iterator[Containers]:
    if not REQUIRE_ALL and os.environ.get("PUMP_TESTS_CONTAINER") != "1":
        pytest.skip("building an image takes a minute or two: PUMP_TESTS_CONTAINER=1 asks for it")
    if missing := missing_tools():
        pytest.skip(f"not installed: {', '.join(missing)} (apt-get install buildah podman runc mmdebstrap)")
    found = Containers(Path(tempfile.mkdtemp(prefix="pump-cds-containers-")))
    try:
        found.build()
        yield found
    finally:
        found.remove()


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """An empty folder of the container's user."""
    folder = Path(tempfile.mkdtemp(prefix="pump-cds-volume-", dir="/var/tmp"))
    os.chown(folder, 10001, 0)
    yield folder
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def mounted(source: Path | str, target: str, *, mode: str = "rw") -> tuple[str, str]:
    return "--volume", f"{source}:{target}:{mode}"


def until_healthy(containers: Containers, name: str) -> None:
    deadline = time.monotonic() + 60
    while not containers.is_healthy(name):
        assert time.monotonic() < deadline, containers.logs(name)
        time.sleep(0.3)


def test_it_starts_with_trusted_clients_only_and_refuses_strangers(containers: Containers, volume: Path) -> None:
    with pytest.raises(Failed, match=r"refusing to serve 0\.0\.0\.0 without authentication"):
        containers.once()
    settings = mounted(CLIENTS, "/etc/clients.toml", mode="ro")
    options = (*settings, "--env", "PUMP_CDS_TRUSTED_CLIENTS=/etc/clients.toml", *mounted(volume, DATA))
    name = containers.start(options=options)
    until_healthy(containers, name)
    assert containers.execute(name, "id", "-u") == "10001"
    assert containers.execute(name, "python3", "-c", _CALL, text=json.dumps(call())) == "401"
    assert containers.stop(name) == 0


def test_it_answers_and_writes_to_nothing_but_the_store(containers: Containers, volume: Path) -> None:
    name = containers.start("serve", "--workers", "2", options=mounted(volume, DATA))
    until_healthy(containers, name)
    answer = json.loads(containers.execute(name, "python3", "-c", _CALL, text=json.dumps(call())))
    assert answer["cards"]
    places = containers.execute(name, "sh", "-c", f"{_WRITABLE}; true").splitlines()
    assert {place for place in places if not place.startswith((DATA, "/dev/"))} == set()
    assert containers.stop(name) == 0
    assert stored(f"sqlite:///{volume}/store.sqlite3") == 1
    assert {path.name.partition(".")[0] for path in volume.iterdir()} <= {"store", "spool"}


def test_it_stores_in_postgresql_once_that_is_upgraded(containers: Containers, volume: Path) -> None:
    if not postgresql.is_installed():
        pytest.skip(postgresql.NOT_INSTALLED)
    server = postgresql.PostgreSQL()
    try:
        server.start()
        url = server.new_database()
        # The database is reached by a socket in the data folder, which is its own user's.
        folder = str(server.folder)
        (server.folder / "data").chmod(0o711)
        options = (*mounted(folder, folder), *mounted(volume, DATA), "--env", f"PUMP_CDS_DATABASE_URL={url}")
        assert containers.once("db", "upgrade", options=options) == "the store was migrated"
        name = containers.start("serve", options=options)
        until_healthy(containers, name)
        assert json.loads(containers.execute(name, "python3", "-c", _CALL, text=json.dumps(call())))["cards"]
        assert containers.stop(name) == 0
        assert stored(url.replace("postgresql://", "postgresql+psycopg://", 1)) == 1
    finally:
        server.remove()


def stored(url: str) -> int:
    """How many calls a database holds."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM calls")).scalar_one())
    finally:
        engine.dispose()
