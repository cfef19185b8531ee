"""Case files as a Da Vinci CRD client would send them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from cds_service.hooks.discovery import SERVICES, HookService
from cds_service.hooks.messages import as_json
from cds_service.services.answer_hook import answer
from cds_service.settings import Settings
from tests.cases.runner import PUBLIC_URL, CaseFile
from tests.support import JSON, bundle


def crd_request(case: CaseFile, extension: Mapping[str, Any] | None = None) -> JSON:
    """The case's request with the payer's identifier on its Coverages, and the call's own extensions."""
    request: JSON = json.loads(case.request.decode("utf-8-sig"))
    found = request.get("prefetch", {}).get("coverage") or {}
    for entry in found.get("entry", ()) if isinstance(found, dict) else ():
        for payor in entry.get("resource", {}).get("payor", ()):
            payor.setdefault("identifier", {"system": "http://example.invalid/payers", "value": "31114"})
    return request | ({"extension": dict(extension)} if extension else {})


def answer_to(case: CaseFile, request: JSON, service: HookService, settings: Settings | None = None) -> JSON:
    """The answer to a request of a case, at noon of its day; errors are raised as they are."""
    noon = datetime.combine(case.as_of, time(12), ZoneInfo("America/New_York")).astimezone(UTC)
    settings = settings or Settings(public_url=PUBLIC_URL, policies=case.policies)
    body = json.dumps(request).encode()
    return json.loads(as_json(answer(body, service, settings, noon, None)))


def services_of(case: CaseFile) -> tuple[HookService, HookService]:
    """The plain service of a case, and the CRD service of the same hook."""
    return case.service, SERVICES[f"crd-{case.service.hook}"]


HOOKS = ("order-sign", "order-select", "order-dispatch")


def as_hook(request: JSON, hook: str) -> JSON | None:
    """The same call at another hook: all orders selected, or dispatched and prefetched; None when none has a name."""
    orders = [e.get("resource") for e in request["context"]["draftOrders"].get("entry") or () if isinstance(e, dict)]
    named = [o for o in orders if isinstance(o, dict) and isinstance(o.get("id"), str) and o["id"]]
    names = list(dict.fromkeys(f"{order['resourceType']}/{order['id']}" for order in named))
    found: JSON = {**request, "hook": hook, "context": dict(request["context"])}
    if hook == "order-select" and request["hook"] != hook:
        found["context"]["selections"] = names
    if hook == "order-dispatch":
        found["context"] = {"patientId": request["context"]["patientId"], "performer": "Organization/dme"}
        found["context"]["dispatchedOrders"] = names
        found["prefetch"] = {**request.get("prefetch", {}), "deviceRequests": bundle(*named)}
    return found if names else None


def orders_in(request: JSON) -> dict[str, JSON]:
    """The orders of a dispatch call, by reference, as its prefetch has them."""
    entries = request.get("prefetch", {}).get("deviceRequests", {}).get("entry", ())
    return {f"{e['resource']['resourceType']}/{e['resource']['id']}": e["resource"] for e in reversed(list(entries))}
