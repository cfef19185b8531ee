"""Case files: fixtures/cases/<sentence>/{case.toml, request.json}, judged at the case's own day."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cds_service.hooks.discovery import SERVICES, HookService
from cds_service.hooks.messages import as_json
from cds_service.services.answer_hook import EXTENSION, answer
from cds_service.settings import Settings

CASES = Path(__file__).parents[2] / "fixtures" / "cases"
PUBLIC_URL = "https://cds.example.invalid"


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

    def run(self) -> dict[str, Any]:
        """The response of the service, at noon of the case's day in the eastern states."""
        noon = datetime.combine(self.as_of, time(12), ZoneInfo("America/New_York")).astimezone(UTC)
        settings = Settings(public_url=PUBLIC_URL)
        return json.loads(as_json(answer(self.request, self.service, settings, noon, None)))


def load(folder: Path) -> CaseFile:
    """Reads one case folder."""
    table = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    return CaseFile(
        folder.name,
        table["why"],
        tuple(table["traces"]),
        table["as_of"],
        SERVICES[table.get("service", "insulin-pump-order-sign")],
        (folder / "request.json").read_bytes(),
        table["expect"],
    )


def all_cases() -> list[CaseFile]:
    """Every case, by name."""
    return [load(path) for path in sorted(CASES.iterdir()) if (path / "case.toml").exists()]


def findings(determination: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Criteria, exclusions, replacement and parts of one determination by section."""
    groups = (determination.get(g, ()) for g in ("criteria", "exclusions", "replacement"))
    tops = [finding for group in groups for finding in group]
    return {f["id"]: f for top in tops for f in (top, *top.get("parts", ()))}


def determinations(response: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Determinations of a response by order."""
    return {d["order"]: d for d in response["extension"][EXTENSION]}
