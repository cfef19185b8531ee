"""Checks what a Da Vinci CRD server sends, version by version, from the guide's words alone.

`check_crd_response`, `check_crd_discovery`, `check_legacy_discovery` and `check_crd_error` return the violations
found, those of plain CDS Hooks among them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.conformance.checker import check_discovery, check_error, check_response
from tests.conformance.crd import (  # noqa: F401 (importing a module registers its rules)
    card_rules,
    discovery_rules,
    information_rules,
    part_rules,
    repetition_rules,
    token_rules,
)
from tests.conformance.crd.calls import coverages_of, orders_of
from tests.conformance.crd.information import assertions
from tests.conformance.crd.kit import kit_findings
from tests.conformance.crd.token_rules import is_standard
from tests.conformance.error_rules import strings
from tests.conformance.rulebook import Spot, Violation, apply

__all__ = ["check_crd_discovery", "check_crd_error", "check_crd_response", "check_legacy_discovery", "kit_findings"]

JSON = dict[str, Any]
_CONTEXT_FIELDS = 36


def check_crd_response(
    body: object,
    request: JSON,
    *,
    version: str,
    hook: str,
    configuration: Mapping[str, Any] | None = None,
    orders: Mapping[str, JSON] | None = None,
    issues_numbers: bool = True,
) -> list[Violation]:
    """Check a 200 answer of a CRD service.

    `version` is 2.0.1, 2.1 or 2.2; `configuration` what the client switched; `orders` those of order-dispatch by
    reference, as they were on the client (without them, as the prefetch has them); `issues_numbers` whether the
    server gives out authorization numbers at all.
    """
    found = check_response(body, request)
    known = orders_of(request) | dict(orders or {})
    given = {"version": version, "hook": hook, "configuration": dict(configuration or {}), "orders": known}
    server = request.get("fhirServer") if isinstance(request, dict) else None
    given |= {"coverages": coverages_of(request), "server": server, "issues_numbers": issues_numbers}
    response = Spot(body, "$", given)
    found += apply("crd-response", response)
    for card in response.items("cards"):
        found += apply("crd-card", card)
    for action in response.items("systemActions"):
        found += _check_action(action, given, known)
    return found


def _check_action(action: Spot, given: JSON, known: Mapping[str, JSON]) -> list[Violation]:
    resource = action.get("resource")
    named = f"{resource.get('resourceType')}/{resource.get('id')}" if isinstance(resource, dict) else ""
    found = apply("crd-action", Spot(action.value, action.where, given | {"order": known.get(named) or None}))
    # What was there before is another payer's word, in that payer's version.
    there = assertions(known.get(named))
    for index, each in enumerate(each for each in assertions(resource) if each not in there):
        found += apply("crd-information", Spot(each, f"{action.where}.resource.information[{index}]", given))
    return found


def check_crd_discovery(body: object) -> list[Violation]:
    """Check the discovery document, the CRD services' part of it by the guide's rules."""
    printed = {t.where for t in _templates(body) if is_standard(t.parent, t.given["key"], t.value)}
    # What the guide prints is taken as it is, though it names a field at order-dispatch that the hook has not.
    plain = [each for each in check_discovery(body) if each.requirement != _CONTEXT_FIELDS or each.where not in printed]
    tokens = [each for template in _templates(body) for each in apply("crd-template", template)]
    return plain + [each for each in tokens if each not in plain] + _check_services(body)


def check_legacy_discovery(body: object) -> list[Violation]:
    """Check the document for clients of CDS Hooks 2.0: CRD services only, whose templates such clients can fill."""
    found = check_discovery(body, legacy=True) + apply("crd-discovery", Spot(body, "$"))
    for service in Spot(body, "$").items("services"):
        found += apply("crd-service", service)
    return found


def _crd_services(body: object) -> list[Spot]:
    return [each for each in Spot(body, "$").items("services") if str(each.get("id")).startswith("crd-")]


def _templates(body: object) -> list[Spot]:
    """Every template of the CRD services."""
    return [
        Spot(template, f"{prefetch.where}.{key}", {"key": key}, service.value)
        for service in _crd_services(body)
        for prefetch in service.member("prefetch")
        for key, template in prefetch.value.items()
        if isinstance(template, str)
    ]


def _check_services(body: object) -> list[Violation]:
    found = apply("crd-discovery", Spot(body, "$"))
    for service in _crd_services(body):
        found += apply("crd-service", service) + apply("crd-standard", service)
    return found


def check_crd_error(status: int, content_type: str, body: object, secrets: Sequence[str] = ()) -> list[Violation]:
    """Check an answer that is not a 2xx; none of the secrets may stand in it, whatever their case."""
    told = "\n".join(strings(body)).casefold()
    leaks = [
        Violation(111, "$", "gives away what stood in the request")
        for secret in secrets
        if secret and secret.casefold() in told
    ]
    return check_error(status, content_type, body) + leaks
