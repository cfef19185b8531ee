"""Coverage → payer names, identifiers, plan and product, as the match with a policy needs them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cds_service.concepts import Product
from cds_service.facts import Coverage, When
from cds_service.payers.identify import PLAN_ID
from fhir_mappings.chart.context import ChartContext, own_resources
from fhir_mappings.chart.payer_types import pays_second, products_of, products_of_member_numbers, repeats_a_code
from fhir_mappings.common import terminology
from fhir_mappings.common.datatypes import Identifier, Period, Reference
from fhir_mappings.common.free_text import cut
from fhir_mappings.common.references import local
from fhir_mappings.json.administrative_views import Coverage as FhirCoverage
from fhir_mappings.json.administrative_views import Organization
from fhir_mappings.json.fhir_json import plain

# Classes that name whom the plan was bought for, and not the plan.
_GROUPS = ("group", "subgroup")
_SELF_PAY = re.compile(r"\b(?:self[ _-]?pay|private[ _-]pay|uninsured|no insurance)\b", re.IGNORECASE)


_NONE: frozenset[str] = frozenset()
_YEARS_WITHOUT_DATE = ("0001", "9999")


def read_coverages(coverages: Iterable[tuple[FhirCoverage, str | None]], context: ChartContext) -> list[Coverage]:
    """The member's insurances, each with its payer's names and identifiers and the plan's ids and words.

    Drafts, what was entered in error, other people's and the patient's own payment are set aside, and noted.
    """
    found = []
    for coverage, name in own_resources(context, coverages, lambda c: c.beneficiary):
        status = (coverage.status or "").strip().lower()
        if status in ("draft", "entered-in-error"):
            context.add_repeated_note(name, f"was set aside: its status is {status}")
            continue
        read = _read_coverage(coverage, status, name, context)
        if _is_self_pay(coverage, read):
            context.add_repeated_note(name, "was set aside: the patient pays, no insurance does")
            continue
        found.append(read)
    return found


def _read_coverage(coverage: FhirCoverage, status: str, name: str, context: ChartContext) -> Coverage:
    payers = [_payer(payor, coverage, context) for payor in coverage.payor or ()]
    plans, others = _texts(coverage)
    period, unread = _period(coverage.period, name, context)
    nobody_named = not (plans or others or any(names or ids for names, ids, _ in payers))
    return Coverage(
        reference=name,
        status=status,
        period=period,
        period_unread=unread,
        order=_order(coverage.order),
        payer_identifiers=frozenset(i.value for _, ids, _ in payers for i in ids if i.value) or _NONE,
        payer_names=tuple(cut(text) for names, _, _ in payers for text in names),
        plan_ids=tuple(cut(c.value) for c in coverage.class_ or () if c.value),
        plan_texts=tuple(map(cut, plans)),
        other_texts=tuple(map(cut, others)),
        products=products_of(coverage.type) or (_by_member_number(coverage) if nobody_named else frozenset()),
        member_ids=frozenset(_member_ids(coverage)) or _NONE,
        payer_unread=any(unread for _, _, unread in payers),
        nameable=" " not in name,
        pays_second=pays_second(coverage.type),
    )


def _by_member_number(coverage: FhirCoverage) -> frozenset[Product]:
    """The product whose member number stands on a coverage that names neither payer nor plan."""
    identifiers = plain(coverage.identifier)
    each = [i for i in identifiers if isinstance(i, dict)] if isinstance(identifiers, list) else []
    return products_of_member_numbers(i["system"] for i in each if isinstance(i.get("system"), str))


def _period(period: Period | None, name: str, context: ChartContext) -> tuple[tuple[When | None, When | None], bool]:
    """First and last day, and whether one of them cannot be read.

    Year 1 and year 9999 are how systems write that there is no date; the calendar reads neither.
    """
    found: list[When | None] = []
    unread = False
    for text in (period.start, period.end) if period is not None else (None, None):
        when = context.calendar.when(text)
        if text and text[:4] in _YEARS_WITHOUT_DATE:
            context.add_repeated_note(name, f"has the date {text[:10]}, which stands for none")
        elif when is None and text:
            unread = True
        found.append(when)
    return (found[0], found[1]), unread


def _payer(payor: Reference, coverage: FhirCoverage, context: ChartContext) -> tuple[list[str], list[Identifier], bool]:
    """Names and identifiers of a payor, and whether there is more to know of it that could not be read."""
    organization = context.resolve(payor, Organization, coverage.contained)
    named = payor.identifier is not None or "Organization/" not in (payor.reference or "")
    names = [payor.display, *([organization.name, *(organization.alias or ())] if organization else ())]
    identifiers = [payor.identifier, *((organization.identifier or ()) if organization else ())]
    return [n for n in names if n], [i for i in identifiers if i], organization is None and not named


def _texts(coverage: FhirCoverage) -> tuple[list[str], list[str]]:
    """Words of the plan; words of the group and of the type."""
    plans: list[str] = []
    others: list[str] = []
    for group in coverage.class_ or ():
        kinds = {(c.code or "").strip().lower() for c in terminology.codings(group.type)} if group.type else set()
        kinds.add(((group.type.text if group.type else None) or "").strip().lower())
        (others if kinds & set(_GROUPS) else plans).extend(text for text in (group.name, group.value) if text)
    if coverage.type is not None:
        texts = (coverage.type.text, *(c.display for c in terminology.codings(coverage.type)))
        others += [text for text in texts if text and not repeats_a_code(coverage.type, text)]
    return plans, others


def _order(order: float | str | None) -> int | None:
    """The order of priority; a number sent as a string is that number."""
    try:
        return int(order) if order is not None and not isinstance(order, bool) else None
    except (ValueError, OverflowError):
        return None


def _is_self_pay(coverage: FhirCoverage, read: Coverage) -> bool:
    """Whether no insurance pays: by the type, by the words of type or payer, or since only persons pay and no plan."""
    if read.products:
        return read.products == {Product.SELF_PAY}
    kind = coverage.type
    words = [*read.payer_names, *((kind.text, *(c.display for c in kind.coding or ())) if kind else ())]
    if any(_SELF_PAY.search(cut(text)) for text in words if text):
        return True
    persons = [p for p in coverage.payor or () if re.search(r"\b(?:Patient|RelatedPerson)/", p.reference or "")]
    return bool(persons) and len(persons) == len(coverage.payor or ()) and not (read.plan_texts or read.payer_names)


def _member_ids(coverage: FhirCoverage) -> Iterator[str]:
    """Subscriber id and identifiers, whichever the EHR files the member's number under."""
    subscriber, identifiers = plain(coverage.subscriberId), plain(coverage.identifier)
    if isinstance(subscriber, str) and subscriber.strip():
        yield subscriber.strip()
    for identifier in identifiers if isinstance(identifiers, list) else ():
        value = identifier.get("value") if isinstance(identifier, dict) else None
        if isinstance(value, str) and value.strip():
            yield value.strip()


def references_in(insurances: Iterable[Reference], context: ChartContext) -> Iterator[str]:
    """The coverages that an order names as its insurance, as the chart names them."""
    for reference in insurances:
        coverage = context.resolve(reference, FhirCoverage)
        if coverage is not None and coverage.id:
            yield f"Coverage/{coverage.id}"
        elif reference.reference:
            yield local(reference.reference, context.fhir_server) or reference.reference


def state_of_plan(coverages: Iterable[FhirCoverage]) -> str | None:
    """The state in the first active HIOS-style plan id."""
    for coverage in coverages:
        for group in (coverage.class_ or ()) if (coverage.status or "").strip().lower() == "active" else ():
            shape = PLAN_ID.search(cut(group.value or "").upper())
            if shape:
                return shape["state"]
    return None
