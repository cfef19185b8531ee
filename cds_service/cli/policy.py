"""The command policy."""

from __future__ import annotations

import click

from cds_service.cli.common import Refused
from cds_service.policies import mp_mm_1316


@click.command("policy")
@click.argument("section", required=False)
def policy_command(section: str | None) -> None:
    """Prints the policy as this version holds it: sections, readings, parameters with dates and sources."""
    if section is None:
        click.echo(f"{mp_mm_1316.PAYER} {mp_mm_1316.POLICY_ID}, {mp_mm_1316.TITLE}")
        for start in mp_mm_1316.VERSIONS:
            click.echo(f"version in force from {start}")
        wanted = list(mp_mm_1316.SECTIONS)
    else:
        wanted = [s for s in mp_mm_1316.SECTIONS if s == section or s.startswith(f"{section}.")]
        if not wanted:
            raise Refused(f"no section {section}: `insulin-pump-cds policy` lists all of them")
    for name in wanted:
        click.echo(_section(name))


def _section(name: str) -> str:
    section, unit = mp_mm_1316.SECTIONS[name], mp_mm_1316.UNITS.get(name)
    lines = [f"\n{name}  {section.title}", f"  {section.says}"]
    if unit is not None:
        lines.append(f"  Read as: {unit.interpretation}")
    if section.why_not:
        lines.append(f"  Not modelled: {section.why_not}")
    for parameter in mp_mm_1316.PARAMETERS.values():
        if parameter.section == name:
            values = ", ".join(f"{dated.value} from {dated.start}" for dated in parameter.values)
            lines.append(f"  {parameter.name} = {values} [{parameter.unit}] ({parameter.source})")
    return "\n".join(lines)
