"""Coverage assertions as system actions: the order that came, with coverage-information on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cds_service.engine.assessment import Assessment
from cds_service.engine.coverage_assertion import CoverageAssertion
from cds_service.engine.wording import listed
from cds_service.hooks.markdown import plain
from fhir_mappings.output.coverage_information import with_coverage_information
from fhir_mappings.output.crd_versions import CrdVersion


def system_actions(
    assertions: Sequence[tuple[CoverageAssertion, Assessment]],
    orders: Mapping[str, bytes | msgspec.Raw],
    version: CrdVersion,
    fhir_server: str | None,
) -> list[dict[str, Any]]:
    """One `update` for each order of which something new is said; with each assertion comes what it was made of.

    `orders`: the orders as they came, by reference, each of them good FHIR.
    """
    actions = []
    for order, about in _by_order(assertions).items():
        resource, policies = orders[order], list[str]()
        for assertion, assessment in about:
            changed = with_coverage_information(resource, assertion, version, fhir_server)
            if changed is not None:
                resource = changed
                policies.append(assessment.policy.id)
        if policies:
            words = f"Record the coverage information of {listed(policies)} on: {about[0][1].order.label}"
            actions.append({"type": "update", "description": plain(words), "resource": resource})
    return actions


def _by_order(
    assertions: Sequence[tuple[CoverageAssertion, Assessment]],
) -> dict[str, list[tuple[CoverageAssertion, Assessment]]]:
    """The assertions about each order, the first one of each coverage: an order that came twice is told of once."""
    found: dict[str, dict[str, tuple[CoverageAssertion, Assessment]]] = {}
    for assertion, assessment in assertions:
        found.setdefault(assertion.order, {}).setdefault(assertion.coverage, (assertion, assessment))
    return {order: list(by_coverage.values()) for order, by_coverage in found.items()}
