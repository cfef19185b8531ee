"""The parsed answer to a search, or a prefetch value: its resources, and how complete it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter

from cds_service.engine.plain_text import uncapitalized
from fhir_mappings.json.clinical_views import Resource
from fhir_mappings.json.server_messages import Issue, Level, interpret, types_of

# A resource, and the fullUrl that it came under.
Located = tuple[Resource, str | None]


class Status(StrEnum):
    """How well one answer could be read."""

    READ = "read"
    EMPTY = "empty"
    PARTIAL = "partial"
    FAILED = "failed"


class SearchOutcome(StrEnum):
    """How a search went, as notes and metrics say it."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, order=True)
class SearchNote:
    """One search or read of a FHIR server. `text`: the note in words; `kind`: the type that was asked for."""

    text: str

    kind: str
    outcome: SearchOutcome


@dataclass(slots=True)
class SearchResult:
    """The resources of one answer with the fullUrl each came under, and how complete the answer is.

    `total` is the number of results that the server states, `counted` the number that came. `self_url` and `ignored`
    show which search the server ran. The first `given` resources came with the call, the rest was fetched. `issues`
    are the server's own messages, `remarks` our sentences about those that leave the answer complete. `refused`:
    whether another form of the search may succeed, None where the issues do not say. `damaged`: types of which a
    resource was not read whole. `http_status`: of an answer that was an error.
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
    issues: list[Issue] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    refused: bool | None = None
    http_status: int | None = None
    damaged: set[str] = field(default_factory=set)

    def by_type(self) -> dict[type[Resource], list[Located]]:
        """The resources by their view. Most answers hold one type only: those are not grouped one by one."""
        kinds = set(map(type, map(itemgetter(0), self.resources)))
        if len(kinds) == 1:
            return {kinds.pop(): self.resources}
        groups: dict[type[Resource], list[Located]] = {}
        for item in self.resources:
            groups.setdefault(type(item[0]), []).append(item)
        return groups

    def add(self, other: SearchResult) -> None:
        """Adds a further page or bundle of the same answer; its next link is not taken over."""
        self.resources.extend(other.resources)
        self.set_aside.extend(other.set_aside)
        self.passed_over += other.passed_over
        self.counted += other.counted
        self.ignored += [text for text in other.ignored if text not in self.ignored]
        self.issues += other.issues
        self.damaged |= other.damaged
        self.remarks += [text for text in other.remarks if text not in self.remarks]
        self.total = other.total
        if other.status in (Status.PARTIAL, Status.FAILED):
            self.mark_partial(other.why)
        elif self.status is Status.EMPTY and other.status is Status.READ:
            self.status = Status.READ

    def add_inner(self, inner: SearchResult) -> None:
        """Adds a bundle that is nested in this one; of several with more pages only one can be followed."""
        inner.count()
        self.add(inner)
        self.total = None
        if inner.next_url is not None:
            if self.next_url is not None:
                self.mark_partial("several bundles of the answer have more pages")
            self.next_url = inner.next_url

    def checked(self, section: str | None = None) -> SearchResult:
        """The same result after its last page: incomplete or failed where its total or its issues say so.

        `section`: the chart section that was searched for.
        """
        self.count()
        self._apply_issues(section)
        return self

    def count(self) -> None:
        """Marks the result incomplete when fewer came than the server's total. The last page's total counts, since some
        servers (Google) send an estimate on the pages before."""
        if self.next_url is None and self.total is not None and self.total > self.counted:
            self.mark_partial(f"the answer holds {self.counted} of {self.total} results")

    def _apply_issues(self, section: str | None) -> None:
        for meaning in [interpret(issue, section) for issue in self.issues]:
            if meaning.level is Level.NOTED and meaning.sentence not in self.remarks:
                self.remarks.append(meaning.sentence)
            elif self.status is Status.FAILED:
                continue
            elif meaning.level is Level.INCOMPLETE:
                self.mark_partial(uncapitalized(meaning.sentence))
            elif meaning.level > Level.INCOMPLETE:
                self._fail(uncapitalized(meaning.sentence), section)
                self.refused = meaning.level is Level.REFUSED

    def _fail(self, why: str, section: str | None) -> None:
        """Marks the search failed when nothing of its type came, else incomplete."""
        types = types_of(section)
        if self.status is not Status.FAILED and any(
            not types or type(r).__struct_config__.tag in types for r, _ in self.resources
        ):
            self.mark_partial(why)
        else:
            self.status, self.why = Status.FAILED, self.why or why

    def mark_partial(self, why: str) -> None:
        """Notes that something of this answer may be missing."""
        self.status, self.why = Status.PARTIAL, self.why or why


def failed(why: str) -> SearchResult:
    """An answer that could not be read at all."""
    return SearchResult(Status.FAILED, why)


def merged(one: SearchResult | None, other: SearchResult, optional: bool = False) -> SearchResult:
    """Merges two searches of one section: both failed: failed; one failed: incomplete. An optional one only adds."""
    if optional:
        if other.status is Status.FAILED:
            return one if one is not None else SearchResult()
        if other.status is Status.PARTIAL:
            other.status, other.why = Status.READ if other.resources else Status.EMPTY, ""
    if one is None:
        return other
    if one.status is Status.FAILED and other.status is Status.FAILED:
        return one
    if one.status is Status.FAILED:
        one, other = other, one
    one.add(other)
    return one
