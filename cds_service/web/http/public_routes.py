"""The one list of public routes. Where callers are authenticated, every other route needs an authenticated caller.

A path that ends in `/*` stands for everything below it.
"""

from __future__ import annotations

from collections.abc import Mapping

PUBLIC_ROUTES: Mapping[str, str] = {
    "/": "GET",
    "/static/*": "GET",
    "/healthz": "GET",
    "/readyz": "GET",
    "/metrics": "GET",
    "/openapi.json": "GET",
    "/policy/*": "GET",
    "/fhir/metadata": "GET",
    "/fhir/.well-known/smart-configuration": "GET",
    "/fhir/Questionnaire/*": "GET",
    "/fhir/ValueSet/*": "GET",
    "/fhir/CodeSystem/*": "GET",
    "/fhir/Library/*": "GET",
    "/token": "POST",
    # The SMART app signs its users in itself.
    "/smart/*": "GET POST",
}


def is_public(method: str, path: str) -> bool:
    """Whether a request needs no authentication. `path`: as the router reads it, without a query."""
    route_method = "GET" if method == "HEAD" else method
    return any(route_method in methods.split() and _covers(route, path) for route, methods in PUBLIC_ROUTES.items())


def _covers(route: str, path: str) -> bool:
    return path.startswith(route.removesuffix("*")) if route.endswith("/*") else path == route
