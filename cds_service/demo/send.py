"""Sends hook calls and feedback through the service's own HTTP interface, as an EHR would, and keeps the answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeGuard

from flask import current_app
from werkzeug.test import Client

from cds_service.demo.charts import DemoChart
from cds_service.demo.coverage_information import action_rows
from cds_service.demo.draft_orders import DraftList, drafts_of
from cds_service.demo.ehr.local_charts import LocalCharts
from cds_service.demo.ehr.server import DemoEhr
from cds_service.demo.live import Sandbox
from cds_service.demo.signings import Feedback, Signing, Signings
from cds_service.facts import ChartSection
from cds_service.services.policies_today import today_of
from cds_service.web.json_text import parsed, pretty

JSON = dict[str, Any]
_ROOT = "/cds-services"
SERVICE = f"{_ROOT}/insulin-pump-order-sign"
_SERVICES = {"order-select": f"{_ROOT}/insulin-pump-order-select", "order-dispatch": f"{_ROOT}/crd-order-dispatch"}
_STATEMENTS = ChartSection.ATTESTATIONS.value


@dataclass(slots=True)
class DemoState:
    """What the demo holds. `charts`: of its EHR; None where that has a FHIR server, `sandbox`."""

    ehr: DemoEhr
    sandbox: Sandbox | None = None
    charts: LocalCharts | None = None
    signings: Signings = field(default_factory=Signings)

    def statements(self, patient: str) -> tuple[JSON, ...]:
        """Statements that were signed about a patient since the demo began, where the demo holds them itself."""
        return self.charts.statements(patient) if self.charts is not None else ()


def state() -> DemoState:
    """The state of the application that answers the present request."""
    found: DemoState = current_app.config["DEMO"]
    return found


def today() -> date:
    """The day that samples are moved to."""
    return today_of(current_app.config["SETTINGS"])


def call_of(chart: DemoChart) -> JSON:
    """The hook call of a sample chart as the EHR would send it now, of its first plan."""
    return calls_of(chart)[0][1]


def calls_of(chart: DemoChart) -> list[tuple[str, JSON]]:
    """The calls of all plans of a chart with the plans' names, with what was signed about the patient since."""
    sandbox = state().sandbox
    calls = [("", sandbox.call(chart))] if sandbox else chart.calls_on(today())
    statements = state().statements(chart.request["context"]["patientId"])
    return [(plan, with_statements(call, statements)) for plan, call in calls]


def sign(chart: DemoChart) -> Signing:
    """Signs the order of a sample chart, with each of its plans; the answer to the first."""
    return _together([send(text_of(call), chart.id, plan) for plan, call in calls_of(chart)])


def sign_again(signing: Signing) -> Signing:
    """Signs an order as it is now, and with each plan that it was signed with before."""
    chosen = [signing, *(each for each in signing.together if each is not signing)]
    again = {each.id: send(next_text(each), each.chart_id, each.plan) for each in chosen}
    _together([again[each.id] for each in signing.together or chosen])
    return again[signing.id]


def _together(signings: list[Signing]) -> Signing:
    for each in signings:
        each.together = tuple(signings) if len(signings) > 1 else ()
    return signings[0]


def text_of(call: JSON) -> str:
    """A call as text for the editor."""
    return pretty(call)


def next_text(signing: Signing) -> str:
    """The call that the EHR would send next: the orders as they are now, and what was signed since."""
    request = signing.request
    if signing.drafts.has_changed:
        context = request["context"]
        orders = context["draftOrders"] | {"entry": signing.drafts.entries()}
        request = request | {"context": context | {"draftOrders": orders}}
    following = with_statements(request, state().statements(signing.patient))
    return signing.text if following == signing.request else pretty(following)


def with_statements(call: JSON, statements: tuple[JSON, ...]) -> JSON:
    """A call whose prefetch holds these statements, too."""
    prefetch = call.get("prefetch")
    if not statements or not isinstance(prefetch, dict):
        return call
    held = prefetch.get(_STATEMENTS)
    bundle: JSON = held if _is_bundle(held) else {"resourceType": "Bundle", "type": "searchset"}
    entries = list(bundle.get("entry") or ())
    ids = {each["resource"].get("id") for each in entries if isinstance(each.get("resource"), dict)}
    entries += [{"resource": each} for each in statements if each["id"] not in ids]
    added = {name: value for name, value in bundle.items() if name != "total"} | {"entry": entries}
    return call | {"prefetch": prefetch | {_STATEMENTS: added}}


def _is_bundle(value: Any) -> TypeGuard[JSON]:
    return (
        isinstance(value, dict)
        and value.get("resourceType") == "Bundle"
        and isinstance(value.get("entry", []), list)
        and all(isinstance(each, dict) for each in value.get("entry", ()))
    )


def send(text: str, chart_id: str = "", plan: str = "", note: str = "") -> Signing:
    """Sends a hook request as it was typed. JsonFault when it is no JSON: then nothing is sent.

    `plan`: the plan's name, where a chart is signed with several. `note`: how the request was made, for the page.
    """
    request = parsed(text)
    hook = request.get("hook") if isinstance(request, dict) else None
    service = _SERVICES.get(hook, SERVICE) if isinstance(hook, str) else SERVICE
    status, response = _post(service, text.encode("utf-8", "replace"))
    request = request if isinstance(request, dict) else {}
    signing = Signing(chart_id, service, text, request, status, response, _drafts(request, response))
    signing.plan, signing.note = plan, note
    signing.statements_before = len(state().statements(signing.patient))
    hand_over(signing)
    state().signings.add(signing)
    return signing


def tell(signing: Signing, entry: JSON, summary: str) -> None:
    """Sends feedback on a card, as an EHR does, and keeps it with the signing."""
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    body = {"feedback": [entry | {"outcomeTimestamp": now}]}
    status, _ = _post(f"{signing.service}/feedback", json.dumps(body).encode())
    signing.feedback.append(Feedback(body, status, summary))


def _post(path: str, body: bytes) -> tuple[int, JSON]:
    reply = Client(current_app.wsgi_app).post(path, data=body, content_type="application/json")
    value = parsed(reply.get_data(as_text=True))
    return reply.status_code, value if isinstance(value, dict) else {}


def _drafts(request: JSON, response: JSON) -> DraftList:
    """The draft orders, with what the system actions wrote on each."""
    drafts = drafts_of(request)
    for action in response.get("systemActions") or ():
        written = action_rows(action)
        for draft in drafts.drafts:
            if draft.reference == written["order"]:
                draft.written += written["rows"]
    return drafts


def hand_over(signing: Signing) -> None:
    """The EHR's own chart of the patient is the one that was sent, so that an app reads there what the call said."""
    charts = state().charts
    if charts is None or not signing.patient:
        return
    prefetch = signing.request.get("prefetch")
    sections = prefetch if isinstance(prefetch, dict) else {}
    known = {each["id"] for each in charts.statements(signing.patient)}
    resources = [each for value in sections.values() for each in _resources(value) if each.get("id") not in known]
    resources += [draft.resource for draft in signing.drafts.drafts]
    unreadable = [each.value for each in ChartSection if _failed(sections, each.value)]
    charts.receive(signing.patient, resources, unreadable)


def _failed(sections: JSON, key: str) -> bool:
    value = sections.get(key, ...)
    return value is ... or (isinstance(value, dict) and value.get("resourceType") == "OperationOutcome")


def _resources(value: Any) -> Iterator[JSON]:
    """The resources of a prefetch value, whatever its shape."""
    if not isinstance(value, dict):
        return
    if value.get("resourceType") != "Bundle":
        yield value
        return
    entries = value.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            yield entry["resource"]
