"""Moving a decisive coding to an unknown system, or its meaning to text, never turns excluded or needs-documentation
into likely-approved, nor likely-approved into excluded. Displays are kept, or given where the value sets have one."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from fhir_mappings.common import terminology
from fhir_mappings.common.datatypes import Coding
from tests.cases.runner import CaseFile, all_cases, determinations

UNKNOWN = "urn:oid:1.2.840.114350.1.13.999.1.7.2.696580"
# Elements whose codings say what a resource is about; statuses, units and identifiers are another matter.
_ELEMENTS = (
    *("code", "codeCodeableConcept", "medicationCodeableConcept", "itemCodeableConcept", "type", "class", "specialty"),
    *("reasonCode", "reason", "qualification", "serviceType", "role", "method"),
)
_EVERY = 1 if os.environ.get("PUMP_TESTS_REQUIRE_ALL") else 10
CASES = [case for case in all_cases() if case.service.id == "insulin-pump-order-sign"][::_EVERY]


def _codings(node: Any, inside: bool = False) -> Iterator[dict[str, Any]]:
    """Every coding that says what a resource is about, as the mutable object that it is."""
    if isinstance(node, list):
        for item in node:
            yield from _codings(item, inside)
    elif isinstance(node, dict):
        if inside and isinstance(node.get("code"), str) and "coding" not in node:
            yield node
        for key, value in node.items():
            if not (node.get("resourceType") == "Coverage" or key in ("extension", "valueQuantity")):
                yield from _codings(value, inside or key in _ELEMENTS)


def _display(coding: dict[str, Any]) -> str:
    known = terminology.display_of(Coding(coding.get("system"), coding["code"]))
    shown = coding.get("display") or known
    return shown if isinstance(shown, str) else ""


def _decisive(root: Any) -> set[tuple[str | None, str]]:
    """System and code of the codings that carry a concept, in the chart and the order."""
    found = {(c.get("system"), c["code"]) for c in _codings(root) if isinstance(c.get("system"), str | None)}
    return {pair for pair in found if terminology.any_concepts_of(*pair)}


def _moved(root: Any, pair: tuple[str | None, str], to_text: bool) -> Any:
    changed = copy.deepcopy(root)
    for coding in _codings(changed):
        if (coding.get("system"), coding["code"]) == pair:
            display = _display(coding)
            coding["system"] = UNKNOWN
            if display:
                coding["display"] = display
            if to_text and display:
                coding["code"] = "LOCAL-1"
    return changed


def _outcomes(case: CaseFile, root: Any) -> dict[str, str]:
    body = json.dumps(root).encode()
    response = CaseFile(case.name, case.why, case.traces, case.as_of, case.service, body, case.expect).run()
    return {order: found["outcome"] for order, found in determinations(response).items()}


def _forbidden(before: str, after: str) -> bool:
    if after == "likely-approved":
        return before in ("excluded", "needs-documentation")
    return after == "excluded" and before == "likely-approved"


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_an_unsure_code_never_decides_more_than_a_sure_one(case: CaseFile) -> None:
    try:
        root = json.loads(case.request)
    except ValueError:
        pytest.skip("the case is about bytes that are no JSON")
    before = _outcomes(case, root)
    for pair in sorted(_decisive(root), key=str):
        for to_text in (False, True):
            after = _outcomes(case, _moved(root, pair, to_text))
            turned = {o: (before[o], after[o]) for o in before if o in after and _forbidden(before[o], after[o])}
            assert not turned, (pair, "as text" if to_text else "under an unknown system", turned)


def test_the_cases_hold_decisive_codings() -> None:
    held = [case for case in CASES if case.request[:1] == b"{" and _decisive(msgspec.json.decode(case.request))]
    assert len(held) > len(CASES) // 2
