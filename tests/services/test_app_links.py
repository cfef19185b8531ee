"""The link of a card to the documentation page: what travels with it, for whom it opens, and what it leaves unsaid."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from cds_service.services.app_links import AppLinks, BundleEntries, Launched
from cds_service.trust.sealed_context import LinkSeal
from fhir_mappings.json.views import RawEntry
from fhir_mappings.orders.order_reader import DraftOrder, draft_orders
from tests.support import JSON, order

HOST = "https://cds.example.invalid"
PATIENT = "p-4711"
NAMED = "DeviceRequest/pump-1"
DEVICE = {
    "resourceType": "Device",
    "id": "new",
    "deviceName": [{"name": "Example pump 770", "type": "user-friendly-name"}],
}


def _links(key: str = "key-1", may_launch: Callable[[str | None], bool] = lambda _: True) -> AppLinks:
    return AppLinks(HOST, LinkSeal(key.split(",")), may_launch)


def _entries(*entries: JSON | str) -> list[RawEntry]:
    """Entries of a Bundle; text is taken as it is."""
    return [msgspec.json.decode(each if isinstance(each, str) else json.dumps(each), type=RawEntry) for each in entries]


def _entry(resource: JSON, full_url: str | None = None) -> JSON:
    return {"resource": resource} | ({"fullUrl": full_url} if full_url else {})


def _draft(entries: list[RawEntry]) -> DraftOrder:
    return next(draft for draft in draft_orders(entries) if draft.resource_type == "DeviceRequest")


def _context(entries: list[RawEntry], links: AppLinks | None = None) -> str:
    link = (links or _links()).link(_draft(entries), BundleEntries(entries), PATIENT, "assertion-1", None)
    assert link is not None
    context: str = link["appContext"]
    return context


def _opened(entries: list[RawEntry]) -> list[tuple[Any, JSON]]:
    """fullUrl and resource of what comes back with a card's link."""
    links = _links()
    launched = links.launched(_context(entries, links), PATIENT)
    assert launched is not None
    assert not launched.foreign
    return [(entry.fullUrl, json.loads(bytes(entry.resource))) for entry in launched.entries]


# ---------------------------------------------------------------- the link


def test_the_link_starts_the_app_and_names_the_order() -> None:
    entries = _entries(_entry(order()))
    link = _links().link(
        _draft(entries), BundleEntries(entries), PATIENT, "assertion-1", "https://ehr.example.invalid/r4"
    )
    assert link is not None
    assert (link["url"], link["type"]) == (f"{HOST}/smart/launch", "smart")
    assert set(link) == {"label", "url", "type", "appContext"}, "as the card of CDS Hooks has a link"
    context = json.loads(link["appContext"])
    assert set(context) == {"order", "assertion", "sealed"}
    assert (context["order"], context["assertion"]) == (NAMED, "assertion-1")


def test_neither_patient_nor_order_can_be_read_from_the_link() -> None:
    made = order(subject={"reference": f"Patient/{PATIENT}"}, note=[{"text": "frequent hypoglycemia"}])
    context = _context(_entries(_entry(made)))
    sealed = base64.urlsafe_b64decode(json.loads(context)["sealed"]).decode("latin-1")
    for told in (PATIENT, "hypoglycemia", "E0784", "Practitioner"):
        assert told not in context
        assert told not in sealed


def test_two_links_of_one_order_are_not_alike() -> None:
    entries = _entries(_entry(order()))
    assert _context(entries) != _context(entries)


@pytest.mark.parametrize("server", [None, "https://other.example.invalid/r4"])
def test_without_an_ehr_that_can_open_it_there_is_no_link(server: str | None) -> None:
    asked: list[str | None] = []

    def may_launch(named: str | None) -> bool:
        asked.append(named)
        return False

    entries = _entries(_entry(order()))
    assert _links(may_launch=may_launch).link(_draft(entries), BundleEntries(entries), PATIENT, "a", server) is None
    assert asked == [server]


# ---------------------------------------------------------------- what comes back


def test_the_order_opens_for_its_patient() -> None:
    assert _opened(_entries(_entry(order()))) == [(None, order())]


def test_the_order_does_not_open_for_another_patient() -> None:
    links = _links()
    context = _context(_entries(_entry(order())), links)
    assert links.launched(context, "p-4712") == Launched(NAMED, foreign=True)
    assert links.launched(context, "") == Launched(NAMED, foreign=True)


def test_a_sealed_order_does_not_open_under_another_name() -> None:
    links = _links()
    context = json.loads(_context(_entries(_entry(order())), links)) | {"order": "DeviceRequest/pump-2"}
    assert links.launched(json.dumps(context), PATIENT) == Launched("DeviceRequest/pump-2", foreign=True)


def test_a_link_lives_on_when_a_new_key_is_put_before_the_old_one() -> None:
    context = _context(_entries(_entry(order())), _links("old"))
    newer, strange = _links("new,old").launched(context, PATIENT), _links("new").launched(context, PATIENT)
    assert newer is not None
    assert len(newer.entries) == 1
    assert strange == Launched(NAMED, foreign=True)


@pytest.mark.parametrize(
    "context", ["", "{}", "null", "[]", '"DeviceRequest/pump-1"', '{"order": 1}', "no json", '{"patient": "p-4711"}']
)
def test_a_context_of_somebody_else_says_nothing(context: str) -> None:
    assert _links().launched(context, PATIENT) is None


@pytest.mark.parametrize("sealed", ["", "x", "é", "AAAA", "A" * 400, "=" * 9])
def test_a_seal_that_was_tampered_with_does_not_open(sealed: str) -> None:
    context = json.dumps({"order": NAMED, "sealed": sealed})
    assert _links().launched(context, PATIENT) == Launched(NAMED, foreign=True)


def test_a_changed_letter_breaks_the_seal() -> None:
    links = _links()
    context = json.loads(_context(_entries(_entry(order())), links))
    context["sealed"] = context["sealed"][:40] + ("A" if context["sealed"][40] != "A" else "B") + context["sealed"][41:]
    assert links.launched(json.dumps(context), PATIENT) == Launched(NAMED, foreign=True)


# ---------------------------------------------------------------- what the order refers to

SIBLINGS: dict[str, tuple[str, str | None]] = {
    "by type and id": ("Device/new", None),
    "by type and id, with a fullUrl": ("Device/new", "https://ehr.example.invalid/r4/Device/new"),
    "by an address": ("https://ehr.example.invalid/r4/Device/new", "https://ehr.example.invalid/r4/Device/new"),
    "by a urn": (
        "urn:uuid:3f0c1d2e-0000-4000-8000-000000000001",
        "urn:uuid:3f0c1d2e-0000-4000-8000-000000000001",
    ),
}


@pytest.mark.parametrize(("reference", "full_url"), SIBLINGS.values(), ids=SIBLINGS.keys())
def test_the_device_that_is_ordered_comes_along(reference: str, full_url: str | None) -> None:
    made = order(codeCodeableConcept=None, codeReference={"reference": reference})
    device = DEVICE if full_url is None or "urn" not in full_url else {k: v for k, v in DEVICE.items() if k != "id"}
    supplies = order("supplies-1", "A4230")
    entries = _entries(_entry(made, "urn:uuid:order"), _entry(device, full_url), _entry(supplies, "urn:uuid:supplies"))
    assert _opened(entries) == [("urn:uuid:order", made), (full_url, device)]


def test_the_device_comes_along_however_its_reference_is_escaped() -> None:
    """JSON may have a slash as backslash and slash."""
    made = order(codeCodeableConcept=None, codeReference={"reference": "Device/new"})
    text = json.dumps(_entry(made)).replace("/", "\\/")
    assert [resource["id"] for _, resource in _opened(_entries(text, _entry(DEVICE)))] == ["pump-1", "new"]


@pytest.mark.parametrize(
    "beside", [{"fullUrl": "urn:uuid:gone"}, {"fullUrl": "urn:uuid:gone", "resource": None}, {"resource": None}, {}]
)
def test_entries_without_a_resource_stay_behind(beside: JSON) -> None:
    made = order(supportingInfo=[{"reference": "urn:uuid:gone"}])
    assert [resource["id"] for _, resource in _opened(_entries(_entry(made), beside))] == ["pump-1"]


def test_another_order_with_a_longer_name_stays_behind() -> None:
    made = order(basedOn=[{"reference": "DeviceRequest/pump-10"}])
    entries = _entries(_entry(made), _entry(order("pump-10")), _entry(order("pump-100")))
    assert [resource["id"] for _, resource in _opened(entries)] == ["pump-1", "pump-10"]


# ---------------------------------------------------------------- a huge order


def test_a_huge_order_is_named_and_not_sent() -> None:
    entries = _entries(_entry(order(note=[{"text": "x" * 20_000}])))
    links = _links()
    context = _context(entries, links)
    assert json.loads(context) == {"order": NAMED, "assertion": "assertion-1"}
    assert links.launched(context, PATIENT) == Launched(NAMED), "it is read from the server, and nothing is wrong"


def test_no_link_is_longer_than_an_ehr_can_be_asked_to_carry() -> None:
    lengths = [len(_context(_entries(_entry(order(note=[{"text": "x" * size}]))))) for size in range(0, 9000, 500)]
    assert max(lengths) > 4000, "some of these orders travel sealed"
    assert max(lengths) < 10_000
    assert lengths[-1] < 500
