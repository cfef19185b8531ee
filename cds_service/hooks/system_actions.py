"""Coverage assertions as system actions: the order that came, with coverage-information on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cds_service.engine.coverage_assertion import CoverageAssertion
from cds_service.hooks.markdown import plain
from cds_service.policies.mp_mm_1316 import POLICY_ID
from fhir_mappings.coverage_information import with_coverage_information
from fhir_mappings.crd_versions import CrdVersion


def system_actions(
    assertions: Sequence[tuple[CoverageAssertion, str]],
    orders: Mapping[str, bytes | msgspec.Raw],
    version: CrdVersion,
    fhir_server: str | None,
) -> list[dict[str, Any]]:
    """One `update` for each assertion that says something new; with each assertion comes the order in words.

    `orders`: the orders as they came, by reference, each of them good FHIR.
    """
    actions = []
    first = {assertion.order: (assertion, words) for assertion, words in reversed(assertions)}
    for assertion, words in reversed(first.values()):
        changed = with_coverage_information(orders[assertion.order], assertion, version, fhir_server)
        if changed is not None:
            said = plain(f"Record the coverage information of {POLICY_ID} on: {words}")
            actions.append({"type": "update", "description": said, "resource": changed})
    return actions
