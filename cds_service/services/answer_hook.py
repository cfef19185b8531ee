"""Answers a hook call: request bytes → hook message → facts → assessments → cards and system actions."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from cds_service.engine.determination import Determination
from cds_service.errors import BadRequest, NotJson, Unprocessable
from cds_service.facts import DeviceOrder
from cds_service.hooks.cards import AppLink, CardWriter
from cds_service.hooks.configuration import COVERAGE_INFO, UNSOLICITED, configuration_in, requested_version
from cds_service.hooks.crd_cards import CrdCardWriter, limited
from cds_service.hooks.determinations import as_json, assertion_id, evidence_references
from cds_service.hooks.discovery import HookService
from cds_service.hooks.messages import extension_in, names_server, read_root, request_in
from cds_service.hooks.system_actions import system_actions
from cds_service.policies.registry import policies_in_use
from cds_service.services.app_links import AppLinks, BundleEntries
from cds_service.services.assert_coverage import AssertionContext, assertion_for
from cds_service.services.assess_orders import assess
from cds_service.services.call import Call
from cds_service.services.chart_source import ChartSourceFactory
from cds_service.services.covered_orders import CoveredOrder, covered_order
from cds_service.services.member_roster import Roster
from cds_service.services.read_inputs import CallInputs, read_inputs
from cds_service.settings import Settings
from fhir_mappings.common.cpu_budget import cpu_budget
from fhir_mappings.json.search_result import SearchNote
from fhir_mappings.orders.order_reader import order_codes
from fhir_mappings.output.crd_versions import V2_2, CrdVersion, version_named

# Of computing time: of any call, and for each MB that it brings along. An honest MB takes 20 ms.
_SECONDS, _SECONDS_A_MB = 1.0, 0.5
EXTENSION = "com.insulin-pump-cds.determinations"


@dataclass(frozen=True, slots=True)
class Answered:
    """An answered call. `root`: the members of the request; `searches`: what a FHIR server was asked."""

    call: Call
    root: dict[str, msgspec.Raw]
    response: dict[str, Any]
    searches: tuple[SearchNote, ...]


def answer(
    body: bytes,
    service: HookService,
    settings: Settings,
    now: datetime,
    open_source: ChartSourceFactory | None,
    *,
    roster: Roster | None = None,
    default_version: CrdVersion | None = None,
) -> dict[str, Any]:
    """The whole response of a hook call; see `answer_call`."""
    return answer_call(
        body, service, settings, now, open_source, roster=roster, default_version=default_version
    ).response


def answer_call(
    body: bytes,
    service: HookService,
    settings: Settings,
    now: datetime,
    open_source: ChartSourceFactory | None,
    *,
    roster: Roster | None = None,
    default_version: CrdVersion | None = None,
    app_links: AppLinks | None = None,
) -> Answered:
    """A hook call, answered. `now` is an aware time; `open_source` None never leaves the machine.

    `roster`: the plan's members, None when it gives no list. `default_version`: of CRD, for a client that asks for
    none; None takes the setting's. `app_links`: of cards to the documentation page, None where there is no page.
    """
    began = time.monotonic()
    root = read_root(body)
    with cpu_budget(_budget(len(body), settings, live=open_source is not None and names_server(root))):
        return _answered(root, service, settings, now, open_source, roster, default_version, app_links, began)


def _budget(size: int, settings: Settings, *, live: bool) -> float:
    """Seconds of computing time: where nothing is fetched they go by the size of the body."""
    return settings.max_cpu_seconds if live else min(settings.max_cpu_seconds, _SECONDS + size / 1e6 * _SECONDS_A_MB)


def _answered(
    root: dict[str, msgspec.Raw],
    service: HookService,
    settings: Settings,
    now: datetime,
    open_source: ChartSourceFactory | None,
    roster: Roster | None,
    default_version: CrdVersion | None,
    app_links: AppLinks | None,
    began: float,
) -> Answered:
    extension = extension_in(root)
    version = _version(extension, service, default_version or version_named(settings.crd_version))
    with _crd_statuses(version if service.crd else None):
        request = request_in(root, service.hook)
        policies = policies_in_use(settings.policies)
        call = Call(request, service, settings, now, version, configuration_in(extension), roster, policies)
        inputs = read_inputs(call, open_source, began)
        return Answered(call, root, _response(call, inputs, app_links), inputs.searches)


def _version(extension: dict[str, Any], service: HookService, default: CrdVersion | None) -> CrdVersion:
    """The CRD version to answer in; a plain client that asks for an unknown one gets the default."""
    fallback = default or V2_2
    try:
        return requested_version(extension, fallback)
    except Unprocessable:
        if service.crd:
            raise
        return fallback


@contextmanager
def _crd_statuses(version: CrdVersion | None) -> Iterator[None]:
    """Raise a client's errors with the HTTP status that this version of the CRD guide asks for."""
    try:
        yield
    except BadRequest as error:
        if version is None or isinstance(error, NotJson) or error.status != 400 or version.invalid_status == 400:
            raise
        raise Unprocessable(error.message, error.field, error.code) from None


def _response(call: Call, inputs: CallInputs, app_links: AppLinks | None) -> dict[str, Any]:
    days = call.days(inputs.reader)
    assessments = assess(
        inputs.orders,
        inputs.chart,
        days,
        call.policies,
        chosen=inputs.chosen,
        overrides=call.settings.overrides(),
        members=call.roster,
    )
    orders = [covered_order(call, inputs, each, first=not at) for at, each in enumerate(assessments)]
    response: dict[str, Any] = {
        "cards": limited(list(_cards(call, inputs, orders, days[0], app_links)), call.configuration),
        "systemActions": _actions(call, inputs, orders, days[0]),
    }
    if orders:
        determinations = [order.assessment.determination for order in orders]
        references = {r for determination in determinations for r in evidence_references(determination)}
        origins = inputs.reader.origins(references)
        patient = call.request.patient_id
        searches = [search.text for search in inputs.searches]
        found = [as_json(determination, patient, origins, searches) for determination in determinations]
        response["extension"] = {EXTENSION: found}
    return response


def _cards(
    call: Call, inputs: CallInputs, orders: Sequence[CoveredOrder], today: date, app_links: AppLinks | None
) -> Iterator[dict[str, Any]]:
    """The cards: full ones for a plain service, for a CRD service what its coverage-information does not say."""
    request, ordered = call.request, order_codes(inputs.drafts.values())
    url = call.settings.public_url
    if call.service.crd:
        crd = CrdCardWriter(url, request.patient_id, request.user_id, call.version, call.configuration, ordered)
        for order in orders:
            yield from crd.cards(order.assessment, inputs.chart, today)
    elif call.configuration.on(COVERAGE_INFO):
        app_link = _app_link(call, inputs, app_links)
        writer = CardWriter(url, request.patient_id, request.user_id, ordered, app_link)
        for order in orders:
            card = writer.card(order.assessment, inputs.chart, today)
            if card is not None:
                yield card


def _app_link(call: Call, inputs: CallInputs, app_links: AppLinks | None) -> AppLink:
    """The function that makes a card's link to the documentation page."""
    entries = BundleEntries(call.request.entries)

    def link(order: DeviceOrder, determination: Determination) -> dict[str, Any] | None:
        if app_links is None:
            return None
        patient = call.request.patient_id
        draft = inputs.drafts[order.reference]
        identity = assertion_id(order.reference, patient, determination.coverage_reference)
        return app_links.link(draft, entries, patient, identity, call.fhir_server, determination.policy_id)

    return link


def _actions(call: Call, inputs: CallInputs, orders: Sequence[CoveredOrder], today: date) -> list[dict[str, Any]]:
    if not call.configuration.on(COVERAGE_INFO):
        return []
    context = AssertionContext(
        call.settings,
        call.request.patient_id,
        call.fhir_server,
        today,
        primary=call.service.primary,
        unsolicited=call.configuration.on(UNSOLICITED),
        answers_all=call.service.crd,
        unread=frozenset((*inputs.chart.unread, *inputs.chart.partial)),
    )
    assertions = []
    for order in orders:
        assertion = assertion_for(order.assessment, context) if order.accepts_extension else None
        if assertion is not None:
            assertions.append((assertion, order.assessment))
    raw = {reference: draft.raw for reference, draft in inputs.drafts.items()}
    return system_actions(assertions, raw, call.version, call.fhir_server)
