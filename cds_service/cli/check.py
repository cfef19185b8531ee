"""The command check."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cds_service import settings as settings_module
from cds_service.cli.common import Refused
from cds_service.engine.determination import GROUPS
from cds_service.errors import BadRequest, BadSetting
from cds_service.hooks.discovery import SERVICES
from cds_service.hooks.messages import peek_hook
from cds_service.services.answer_hook import EXTENSION, answer


@click.command("check")
@click.argument("request_file", metavar="REQUEST.json", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the determinations as JSON.")
@click.option("--fetch", is_flag=True, help="Read what the request lacks from its fhirServer.")
def check_command(request_file: Path, as_json: bool, fetch: bool) -> None:
    """Judges one saved hook request with no server."""
    from cds_service.ehr.client import open_client

    try:
        body = request_file.read_bytes()
    except OSError as error:
        raise Refused(f"{request_file} cannot be read ({error.strerror})") from None
    hook = peek_hook(body)
    service = next((s for s in SERVICES.values() if s.hook == hook), next(iter(SERVICES.values())))
    try:
        settings = settings_module.load()
        result = answer(body, service, settings, datetime.now(UTC), open_client if fetch else None)
    except (BadRequest, BadSetting) as error:
        raise Refused(f"{request_file}: {error}") from None
    determinations = result.get("extension", {}).get(EXTENSION, [])
    if as_json:
        click.echo(json.dumps(determinations, indent=2, ensure_ascii=False))
    else:
        click.echo("\n\n".join(_table(d) for d in determinations) or "The request holds no orders.")


def _table(determination: dict[str, Any]) -> str:
    policy_version = determination["policy"].get("version", "no version in force")
    lines = [
        f"{determination['order']}: {determination['outcome']}",
        f"as of {determination['asOf']}, {determination['policy']['id']} {policy_version}, "
        f"coverage {determination['coverage']}",
    ]
    if "reason" in determination:
        lines.append(determination["reason"])
    for group in GROUPS:
        for finding in determination.get(group, ()):
            lines += [_row(finding, 0), *(_row(part, 2) for part in finding.get("parts", ()))]
    lines += [f"note: {note}" for note in determination.get("notes", ())]
    return "\n".join(lines)


def _row(finding: dict[str, Any], indent: int) -> str:
    basis_or_gap = finding.get("basis") or finding.get("gap") or ""
    return f"{' ' * indent}{finding['id']:<12}{finding['truth']:<9}{basis_or_gap:<18}{finding['explanation']}"
