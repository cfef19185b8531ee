"""Assesses one order of a patient for the documentation page, as if it were signed now."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from urllib.parse import quote

import msgspec

from cds_service.engine.assessment import Assessment
from cds_service.engine.determination import Determination
from cds_service.engine.open_questions import OpenQuestions, open_questions
from cds_service.engine.policy import AnswerValue
from cds_service.errors import BadRequest
from cds_service.facts import Chart, DeviceOrder, When
from cds_service.hooks.messages import FhirAccess
from cds_service.hooks.prefetch import Prefetch
from cds_service.policies.registry import is_governed_kind, policies_in_use
from cds_service.services.assess_orders import assess
from cds_service.services.call import member_days
from cds_service.services.chart_source import ChartSource, ChartSourceFactory
from cds_service.services.member_roster import Roster
from cds_service.services.read_chart import CallReader, open_source_for, read_chart
from cds_service.settings import Settings
from fhir_mappings.chart.patient_demographics import Demographics, demographics_of, name_in
from fhir_mappings.common.cpu_budget import cpu_budget
from fhir_mappings.json.raw_resources import raw_resources
from fhir_mappings.json.views import RawEntry
from fhir_mappings.orders.order_reader import draft_orders

# Where pumps are ordered, and still open.
_SEARCHES = ("DeviceRequest", "ServiceRequest", "MedicationRequest")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What is to be assessed, for whom, and how the EHR is reached.

    `order`: its reference, None when it has to be found. `entries`: the order as it was when its card was made, with
    what it refers to, as entries of a Bundle, when they came along. `written`: references of statements that were just
    written, which a search may not find yet. `policy`: the id of the one to show, where several judge the order.
    """

    fhir: FhirAccess
    patient_id: str
    user_id: str | None
    order: str | None = None
    entries: tuple[RawEntry, ...] = ()
    written: tuple[str, ...] = ()
    prefetch: Prefetch = field(default_factory=Prefetch)
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class OrderPage:
    """What the page shows. `assessment` None: no order for a pump was found.

    `others`: references and labels of further pump orders that are open. `dated`: the order's own day, where that is
    not the day that it was judged at. `signer`: the name of who has signed in, where it could be read. `also`: ids of
    other policies that judge the order as well.
    """

    banner: Demographics
    chart: Chart
    today: date
    assessment: Assessment | None = None
    questions: Mapping[str, OpenQuestions] | None = None
    prefilled: Mapping[str, AnswerValue] | None = None
    others: tuple[tuple[str, str], ...] = ()
    dated: date | None = None
    signer: str = ""
    also: tuple[str, ...] = ()

    @property
    def order(self) -> DeviceOrder | None:
        """The order that the page is about."""
        return self.assessment.order if self.assessment is not None else None

    @property
    def determination(self) -> Determination | None:
        """What is determined of it."""
        return self.assessment.determination if self.assessment is not None else None


def document_order(
    request: PageRequest, settings: Settings, now: datetime, open_source: ChartSourceFactory, roster: Roster | None
) -> OrderPage:
    """Reads the order and the whole chart, and assesses it. `now`: an aware time."""
    began = time.monotonic()
    source = open_source_for(request, now, open_source, settings.page_seconds, began)
    if source is None:
        raise ValueError("the documentation page always has a FHIR server")
    try:
        with cpu_budget(settings.max_cpu_seconds):
            request = replace(request, entries=request.entries or tuple(_orders_on_server(source, request)))
            return _page(request, settings, now, source, roster)
    finally:
        source.close()


def _orders_on_server(source: ChartSource, request: PageRequest) -> list[RawEntry]:
    """All orders of the patient that may be for a pump, the one that is asked for among them."""
    patient = quote(request.patient_id, safe="")
    urls = [f"{kind}?patient={patient}&_count=200" for kind in _SEARCHES]
    urls = [request.order, *urls] if request.order else urls
    source.read_references(urls)
    found = {name: raw for url in urls for name, raw in raw_resources(source.raw(url) or b"null")}
    entries = [RawEntry(resource=msgspec.Raw(raw)) for name, raw in found.items() if name.split("/", 1)[0] in _SEARCHES]
    return [entry for entry in entries if _is_readable(entry)]


def _is_readable(entry: RawEntry) -> bool:
    """Whether an order is well-formed FHIR; one that is not is left out alone."""
    try:
        return any(True for _ in draft_orders([entry]))
    except BadRequest:
        return False


def _page(
    request: PageRequest, settings: Settings, now: datetime, source: ChartSource, roster: Roster | None
) -> OrderPage:
    drafts = list(draft_orders(request.entries, "order"))
    policies = policies_in_use(settings.policies)
    call_reader = CallReader(request, drafts, settings.time_zone, policies)
    most = settings.max_resources
    reader, orders = read_chart(request, call_reader, drafts, source, None, False, most, also=request.written)
    banner = _banner(source, request.patient_id)
    order = _chosen(orders, request.order)
    days = member_days(now, reader)
    if order is None:
        return OrderPage(banner, Chart(), days[0])
    # As of today: statements that are signed today count for the order only then.
    now_signed = replace(order, authored=When(days[0], days[0]))
    chart = reader.chart()
    assessments = assess([now_signed], chart, days, policies, overrides=settings.overrides(), members=roster)
    assessment = next((a for a in assessments if a.policy.id == request.policy), assessments[0])
    others = tuple((other.reference, other.label) for other in orders if is_governed_kind(other) and other is not order)
    own_day = order.authored.last if order.authored else None
    page = OrderPage(
        banner,
        chart,
        days[0],
        assessment,
        others=others,
        dated=own_day if own_day != days[0] else None,
        signer=name_in(source.raw(request.user_id)) if request.user_id else "",
        also=tuple(other.policy.id for other in assessments if other is not assessment),
    )
    if assessment.case is None:
        return page
    questions = open_questions(assessment.determination, assessment.policy)
    return replace(page, questions=questions, prefilled=assessment.policy.prefilled(assessment.case))


def _banner(source: ChartSource, patient_id: str) -> Demographics:
    """Read with the chart, or alone where no chart was read."""
    url = f"Patient/{quote(patient_id, safe='')}"
    if source.raw(url) is None:
        source.read_references([url])
    return demographics_of(source.raw(url))


def _chosen(orders: Sequence[DeviceOrder], name: str | None) -> DeviceOrder | None:
    """The pump order that is named, else the newest one."""
    pumps = [order for order in orders if is_governed_kind(order)]
    named = [order for order in pumps if order.reference == name]
    newest = sorted(pumps, key=lambda order: (str(order.authored or ""), order.reference))
    return (named or newest)[-1] if pumps else None
