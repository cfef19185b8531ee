"""The command: what it prints, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from cds_service.cli import main
from cds_service.hooks.discovery import SERVICES
from cds_service.settings import PREFIX, Settings
from tests import support

ROOT = Path(__file__).parents[2]


@pytest.fixture
def request_file(tmp_path: Path) -> Path:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(support.call()), encoding="utf-8")
    return path


def test_check_prints_json(request_file: Path) -> None:
    done = CliRunner().invoke(main, ["check", "--json", str(request_file)])
    (found,) = json.loads(done.output)
    assert found["policy"] == {"id": "MP-MM-1316", "version": "2026-05-01"}
    assert [c["id"] for c in found["criteria"]] == [f"D.I.{letter}" for letter in "ABCDEFGHI"]
    assert [e["id"] for e in found["exclusions"]] == [
        "D.II.A.1", "D.II.A.2", "D.II.B.1", "D.II.B.2", "D.II.B.3", "D.II.B.4", "D.II.B.5",
    ]  # fmt: skip


def test_check_judges_order_select_too(tmp_path: Path) -> None:
    request = support.call()
    request["hook"] = "order-select"
    request["context"]["selections"] = ["DeviceRequest/pump-1"]
    path = tmp_path / "select.json"
    path.write_text(json.dumps(request), encoding="utf-8")
    assert CliRunner().invoke(main, ["check", str(path)]).exit_code == 0


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"hook": "order-sign"}', b"\xff"])
def test_unreadable_input_is_one_line_and_exit_code_2(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.json"
    if content is not None:
        path.write_bytes(content)
    done = CliRunner().invoke(main, ["check", str(path)])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1


def test_policy_prints_sections_parameters_and_readings() -> None:
    whole = CliRunner().invoke(main, ["policy"])
    assert whole.exit_code == 0
    assert "version in force from 2026-05-01" in whole.output
    one = CliRunner().invoke(main, ["policy", "D.I.G"]).output
    assert "self_tests_per_day = 4 from 2026-05-01" in one
    assert "Read as:" in one
    assert "D.I.F" not in one
    assert "D.I.I.6" in CliRunner().invoke(main, ["policy", "D.I.I"]).output


def test_a_policy_is_chosen_by_its_id_and_all_are_listed() -> None:
    named = CliRunner().invoke(main, ["policy", "D.I.G", "--policy", "MP-MM-1316"])
    assert named.output == CliRunner().invoke(main, ["policy", "D.I.G"]).output
    listed = CliRunner().invoke(main, ["policy", "--list"])
    assert listed.exit_code == 0
    assert "CareSource MP-MM-1316, Insulin Infusion Pump" in listed.output.splitlines()


@pytest.mark.parametrize("arguments", [["D.IX"], ["--policy", "MP-MM-9999"], ["D.I.A", "--policy", "D.IX"]])
def test_an_unknown_section_or_policy_is_exit_code_2(arguments: list[str]) -> None:
    done = CliRunner().invoke(main, ["policy", *arguments])
    assert done.exit_code == 2
    assert arguments[-1] in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_help_of_serve_spells_every_setting_as_a_variable_and_as_a_line_of_the_file() -> None:
    lines = [line.strip() for line in CliRunner().invoke(main, ["serve", "--help"]).output.splitlines()]
    for name, setting in Settings.__dataclass_fields__.items():
        at = lines.index(PREFIX + name.upper())
        spelled, value = lines[at + 1].split(" = ")
        assert spelled == name
        if setting.default is not None:
            assert tomllib.loads(f"x = {value}")["x"] == setting.default
        assert lines[at + 2].strip(".`")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("ch", "check"),
        ("check --ver", "--verbose"),
        ("check x.json --order E078", "E0784"),
        ("policy D.I.", "D.I.G"),
        ("policy --policy l3", "L33794"),
        ("policy --policy L33794 IV", "IV.G.1"),
    ],
)
def test_the_shell_completes_commands_options_and_codes(typed: str, offered: str) -> None:
    words = ["insulin-pump-cds", *typed.split()]
    env = {
        "_INSULIN_PUMP_CDS_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = CliRunner().invoke(main, prog_name="insulin-pump-cds", env=env)
    assert offered in [line.partition(",")[2] for line in done.output.splitlines()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_is_told_how_to_complete(shell: str) -> None:
    env = {"_INSULIN_PUMP_CDS_COMPLETE": f"{shell}_source"}
    assert "insulin-pump-cds" in CliRunner().invoke(main, prog_name="insulin-pump-cds", env=env).output


def test_serve_without_a_folder_for_temporary_files_says_what_to_set(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _NO_TEMPORARY_FOLDER, "serve", "--port", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].endswith("name one in the variable TMPDIR")


# As where the file system may not be written: no candidate is usable.
_NO_TEMPORARY_FOLDER = """
import tempfile
tempfile._candidate_tempdir_list = lambda: ["/proc/none"]
from cds_service.cli import main
main()
"""


@pytest.mark.parametrize(
    ("variables", "arguments", "words"),
    [
        ({}, ["--host", "0.0.0.0"], "without authentication"),
        ({"PUMP_CDS_AUTH": "required"}, [], "PUMP_CDS_AUTH"),
        ({"PUMP_CDS_TRUSTED_CLIENTS": "clients.toml"}, [], "PUMP_CDS_TRUSTED_CLIENTS"),
        ({"PUMP_CDS_TIME_ZONE": "Mars/Olympus"}, [], "PUMP_CDS_TIME_ZONE"),
        ({"PUMP_CDS_DEADLINE_SECONDS": "soon"}, [], "PUMP_CDS_DEADLINE_SECONDS"),
        ({"PUMP_CDS_DEADLINE_SECONDS": "0"}, [], "PUMP_CDS_DEADLINE_SECONDS"),
        ({"PUMP_CDS_PUBLIC_URL": "example"}, [], "PUMP_CDS_PUBLIC_URL"),
        ({"PUMP_CDS_CONFIG": "/nowhere/settings.toml"}, [], "PUMP_CDS_CONFIG"),
    ],
)
def test_serve_refuses_what_it_cannot_do(variables: dict[str, str], arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(main, ["serve", *arguments], env=variables)
    assert done.exit_code == 2
    assert words in done.stderr


@contextmanager
def _started(*arguments: str) -> Iterator[str]:
    """A real process; yields the line that it prints once it accepts connections."""
    command = [sys.executable, "-m", "cds_service.cli", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        yield process.stdout.readline()
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
        process.stderr.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_prints_its_url_and_answers(workers: str) -> None:
    with _started("serve", "--port", "0", "--workers", workers) as line:
        url = line.split()[-1]
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{url}/cds-services", timeout=10) as reply:
            assert len(json.load(reply)["services"]) == len(SERVICES)


def test_demo_serves_its_page() -> None:
    with _started("demo", "--port", "0") as line:
        url = line.split()[-1]
        assert url.endswith("/demo")
        with urllib.request.urlopen(url, timeout=10) as reply:
            assert b"<html" in reply.read()


def test_a_port_in_use_is_one_line_and_exit_code_2() -> None:
    with _started("serve", "--port", "0") as line:
        port = line.split()[-1].rsplit(":", 1)[-1]
        command = [sys.executable, "-m", "cds_service.cli", "serve", "--port", port]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 2
    assert len(second.stderr.strip().splitlines()) == 1


def test_settings_come_from_a_file_and_variables_win(tmp_path: Path) -> None:
    from cds_service import settings

    path = tmp_path / "settings.toml"
    path.write_text(
        'time_zone = "America/Chicago"\nmax_pages = 3\ncgm_counts_as_self_testing = true\n', encoding="utf-8"
    )
    loaded = settings.load({"PUMP_CDS_CONFIG": str(path), "PUMP_CDS_MAX_PAGES": "5"})
    assert (loaded.time_zone, loaded.max_pages) == ("America/Chicago", 5)
    assert loaded.overrides() == {"cgm_counts_as_self_testing": True}


def test_an_unknown_setting_in_a_file_is_named(tmp_path: Path) -> None:
    from cds_service import settings
    from cds_service.errors import BadSetting

    path = tmp_path / "settings.toml"
    path.write_text("colour = 1\n", encoding="utf-8")
    with pytest.raises(BadSetting, match="colour"):
        settings.load({"PUMP_CDS_CONFIG": str(path)})


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("ISSUE_AUTHORIZATION_NUMBERS", "true", True),
        ("ISSUE_AUTHORIZATION_NUMBERS", "false", False),
        ("CRD_VERSION", "2.0.1", "2.0.1"),
        ("PAYER_PHONE", "1-833-230-2099", "1-833-230-2099"),
    ],
)
def test_settings_of_the_payer(name: str, value: str, wanted: object) -> None:
    from cds_service import settings

    assert getattr(settings.load({f"{PREFIX}{name}": value}), name.lower()) == wanted


@pytest.mark.parametrize(("name", "value"), [("ISSUE_AUTHORIZATION_NUMBERS", "perhaps"), ("CRD_VERSION", "3.0")])
def test_a_setting_of_the_payer_that_cannot_be_used_is_named(name: str, value: str) -> None:
    from cds_service import settings
    from cds_service.errors import BadSetting

    with pytest.raises(BadSetting, match=name):
        settings.load({f"{PREFIX}{name}": value})


def test_serve_refuses_a_members_file_that_is_not_there(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cds_service.cli", "serve", "--port", "0"]
    env = {"PUMP_CDS_MEMBERS": str(tmp_path / "nobody.csv"), "PATH": ""}
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "PUMP_CDS_MEMBERS" in ended.stderr
