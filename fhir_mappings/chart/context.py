"""What every mapping needs beside its resource: the patient, the calendar, referenced resources, the notes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import TypeVar

from cds_service.facts import Diagnosis, Person, When
from fhir_mappings.common.datatypes import Period, Reference
from fhir_mappings.common.dates import Calendar
from fhir_mappings.common.references import PatientIdentity, SubjectMatch, local
from fhir_mappings.json.clinical_views import Resource
from fhir_mappings.json.fhir_json import contained

T = TypeVar("T", bound=Resource)
_MOST_NOTES = 200
_NAMED_EACH = 20


@cache
def type_name(kind: type[Resource]) -> str:
    """The FHIR type that a view is of."""
    return str(kind.__struct_config__.tag)


def type_of(resource: Resource) -> str:
    """The resource's FHIR type."""
    return type_name(type(resource))


class ChartContext:
    """Shared state while one chart is read: patient identity, calendar, resources by reference, notes."""

    def __init__(self, identity: PatientIdentity, calendar: Calendar, fhir_server: str | None) -> None:
        """`fhir_server` is the call's own, for absolute references. `person` is set by who reads the Patient."""
        self.identity = identity
        self.calendar = calendar
        self.fhir_server = fhir_server
        self.person = Person()
        self.notes: list[str] = []
        self.unresolved_drugs = 0
        self._counted: dict[str, int] = {}
        self._resources: Mapping[type[Resource], Sequence[tuple[Resource, str | None]]] = {}
        self._indexes: dict[type[Resource], dict[str, Resource]] = {}
        self._raw_contained: bytes | object = b""
        self._contained: Mapping[str, Resource] = {}
        self._diagnoses: Sequence[Diagnosis] = ()
        self._diagnoses_by_url: Mapping[str, Diagnosis] = {}
        self._diagnoses_by_name: dict[str, Diagnosis] | None = None

    def index(self, groups: Mapping[type[Resource], Sequence[tuple[Resource, str | None]]]) -> None:
        """Makes resources, by type, findable by `Type/id` and by fullUrl."""
        self._resources, self._indexes = groups, {}

    def _index_of(self, kind: type[Resource]) -> dict[str, Resource]:
        """Resources of one type by `Type/id` and fullUrl; built lazily, since most types are never referred to."""
        index = self._indexes.get(kind)
        if index is None:
            index = self._indexes[kind] = {}
            name = type_name(kind)
            for resource, full_url in self._resources.get(kind, ()):
                if resource.id:
                    index.setdefault(f"{name}/{resource.id}", resource)
                if full_url:
                    index.setdefault(full_url, resource)
        return index

    def resolve(self, reference: Reference | None, kind: type[T], raw_contained: bytes | object = b"") -> T | None:
        """The resource that a reference names, among contained ones and everything the call holds."""
        literal = reference.reference if reference is not None else None
        if not literal:
            return None
        found: Resource | None
        if literal.startswith("#"):
            found = self._contained_in(raw_contained).get(literal)
        else:
            index = self._index_of(kind)
            found = index.get(literal) or index.get(local(literal, self.fhir_server) or "")
        return found if isinstance(found, kind) else None

    def _contained_in(self, raw: bytes | object) -> Mapping[str, Resource]:
        """Contained resources, read once for all references of one resource."""
        if raw is not self._raw_contained:
            self._raw_contained, self._contained = raw, dict(contained(raw))  # type: ignore[arg-type]
        return self._contained

    def index_diagnoses(self, diagnoses: Sequence[Diagnosis], by_url: Mapping[str, Diagnosis]) -> None:
        """Makes diagnoses findable by what refers to their Conditions; `by_url`: those that came under a fullUrl."""
        self._diagnoses, self._diagnoses_by_url, self._diagnoses_by_name = diagnoses, by_url, None

    def diagnosis(self, reference: Reference | None) -> Diagnosis | None:
        """The confirmed Diagnosis of the Condition that is referred to; None when conditions.py filtered it out."""
        literal = reference.reference if reference is not None else None
        if not literal:
            return None
        if self._diagnoses_by_name is None:
            self._diagnoses_by_name = dict(self._diagnoses_by_url)
            for found in self._diagnoses:
                self._diagnoses_by_name.setdefault(found.reference, found)
        by_name = self._diagnoses_by_name
        diagnosis = by_name.get(literal) or by_name.get(local(literal, self.fhir_server) or "")
        return diagnosis if diagnosis is not None and diagnosis.confirmed else None

    def local(self, reference: Reference | None) -> str | None:
        """A reference as `Type/id` where it lies on the call's own server, else as it is written."""
        literal = reference.reference if reference is not None else None
        return (local(literal, self.fhir_server) or literal) if literal else None

    def note(self, text: str) -> None:
        """Adds a note for the determination; the list is bounded."""
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(text)

    def add_repeated_note(self, name: str, words: str) -> None:
        """Adds a note that many resources may share: the first 20 are named, the rest are counted."""
        count = self._counted[words] = self._counted.get(words, 0) + 1
        if count <= _NAMED_EACH:
            self.note(f"{name} {words}")

    def all_notes(self) -> list[str]:
        """The notes, followed by the counts of repeated ones."""
        more = {words: count - _NAMED_EACH for words, count in self._counted.items() if count > _NAMED_EACH}
        return [*self.notes, *(f"{count} more resources: {words}" for words, count in more.items())]

    def belongs_to_patient(self, resource: Resource, subject: Reference | None, name: str) -> bool:
        """Whether a resource counts as this patient's: not when its subject is another patient. Notes what it finds."""
        whose = self.identity.subject_match(subject)
        if whose is SubjectMatch.OTHER:
            self.add_repeated_note(name, "was set aside: its subject is another patient")
            return False
        if whose is SubjectMatch.UNSTATED:
            self.add_repeated_note(name, "names no subject; used as this patient's")
        return True

    def may_belong_to_patient(self, subject: Reference | None) -> bool:
        """`belongs_to_patient` without notes, for resources that are read a second time."""
        return self.identity.subject_match(subject) is not SubjectMatch.OTHER

    def when(self, *moments: str | Period | None) -> When | None:
        """The first of several date elements that holds a readable date; others are noted."""
        for moment in moments:
            if isinstance(moment, Period):
                start, end = self._read_date(moment.start), self._read_date(moment.end)
                if start and end:
                    return When(start.first, max(end.last, start.first), start.clock)
                if start or end:
                    return start or end
            elif moment and (found := self._read_date(moment)):
                return found
        return None

    def _read_date(self, text: str | None) -> When | None:
        when = self.calendar.when(text)
        if when is None and text:
            self.add_repeated_note(
                f"{text[:30]}:", "a date that cannot be read, or lies at the edge of the calendar, is set aside"
            )
        return when


def reference_to(resource: Resource, full_url: str | None) -> str:
    """How evidence refers to a resource: `Type/id`, else its fullUrl, else its type."""
    kind = type_of(resource)
    if resource.id:
        return f"{kind}/{resource.id}"
    return full_url or f"{kind} without id"


def own_resources(
    context: ChartContext,
    resources: Iterable[tuple[T, str | None]],
    subject: Callable[[T], Reference | None],
) -> Iterable[tuple[T, str]]:
    """The resources whose subject is this patient or not stated, each with its reference."""
    for resource, full_url in resources:
        name = reference_to(resource, full_url)
        if context.belongs_to_patient(resource, subject(resource), name):
            yield resource, name
