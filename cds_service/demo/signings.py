"""Orders that were signed in the demo: what was sent, what came back, and what was done with the cards since.

They are kept in memory, and the oldest are dropped when there are too many.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cds_service.demo.draft_orders import DraftList
from cds_service.services.answer_hook import EXTENSION

JSON = dict[str, Any]
_MOST, _MOST_BYTES = 60, 60_000_000


@dataclass(slots=True)
class Feedback:
    """One feedback call: what was sent, the status of the answer, and what it says in words."""

    body: JSON
    status: int
    summary: str


@dataclass(slots=True, eq=False)
class Signing:
    """One signed order. `chart_id`: of the sample chart that it began with; empty for a request of the visitor's own.

    `text`: the request as it was sent; `request`, `response`: parsed, with numbers as they were written. `accepted`:
    uuids of suggestions; `overridden`: uuids of cards, with the reason that was given. `plan`: the plan's name where
    the same chart was signed with several; `together`: the orders of all of these plans, itself among them.
    `note`: how the request was made, where the visitor sent something else.
    """

    chart_id: str
    service: str
    text: str
    request: JSON
    status: int
    response: JSON
    drafts: DraftList
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    accepted: set[str] = field(default_factory=set)
    overridden: dict[str, str] = field(default_factory=dict)
    feedback: list[Feedback] = field(default_factory=list)
    statements_before: int = 0
    plan: str = ""
    note: str = ""
    together: tuple[Signing, ...] = ()

    @property
    def cards(self) -> list[JSON]:
        """The cards of the response."""
        return list(self.response.get("cards") or ())

    @property
    def determinations(self) -> list[JSON]:
        """The determinations of the response."""
        return list((self.response.get("extension") or {}).get(EXTENSION) or ())

    @property
    def patient(self) -> str:
        """The id of the patient, empty where the request names none."""
        return context_text(self.request, "patientId")

    @property
    def user(self) -> str:
        """The reference of who signs, empty where the request names nobody."""
        return context_text(self.request, "userId")

    def suggestion(self, uuid: str) -> tuple[JSON, JSON] | None:
        """A card and its suggestion with a uuid."""
        every = ((card, offer) for card in self.cards for offer in card.get("suggestions") or ())
        return next(((card, offer) for card, offer in every if offer.get("uuid") == uuid), None)

    def card(self, uuid: str) -> JSON | None:
        """A card by its uuid."""
        return next((card for card in self.cards if card.get("uuid") == uuid), None)


def context_text(request: Any, name: str) -> str:
    """A member of a request's context that is a text; empty when it is missing or something else."""
    context = request.get("context") if isinstance(request, dict) else None
    value = context.get(name) if isinstance(context, dict) else None
    return value if isinstance(value, str) else ""


class Signings:
    """The signed orders by id. Used from several threads."""

    def __init__(self) -> None:
        """None yet."""
        self._signings: OrderedDict[str, Signing] = OrderedDict()
        self._opened: dict[str, Signing] = {}
        self._lock = threading.Lock()

    def add(self, signing: Signing) -> None:
        """Keeps one, and drops the oldest beyond the limits of number and size."""
        with self._lock:
            self._signings[signing.id] = signing
            while len(self._signings) > _MOST or (len(self._signings) > 1 and self._size() > _MOST_BYTES):
                self._signings.popitem(last=False)

    def get(self, name: str) -> Signing | None:
        """One by its id; None when it is not there, or no longer."""
        with self._lock:
            return self._signings.get(name)

    def newest_first(self) -> Iterable[Signing]:
        """All of them, the newest first."""
        with self._lock:
            return tuple(reversed(self._signings.values()))

    def open_app(self, signing: Signing) -> None:
        """Remembers that an app was opened from one, in place of another about the same patient."""
        with self._lock:
            self._opened = {name: each for name, each in self._opened.items() if each.id in self._signings}
            self._opened[signing.patient] = signing

    def opened_for(self, patient: str) -> Signing | None:
        """The one that an app about a patient was opened from, as long as it is kept."""
        with self._lock:
            found = self._opened.get(patient)
            return found if found is not None and found.id in self._signings else None

    def _size(self) -> int:
        return sum(len(each.text) for each in self._signings.values())
