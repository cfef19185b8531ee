"""The plan's own list of members with the spans of their membership, read from a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from cds_service.errors import BadSetting

Span = tuple[date, date | None]


@dataclass(frozen=True, slots=True)
class Roster:
    """Spans of membership by member id; both ends are days of membership, no end runs on."""

    spans: Mapping[str, tuple[Span, ...]] = field(repr=False)

    def knows(self, member_ids: Iterable[str]) -> bool:
        """Whether any of these ids is a member's."""
        return any(member_id in self.spans for member_id in member_ids)

    def span_on(self, member_ids: Iterable[str], day: date) -> Span | None:
        """The span of membership that holds the day; None when there is none."""
        spans = (span for member_id in member_ids for span in self.spans.get(member_id, ()))
        return next((s for s in spans if s[0] <= day and (s[1] is None or day <= s[1])), None)


def load_roster(path: Path, setting: str = "PUMP_CDS_MEMBERS") -> Roster:
    """Reads a CSV file with the columns member_id, start and end (ISO dates, end may be empty).

    BadSetting names the line at fault, never what stands in it.
    """
    spans: dict[str, list[Span]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"member_id", "start", "end"} <= set(rows.fieldnames or ()):
                raise BadSetting(f"{setting}: {path} needs the columns member_id, start and end")
            for row in rows:
                spans.setdefault((row["member_id"] or "").strip(), []).append(_span(row, rows.line_num, setting))
    except OSError as error:
        raise BadSetting(f"{setting}: {path} cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error):
        raise BadSetting(f"{setting}: {path} is no CSV file in UTF-8") from None
    return Roster({member_id: tuple(found) for member_id, found in spans.items()})


def _span(row: Mapping[str, str | None], line: int, setting: str) -> Span:
    try:
        if not (row["member_id"] or "").strip():
            raise ValueError
        end = (row["end"] or "").strip()
        return date.fromisoformat((row["start"] or "").strip()), date.fromisoformat(end) if end else None
    except ValueError:
        raise BadSetting(f"{setting}: line {line} needs a member_id, a start and an end as YYYY-MM-DD") from None
