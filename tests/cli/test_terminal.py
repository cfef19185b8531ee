"""What commands print: widths, Markdown, progress."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest

from cds_service.cli.terminal import Progress, markdown_as_text, progress, row, wrapped

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


def test_markdown_is_plain_text() -> None:
    markdown = r"**To do**" + "\n\n" + r"- **D.I.G** 3 \* 4 &lt; 5: [the policy](https://x.example/p#D)" + "\n\nEnd\\."
    assert click.unstyle(markdown_as_text(markdown)) == (
        "To do\n- D.I.G 3 * 4 < 5: the policy (https://x.example/p#D)\n\nEnd."
    )


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        (r"[a \[b\]](https://x.example/a)", "a [b] (https://x.example/a)"),
        (r"\[a](b)", "[a](b)"),
        (r"\\[a](b)", "\\a (b)"),
        ("[a [b](c)", "[a b (c)"),
        ("[a](http://[::1]:8000/p) [b](c)", "a (http://[::1]:8000/p) b (c)"),
        ("1. one\n  12) two", "- one\n  - two"),
    ],
)
def test_links_and_items(markdown: str, text: str) -> None:
    assert markdown_as_text(markdown) == text


def test_lines_are_wrapped_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "one two three four five six seven eight nine ten"
    assert wrapped(text, "  ", "- ") == f"- {text}"
    monkeypatch.setenv("COLUMNS", "31")
    assert wrapped(text, "  ", "- ") == "- one two three four five six\n  seven eight nine ten"


def test_a_date_is_never_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "31")
    assert wrapped("The newest education is of Oct\u00a019,\u00a02026; 2026-11-20") == (
        "The newest education is of\nOct 19, 2026; 2026-11-20"
    )


def test_a_row_keeps_its_columns_while_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    cells, text = [("A.1", 6), ("met", 10)], "one two three four five six seven"
    monkeypatch.setenv("COLUMNS", "47")
    assert row(cells, text) == "A.1   met       one two three four five six\n                seven"
    monkeypatch.setenv("COLUMNS", "40")
    assert row(cells, text) == "A.1   met\n    one two three four five six seven"


def test_progress_says_how_far_it_has_come() -> None:
    shown = Progress("Reading the store")
    assert shown.line(2.4) == "Reading the store, 2 s"
    shown.done = 1_500
    assert shown.line(3) == "Reading the store: 1,500, 3 s"
    shown.total = 20_000
    assert shown.line(61) == "Reading the store: 1,500 of 20,000, 61 s"


def test_progress_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Reading") as shown:
        shown.done = 1
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("seconds", "is_shown"), [(1.3, True), (0.0, False)])
def test_long_work_shows_itself_on_a_terminal_and_cleans_up(seconds: float, is_shown: bool) -> None:
    code = (
        f"import time\nfrom cds_service.cli.terminal import progress\nwith progress('Reading'): time.sleep({seconds})"
    )
    ours, theirs = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], stderr=theirs, stdout=subprocess.PIPE, env=environment, timeout=30, check=True
    )
    os.close(theirs)
    shown = os.read(ours, 10_000).decode() if is_shown else ""
    os.close(ours)
    assert done.stdout == b""
    assert ("Reading, 1 s" in shown) is is_shown
    assert shown.endswith("\r\x1b[K") is is_shown
