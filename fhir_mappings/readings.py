"""What one answer held, and how complete it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter

from fhir_mappings.clinical_views import Resource

# A resource, and the fullUrl that it came under.
Located = tuple[Resource, str | None]


class Status(StrEnum):
    """How well one answer could be read."""

    READ = "read"
    EMPTY = "empty"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(slots=True)
class Reading:
    """What one answer held: its resources with the fullUrl each came under, and how complete it is.

    `total` is what the server said it found, `counted` what came; `self_url` and `ignored` tell what it made of the
    search. The first `given` resources came with the call, the rest was fetched.
    """

    status: Status = Status.EMPTY
    why: str = ""
    resources: list[Located] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    passed_over: int = 0
    next_url: str | None = None
    self_url: str | None = None
    ignored: list[str] = field(default_factory=list)
    total: int | None = None
    counted: int = 0
    given: int | None = None
    pages: int = 0

    def by_type(self) -> dict[type[Resource], list[Located]]:
        """The resources by their view. Most answers hold one kind, and of many: they are not sorted one by one."""
        kinds = set(map(type, map(itemgetter(0), self.resources)))
        if len(kinds) == 1:
            return {kinds.pop(): self.resources}
        groups: dict[type[Resource], list[Located]] = {}
        for item in self.resources:
            groups.setdefault(type(item[0]), []).append(item)
        return groups

    def add(self, other: Reading) -> None:
        """Takes in a further page or bundle of the same answer; its next link is not taken over."""
        self.resources.extend(other.resources)
        self.set_aside.extend(other.set_aside)
        self.passed_over += other.passed_over
        self.counted += other.counted
        self.ignored += [text for text in other.ignored if text not in self.ignored]
        if other.total is not None:
            self.total = max(self.total or 0, other.total)
        if other.status in (Status.PARTIAL, Status.FAILED):
            self.mark_partial(other.why)
        elif self.status is Status.EMPTY and other.status is Status.READ:
            self.status = Status.READ

    def add_inner(self, inner: Reading) -> None:
        """Takes in a bundle that stands inside this one; of several with more pages only one can be followed."""
        self.add(inner.settled())
        self.total = None
        if inner.next_url is not None:
            if self.next_url is not None:
                self.mark_partial("several bundles of the answer have more pages")
            self.next_url = inner.next_url

    def settled(self) -> Reading:
        """The same, once no page is left: fewer results than the server said it found is incomplete."""
        if self.next_url is None and self.total is not None and self.total > self.counted:
            self.mark_partial(f"the answer holds {self.counted} of {self.total} results")
        return self

    def mark_partial(self, why: str) -> None:
        """Notes that something of this answer may be missing."""
        self.status, self.why = Status.PARTIAL, self.why or why


def failed(why: str) -> Reading:
    """An answer that could not be read at all."""
    return Reading(Status.FAILED, why)
