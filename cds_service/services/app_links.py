"""The link of a card to the documentation page, and what travels along with it through the EHR."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from cds_service.trust.sealed_context import LinkSeal
from fhir_mappings.json.edge_numbers import DecodeError
from fhir_mappings.json.object_members import is_null
from fhir_mappings.json.views import RawEntry, RawObject
from fhir_mappings.orders.order_reader import DraftOrder

LABEL = "Answer the open questions"
# EHRs put an appContext into token responses and sometimes into logs: a huge order is read from the server instead.
_MOST_BYTES = 6_000


class _AppContext(msgspec.Struct, omit_defaults=True):
    order: str
    assertion: str | None = None
    sealed: str | None = None
    policy: str | None = None


_decoder = msgspec.json.Decoder(_AppContext)
_entries = msgspec.json.Decoder(list[RawEntry])
_head = msgspec.json.Decoder(RawObject)


@dataclass(frozen=True, slots=True)
class Launched:
    """What an appContext says: the order's reference, and its Bundle entries when they came along and could be read.

    `policy`: the id of the policy that the card was of, where it says one. `foreign`: it was sealed for another
    patient, or by keys that are gone.
    """

    order: str
    entries: tuple[RawEntry, ...] = ()
    foreign: bool = False
    policy: str | None = None


class AppLinks:
    """Makes the links of cards, and reads what comes back from them.

    The order travels sealed: a draft often is on no server yet, and the EHR is not shown what it need not store.
    """

    def __init__(self, public_url: str, seal: LinkSeal, may_launch: Callable[[str | None], bool]) -> None:
        """`may_launch`: whether the EHR with this FHIR server, None for one that names none, can open the page."""
        self._url = f"{public_url}/smart/launch"
        self._seal = seal
        self._may_launch = may_launch

    def link(
        self,
        draft: DraftOrder,
        entries: BundleEntries,
        patient: str,
        assertion: str,
        server: str | None,
        policy: str = "",
    ) -> dict[str, Any] | None:
        """A SMART link for an order under a policy; None where nothing could open it. `entries`: of its Bundle."""
        if not self._may_launch(server):
            return None
        small = memoryview(draft.raw).nbytes <= _MOST_BYTES
        data = msgspec.json.encode(list(entries.needed_by(draft))) if small else b""
        fits = 0 < len(data) <= _MOST_BYTES
        sealed = self._seal.encrypt(data, _about(patient, draft.reference)) if fits else None
        context = msgspec.json.encode(_AppContext(draft.reference, assertion, sealed, policy or None)).decode()
        return {"label": LABEL, "url": self._url, "type": "smart", "appContext": context}

    def launched(self, app_context: str, patient: str) -> Launched | None:
        """What an appContext of ours says for this patient; None for one that is not ours."""
        try:
            context = _decoder.decode(app_context)
        except DecodeError:
            return None
        if context.sealed is None:
            return Launched(context.order, policy=context.policy)
        data = self._seal.decrypt(context.sealed, _about(patient, context.order))
        entries = decoded_entries(data) if data is not None else ()
        return Launched(context.order, entries, data is None, context.policy)


def decoded_entries(data: bytes) -> tuple[RawEntry, ...]:
    """Entries of a Bundle from their JSON."""
    return tuple(_entries.decode(data))


def _about(patient: str, order: str) -> str:
    return f"{patient}|{order}"


class BundleEntries:
    """The entries of an order's Bundle by what an order may call them; looked through once a call."""

    def __init__(self, entries: Iterable[RawEntry]) -> None:
        """Entries without a resource are left out."""
        self._entries = [entry for entry in entries if entry.resource and not is_null(entry.resource)]

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for place, entry in enumerate(self._entries):
            for name in _names(entry):
                places.setdefault(name, []).append(place)
        return places

    @cached_property
    def _resources(self) -> dict[int, int]:
        return {id(entry.resource): place for place, entry in enumerate(self._entries)}

    def needed_by(self, draft: DraftOrder) -> Iterator[dict[str, Any]]:
        """The order's entry, and those that it refers to by name, in the order of the Bundle."""
        called = {name for text in _texts(msgspec.json.decode(draft.raw)) for name in (text, _local(text))}
        places = {place for name in called for place in self._places.get(name, ())}
        own = self._resources.get(id(draft.raw))
        for place in sorted(places | ({own} if own is not None else set())):
            entry = self._entries[place]
            yield {"resource": entry.resource} | ({"fullUrl": entry.fullUrl} if entry.fullUrl else {})


def _texts(node: Any) -> Iterator[str]:
    """All strings of a JSON value; its depth was checked with the body's."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for value in node.values() if isinstance(node, dict) else node:
            yield from _texts(value)


def _local(text: str) -> str:
    """`Type/id` of a reference that may name its server or a version."""
    return "/".join(text.split("/_history/", 1)[0].rsplit("/", 2)[-2:])


def _names(entry: RawEntry) -> Iterator[str]:
    """What the order may call the resource of an entry."""
    if isinstance(entry.fullUrl, str) and entry.fullUrl:
        yield entry.fullUrl
    head = _head.decode(entry.resource)
    yield f"{head.resourceType}/{head.id}"
