"""The examples of docs/deploy: what they hold is what the service knows."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from cds_service import settings as settings_module
from cds_service.settings import PREFIX, Settings
from cds_service.trust.clients import load_clients

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
CONFIG = DEPLOY / "config.example.toml"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
UNIT = (DEPLOY / "insulin-pump-cds.service").read_text(encoding="utf-8")
OURS = ("upgrade", "service", "prune")


def test_the_example_of_settings_is_loaded() -> None:
    loaded = settings_module.load({f"{PREFIX}CONFIG": str(CONFIG)})
    assert loaded.authenticates
    assert loaded.public_url == "https://pump-cds.example.org"


def test_every_setting_stands_in_the_example_with_its_default() -> None:
    text = CONFIG.read_text(encoding="utf-8")
    named = tomllib.loads("\n".join(re.findall(r"^(?:# )?([a-z_]+ = .+)$", text, re.MULTILINE)))
    set_there = set(tomllib.loads(text))
    assert set(named) == {each.name for each in fields(Settings)}
    defaults = {each.name: each.default for each in fields(Settings) if each.default is not None}
    assert {name: named[name] for name in defaults if name not in set_there} == {
        name: default for name, default in defaults.items() if name not in set_there
    }


def test_the_example_of_clients_is_loaded() -> None:
    clients = load_clients(DEPLOY / "clients.example.toml")
    owner = clients.owner_of("https://ehr.example.org/r4")
    assert owner is not None
    assert owner.name == "hospital"


@pytest.mark.parametrize("name", OURS)
def test_compose_runs_the_service_locked_down(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"][-1] == "spool:/var/lib/insulin-pump-cds"
    assert (DEPLOY / service["build"]).resolve() == ROOT


def test_compose_sets_what_is_a_setting(tmp_path: Path) -> None:
    values = {"POSTGRES_PASSWORD": "p", "PUMP_CDS_STORE_KEY": "k"}
    environment = {
        name: re.sub(r"\$\{(\w+):\?[^}]*\}", lambda match: values[match[1]], value)
        for name, value in COMPOSE["services"]["service"]["environment"].items()
    }
    mounted = [volume.split(":")[1] for volume in COMPOSE["services"]["service"]["volumes"]]
    assert environment[f"{PREFIX}CONFIG"] in mounted
    assert settings_module.load({f"{PREFIX}CONFIG": str(CONFIG)}).trusted_clients in mounted
    loaded = settings_module.load(environment | {f"{PREFIX}CONFIG": str(CONFIG)})
    assert (loaded.database_url, loaded.store_key) == ("postgresql://pump:p@database/pump", "k")


def test_compose_migrates_before_it_serves() -> None:
    services = COMPOSE["services"]
    assert services["upgrade"]["command"] == ["db", "upgrade"]
    assert services["upgrade"]["depends_on"]["database"]["condition"] == "service_healthy"
    for name in ("service", "prune"):
        assert services[name]["depends_on"]["upgrade"]["condition"] == "service_completed_successfully"
    assert services["service"]["ports"] == ["127.0.0.1:8080:8080"]


def test_the_unit_is_accepted_by_systemd_and_locked_down(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    # systemd wants the command to be there.
    command = Path(sys.executable).with_name("insulin-pump-cds")
    unit = tmp_path / "insulin-pump-cds.service"
    unit.write_text(UNIT.replace("/opt/insulin-pump-cds/bin/insulin-pump-cds", str(command)), encoding="utf-8")
    verified = _analyzed("verify", str(unit))
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    # 100 is a service that is not restricted at all; below 20 systemd calls it OK.
    secured = _analyzed("security", "--offline=yes", "--threshold=20", str(unit))
    assert secured.returncode == 0, secured.stdout


def _analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_the_unit_allows_the_time_that_stopping_takes() -> None:
    from cds_service.web.server import _STOP_WORKER_SECONDS

    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)
    assert int(seconds) > _STOP_WORKER_SECONDS
    assert COMPOSE["services"]["service"]["stop_grace_period"] == f"{seconds}s"


def test_the_image_takes_in_what_the_package_needs_and_nothing_else() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored[0] == "*"
    kept = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert all((ROOT / name).exists() for name in kept)
    copied = set(re.findall(r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {name for line in copied for name in line.split()} == kept
