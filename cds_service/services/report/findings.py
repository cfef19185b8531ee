"""Why an order was not approved, from its stored determination: open criteria and exclusions, separately."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_service.engine.determination import Outcome
from cds_service.engine.finding import Basis, Gap
from cds_service.engine.policy import PolicyOnDay

JSON = dict[str, Any]
_SURE = (Basis.DOCUMENTED, Basis.ATTESTED)
_FOR_A_PERSON = (Gap.NEEDS_REVIEW, Gap.NOT_RETRIEVED)


def open_criteria(body: JSON, policy: PolicyOnDay | None) -> Iterator[JSON]:
    """The criteria that the order had to meet and did not; none for an order that was approved or excluded.

    `policy`: the one that it was made under, None where it is not held.
    """
    if body.get("outcome") != Outcome.NEEDS_DOCUMENTATION:
        return
    needed = _required(body, policy)
    for name in ("criteria", "replacement"):
        for finding in body.get(name) or ():
            if finding["truth"] != "met" and (finding["id"] in needed if needed is not None else _decides(body, name)):
                yield finding


def applied_exclusions(body: JSON, policy: PolicyOnDay | None) -> Iterator[JSON]:
    """The exclusions that refused the order."""
    if body.get("outcome") == Outcome.EXCLUDED:
        yield from (f for f in _exclusions(body, policy) if f["truth"] == "met" and f.get("basis") in _SURE)


def possible_exclusions(body: JSON, policy: PolicyOnDay | None) -> Iterator[JSON]:
    """The exclusions that a person had to settle: suggested by the chart, for a reviewer, or not read."""
    if body.get("outcome") == Outcome.NEEDS_DOCUMENTATION:
        for finding in _exclusions(body, policy):
            suggested = finding["truth"] == "met" and finding.get("basis") not in _SURE
            if suggested or (finding["truth"] == "unknown" and finding.get("gap") in _FOR_A_PERSON):
                yield finding


def _on_replacement_path(body: JSON) -> bool:
    return body.get("path") == "replacement"


def _required(body: JSON, policy: PolicyOnDay | None) -> frozenset[str] | None:
    """The sections that the order had to meet on its pathway; None where nobody knows."""
    if policy is None:
        return None
    replacement = policy.policy.replacement
    if replacement is not None and _on_replacement_path(body):
        return frozenset(rule.section for rule in (*replacement.required, *replacement.also_required))
    return frozenset(rule.section for rule in policy.policy.criteria)


def _decides(body: JSON, group: str) -> bool:
    """Of a policy that is not held: the pathway's own findings decide on it, the criteria on the other one."""
    return (group == "replacement") is _on_replacement_path(body)


def _exclusions(body: JSON, policy: PolicyOnDay | None) -> Iterator[JSON]:
    """The exclusions, and on the pathway of a replacement its refusals."""
    yield from body.get("exclusions") or ()
    replacement = policy.policy.replacement if policy is not None else None
    if replacement is not None and _on_replacement_path(body):
        refusing = {rule.section for rule in replacement.refusals}
        yield from (finding for finding in body.get("replacement") or () if finding["id"] in refusing)
