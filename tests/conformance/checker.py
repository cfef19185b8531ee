"""Checks the answers of a CDS service against the numbered conformance checklist.

`check_discovery`, `check_response` and `check_error` each return the violations found, none for a good
answer. `REQUIREMENTS` maps every requirement number that is covered to the names of its rules.
"""

from typing import Any

from tests.conformance import (  # noqa: F401 (importing a module registers its rules)
    action_rules,
    card_rules,
    choice_rules,
    discovery_rules,
    error_rules,
    extension_rules,
    template_rules,
)
from tests.conformance.rulebook import REQUIREMENTS, Spot, Violation, apply

__all__ = ["REQUIREMENTS", "Violation", "check_discovery", "check_error", "check_response"]


_TOKENS_OF_2_0 = 37


def check_discovery(body: object, *, legacy: bool = False) -> list[Violation]:
    """Check a discovery document and the prefetch templates of its services.

    Templates of CRD services may walk into the context, which CDS Hooks allows since 2.0; not in a `legacy` document.
    """
    document = Spot(body, "$")
    found = apply("discovery", document)
    for service in document.items("services"):
        found += apply("service", service)
        for prefetch in service.member("prefetch"):
            for key, template in prefetch.value.items():
                if isinstance(template, str):
                    where = f"{prefetch.where}.{key}"
                    faults = apply("template", Spot(template, where, {"key": key}, service.value))
                    walks = str(service.get("id")).startswith("crd-") and not legacy
                    found += [fault for fault in faults if not (walks and fault.requirement == _TOKENS_OF_2_0)]
    return found


def check_response(body: object, request: dict[str, Any]) -> list[Violation]:
    """Check a 200 answer to a hook call, given the request it answers."""
    response = Spot(body, "$", request)
    found = apply("response", response)
    for card in response.items("cards"):
        found += _check_card(card)
    for action in response.items("systemActions"):
        found += apply("action", action)
    return found


def _check_card(card: Spot) -> list[Violation]:
    found = apply("card", card)
    for source in card.member("source"):
        found += apply("source", source)
    for link in card.items("links"):
        found += apply("link", link)
    for suggestion in card.items("suggestions"):
        found += apply("suggestion", suggestion)
        for action in suggestion.items("actions"):
            found += apply("action", action)
    return found


def check_error(status: int, content_type: str, body: object) -> list[Violation]:
    """Check an answer that is not a 2xx, given its status, its content type and its parsed body."""
    return apply("error", Spot(body, "$", {"status": status, "contentType": content_type}))
