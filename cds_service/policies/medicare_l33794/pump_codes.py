"""IV.E, IV.S and IV.X: what the codes of an order say: the pump that is covered, its supplies, what is not covered."""

from __future__ import annotations

from collections.abc import Sequence

from cds_service.concepts import Concept
from cds_service.engine.days import months_after
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, not_met, unknown
from cds_service.engine.plain_text import day_text
from cds_service.engine.rule import criterion, exclusion
from cds_service.engine.wording import listed
from cds_service.facts import ChartSection, Scope
from cds_service.policies.rules.case import Case, cite
from cds_service.policies.rules.exclusions import implanted_device
from cds_service.policies.rules.pump_use import pump_signs, pumps_in_use

_MONTHS_OF_A_YEAR = 12


def _codes(case: Case) -> frozenset[str]:
    return frozenset(case.order.billing_codes)


def _cited(case: Case) -> list[Evidence]:
    return [Evidence(case.order.reference, case.order.label)]


@criterion("IV.E", "Ordered as {pump_codes}", "pump_codes")
def covered_code(case: Case) -> Finding:
    """The order's HCPCS code. An order in words alone is asked for its code; another code of an insulin pump stands
    against it, since claims for it are denied."""
    right, ordered = frozenset(case.parameters["pump_codes"]), _codes(case)
    name = listed(sorted(right), "or")
    if ordered & right:
        return met(f"Ordered as {listed(sorted(ordered & right))}", Basis.DOCUMENTED, _cited(case))
    if not ordered or not case.order.coded:
        words = f"The order names no HCPCS code ({case.order.label})"
        return unknown(Gap.INCOMPLETE, words, f"Put {name} on the order", _cited(case))
    words = f"Ordered as {listed(sorted(ordered))}; Medicare covers an insulin pump as {name} only"
    return not_met(words, Basis.DOCUMENTED, _cited(case))


@criterion("IV.S.1", "Supplies ordered as {supply_codes}", "supply_codes", "wrong_supply_codes")
def supply_codes(case: Case) -> Finding:
    """The order's HCPCS codes: {supply_codes} are right, {wrong_supply_codes} are not. Any other is for a reviewer."""
    right, wrong = (frozenset(case.parameters[name]) for name in ("supply_codes", "wrong_supply_codes"))
    ordered, name = _codes(case), listed(sorted(right))
    if ordered & wrong:
        words = f"{listed(sorted(ordered & wrong))} is not a code for the supplies of an insulin pump under Medicare"
        return not_met(words, Basis.DOCUMENTED, _cited(case))
    if ordered & right:
        return met(f"Ordered as {listed(sorted(ordered & right))}", Basis.DOCUMENTED, _cited(case))
    words = f"Ordered as {listed(sorted(ordered)) if ordered else case.order.label}: a reviewer has to look at the code"
    return unknown(Gap.NEEDS_REVIEW, words, f"Put {name} on the order", _cited(case))


@criterion("IV.S.2", "Pump in use")
def pump_in_use(case: Case) -> Finding:
    """A pump on file that is in use documents it; insulin given through a pump, or a pump that only words name,
    supports it. Whether Medicare covers that pump is not checked again."""
    pumps = pumps_in_use(case)
    if pumps:
        since = f" since {day_text(pumps[0].when)}" if pumps[0].when else ""
        return met(f"{pumps[0].label}{since}", Basis.DOCUMENTED, map(cite, pumps))
    signs = pump_signs(case)
    if signs:
        return met(f"A pump seems to be in use ({signs[0].value})", Basis.SUPPORTED, signs)
    finding = unknown(Gap.NOT_DOCUMENTED, "No insulin pump in use is on file", "Add the pump to the patient's devices")
    return case.guarded(finding, ChartSection.DEVICES)


@exclusion("IV.X.1", "Disposable pump", "disposable_codes")
def disposable(case: Case) -> Finding:
    """The order's own code says so. A tubeless pump by its product name or NDC is one of pods that are thrown away: a
    reviewer has to say, since some are ordered under another benefit."""
    ordered, codes = _codes(case), frozenset(case.parameters["disposable_codes"])
    if ordered & codes:
        words = (
            f"{listed(sorted(ordered & codes))} is a disposable pump, which Medicare covers under no equipment benefit"
        )
        return met(words, Basis.DOCUMENTED, _cited(case))
    pump = frozenset(case.parameters["pump_codes"])
    if Concept.INSULIN_PUMP_PRODUCT in case.order.concepts | case.order.review and not ordered & pump:
        words = f"The order names a tubeless pump ({case.order.label}): pods are disposable"
        return unknown(Gap.NEEDS_REVIEW, words, "Put the HCPCS code of the pump on the order", _cited(case))
    return not_met("The order is not for a disposable pump", Basis.DOCUMENTED, _cited(case))


implanted = implanted_device.excluding().at("IV.X.2", "Implanted pump")


@exclusion("IV.X.3", "Replacement before the end of the pump's useful life", "useful_life_years")
def replaced_too_early(case: Case) -> Finding:
    """Only of an order that says that it replaces a pump. A pump in use for {useful_life_years:years} or longer is
    replaced without more; a younger one, or one of unknown age, when it is lost, stolen or damaged beyond repair, which
    a reviewer has to see. The rule was not read in the original: it never excludes by itself."""
    sign = case.order.replacement_sign or case.order.unsure_replacement_sign
    if sign is None and case.order.scope is not Scope.REPAIR:
        return not_met("The order does not replace a pump", Basis.DOCUMENTED, _cited(case))
    years, pumps = case.parameters["useful_life_years"], pumps_in_use(case)
    starts = [record.when.last for record in pumps if record.when is not None]
    if starts and months_after(min(starts), years * _MONTHS_OF_A_YEAR) <= case.as_of:
        words = f"The pump is in use since {day_text(min(starts))}, {years} years or longer"
        return not_met(words, Basis.DOCUMENTED, map(cite, pumps))
    age = f"in use since {day_text(min(starts))}" if starts else "of unknown age"
    reasons = _reasons(case.order.replacement_reasons)
    replaces = "replaces" if case.order.replacement_sign or case.order.scope is Scope.REPAIR else "seems to replace"
    words = f"The order {replaces} a pump {age}{reasons}: before {years} years Medicare asks why"
    closes = f"State the reason (lost, stolen, damaged beyond repair), or that the pump is {years} years old"
    return unknown(Gap.NEEDS_REVIEW, words, closes, [*_cited(case), *map(cite, pumps)])


def _reasons(reasons: Sequence[str]) -> str:
    return f" ({listed(reasons)})" if reasons else ""
