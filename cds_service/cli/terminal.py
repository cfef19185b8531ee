"""What commands print: texts in the terminal's width, Markdown as plain text, and a sign that long work goes on."""

from __future__ import annotations

import html
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click

T = TypeVar("T")
# Longer lines are hard to read, however wide the terminal is.
_WIDEST = 100
_NARROWEST = 30
_SILENT_SECONDS = 0.7
_STEP_SECONDS = 0.2
_SIGNS = "|/-\\"
_NO_BREAK_SPACE = "\u00a0"
_WORD = re.compile(r"[^ \t\r\n]+")
_ESCAPED = re.compile(r"\\([^\w\s])")
# An escaped sign first, so that its bracket begins no link. An address has a bracket around an IPv6 host only.
_LINK = re.compile(r"(\\.)|\[((?:[^\[\]\\]|\\.)++)\]\(((?:https?://\[[\da-fA-F:.]++\])?[^\s\[)]++)\)")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
# In bold and alone: it stands directly above its list.
_HEADING = re.compile(r"^(\*\*[^\n]+\*\*)\n\n(?=[-*] )", re.MULTILINE)
_ITEM = re.compile(r"( *+)(?:[-*]|\d++[.)]) ++(.*+)")


def width() -> int | None:
    """Columns to wrap at: of COLUMNS, else of the terminal; None where the output is read by a program."""
    if not os.environ.get("COLUMNS", "").isdigit() and not sys.stdout.isatty():
        return None
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size().columns - 1))


def wrapped(text: str, indent: str = "", first: str | None = None) -> str:
    """A paragraph in the terminal's width, broken between words: never in a date or a code.

    `first`: what stands before its first line, in place of `indent`.
    """
    first, columns = indent if first is None else first, width()
    if columns is None:
        return f"{first}{text}".replace(_NO_BREAK_SPACE, " ")
    lines = [first]
    for word in _WORD.findall(text):
        gap = "" if lines[-1] in (first, indent) else " "
        if gap and len(click.unstyle(f"{lines[-1]} {word}")) > columns:
            lines.append(indent)
            gap = ""
        lines[-1] += f"{gap}{word}"
    return "\n".join(lines).replace(_NO_BREAK_SPACE, " ")


def row(cells: list[tuple[str, int]], text: str) -> str:
    """A table's row: cells, each padded to its width, then a text that is wrapped under its own column.

    Where the terminal is too narrow for that, the text stands under its cells.
    """
    head = "".join(cell.ljust(size) for cell, size in cells)
    columns = width()
    if columns is None or columns - len(head) >= _NARROWEST:
        return wrapped(text, " " * len(head), head)
    return f"{head.rstrip()}\n{wrapped(text, '    ')}"


def markdown_as_text(markdown: str) -> str:
    """The paragraphs and lists of a card for a terminal: bold where the terminal can, nothing escaped."""
    blocks = ["\n".join(_block(block)) for block in _HEADING.sub(r"\1\n", markdown).split("\n\n")]
    return "\n\n".join(block for block in blocks if block)


def _block(block: str) -> Iterator[str]:
    for line in block.splitlines():
        item = _ITEM.fullmatch(line)
        if item is None:
            yield wrapped(_plain(line))
        else:
            yield wrapped(_plain(item[2]), f"{item[1]}  ", f"{item[1]}- ")


def _plain(text: str) -> str:
    text = _LINK.sub(lambda match: match[1] or f"{match[2]} ({match[3]})", text)
    text = _BOLD.sub(lambda match: click.style(match[1], bold=True), text)
    return html.unescape(_ESCAPED.sub(r"\1", text))


class Progress:
    """How far a piece of work has come: set `done`, and `total` where it is known."""

    def __init__(self, what: str) -> None:
        """`what`: the work in words, such as `Reading the store`."""
        self.what = what
        self.done = 0
        self.total: int | None = None

    def counted(self, items: Iterable[T]) -> Iterator[T]:
        """The same items, each counted as it is taken."""
        for item in items:
            self.done += 1
            yield item

    def line(self, seconds: float) -> str:
        """The work, how much of it is done, and for how long it has been going on."""
        amount = f"{self.done:,}" if self.total is None else f"{self.done:,} of {self.total:,}"
        return f"{self.what}{f': {amount}' if self.done or self.total else ''}, {seconds:.0f} s"


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """Shows on standard error, where that is a terminal, that work goes on; nothing for work that ends at once."""
    shown = Progress(what)
    if not sys.stderr.isatty():
        yield shown
        return
    ended = threading.Event()
    thread = threading.Thread(target=_show, args=(shown, ended), daemon=True)
    thread.start()
    try:
        yield shown
    finally:
        ended.set()
        thread.join()


def _show(shown: Progress, ended: threading.Event) -> None:
    began = time.monotonic()
    if ended.wait(_SILENT_SECONDS):
        return
    step = 0
    while not ended.wait(_STEP_SECONDS):
        columns = shutil.get_terminal_size().columns - 4
        line = shown.line(time.monotonic() - began)[:columns]
        click.echo(f"\r{_SIGNS[step % len(_SIGNS)]} {line}\x1b[K", err=True, nl=False)
        step += 1
    click.echo("\r\x1b[K", err=True, nl=False)
