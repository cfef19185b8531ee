"""The command policy."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from cds_service.cli.common import Refused
from cds_service.cli.terminal import wrapped
from cds_service.engine.parameters import Parameter
from cds_service.engine.policy import Policy
from cds_service.engine.wording import shown
from cds_service.policies import registry


def _complete_id(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """What the shell offers for --policy."""
    return [policy.id for policy in registry.POLICIES if policy.id.startswith(begun.upper())]


def _complete_section(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """What the shell offers for SECTION."""
    policy = registry.policy_named(context.params.get("policy_id") or registry.POLICIES[0].id)
    return [name for name in policy.sections if name.startswith(begun)] if policy is not None else []


@click.command("policy", short_help="Prints a policy: sections, parameters, dates, sources.")
@click.argument("section", required=False, shell_complete=_complete_section)
@click.option(
    "--policy",
    "policy_id",
    metavar="ID",
    shell_complete=_complete_id,
    help="Which policy; default: the first of --list.",
)
@click.option("--list", "lists", is_flag=True, help="Name every policy that this version holds.")
@click.option("--check", "package", metavar="PACKAGE", help="Check a policy: its folder, its module, or its id.")
@click.pass_context
def policy_command(
    context: click.Context, section: str | None, policy_id: str | None, lists: bool, package: str | None
) -> None:
    """Prints a policy as this version holds it: sections, interpretations, parameters with dates and sources."""
    if package is not None:
        from cds_service.cli.policy_check import check_package

        context.exit(check_package(package))
    if lists:
        for listed_policy in registry.POLICIES:
            click.echo(_heading(listed_policy))
        return
    policy = registry.policy_named(policy_id) if policy_id is not None else registry.POLICIES[0]
    if policy is None:
        raise Refused(f"no policy {policy_id}: `insulin-pump-cds policy --list` names all of them")
    if section is None:
        click.echo(_heading(policy))
        for version in policy.versions:
            click.echo(wrapped(f"version in force from {version.start} ({version.source})"))
    names = [name for name in policy.sections if section is None or f"{name}.".startswith(f"{section}.")]
    if not names:
        raise Refused(f"no section {section}: `insulin-pump-cds policy --policy {policy.id}` lists all of them")
    for name in names:
        click.echo(_section(policy, name))


def _heading(policy: Policy) -> str:
    return f"{policy.payer} {policy.id}, {policy.title}"


def _section(policy: Policy, name: str) -> str:
    """A section as it reads today; a later section as it will read on its first day."""
    start = policy.sections[name].start
    on_day = policy.on(max(filter(None, (datetime.now(UTC).date(), start))))
    section, interpretation = on_day.sections[name], on_day.interpretation(name)
    paragraphs = [section.says]
    if start is not None:
        paragraphs.append(f"In the text from {start}")
    if interpretation:
        paragraphs.append(f"Read as: {interpretation}")
    if section.why_not:
        paragraphs.append(f"Not modelled: {section.why_not}")
    paragraphs += [_parameter(parameter) for parameter in policy.parameters.values() if parameter.section == name]
    return "\n".join([f"\n{name}  {section.title}", *(wrapped(paragraph, "  ") for paragraph in paragraphs)])


def _parameter(parameter: Parameter) -> str:
    values = "; ".join(
        f"{shown(dated.value)} from {dated.start} ({parameter.source_of(dated)})" for dated in parameter.values
    )
    return f"{parameter.name} = {values} [{parameter.unit}]"
