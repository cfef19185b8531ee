"""Lines of a Bulk Data export: what each is, whose it is, and the resources of one member's lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from fhir_mappings.json import long_values
from fhir_mappings.json.edge_numbers import DecodeError
from fhir_mappings.json.fhir_json import read, read_unfitting_entry
from fhir_mappings.json.search_result import Located, SearchResult, Status
from fhir_mappings.json.views import AnyResource, Bundle, OperationOutcome

_PATIENT = re.compile(
    r"(?:(?P<base>https?://.+)/)?Patient/(?P<id>[A-Za-z0-9._\-]{1,128})(?:/_history/[^/]+)?"
    r"|urn:uuid:(?P<uuid>[A-Za-z0-9\-]{1,64})"
)
ID = re.compile(r"(?!\.+\Z)[A-Za-z0-9._\-]{1,128}")


class _Reference(Struct, gc=False):
    reference: str | None = None


class _Link(Struct, gc=False):
    other: _Reference | None = None
    type: str | None = None


class _Member(Struct, gc=False):
    entity: _Reference | None = None
    inactive: bool | None = None


class LineHead(Struct, gc=False, rename={"for_": "for"}):
    """What says whose a line is. Types that name their patient elsewhere name nobody here."""

    resourceType: str | None = None
    id: str | None = None
    subject: _Reference | None = None
    patient: _Reference | None = None
    beneficiary: _Reference | None = None
    for_: _Reference | None = None
    deliverTo: _Reference | None = None

    @property
    def owner(self) -> str | None:
        """The literal reference to the patient; None when none is named."""
        for each in (self.subject, self.patient, self.beneficiary, self.for_, self.deliverTo):
            if each is not None and each.reference:
                return each.reference
        return None


class _UntypedHead(Struct, gc=False):
    resourceType: Any = None
    id: Any = None
    subject: Any = None
    patient: Any = None


class _PatientHead(Struct, gc=False):
    id: str | None = None
    link: list[_Link] | None = None


class _GroupHead(Struct, gc=False):
    member: list[_Member] | None = None


_head = msgspec.json.Decoder(LineHead)
_untyped_head = msgspec.json.Decoder(_UntypedHead)
_patient_head = msgspec.json.Decoder(_PatientHead)
_group_head = msgspec.json.Decoder(_GroupHead)
_resource = msgspec.json.Decoder(AnyResource)


@dataclass(frozen=True, slots=True)
class Owner:
    """The patient that a reference names: the id, and the base URL of the server where one is written."""

    id: str
    base: str = ""


def head_of(line: bytes) -> LineHead | None:
    """What says whose a line is; None for a line that is no FHIR resource as JSON."""
    try:
        head = _head.decode(line)
    except DecodeError:
        return _head_of_untyped(line)
    return head if head.resourceType else None


def _head_of_untyped(line: bytes) -> LineHead | None:
    """The head of a line whose elements have other shapes than most types give them."""
    try:
        loose = _untyped_head.decode(line)
    except DecodeError:
        return None
    if not isinstance(loose.resourceType, str) or not loose.resourceType:
        return None
    found = LineHead(loose.resourceType, loose.id if isinstance(loose.id, str) else None)
    for each in (loose.subject, loose.patient):
        first = each[0] if isinstance(each, list) and each else each
        literal = first.get("reference") if isinstance(first, dict) else None
        if isinstance(literal, str) and found.subject is None:
            found.subject = _Reference(literal)
    return found


def owner_of(literal: str) -> Owner | None:
    """The patient that a literal reference names; None when it names none."""
    shape = _PATIENT.fullmatch(literal)
    if shape is None:
        return None
    return Owner(shape["id"] or shape["uuid"], (shape["base"] or "").rstrip("/").lower())


def replaced_by(line: bytes) -> str | None:
    """The id of the patient that a Patient was merged into; None when it was not, or the line cannot be read."""
    try:
        head = _patient_head.decode(line)
    except DecodeError:
        return None
    for link in head.link or ():
        if link.type == "replaced-by" and link.other is not None and link.other.reference:
            owner = owner_of(link.other.reference)
            return owner.id if owner is not None else None
    return None


def replaces(line: bytes) -> tuple[str, ...]:
    """Ids of the patients that were merged into a Patient."""
    try:
        head = _patient_head.decode(line)
    except DecodeError:
        return ()
    found = [owner_of(link.other.reference or "") for link in head.link or () if link.type == "replaces" and link.other]
    return tuple(owner.id for owner in found if owner is not None)


def group_members(line: bytes) -> tuple[str, ...]:
    """Ids of the patients that a Group holds, without those that have left it."""
    try:
        head = _group_head.decode(line)
    except DecodeError:
        return ()
    found = [
        owner_of(member.entity.reference or "")
        for member in head.member or ()
        if member.entity is not None and not member.inactive
    ]
    return tuple(owner.id for owner in found if owner is not None)


def read_lines(lines: Sequence[bytes]) -> SearchResult:
    """The resources of one member's lines, read as an answer that holds them all.

    All at once where everything fits. A malformed line is set aside and named, like an entry of a Bundle; it never
    costs the others.
    """
    if lines and max(map(len, lines)) < _LONG:
        try:
            resources = _resource.decode_lines(b"\n".join(lines))
        except DecodeError:
            return _one_by_one(lines)
        if _REMARKS.isdisjoint(map(type, resources)):
            return SearchResult(Status.READ, resources=[(each, None) for each in resources])
    return _one_by_one(lines)


def _one_by_one(lines: Sequence[bytes]) -> SearchResult:
    result = SearchResult()
    located: list[Located] = []
    for index, line in enumerate(lines):
        try:
            resource = _resource.decode(line)
        except DecodeError as error:
            result.add(long_values.without_long_elements(read_unfitting_entry(line, index, error, 0), len(line)))
            continue
        if type(resource) in _REMARKS or len(line) > _LONG:
            result.add(read(line))
        else:
            located.append((resource, None))
    result.resources = [*located, *result.resources]
    return result


# Lines of which an element may be larger than any that a rule reads.
_LONG = 250_000
# What is no resource of a chart.
_REMARKS = frozenset({Bundle, OperationOutcome})
