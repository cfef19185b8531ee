"""Feedback on cards: every shape that clients have sent since the hook was drafted (bug log 90), read into one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from cds_service.errors import BadRequest, NotJson, TooLarge
from cds_service.hooks.messages import read_root
from fhir_mappings.common.datatypes import NOTHING
from fhir_mappings.json.edge_numbers import decode_without_edge_numbers
from fhir_mappings.json.fhir_json import plain

_OUTCOMES = ("accepted", "overridden")
_MOST = 200
_LONGEST_COMMENT = 4000
_LONGEST_CARD = 200
_LONGEST_TIME = 64
_ZONE_WORD = re.compile(r"Z?\s{1,9}UTC\Z")


@dataclass(frozen=True, slots=True)
class Feedback:
    """One entry. `timestamp` as it came; `timestamp_readable`: it is a time. `accepted`: ids of suggestions."""

    card: str
    outcome: str
    timestamp: str
    timestamp_readable: bool
    accepted: tuple[str, ...] = ()
    override_code: str | None = None
    override_system: str | None = None
    comment: str | None = None


class _Entry(msgspec.Struct, gc=False):
    """An entry as it came, its members not looked at yet; what else it holds is skipped."""

    card: msgspec.Raw = NOTHING
    outcome: msgspec.Raw = NOTHING
    outcomeTimestamp: msgspec.Raw = NOTHING
    acceptedSuggestions: msgspec.Raw = NOTHING
    overrideReason: msgspec.Raw = NOTHING
    userComment: msgspec.Raw = NOTHING

    def get(self, name: str) -> Any:
        """A member as plain JSON values; None when it is missing. TooLarge for a list or an object beyond bounds."""
        raw: msgspec.Raw = getattr(self, name)
        return decode_without_edge_numbers(_string, raw) if raw and bytes(memoryview(raw)[:1]) == b'"' else plain(raw)


_entry = msgspec.json.Decoder(_Entry)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_string = msgspec.json.Decoder(str)


def parse_feedback(body: bytes) -> list[Feedback]:
    """The entries of a feedback body: a list under `feedback`, a bare list, or one entry by itself.

    BadRequest when there is none, or when one lacks what it is about: `card` and `outcome`.
    """
    entries, path = _entries(body)
    if not entries:
        raise BadRequest("feedback is empty: send at least one entry", "feedback", "required")
    if len(entries) > _MOST:
        raise BadRequest(f"feedback has more than {_MOST} entries: send them in parts", "feedback", "too-long")
    return [_feedback(entry, path.format(index)) for index, entry in enumerate(entries)]


def _entries(body: bytes) -> tuple[list[bytes | msgspec.Raw], str]:
    """The entries, not looked at yet: there may be very many of them."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        root = read_root(body)
    except (NotJson, TooLarge):
        raise
    except BadRequest:
        return list(decode_without_edge_numbers(_list, body) or ()), "[{}]"  # not one object: a bare list, or nothing
    listed = root.get("feedback")
    if listed is None:
        return [body], "entry"
    if bytes(memoryview(listed)[:1]) == b"{":
        return [listed], "feedback[{}]"
    found = decode_without_edge_numbers(_list, listed)
    if found is None:
        raise BadRequest("feedback must be a list of entries", "feedback")
    return list(found), "feedback[{}]"


def _feedback(raw: bytes | msgspec.Raw, path: str) -> Feedback:
    entry = decode_without_edge_numbers(_entry, raw)
    if entry is None:
        raise BadRequest(f"{path} must be an object with card and outcome", path)
    card, outcome = entry.get("card"), entry.get("outcome")
    name = card.strip().lower().removeprefix("urn:uuid:")[:_LONGEST_CARD] if isinstance(card, str) else ""
    if not name:
        raise BadRequest(f"{path}.card is missing: name the uuid of the card", f"{path}.card", "required")
    if not isinstance(outcome, str) or outcome not in _OUTCOMES:
        raise BadRequest(f"{path}.outcome must be accepted or overridden", f"{path}.outcome")
    time = entry.get("outcomeTimestamp")
    text = time if isinstance(time, str) else ""
    code, system, comment = _override(entry)
    return Feedback(
        name,
        outcome,
        text[:_LONGEST_TIME],
        _is_time(text),
        tuple(_accepted(entry)),
        code,
        system,
        comment,
    )


def _accepted(entry: _Entry) -> list[str]:
    """Ids of suggestions, as objects with an id or uuid, or as plain strings; one by itself is a list of one."""
    given = entry.get("acceptedSuggestions")
    found = [
        (each.get("id") or each.get("uuid")) if isinstance(each, dict) else each
        for each in (given if isinstance(given, list) else [given])
    ]
    return [each[:200] for each in found if isinstance(each, str) and each]


def _override(entry: _Entry) -> tuple[str | None, str | None, str | None]:
    """Code, system and comment: nested under reason, flat in overrideReason, as a plain string, or beside it."""
    override = entry.get("overrideReason")
    if isinstance(override, str):
        return override[:200], None, _text(entry.get("userComment"))
    if not isinstance(override, dict):
        return None, None, _text(entry.get("userComment"))
    reason = override.get("reason")
    coding = reason if isinstance(reason, dict) else override
    code = reason if isinstance(reason, str) else coding.get("code")
    comment = override.get("userComment") or entry.get("userComment")
    return _text(code, 200), _text(coding.get("system"), 300), _text(comment)


def _text(value: Any, most: int = _LONGEST_COMMENT) -> str | None:
    return value[:most] if isinstance(value, str) and value.strip() else None


def _is_time(text: str) -> bool:
    """Whether this is an RFC 3339 time; some clients write `… UTC` behind it."""
    if len(text) > _LONGEST_TIME:
        return False
    try:
        return datetime.fromisoformat(_ZONE_WORD.sub("Z", text).strip()).tzinfo is not None
    except ValueError:
        return False
