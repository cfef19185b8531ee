"""What a call says of the client: its orders as they were, and its Coverages."""

from collections.abc import Iterator
from typing import Any

from tests.conformance.fhir_rules import context_orders
from tests.conformance.rulebook import as_list

JSON = dict[str, Any]


def _prefetched(request: JSON) -> Iterator[tuple[str, JSON]]:
    """Every resource of the prefetch, with the address it has in a Bundle."""
    prefetch = request.get("prefetch") if isinstance(request, dict) else None
    for found in prefetch.values() if isinstance(prefetch, dict) else ():
        if not isinstance(found, dict):
            continue
        yield "", found
        for entry in as_list(found.get("entry")):
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                yield str(entry.get("fullUrl")), entry["resource"]


def _name(resource: JSON) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def orders_of(request: JSON) -> dict[str, JSON]:
    """The orders of a call by reference; one that is named only is taken from the prefetch, else it is {}."""
    known = context_orders(request)
    there: dict[str, JSON] = {}
    for _, resource in _prefetched(request):
        there.setdefault(_name(resource), resource)
    return {reference: order or there.get(reference, {}) for reference, order in known.items()}


def coverages_of(request: JSON) -> frozenset[str] | None:
    """What a Coverage of the prefetch may be called by; None when the prefetch has none, or not all of them."""
    names: set[str] = set()
    for address, resource in _prefetched(request):
        links = [link for link in as_list(resource.get("link")) if isinstance(link, dict)]
        if any(link.get("relation") == "next" for link in links):
            return None
        if resource.get("resourceType") == "Coverage":
            names |= {_name(resource), address}
    return frozenset(names - {"", "None"}) or None


def local(reference: Any, server: Any) -> str:
    """A reference as it reads on the client's own server; one to anywhere else stays as it is."""
    named = reference.get("reference") if isinstance(reference, dict) else None
    found = named if isinstance(named, str) else ""
    return found.removeprefix(f"{server.rstrip('/')}/") if isinstance(server, str) and server else found
