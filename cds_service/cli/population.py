"""The command population."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import click

from cds_service import settings as settings_module
from cds_service.cli.common import Refused
from cds_service.cli.population_progress import ProgressLines
from cds_service.errors import BadSetting
from cds_service.policies.registry import policies_in_use
from cds_service.services.population.run_rules import Orders, RunRules
from cds_service.services.population.scenarios import load_scenarios
from cds_service.services.population.work_folder import PopulationRun
from cds_service.settings import Settings

_LEAST_KEY = 16


@click.command("population")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--as-of", metavar="DATE", required=True, help="The day that everybody is judged at (YYYY-MM-DD).")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A new folder for the results.")
@click.option("--policy", metavar="ID", help="Judge under this policy; default: the one that governs, of those in use.")
@click.option("--orders", type=click.Choice([each.value for each in Orders]), default="synthetic", show_default=True)
@click.option("--workers", type=click.IntRange(1, 256), help="Processes; default: one for each core.")
@click.option("--memory", metavar="MB", type=click.IntRange(100), default=1_000, show_default=True, help="For all.")
@click.option("--scenarios", metavar="FILE.toml", type=click.Path(path_type=Path), help="What if: see docs.")
@click.option("--list-gap", metavar="SECTION", help="Also list the members with a gap in this section, by reference.")
@click.option(
    "--pseudonymize-key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Name members by a keyed hash; the key is in this file, at least 16 bytes.",
)
@click.option("--small-cells", is_flag=True, help="Show counts below 11 on the page.")
@click.option("--all-in-full", is_flag=True, help="Chart members with no diabetes and no insulin in full, too.")
@click.option("--csv", "as_csv", is_flag=True, help="Write CSV in place of Parquet.")
def population_command(
    folder: Path,
    as_of: str,
    out: Path,
    policy: str | None,
    orders: str,
    workers: int | None,
    memory: int,
    scenarios: Path | None,
    list_gap: str | None,
    pseudonymize_key: Path | None,
    small_cells: bool,
    all_in_full: bool,
    as_csv: bool,
) -> None:
    """Judges every member of the Bulk Data export in FOLDER (NDJSON files)."""
    from cds_service.services.assess_population import assess_population
    from cds_service.services.population.worker_pool import WorkerLost
    from cds_service.services.population.write_results import write_page, write_results
    from cds_service.web.population_page import population_page

    if not as_csv and find_spec("pyarrow") is None:
        raise Refused("Parquet needs pyarrow: pip install 'insulin-pump-cds[population]', or give --csv")
    try:
        settings = settings_module.load()
        rules = _rules(settings, _day(as_of), policy, Orders(orders))
        rules = replace(rules, all_in_full=all_in_full, list_gap=_section(list_gap, rules))
        if scenarios is not None:
            rules = replace(
                rules, scenarios=load_scenarios(scenarios, policies_in_use(",".join(rules.policies)), rules.as_of)
            )
        key = _key(pseudonymize_key) if pseudonymize_key is not None else b""
        run = PopulationRun(folder, out, rules, workers or os.cpu_count() or 1, memory * 1_000_000, key)
        with ProgressLines() as lines:
            judged = assess_population(run, lines.show)
        for kind, why in {**judged.complete.unread, **judged.complete.partial}.items():
            how = "not retrieved" if kind in judged.complete.unread else "retrieved in part"
            click.echo(f"{kind}: {how}, {why}", err=True)
        summary = write_results(judged, as_csv=as_csv)
        write_page(judged, population_page(judged, summary, small_cells=small_cells))
    except (BadSetting, WorkerLost) as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Refused(f"{out}: {error.strerror or type(error).__name__}; run the same command again to go on") from None
    click.echo(f"{summary['members']} members; result {summary['hash']}; written: {out}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused("--as-of must be a day such as 2026-11-01") from None


def _section(name: str | None, rules: RunRules) -> str:
    """The section whose gaps are listed; Refused for one that no policy of the run has."""
    if name is None:
        return ""
    known = {section for policy in policies_in_use(",".join(rules.policies)) for section in policy.rules}
    if name not in known:
        raise Refused(f"--list-gap {name}: no policy of this run has such a section; known: {', '.join(sorted(known))}")
    return name


def _key(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror})") from None
    if len(key) < _LEAST_KEY:
        raise Refused(f"{path} holds fewer than {_LEAST_KEY} bytes: make a key with `openssl rand -hex 32`")
    return key


def _rules(settings: Settings, day: date, policy: str | None, orders: Orders) -> RunRules:
    used = policies_in_use(policy if policy is not None else settings.policies)
    return RunRules(
        day,
        orders,
        tuple(each.id for each in used),
        settings.overrides(),
        settings.time_zone,
        roster=settings.members,
    )
