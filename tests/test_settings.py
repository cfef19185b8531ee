"""Names of settings: one that is mistyped starts nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cds_service import settings
from cds_service.cli import main
from cds_service.errors import BadSetting

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PUMP_CDS_TRUSTED_CLIENT", "PUMP_CDS_TRUSTED_CLIENTS"),
        ("PUMP_CDS_TRUSTED_CLIENT_FILE", "PUMP_CDS_TRUSTED_CLIENTS"),
        ("PUMP_CDS_DATABASE", "PUMP_CDS_DATABASE_URL"),
        ("PUMP_CDS_AUTHENTICATION", None),
        ("PUMP_CDS_STORE_KEYS", "PUMP_CDS_STORE_KEY"),
        ("PUMP_CDS_CONFIGURATION", None),
        ("PUMP_CDS_CONFG", "PUMP_CDS_CONFIG"),
        ("pump_cds_trusted_clients", "PUMP_CDS_TRUSTED_CLIENTS"),
        ("PUMP_CDS_", None),
    ],
)
def test_a_mistyped_variable_does_not_start_an_open_server(name: str, meant: str | None) -> None:
    """Bounded to what begins as our names do; the nearest known name is offered."""
    done = CliRunner().invoke(main, ["serve", "--port", "0"], env={name: "clients.toml"})
    assert done.exit_code == 2
    assert f"unknown setting {name}" in done.stderr
    assert meant is None or f"did you mean {meant}?" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("command", [["db", "upgrade"], ["feedback"], ["check", "x.json"], ["demo", "--port", "0"]])
def test_no_command_reads_settings_past_a_mistyped_one(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}", encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith("PUMP_")}
    done = subprocess.run(
        [sys.executable, "-m", "cds_service.cli", *command],
        cwd=tmp_path,
        env=env | {"PUMP_CDS_TRUSTED_CLIENT": "x", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "PUMP_CDS_TRUSTED_CLIENTS" in done.stderr


@pytest.mark.parametrize(
    ("line", "meant"), [("max_page = 3", "max_pages"), ('PUMP_CDS_AUTH = "open"', "auth"), ("trusted_client = 1", None)]
)
def test_a_mistyped_name_in_the_file_is_refused_with_the_nearest_one(
    tmp_path: Path, line: str, meant: str | None
) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(BadSetting, match=f"did you mean {meant or 'trusted_clients'}"):
        settings.load({"PUMP_CDS_CONFIG": str(path)})


def test_what_others_put_into_the_environment_is_let_be() -> None:
    """Kubernetes names the ports of a Service that is called pump-cds; tests have names of their own."""
    links = {
        "PUMP_CDS_SERVICE_HOST": "10.0.0.1",
        "PUMP_CDS_SERVICE_PORT": "8080",
        "PUMP_CDS_SERVICE_PORT_HTTP": "8080",
        "PUMP_CDS_PORT": "tcp://10.0.0.1:8080",
        "PUMP_CDS_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "PUMP_CDS_PORT_8080_TCP_ADDR": "10.0.0.1",
    }
    assert settings.load(links | {"PUMP_TESTS_REQUIRE_ALL": "1", "PUMP_CDSX": "1"}) == settings.load({})
    with pytest.raises(BadSetting, match="PUMP_CDS_PORT"):
        settings.load({"PUMP_CDS_PORT": "8080"})


def test_the_names_that_are_no_settings_are_known(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("max_pages = 3\n", encoding="utf-8")
    assert settings.load({"PUMP_CDS_CONFIG": str(path), "PUMP_CDS_RUN_FOLDER": str(tmp_path)}).max_pages == 3
