"""Scope and section E: whether the policy governs the member's coverage on the day."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from cds_service.engine.determination import CoverageStanding
from cds_service.facts import Coverage

_GOVERNED, _NOT, _UNVERIFIED = (
    CoverageStanding.GOVERNED,
    CoverageStanding.NOT_GOVERNED,
    CoverageStanding.UNVERIFIED,
)
# HIOS plan id: five-digit issuer, state, seven digits, and a two-digit variant that may be there.
_PLAN_ID = re.compile(r"^(?P<issuer>\d{5})(?P<state>[A-Z]{2})\d{7}(?:-?\d{2})?$")


@dataclass(frozen=True, slots=True)
class Standing:
    """Governed, not governed or unverified, why, and the insurance that it is said of, where it is one."""

    standing: CoverageStanding
    why: str
    coverage: Coverage | None = None


def standing(coverages: Sequence[Coverage], state: str | None, as_of: date, parameters: Mapping[str, Any]) -> Standing:
    """Whether the policy governs what the member has.

    Coverages active on the day count, the primary one (lowest `order`) decides. Among several without an order the
    payer's own decides when they agree; when they do not, nothing is verified.
    """
    primary = primary_coverages(coverages, as_of)
    if not primary:
        return Standing(_UNVERIFIED, "no active coverage was found")
    judged = [Standing(*_one(coverage, state, parameters), coverage) for coverage in primary]
    standings = {each.standing for each in judged}
    ours = {each.standing for each in judged if each.standing is not _NOT or "another product" in each.why}
    if _GOVERNED in standings and len(ours) == 1:
        return next(each for each in judged if each.standing is _GOVERNED)
    if standings == {_NOT}:
        return judged[0]
    if _GOVERNED in standings:
        return Standing(_UNVERIFIED, "several coverages of the payer disagree")
    return next(each for each in judged if each.standing is _UNVERIFIED)


def primary_coverages(coverages: Sequence[Coverage], as_of: date) -> list[Coverage]:
    """Of the coverages in force on the day those with the lowest `order`."""
    active = [c for c in coverages if c.active and _in_force(c, as_of)]
    lowest = min((c.order for c in active if c.order is not None), default=None)
    return [c for c in active if c.order == lowest]


def is_payers(coverage: Coverage, parameters: Mapping[str, Any]) -> bool | None:
    """True: a coverage of this payer; False: of another one; None: nothing says."""
    issuers = {m["issuer"] for m in map(_PLAN_ID.match, coverage.plan_ids) if m}
    return _payer(coverage, issuers, parameters)


def _in_force(coverage: Coverage, as_of: date) -> bool:
    start, end = coverage.period
    return (start is None or start <= as_of) and (end is None or end >= as_of)


def _one(coverage: Coverage, state: str | None, p: Mapping[str, Any]) -> tuple[CoverageStanding, str]:
    plans = [m for m in map(_PLAN_ID.match, coverage.plan_ids) if m]
    texts = " | ".join(coverage.texts).casefold()
    payer = _payer(coverage, {m["issuer"] for m in plans}, p)
    if payer is False:
        return _NOT, "the payer is another one"
    if any(word in texts for word in p["other_products"]):
        return _NOT, "the plan is another product of the payer" if payer else "the plan is no Marketplace plan"
    if payer is None:
        return _UNVERIFIED, "the payer could not be identified"
    if not plans and not any(word in texts for word in p["product_words"]):
        return _UNVERIFIED, "nothing says that the plan is a Marketplace plan"
    where = plans[0]["state"] if plans else state
    if where is None:
        return _UNVERIFIED, "nothing says which state the plan is of"
    if where not in p["states"]:
        return _NOT, f"the plan is of {where}, which the policy does not cover"
    return _GOVERNED, f"{coverage.reference} is a Marketplace plan of the payer in {where}"


def _payer(coverage: Coverage, issuers: set[str], p: Mapping[str, Any]) -> bool | None:
    """True: the policy's payer; False: another one; None: nothing says, or the name and the plan id contradict."""
    names = [re.sub(r"\W+", "", name).casefold() for name in coverage.payer_names]
    known = [re.sub(r"\W+", "", name).casefold() for name in p["payer_names"]]
    if coverage.payer_identifiers & set(p.get("payer_identifiers", ())):
        return True
    if any(ours in name for name in names for ours in known):
        return True
    issued = bool(issuers & set(p["payer_issuers"]))
    if names:
        return None if issued else False
    return True if issued else None
