"""Rules on the inner shape of single parts of coverage-information: details, codings, references and forms."""

import re
from collections.abc import Iterator
from typing import Any

from tests.conformance.crd import information as table
from tests.conformance.crd.calls import local
from tests.conformance.crd.information import among, values
from tests.conformance.rulebook import Finding, Spot, as_list, is_absolute_uri, is_text, rule

DETAIL_PARTS = {"category": "valueCode", "code": "valueCodeableConcept", "qualification": "valueString"}
LOCAL = re.compile(r"([A-Z]\w+)/[A-Za-z0-9._-]+")


def _named(parts: Any) -> dict[str, dict[str, Any]]:
    return {str(part.get("url")): part for part in as_list(parts) if isinstance(part, dict)}


@rule(203, "crd-information")
def details_complete(spot: Spot) -> Iterator[Finding]:
    """A detail has one code and one value of the version's kinds, and from 2.2 on one category."""
    version = spot.given["version"]
    kinds = table.DETAIL_VALUES | ({"valueUrl"} if version != "2.0.1" else set())
    for parts in values(spot.value, "detail"):
        named = _named(parts)
        has_category = among(named.get("category", {}).get("valueCode"), table.DETAIL_CATEGORIES)
        if (version == "2.2") != has_category:
            yield "extension.detail", "a category is required from 2.2 on, and unknown before"
        if not isinstance(named.get("code", {}).get("valueCodeableConcept"), dict):
            yield "extension.detail", "must have a code"
        if not kinds & named.get("value", {}).keys():
            yield "extension.detail", "must have a value of a kind that the version knows"


@rule(203, "crd-information")
def details_hold_nothing_else(spot: Spot) -> Iterator[Finding]:
    """A detail has no parts of its own, none twice, and each with one value of its kind."""
    for parts in values(spot.value, "detail"):
        named = _named(parts)
        if len(named) != len(as_list(parts)):
            yield "extension.detail", "has a part twice"
        quantity = named.get("value", {}).get("valueQuantity")
        if isinstance(quantity, dict) and "comparator" in quantity:
            yield "extension.detail", "is a quantity as such, not one to compare with"
        for name, part in named.items():
            kind = DETAIL_PARTS.get(name)
            if kind is None and name != "value":
                yield "extension.detail", f"{name} is no part of a detail"
            elif len(part) != 2 or (kind and kind not in part):
                yield "extension.detail", f"{name} must have one value of its kind"


@rule(203, "crd-information")
def detail_codes_of_the_version(spot: Spot) -> Iterator[Finding]:
    """Of the guide's detail codes only the version's, each in its category and with its kind of value."""
    version = spot.given["version"]
    for parts in values(spot.value, "detail"):
        named = _named(parts)
        for system, code in _own_codes(named.get("code", {}).get("valueCodeableConcept")):
            if system not in table.DETAIL_SYSTEMS[version] or code not in table.DETAIL_CODES[version]:
                yield "extension.detail", f"{code} in {system} is no detail of this version"
                continue
            category, kind = table.DETAIL_CODES[version][code]
            if kind not in named.get("value", {}):
                yield "extension.detail", f"{code} has a {kind}"
            if version == "2.2" and category and named.get("category", {}).get("valueCode") != category:
                yield "extension.detail", f"{code} is a {category}"


def _own_codes(concept: Any) -> list[tuple[str, str]]:
    """The codings of a concept in the guide's own systems."""
    codings = as_list(concept.get("coding")) if isinstance(concept, dict) else []
    own = [c for c in codings if isinstance(c, dict) and among(c.get("system"), table.DETAIL_SYSTEMS["2.2"])]
    return [(coding["system"], str(coding.get("code"))) for coding in own]


@rule(203, "crd-information")
def billing_codes_complete(spot: Spot) -> Iterator[Finding]:
    """A billing code is a code in a system."""
    for coding in values(spot.value, "billingCode"):
        whole = isinstance(coding, dict) and is_absolute_uri(coding.get("system")) and is_text(coding.get("code"))
        if not whole:
            yield "extension.billingCode", "must have system and code"


@rule(203, "crd-information")
def dependencies_on_orders(spot: Spot) -> Iterator[Finding]:
    """What an assertion depends on is an order or appointment of the client."""
    for reference in values(spot.value, "dependency"):
        named = LOCAL.fullmatch(local(reference, spot.given["server"]))
        if named is None or named[1] not in table.DEPENDENCIES[spot.given["version"]]:
            yield "extension.dependency", "must refer to an order or appointment of a kind that the version knows"


@rule(203, "crd-information")
def forms_named_in_full(spot: Spot) -> Iterator[Finding]:
    """A questionnaire is named by its whole canonical, so that the form filler finds it."""
    for canonical in values(spot.value, "questionnaire"):
        if not is_absolute_uri(canonical):
            yield "extension.questionnaire", "must be an absolute canonical"
