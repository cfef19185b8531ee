"""The link of a card to the documentation page, and what travels along with it through the EHR."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from cds_service.trust.links import LinkSeal
from fhir_mappings.edge_numbers import DecodeError
from fhir_mappings.orders import DraftOrder
from fhir_mappings.reading import is_null
from fhir_mappings.views import Loose, RawEntry

LABEL = "Answer the open questions"
# EHRs put an appContext into token responses and sometimes into logs: a huge order is read from the server instead.
_MOST_BYTES = 6_000


class _AppContext(msgspec.Struct, omit_defaults=True):
    order: str
    assertion: str | None = None
    sealed: str | None = None


_decoder = msgspec.json.Decoder(_AppContext)
_entries = msgspec.json.Decoder(list[RawEntry])
_head = msgspec.json.Decoder(Loose)


@dataclass(frozen=True, slots=True)
class Launched:
    """What an appContext says: the order's reference, and its Bundle entries when they came along and could be read.

    `foreign`: it was sealed for another patient, or by keys that are gone.
    """

    order: str
    entries: tuple[RawEntry, ...] = ()
    foreign: bool = False


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
        self, draft: DraftOrder, entries: Sequence[RawEntry], patient: str, assertion: str, server: str | None
    ) -> dict[str, Any] | None:
        """A SMART link for an order; None where nothing could open it. `entries`: of the order's Bundle."""
        if not self._may_launch(server):
            return None
        data = msgspec.json.encode(list(_with_what_it_needs(draft, entries)))
        sealed = self._seal.sealed(data, _about(patient, draft.reference)) if len(data) <= _MOST_BYTES else None
        context = msgspec.json.encode(_AppContext(draft.reference, assertion, sealed)).decode()
        return {"label": LABEL, "url": self._url, "type": "smart", "appContext": context}

    def launched(self, app_context: str, patient: str) -> Launched | None:
        """What an appContext of ours says for this patient; None for one that is not ours."""
        try:
            context = _decoder.decode(app_context)
        except DecodeError:
            return None
        if context.sealed is None:
            return Launched(context.order)
        data = self._seal.opened(context.sealed, _about(patient, context.order))
        return Launched(context.order, foreign=True) if data is None else Launched(context.order, decoded_entries(data))


def decoded_entries(data: bytes) -> tuple[RawEntry, ...]:
    """Entries of a Bundle from their JSON."""
    return tuple(_entries.decode(data))


def _about(patient: str, order: str) -> str:
    return f"{patient}|{order}"


def _with_what_it_needs(draft: DraftOrder, entries: Sequence[RawEntry]) -> Iterator[dict[str, Any]]:
    """The order's entry, and those of its Bundle that it refers to by name."""
    own = msgspec.json.encode(msgspec.json.decode(draft.raw))  # slashes may have come escaped
    for entry in entries:
        if not entry.resource or is_null(entry.resource):
            continue
        if entry.resource is draft.raw or any(name.encode() in own for name in _names(entry)):
            yield {"resource": entry.resource} | ({"fullUrl": entry.fullUrl} if entry.fullUrl else {})


def _names(entry: RawEntry) -> Iterator[str]:
    """What the order may call the resource of an entry."""
    if isinstance(entry.fullUrl, str) and entry.fullUrl:
        yield entry.fullUrl
    head = _head.decode(entry.resource)
    yield f'{head.resourceType}/{head.id}"'
