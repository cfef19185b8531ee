"""What a member's resources refer to outside of the member's own lines: drugs, payers, people, devices."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.services.population.member_orders import drafts_of
from fhir_mappings.chart.chart_reader import ChartReader
from fhir_mappings.chart.order_items import item_reference
from fhir_mappings.chart.unresolved_references import unresolved_references_in
from fhir_mappings.common.datatypes import Reference
from fhir_mappings.json.administrative_views import CareTeam, Coverage, Practitioner, PractitionerRole
from fhir_mappings.orders.order_reader import may_be_for_pump

# An export names one Medication for each order: a chart of many years refers to hundreds.
_MOST = 2_000


def referenced(reader: ChartReader, *, orders: bool) -> list[str]:
    """`Type/id` of resources that may be shared, in a stable order. `orders`: one of the chart's own is judged."""
    found = dict.fromkeys(unresolved_references_in(reader.located, reader.context, identify_payers=True, most=_MOST))
    for reference in (*_people_and_payers(reader), *(_of_orders(reader) if orders else ())):
        plain = reader.context.local(reference)
        if plain is not None and not plain.startswith("#"):
            found.setdefault(plain)
    return list(found)[:_MOST]


def _of_orders(reader: ChartReader) -> Iterator[Reference | None]:
    """What is ordered, who orders it and who performs it, of orders that may be for a pump."""
    for draft in drafts_of(reader):
        view = draft.view
        if view is not None and may_be_for_pump(draft):
            yield item_reference(view)
            yield view.requester
            performers = getattr(view, "performer", None) or getattr(view, "supplier", None)
            yield from performers if isinstance(performers, list) else [performers]


def _people_and_payers(reader: ChartReader) -> Iterator[Reference | None]:
    """Who pays and who cares."""
    located = reader.located
    for coverage, _ in located.get(Coverage, ()):
        if isinstance(coverage, Coverage):
            yield from coverage.payor or ()
    for team, _ in located.get(CareTeam, ()):
        if isinstance(team, CareTeam):
            yield from (each.member for each in team.participant or ())
    for person, _ in located.get(Practitioner, ()):
        yield Reference(f"Practitioner/{person.id}")
    for role, _ in located.get(PractitionerRole, ()):
        if isinstance(role, PractitionerRole):
            yield role.practitioner
