"""The page of a population run: one file that needs nothing beside it. Nobody is named in it."""

from __future__ import annotations

from typing import Any

from cds_service.engine.plain_text import day_text
from cds_service.services.assess_population import JudgedPopulation
from cds_service.services.population.page_tables import PageTables
from cds_service.services.population.quality import quality_counts
from cds_service.services.population.run_rules import Orders
from cds_service.web.standalone_page import standalone_page

_ORDERS = {
    Orders.SYNTHETIC: "Everyone is judged as if a pump (E0784) were ordered that day by a provider who may order it.",
    Orders.CHART: "Everyone is judged for the newest open pump order in the chart.",
}


def population_page(judged: JudgedPopulation, summary: dict[str, Any], *, small_cells: bool) -> str:
    """The page as HTML. `summary`: what run.json says. `small_cells`: show counts below 11."""
    tables = PageTables(judged.tallies, judged.rules, small_cells=small_cells)
    complete = judged.complete
    return standalone_page(
        "population.html",
        ("style.css",),
        day=day_text(judged.rules.as_of),
        orders=_ORDERS[judged.rules.orders],
        policies=[tables.policy_title(name) for name in judged.rules.policies],
        tables=tables,
        shown=list(tables.all()),
        approved=tables.one("outcome", "likely-approved"),
        unread=complete.unread,
        partial=complete.partial,
        problems=quality_counts(judged),
        summary=summary,
        small_cells=small_cells,
    )
