"""Case files: fixtures/cases/<area>/<sentence>.toml, judged at the case's own day."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cds_service.hooks.discovery import SERVICES, HookService
from cds_service.hooks.messages import as_json
from cds_service.services.answer_hook import EXTENSION, answer
from cds_service.settings import Settings
from tests.cases.build import DIFFERENCES, build, case_files
from tests.cases.edits import CaseError

PUBLIC_URL = "https://cds.example.invalid"
KEYS = {"why", "traces", "as_of", "service", "policies", "base", "expect", *DIFFERENCES}
EXPECTED_BY_SECTION = {"truth", "gap", "basis", "says"}
EXPECTED = {"outcome", "coverage", "asOf", "reason", "notes", "order", "orders"} | {
    "policy",
    "under",
    "cards",
    "card_says",
    "card_never_says",
}


@dataclass(frozen=True)
class CaseFile:
    """One case: why it exists, the day, the request, what is expected."""

    name: str
    why: str
    traces: tuple[str, ...]
    as_of: date
    service: HookService
    request: bytes
    expect: dict[str, Any]
    policies: str = Settings().policies

    def run(self) -> dict[str, Any]:
        """The response of the service, at noon of the case's day in the eastern states."""
        noon = datetime.combine(self.as_of, time(12), ZoneInfo("America/New_York")).astimezone(UTC)
        settings = Settings(public_url=PUBLIC_URL, policies=self.policies)
        return json.loads(as_json(answer(self.request, self.service, settings, noon, None)))


def load(path: Path) -> CaseFile:
    """Reads one case file; what it cannot mean is refused with the case's name."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        if unknown := (set(table) - KEYS) | (set(table["expect"]) - EXPECTED - EXPECTED_BY_SECTION):
            raise CaseError(f"unknown: {', '.join(sorted(unknown))}")
        return CaseFile(
            path.stem,
            table["why"],
            tuple(table["traces"]),
            table["as_of"],
            SERVICES[table.get("service", "insulin-pump-order-sign")],
            json.dumps(build(table, path.stem), ensure_ascii=False).encode(),
            table["expect"],
            table.get("policies", Settings().policies),
        )
    except (CaseError, KeyError, TypeError, ValueError) as error:
        raise CaseError(f"{path.stem}: {error}") from error


def all_cases() -> list[CaseFile]:
    """Every case, by name."""
    return [load(path) for path in case_files()]


def findings(determination: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Criteria, exclusions, replacement and parts of one determination by section."""
    groups = (determination.get(g, ()) for g in ("criteria", "exclusions", "replacement"))
    tops = [finding for group in groups for finding in group]
    return {f["id"]: f for top in tops for f in _with_parts(top)}


def _with_parts(finding: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield finding
    for part in finding.get("parts", ()):
        yield from _with_parts(part)


def determinations(response: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Determinations of a response by order; of one that several policies judge, the first."""
    found: dict[str, dict[str, Any]] = {}
    for determination in response["extension"][EXTENSION]:
        found.setdefault(determination["order"], determination)
    return found
