"""Where the chart of one call is read from beyond what came with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Protocol

from cds_service.facts import ResultKind
from cds_service.hooks.prefetch import SectionSource
from fhir_mappings.json.search_result import SearchNote, SearchResult


class ChartSource(SectionSource, Protocol):
    """A chart source that also reads single resources and logs its searches.

    `kinds`: results that it is asked for by their own keys. `search_days`: how far back, by the search's window.
    """

    people: tuple[str, ...]
    as_of: date
    kinds: tuple[ResultKind, ...]
    search_days: Mapping[str, int]

    @property
    def log(self) -> list[SearchNote]:
        """Every search and read."""

    def read_references(self, references: Sequence[str]) -> list[SearchResult]:
        """Single resources by reference."""

    def raw(self, reference: str) -> bytes | None:
        """A resource that was read by its reference, as it came; None when it could not be read."""

    def close(self) -> None:
        """Close the connections."""


# Opens a source for one call: server, token, patient, the order's day, seconds left, scope.
ChartSourceFactory = Callable[[str, str, str, date, float, str | None], ChartSource]
