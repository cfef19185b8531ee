"""Statistics of feedback: how often cards were accepted or overridden, and why, by outcome and by criterion."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

UNMATCHED = "unmatched"
NO_ORDER = "no order"
ALL = "all"


def feedback_statistics(entries: Iterable[Any]) -> list[dict[str, Any]]:
    """Rows by outcome and policy, then by the criteria that were open when the card was shown.

    The newest word of a client counts. `entries`: feedback joined to its determination, oldest first. Feedback on
    unknown cards is `unmatched`; on cards that are about no order judged, such as one that asks for the coverage,
    `no order`.
    """
    newest = {(entry.card_uuid, entry.client, entry.service): entry for entry in entries}
    outcomes: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    reasons: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for entry in newest.values():
        outcome = entry.determined or (NO_ORDER if entry.shown_in else UNMATCHED)
        for about in (ALL, *_open(entry.body or {})):
            key = (outcome, policy_of(entry.body), about)
            outcomes[key][entry.outcome] += 1
            if entry.outcome == "overridden":
                reasons[key][entry.override_code or "no reason given"] += 1
    return [
        {
            "outcome": outcome,
            "policy": policy,
            "about": about,
            "accepted": outcomes[outcome, policy, about]["accepted"],
            "overridden": outcomes[outcome, policy, about]["overridden"],
            "reasons": "; ".join(f"{why} {count}" for why, count in reasons[outcome, policy, about].most_common()),
        }
        for outcome, policy, about in sorted(outcomes, key=lambda key: (key[0], key[1], key[2] != ALL, key[2]))
    ]


def policy_of(body: Mapping[str, Any] | None) -> str:
    """The id of the policy that a determination, as it is stored, was made under; empty where there is none."""
    return str((body or {}).get("policy", {}).get("id", ""))


def _open(body: dict[str, Any]) -> Iterator[str]:
    """Sections that stood in the way: criteria that are not met, and exclusions that are."""
    for finding in body.get("criteria", ()):
        if finding["truth"] != "met":
            yield finding["id"]
    for finding in body.get("exclusions", ()):
        if finding["truth"] == "met":
            yield finding["id"]
