"""What one answer held, and how complete it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from fhir_mappings.clinical_views import Resource


class Status(StrEnum):
    """How well one answer could be read."""

    READ = "read"
    EMPTY = "empty"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(slots=True)
class Reading:
    """What one answer held: its resources with the fullUrl each came under, and how complete it is."""

    status: Status = Status.EMPTY
    why: str = ""
    resources: list[tuple[Resource, str | None]] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    passed_over: int = 0
    next_url: str | None = None

    def add(self, other: Reading) -> None:
        """Takes in a further page or bundle of the same answer."""
        self.resources.extend(other.resources)
        self.set_aside.extend(other.set_aside)
        if other.status in (Status.PARTIAL, Status.FAILED):
            self.mark_partial(other.why)
        elif self.status is Status.EMPTY and other.status is Status.READ:
            self.status = Status.READ

    def add_inner(self, inner: Reading) -> None:
        """Takes in a bundle that stands inside this one; of several with more pages only one can be followed."""
        self.add(inner)
        if inner.next_url is not None:
            if self.next_url is not None:
                self.mark_partial("several bundles of the answer have more pages")
            self.next_url = inner.next_url

    def mark_partial(self, why: str) -> None:
        """Notes that something of this answer may be missing."""
        self.status, self.why = Status.PARTIAL, self.why or why


def failed(why: str) -> Reading:
    """An answer that could not be read at all."""
    return Reading(Status.FAILED, why)
