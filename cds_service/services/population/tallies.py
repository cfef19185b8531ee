"""Counts of a run, which processes make for their members and which are added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from cds_service.engine.determination import Outcome
from cds_service.services.population.rows import MEMBER_COLUMNS, JudgedMember

_AT = {name: at for at, name in enumerate(MEMBER_COLUMNS)}
# A member with several determinations counts once, under the first of these that one of them has.
_PRECEDENCE = (Outcome.NEEDS_DOCUMENTATION, Outcome.EXCLUDED, Outcome.LIKELY_APPROVED, Outcome.NOT_APPLICABLE)


class Tallies:
    """Counters by name; each counts tuples of texts."""

    def __init__(self, counts: Iterable[Sequence[Any]] = ()) -> None:
        """`counts`: as of `as_json`."""
        self.counts: Counter[tuple[str, ...]] = Counter()
        for *key, count in counts:
            self.counts[tuple(key)] += count

    def add(self, judged: JudgedMember) -> None:
        """Counts the rows of one member."""
        counts = self.counts
        if not judged.members:
            counts["deleted",] += 1
            return
        for row in judged.members:
            policy, outcome = row[_AT["policy"]], row[_AT["outcome"]]
            counts["policy-outcome", policy, outcome] += 1
            if row[_AT["path"]]:
                counts["judged", policy] += 1
            counts["policy-coverage", policy, row[_AT["coverage"]]] += 1
            if row[_AT["reason"]]:
                counts["reason", policy, row[_AT["reason"]]] += 1
            if row[_AT["only_gap"]]:
                counts["only-gap", policy, row[_AT["only_gap"]]] += 1
            if outcome == Outcome.EXCLUDED:
                for section in row[_AT["deciding"]].split():
                    counts["excluded-by", policy, section] += 1
        outcome = member_outcome(judged)
        first = judged.members[0]
        counts["members",] += 1
        counts["outcome", outcome] += 1
        for name in ("diabetes", "insulin", "pump", "patient_line"):
            if first[_AT[name]] == "yes":
                counts[name,] += 1
                counts[f"outcome-{name}", outcome] += 1
        if len(judged.members) > 1:
            counts["several-policies",] += 1
        for _, policy, section, truth, basis, gap in judged.criteria:
            counts["truth", policy, section, truth, basis or gap] += 1
        for scenario, _, _, _, before, after, sections in judged.changes:
            counts["change", scenario, before, after] += 1
            for section in sections.split():
                counts["changed-section", scenario, section] += 1

    def update(self, other: Tallies) -> None:
        """Adds the counts of others."""
        self.counts.update(other.counts)

    def of(self, name: str) -> dict[tuple[str, ...], int]:
        """One counter."""
        return {key[1:]: count for key, count in sorted(self.counts.items()) if key[0] == name}

    def one(self, name: str, *key: str) -> int:
        """One count."""
        return self.counts[(name, *key)]

    def as_json(self) -> list[list[Any]]:
        """Plain data in a stable order."""
        return [[*key, count] for key, count in sorted(self.counts.items())]


def member_outcome(judged: JudgedMember) -> str:
    """The outcome that a member counts under."""
    found = {row[_AT["outcome"]] for row in judged.members}
    return next(outcome.value for outcome in _PRECEDENCE if outcome.value in found)
