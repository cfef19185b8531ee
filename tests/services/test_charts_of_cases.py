"""The charts of the case files, saved as one Bundle: what is said of them is what is said of the call, or less."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from cds_service.facts import ChartSection
from cds_service.hooks.discovery import ORDER_SIGN
from cds_service.hooks.messages import as_json
from cds_service.services.answer_hook import EXTENSION, answer
from cds_service.services.chart_request import ChartOrder, request_from_chart
from cds_service.services.saved_chart import read_saved_chart
from cds_service.settings import Settings
from tests.cases.runner import PUBLIC_URL, CaseFile, all_cases
from tests.support import HCPCS, JSON

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
SETTINGS = Settings(public_url=PUBLIC_URL)
_MEMBERS = {"resourceType", "id", "status", "intent", "codeCodeableConcept", "subject", "authoredOn", "requester"}


def plain_order(request: JSON) -> JSON | None:
    """The only order of a call, where it is one that is made for a chart as well."""
    entries = request["context"].get("draftOrders", {}).get("entry", [])
    order = entries[0].get("resource", {}) if len(entries) == 1 else {}
    coded = [(each.get("system"), each.get("code")) for each in order.get("codeCodeableConcept", {}).get("coding", [])]
    subject = order.get("subject", {}).get("reference")
    plain = set(order) <= _MEMBERS and coded == [(HCPCS, "E0784")] and order.get("status") == "draft"
    return order if plain and subject == f"Patient/{request['context']['patientId']}" else None


def saved(request: JSON) -> bytes | None:
    """All that came with a call as one Bundle; None where a part did not come as resources."""
    entries: list[Any] = []
    for value in request["prefetch"].values():
        if isinstance(value, dict) and value.get("resourceType") == "Bundle":
            if value.get("link") or value.get("total"):
                return None
            entries += value.get("entry") or []
        elif isinstance(value, dict):
            entries.append({"resource": value})
        elif value is not None:
            return None
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def charts() -> Iterator[tuple[CaseFile, date, str | None, bytes]]:
    """Cases with such an order and every part of the chart: the day, who orders if that came along, and the chart."""
    for case in all_cases():
        request = json.loads(case.request)
        order = plain_order(request) if request["hook"] == "order-sign" else None
        if order is None or len(request.get("prefetch", {})) < len(ChartSection):
            continue
        day, chart = _DAY.match(str(order.get("authoredOn"))), saved(request)
        if day and chart and b'"Patient"' in chart:
            requester = order.get("requester", {}).get("reference")
            yield case, date.fromisoformat(day[0]), requester if b'"Practitioner' in chart else None, chart


def said(body: bytes, case: CaseFile) -> list[JSON]:
    noon = datetime.combine(case.as_of, time(12), ZoneInfo("America/New_York")).astimezone(UTC)
    return json.loads(as_json(answer(body, ORDER_SIGN, SETTINGS, noon, None)["extension"][EXTENSION]))


def test_no_chart_is_approved_where_its_call_is_not_and_nearly_all_are_said_the_same_of() -> None:
    same, fewer, wrong = 0, [], []
    for case, day, requester, document in charts():
        chart = read_saved_chart(document)
        assert chart is not None, case.name
        made = request_from_chart(chart, ChartOrder("E0784", day, requester=requester), SETTINGS)
        call, found = said(case.request, case), said(made.body, case)
        outcomes = [(each["policy"]["id"], each["outcome"], each["coverage"]) for each in call]
        if outcomes == [(each["policy"]["id"], each["outcome"], each["coverage"]) for each in found]:
            same += 1
        elif any(each["outcome"] in ("likely-approved", "excluded") for each in found):
            wrong.append(case.name)
        else:
            fewer.append(case.name)
    assert wrong == []
    assert same > 300
    # What a server says beside the results of one search counts for every part of a chart that is saved as one.
    assert len(fewer) <= same / 100, fewer
