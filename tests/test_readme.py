"""README and docs: short enough, every link leads somewhere, and every command does what it says."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest

from cds_service.cli import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = PAGES[0].read_text(encoding="utf-8")
# The two lines that install: the first is for people, CI runs the second as it stands.
_INSTALLS = "python3 -m venv"


def test_the_readme_is_read_in_five_minutes() -> None:
    assert len(README.split()) <= 900


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [t.split("#")[0] for t in re.findall(r"\]\(([^)\s]+)\)", text) if not t.startswith(("http", "#"))]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES[1:], ids=[page.name for page in PAGES[1:]])
def test_the_readme_leads_to_every_page_of_the_docs(page: Path) -> None:
    assert f"(docs/{page.name})" in README


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_command_that_is_named_is_there_with_its_options(page: Path) -> None:
    unknown = []
    for line in re.findall(r"insulin-pump-cds ((?:[^\s`&|<>]| (?![&|<>]))+)", page.read_text(encoding="utf-8")):
        command: click.Command = main
        for word in line.split():
            if isinstance(command, click.Group) and word in command.commands:
                command = command.commands[word]
            option = re.match(r"\[?(--[a-z-]+)", word)
            if option and option[1] not in {o for each in command.params for o in each.opts} | {"--help", "--version"}:
                unknown.append(f"{line}: {option[1]}")
        is_a_call = re.match(r"[a-z]+(?: |$)", line) and line.split()[0] not in ("and", "serves")
        if isinstance(command, click.Group) and is_a_call:  # no command of that name, or none of the group
            unknown.append(line)
    assert unknown == []


def _commands(text: str) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [block for block in blocks if _INSTALLS not in block and "fhir.example.org" not in block]


def test_every_command_of_the_readme_runs() -> None:
    crd = (ROOT / "docs" / "crd-and-dtr.md").read_text(encoding="utf-8")
    commands = [*_commands(README), *_commands(crd)]
    assert len(commands) == 3
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    script = "set -e -o pipefail\n" + "\n".join(commands)
    script = script.replace(".venv/bin/python", sys.executable).replace("8080", port)
    script = script.replace(".venv/bin/insulin-pump-cds", f"{sys.executable} -m cds_service.cli")
    variables = os.environ | {"PUMP_CDS_DATABASE_URL": "off", "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(
        ["bash", "-c", script],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        # The server that the commands start in the background holds the pipes: its output ends when it is stopped.
        assert run.wait(60) == 0
    finally:
        os.killpg(run.pid, signal.SIGTERM)
        output, errors = run.communicate(timeout=20)
    assert output.count('"systemActions"') == 2, errors
    assert "renew the diabetes education, the last is too old (D.I.D)" in output
    assert "self_tests_per_day" in output
