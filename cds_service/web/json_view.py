"""JSON for people to read: colored by kind, and folded with the platform's own <details>: no script is needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from cds_service.web.json_text import Number, one_line, quoted, scalar

# Parts that fit on one line are not folded.
_WIDTH = 90
# What is unfolded at first: the outermost value and its members.
_OPEN_DEPTH = 2
# More text than this is shown as it is: a browser is slow with hundreds of thousands of elements.
MOST_FOLDED = 400_000
_TYPE = "resourceType"


def folded(value: Any, open_depth: int = _OPEN_DEPTH) -> Markup:
    """A JSON value as HTML. `open_depth`: how many levels are unfolded at first."""
    return Markup("").join(_node(value, "", 0, open_depth))


def _node(value: Any, name: Markup | str, depth: int, open_depth: int) -> Iterator[Markup]:
    """One value with the name before it, as a line or as a fold."""
    if not isinstance(value, dict | list) or one_line(value, _WIDTH) is not None:
        yield Markup('<div class="j">{}{}</div>').format(name, Markup("").join(_inline(value)))
        return
    opened, closed = ("{", "}") if isinstance(value, dict) else ("[", "]")
    yield Markup("<details{}><summary>{}{} <span class=h>{}</span></summary>").format(
        Markup(" open") if depth < open_depth else "", name, opened, _hint(value)
    )
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _node(member, _key(key), depth + 1, open_depth)
    else:
        for item in value:
            yield from _node(item, "", depth + 1, open_depth)
    yield Markup('<div class="j">{}</div></details>').format(closed)


def _inline(value: Any) -> Iterator[Markup]:
    if isinstance(value, dict):
        yield Markup("{")
        for place, (key, member) in enumerate(value.items()):
            yield Markup(", ") if place else Markup("")
            yield _key(key)
            yield from _inline(member)
        yield Markup("}")
    elif isinstance(value, list):
        yield Markup("[")
        for place, item in enumerate(value):
            yield Markup(", ") if place else Markup("")
            yield from _inline(item)
        yield Markup("]")
    elif isinstance(value, Number | int | float) or value is None:  # true and false are ints
        yield Markup("<span class=n>{}</span>").format(scalar(value))
    else:
        yield Markup("<span class=s>{}</span>").format(quoted(str(value)))


def _key(key: str) -> Markup:
    return Markup("<span class=k>{}</span>: ").format(quoted(key))


def _hint(value: dict[str, Any] | list[Any]) -> str:
    """What a fold holds, in a few words."""
    if isinstance(value, list):
        return f"{len(value)} item{'s' if len(value) != 1 else ''}"
    inner = value.get("resource")
    kind = value.get(_TYPE) or (inner.get(_TYPE) if isinstance(inner, dict) else None)
    entries = value.get("entry")
    if isinstance(entries, list):
        return f"{kind or 'Bundle'}, {len(entries)} entr{'ies' if len(entries) != 1 else 'y'}"
    return str(kind) if isinstance(kind, str) else f"{len(value)} members"
