"""The command population."""

from __future__ import annotations

import os
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
@click.option("--csv", "as_csv", is_flag=True, help="Write CSV in place of Parquet.")
def population_command(
    folder: Path,
    as_of: str,
    out: Path,
    policy: str | None,
    orders: str,
    workers: int | None,
    memory: int,
    as_csv: bool,
) -> None:
    """Judges every member of the Bulk Data export in FOLDER (NDJSON files)."""
    from cds_service.services.assess_population import assess_population
    from cds_service.services.population.worker_pool import WorkerLost
    from cds_service.services.population.write_results import write_results

    if not as_csv and find_spec("pyarrow") is None:
        raise Refused("Parquet needs pyarrow: pip install 'insulin-pump-cds[population]', or give --csv")
    try:
        settings = settings_module.load()
        rules = _rules(settings, _day(as_of), policy, Orders(orders))
        run = PopulationRun(folder, out, rules, workers or os.cpu_count() or 1, memory * 1_000_000)
        with ProgressLines() as lines:
            judged = assess_population(run, lines.show)
        summary = write_results(judged, as_csv=as_csv)
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
