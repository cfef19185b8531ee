"""Feedback added up: how often cards were accepted or overridden, and why, by outcome and by criterion."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

UNMATCHED = "unmatched"
NO_ORDER = "no order"
ALL = "all"


def acceptance(entries: Iterable[Any]) -> list[dict[str, Any]]:
    """Rows by outcome, then by the criteria that were open when the card was shown; the newest word of a client counts.

    `entries`: feedback joined to its determination, oldest first. Feedback on unknown cards is `unmatched`;
    on cards that are about no order judged, such as one that asks for the coverage, `no order`.
    """
    newest = {(entry.card_uuid, entry.client, entry.service): entry for entry in entries}
    words: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    reasons: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for entry in newest.values():
        outcome = entry.determined or (NO_ORDER if entry.shown_in else UNMATCHED)
        for about in (ALL, *_open(entry.body or {})):
            words[outcome, about][entry.outcome] += 1
            if entry.outcome == "overridden":
                reasons[outcome, about][entry.override_code or "no reason given"] += 1
    return [
        {
            "outcome": outcome,
            "about": about,
            "accepted": words[outcome, about]["accepted"],
            "overridden": words[outcome, about]["overridden"],
            "reasons": "; ".join(f"{reason} {count}" for reason, count in reasons[outcome, about].most_common()),
        }
        for outcome, about in sorted(words, key=lambda key: (key[0], key[1] != ALL, key[1]))
    ]


def _open(body: dict[str, Any]) -> Iterator[str]:
    """Sections that stood in the way: criteria that are not met, and exclusions that are."""
    for finding in body.get("criteria", ()):
        if finding["truth"] != "met":
            yield finding["id"]
    for finding in body.get("exclusions", ()):
        if finding["truth"] == "met":
            yield finding["id"]
