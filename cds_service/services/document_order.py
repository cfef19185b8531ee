"""One order of a patient, judged for the documentation page: as it would be judged if it were signed now."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import msgspec

from cds_service.engine.determination import Determination
from cds_service.errors import BadRequest
from cds_service.facts import Chart, DeviceOrder, When
from cds_service.hooks.configuration import configuration_in
from cds_service.hooks.discovery import SERVICES
from cds_service.hooks.messages import FhirAccess, HookRequest
from cds_service.policies.mp_mm_1316.case import Case
from cds_service.policies.mp_mm_1316.documentation import Asked, Value, asked, prefilled
from cds_service.policies.registry import is_governed_kind, parameters_on
from cds_service.services.call import Call
from cds_service.services.judge_orders import judge_orders
from cds_service.services.member_roster import Roster
from cds_service.services.place_orders import placed
from cds_service.services.read_chart import OpenSource, Readers, Source, opened, read_chart
from cds_service.services.see_call import Seen
from cds_service.settings import Settings
from fhir_mappings.banner import Banner, banner_of, name_in
from fhir_mappings.chart import ChartReader
from fhir_mappings.crd_versions import V2_2
from fhir_mappings.orders import draft_orders
from fhir_mappings.raw_resources import raw_resources
from fhir_mappings.views import RawEntry

SERVICE = SERVICES["insulin-pump-order-sign"]
# Where pumps are ordered, and still open.
_SEARCHES = ("DeviceRequest", "ServiceRequest", "MedicationRequest")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be judged, for whom, and how the EHR is reached.

    `order`: its reference, None when it has to be found. `entries`: the order as it was when its card was made, with
    what it refers to, as entries of a Bundle, when they came along. `written`: references of statements that were just
    written, which a search may not find yet.
    """

    access: FhirAccess
    patient_id: str
    user_id: str | None
    order: str | None = None
    entries: tuple[RawEntry, ...] = ()
    written: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Documented:
    """What the page shows. `order` None: no order for a pump was found, and nothing is judged.

    `others`: references and labels of further pump orders that are open. `dated`: the order's own day, where that is
    not the day that it was judged at. `signer`: the name of who has signed in, where it could be read.
    """

    banner: Banner
    chart: Chart
    today: date
    order: DeviceOrder | None = None
    determination: Determination | None = None
    asked: Mapping[str, Asked] | None = None
    prefilled: Mapping[str, Value] | None = None
    parameters: Mapping[str, Any] | None = None
    others: tuple[tuple[str, str], ...] = ()
    dated: date | None = None
    signer: str = ""


def document_order(
    wanted: Wanted, settings: Settings, now: datetime, open_source: OpenSource, roster: Roster | None
) -> Documented:
    """Reads the order and the whole chart, and judges. `now`: an aware time."""
    began = time.monotonic()
    request = HookRequest(
        hook=SERVICE.hook,
        hook_instance=str(uuid4()),
        user_id=wanted.user_id,
        patient_id=wanted.patient_id,
        fhir=wanted.access,
    )
    source = opened(request, now, open_source, settings.page_seconds, began)
    if source is None:
        raise ValueError("the documentation page always has a FHIR server")
    try:
        entries = wanted.entries or _orders_on_server(source, wanted)
        request = replace(request, entries=tuple(entries))
        call = Call(request, SERVICE, settings, now, V2_2, configuration_in({}), roster)
        return _judged(call, wanted, source)
    finally:
        source.close()


def _orders_on_server(source: Source, wanted: Wanted) -> list[RawEntry]:
    """All orders of the patient that may be for a pump, the one that is asked for among them."""
    patient = quote(wanted.patient_id, safe="")
    urls = [f"{kind}?patient={patient}&_count=200" for kind in _SEARCHES]
    urls = [wanted.order, *urls] if wanted.order else urls
    source.read_references(urls)
    found = {name: raw for url in urls for name, raw in raw_resources(source.raw(url) or b"null")}
    entries = [RawEntry(resource=msgspec.Raw(raw)) for name, raw in found.items() if name.split("/", 1)[0] in _SEARCHES]
    return [entry for entry in entries if _is_readable(entry)]


def _is_readable(entry: RawEntry) -> bool:
    """Whether an order is what FHIR says: one that is not, among many on the server, costs only itself."""
    try:
        return any(True for _ in draft_orders([entry]))
    except BadRequest:
        return False


def _judged(call: Call, wanted: Wanted, source: Source) -> Documented:
    request = call.request
    drafts = list(draft_orders(request.entries, "order"))
    readers = Readers(request, drafts, call.settings.time_zone)
    most = call.settings.max_resources
    reader, orders = read_chart(request, readers, drafts, source, None, False, most, also=wanted.written)
    banner = _banner(source, wanted.patient_id)
    chosen = _chosen(orders, wanted.order)
    if chosen is None:
        return Documented(banner, Chart(), call.days(reader)[0])
    by_reference = {draft.reference: draft for draft in drafts}
    found = _documented(call, Seen(by_reference, frozenset(), reader, orders, reader.chart(), ()), chosen, banner)
    return replace(found, signer=name_in(source.raw(wanted.user_id)) if wanted.user_id else "")


def _banner(source: Source, patient_id: str) -> Banner:
    """Read with the chart, or alone where no chart was read."""
    url = f"Patient/{quote(patient_id, safe='')}"
    if source.raw(url) is None:
        source.read_references([url])
    return banner_of(source.raw(url))


def _chosen(orders: Sequence[DeviceOrder], name: str | None) -> DeviceOrder | None:
    """The pump order that is named, else the newest one."""
    pumps = [order for order in orders if is_governed_kind(order)]
    named = [order for order in pumps if order.reference == name]
    newest = sorted(pumps, key=lambda order: (str(order.authored or ""), order.reference))
    return (named or newest)[-1] if pumps else None


def _documented(call: Call, seen: Seen, order: DeviceOrder, banner: Banner) -> Documented:
    """The order as of today: statements that are signed today count for it only then."""
    reader: ChartReader = seen.reader
    days = call.days(reader)
    now_signed = replace(order, authored=When(days[0], days[0]))
    chosen = frozenset({order.reference})
    (judged,) = judge_orders([now_signed], chosen, seen.chart, days, call.settings, call.roster)
    determination = placed(call, seen, judged).determination
    own_day = order.authored.last if order.authored else None
    found = Documented(
        banner,
        seen.chart,
        days[0],
        judged.order,
        determination,
        others=tuple((o.reference, o.label) for o in seen.orders if is_governed_kind(o) and o is not order),
        dated=own_day if own_day != days[0] else None,
    )
    if not determination.criteria:
        return found
    parameters = parameters_on(determination.as_of, call.settings.overrides())
    case = Case(judged.order, seen.chart, determination.as_of, parameters)
    return replace(found, asked=asked(determination), prefilled=prefilled(case), parameters=parameters)
