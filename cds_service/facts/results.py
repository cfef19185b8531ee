"""Laboratory values and measurements that only some policies ask for, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cds_service.concepts import Concept


@dataclass(frozen=True, slots=True)
class ResultKind:
    """One kind of result. `key`: its name in `Chart.results`; `name`: what it is called in a sentence.

    `codes`: system and code of the Observations that are of this kind; `concepts`: the same by value sets, whose words
    name it too, for a reviewer. `units`: UCUM units with the factor into the policy's own unit, the one of factor 1;
    spellings and other prefixes of the same units are read as well. `plausible`: lowest and highest value that can be
    right, in that unit. `section`: its part of the chart and prefetch key, where several kinds share one; else `key`.
    `is_finding`: a test that finds something or does not, whose value may be words, a titer or any unit. `beside`: only
    results of days with a result of this other kind are kept. `category`: under which most systems file it. `type`:
    `Encounter` for visits, which stand in `Chart.practitioner_visits`. `days`: how far back it is searched for, 0 for
    everything.
    """

    key: str
    name: str
    codes: frozenset[tuple[str, str]] = frozenset()
    units: Mapping[str, float] = field(default_factory=dict)
    plausible: tuple[float, float] = (0.0, 1e9)
    concepts: frozenset[Concept] = frozenset()
    section: str = ""
    is_finding: bool = False
    beside: str = ""
    category: str = "laboratory"
    type: str = "Observation"
    days: int = 0

    @property
    def chart_section(self) -> str:
        """Its part of the chart, as prefetch, searches and `Chart.unread` name it."""
        return self.section or self.key
