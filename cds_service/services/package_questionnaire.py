"""DTR's $questionnaire-package: the questionnaires for an order, only what its gaps need required."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import msgspec

from cds_service.engine.open_questions import required_answers
from cds_service.engine.policy import Policy, PolicyOnDay
from cds_service.engine.questionnaire_version import day_of_version
from cds_service.errors import BadRequest, NotFound, TooLarge
from cds_service.hooks.determinations import assertion_id
from cds_service.policies.registry import policies_in_use
from cds_service.services.policies_today import today_of
from cds_service.services.policy_of_coverage import patient_references, policies_for
from cds_service.settings import Settings
from fhir_mappings.chart.attestations import questionnaire_id
from fhir_mappings.json.edge_numbers import DecodeError
from fhir_mappings.json.syntax_error import syntax_error
from fhir_mappings.output.questionnaire_responses import draft_response
from fhir_mappings.output.questionnaires import package

JSON = dict[str, Any]
# The determination behind an assertion id, as its JSON; None when none is known.
FindDetermination = Callable[[str], JSON | None]
_FIELD = "Parameters.parameter"
# Each is looked up.
_MOST_ASSERTIONS = 200


@dataclass(frozen=True, slots=True)
class _PackageRequest:
    """What a DTR client sent: canonicals of questionnaires, ids of assertions, orders and coverages."""

    canonicals: tuple[str, ...]
    contexts: tuple[str, ...]
    orders: tuple[JSON, ...]
    coverages: tuple[JSON, ...]


def questionnaire_package(
    body: bytes, settings: Settings, find_determination: FindDetermination, now: datetime | None = None
) -> JSON:
    """The Parameters that answer a DTR client: by questionnaire, by order and coverage, or by context.

    `context` is a coverage-assertion-id. `now`: an aware time, None for the present. One PackageBundle for each
    questionnaire; it reads as on the day of its determination, else in the version that is named, else as of now.
    BadRequest when nothing says which is wanted, NotFound for a questionnaire that is not served here.
    """
    request = _read_request(body)
    now = now or datetime.now(UTC)
    policies = policies_in_use(settings.policies)
    named = _policies_named(request.canonicals, policies)
    determinations = _determinations(request, find_determination, policies)
    if request.contexts and not any(determinations.values()):
        raise NotFound("no assertion of this id is known: send the order with its coverage, or the questionnaire")
    today = today_of(settings, now)
    asked_about = [policy for policy in policies if determinations[policy.id]]
    chosen = named or asked_about or policies_for(request.orders, request.coverages, today, settings)
    packages = [_package(request, policy, determinations[policy.id], today, now, settings) for policy in chosen]
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": "PackageBundle", "resource": each} for each in packages],
    }


def _package(
    request: _PackageRequest,
    policy: Policy,
    determinations: Sequence[JSON],
    today: date,
    now: datetime,
    settings: Settings,
) -> JSON:
    """The package of a policy's questionnaire as it reads on the day of the newest order, else in the named version."""
    days = [date.fromisoformat(determination["asOf"]) for determination in determinations]
    day = max(days, default=_day_of_named_version(request.canonicals, policy) or today)
    in_force = policy.on(day, settings.overrides())
    required = required_answers(_open_sections(determinations, in_force), in_force) if determinations else None
    draft = _draft(request, in_force, settings.public_url, now)
    return package(in_force, settings.public_url, required, draft)


# ---------------------------------------------------------------- what was asked


def _read_request(body: bytes) -> _PackageRequest:
    parameters = list(_parameters(body))
    request = _PackageRequest(
        canonicals=tuple(v for name, v in parameters if name == "questionnaire" and isinstance(v, str)),
        contexts=tuple(v for name, v in parameters if name == "context" and isinstance(v, str)),
        orders=tuple(v for name, v in parameters if name == "order" and isinstance(v, dict)),
        coverages=tuple(v for name, v in parameters if name == "coverage" and isinstance(v, dict)),
    )
    if not request.canonicals and not request.contexts and not request.orders:
        raise BadRequest(f"{_FIELD} needs a questionnaire, an order or a context", _FIELD, "required")
    orders, coverages = len(request.orders), len(request.coverages)
    if max(len(request.contexts), orders, coverages, orders * coverages) > _MOST_ASSERTIONS:
        message = f"{_FIELD} names more than {_MOST_ASSERTIONS} contexts, or orders under coverages: ask in parts"
        raise TooLarge(message, _FIELD)
    return request


def _parameters(body: bytes) -> Iterator[tuple[str, Any]]:
    try:
        resource = msgspec.json.decode(body)
    except DecodeError as error:
        where = syntax_error(body, error)
        raise BadRequest(f"the body is no JSON ({where}): send a FHIR Parameters resource", code="structure") from None
    if not isinstance(resource, dict) or resource.get("resourceType") != "Parameters":
        raise BadRequest("the body must be a FHIR Parameters resource", "Parameters", "structure")
    parameters = resource.get("parameter", [])
    if not isinstance(parameters, list):
        raise BadRequest(f"{_FIELD} must be a list", _FIELD)
    for parameter in parameters:
        if isinstance(parameter, dict) and isinstance(parameter.get("name"), str):
            value = next((v for k, v in parameter.items() if k == "resource" or k.startswith("value")), None)
            yield parameter["name"], value


def _policies_named(canonicals: Sequence[str], policies: Sequence[Policy]) -> list[Policy]:
    ids = {questionnaire_id(canonical) for canonical in canonicals}
    if ids - {policy.questionnaire.id for policy in policies}:
        raise NotFound("this questionnaire is not served here: /fhir/metadata names what is")
    return [policy for policy in policies if policy.questionnaire.id in ids]


def _day_of_named_version(canonicals: Sequence[str], policy: Policy) -> date | None:
    """The first day of the version that a canonical names; None where none names a version that there is."""
    named = [canonical for canonical in canonicals if questionnaire_id(canonical) == policy.questionnaire.id]
    days = (day_of_version(policy, canonical.partition("|")[2]) for canonical in named)
    return max((day for day in days if day is not None), default=None)


# ---------------------------------------------------------------- what is known of the orders


def _determinations(
    request: _PackageRequest, find_determination: FindDetermination, policies: Sequence[Policy]
) -> Mapping[str, list[JSON]]:
    """The determinations that are known of the orders, by the id of the policy that each was made under."""
    by_policy: dict[str, list[JSON]] = {policy.id: [] for policy in policies}
    for identity in (*request.contexts, *_assertions(request)):
        determination = find_determination(identity)
        if determination is not None and determination["policy"]["id"] in by_policy:
            by_policy[determination["policy"]["id"]].append(determination)
    return by_policy


def _assertions(request: _PackageRequest) -> Iterator[str]:
    """Ids of the assertions about these orders under these coverages."""
    for order in request.orders:
        subject = order.get("subject")
        reference = subject.get("reference") if isinstance(subject, dict) else None
        patient = reference.rsplit("/", 1)[-1] if isinstance(reference, str) else ""
        for coverage in request.coverages:
            yield assertion_id(_reference_to(order), patient, _reference_to(coverage))


def _open_sections(determinations: Sequence[JSON], policy: PolicyOnDay) -> Iterator[str]:
    """Sections that are not closed, on the path that the order takes."""
    replacement = policy.policy.replacement
    required = {rule.section for rule in replacement.required} if replacement is not None else set()
    for determination in determinations:
        replaces = determination.get("path") == "replacement"
        own = [f for f in determination.get("replacement", ()) if replaces and f["id"] in required]
        for finding in own or determination.get("criteria", ()):
            if finding["truth"] != "met":
                yield finding["id"]


# ---------------------------------------------------------------- the response to begin with


def _draft(request: _PackageRequest, policy: PolicyOnDay, public_url: str, now: datetime) -> JSON | None:
    """The response to begin with, as DTR asks for it; None where neither order nor coverage says whose it would be."""
    patients = patient_references(request.orders, request.coverages)
    about = [_reference_to(r) for r in (*request.orders, *request.coverages) if isinstance(r.get("id"), str)]
    if not patients or not about:
        return None
    return draft_response(policy, public_url, str(uuid4()), patients[0], now, about)


def _reference_to(resource: JSON) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"
