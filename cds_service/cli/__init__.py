"""The command insulin-pump-cds: one module for each group of commands."""

from __future__ import annotations

import click

from cds_service.cli.check import check_command
from cds_service.cli.demo import demo_command
from cds_service.cli.policy import policy_command
from cds_service.cli.population import population_command
from cds_service.cli.report import report_command
from cds_service.cli.serve import serve_command
from cds_service.cli.store import db, feedback, replay


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="insulin-pump-cds")
def main() -> None:
    """Predicts whether a payer's medical policy covers insulin pump orders."""


for _command in (
    serve_command,
    demo_command,
    check_command,
    policy_command,
    db,
    replay,
    feedback,
    report_command,
    population_command,
):
    main.add_command(_command)
