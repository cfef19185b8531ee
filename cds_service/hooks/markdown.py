"""Chart values in Markdown and in one-line summaries: shown as they are, never as markup."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~!])")
_LINK = re.compile(r"(://)|\b(www)\.|@", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]+")


def plain(text: str) -> str:
    """One line of plain text: control characters and lone surrogates out, white space folded."""
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    return " ".join(text.split())


def escaped(text: str) -> str:
    """Plain text for GitHub-flavored Markdown: no markup, no HTML, no automatic link."""
    text = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _SPECIAL.sub(r"\\\1", text)
    if "@" in text or "://" in text or "www." in text.casefold():
        text = _LINK.sub(_unlinked, text)
    return text


def _unlinked(match: re.Match[str]) -> str:
    if match[1]:
        return r":\//"
    return rf"{match[2]}\." if match[2] else r"\@"


def whole_clauses(text: str, most: int) -> str:
    """At most `most` characters: what is too long loses whole sentences and clauses from its end, and says so."""
    text = plain(text)
    if len(text) <= most:
        return text
    for clause in (_CLAUSE, _PHRASE):
        ends = [match.start() for match in clause.finditer(text) if match.start() + len(_MORE) <= most]
        if ends:
            return f"{text[: ends[-1]]}{_MORE}"
    return shortened(text, most)


# Where a sentence or a clause ends; else where a phrase does.
_CLAUSE = re.compile(r"[.;] ")
_PHRASE = re.compile(r", ")
_MORE = "; and more"


def shortened(text: str, most: int) -> str:
    """At most `most` characters, cut at a word."""
    text = plain(text)
    if len(text) <= most:
        return text
    cut = text[: most - 1].rsplit(" ", 1)[0].rstrip(" ,;:(")
    return f"{cut}…"
