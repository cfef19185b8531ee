"""Statistics of feedback: how often cards were accepted or overridden, and why, by outcome and by criterion."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

UNMATCHED = "unmatched"
NO_ORDER = "no order"
ALL = "all"


@dataclass(frozen=True, slots=True)
class FeedbackCounts:
    """Cards of one outcome and policy, about all of them or one criterion. `reasons`: the most frequent first."""

    outcome: str
    policy: str
    about: str
    accepted: int
    overridden: int
    reasons: Mapping[str, int]


def feedback_statistics(entries: Iterable[Any]) -> list[dict[str, Any]]:
    """The counts of `feedback_counts` as rows with one text of all reasons."""
    return [
        {
            "outcome": row.outcome,
            "policy": row.policy,
            "about": row.about,
            "accepted": row.accepted,
            "overridden": row.overridden,
            "reasons": "; ".join(f"{why} {count}" for why, count in row.reasons.items()),
        }
        for row in feedback_counts(entries)
    ]


def feedback_counts(entries: Iterable[Any]) -> list[FeedbackCounts]:
    """Counts by outcome and policy, then by the criteria that were open when the card was shown.

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
        FeedbackCounts(*key, outcomes[key]["accepted"], outcomes[key]["overridden"], dict(reasons[key].most_common()))
        for key in sorted(outcomes, key=lambda key: (key[0], key[1], key[2] != ALL, key[2]))
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
