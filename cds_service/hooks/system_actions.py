"""Coverage assertions as system actions: the order that came, with coverage-information on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cds_service.engine.assessment import Assessment
from cds_service.engine.coverage_assertion import CoverageAssertion
from cds_service.hooks.markdown import plain
from fhir_mappings.output.coverage_information import with_coverage_information
from fhir_mappings.output.crd_versions import CrdVersion


def system_actions(
    assertions: Sequence[tuple[CoverageAssertion, Assessment]],
    orders: Mapping[str, bytes | msgspec.Raw],
    version: CrdVersion,
    fhir_server: str | None,
) -> list[dict[str, Any]]:
    """One `update` for each assertion that says something new; with each assertion comes what it was made of.

    `orders`: the orders as they came, by reference, each of them good FHIR.
    """
    actions = []
    first = {assertion.order: (assertion, assessment) for assertion, assessment in reversed(assertions)}
    for assertion, assessment in reversed(first.values()):
        changed = with_coverage_information(orders[assertion.order], assertion, version, fhir_server)
        if changed is not None:
            words = f"Record the coverage information of {assessment.policy.id} on: {assessment.order.label}"
            actions.append({"type": "update", "description": plain(words), "resource": changed})
    return actions
