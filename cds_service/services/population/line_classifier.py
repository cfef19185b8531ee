"""Classifies lines of an export: a member's resource, a shared resource, or a message of the server."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import NamedTuple

from fhir_mappings.json.export_lines import ID, group_members, head_of, owner_of
from fhir_mappings.json.views import KNOWN_TYPES

_NOT_READ = frozenset({"Bundle", "OperationOutcome", "Parameters", "Group"})
_READ = KNOWN_TYPES - _NOT_READ
# What members share, where no patient is named on it.
SHARED_TYPES = frozenset({"Practitioner", "PractitionerRole", "Organization", "Medication", "Device"})
_MOST_KNOWN = 200_000
NO_JSON = "the line is no FHIR resource as JSON"
NO_PATIENT = "the resource names no patient"
BAD_ID = "the patient's id is no FHIR id"
NOT_AS_NAMED = "the resource is of another type than the file's name says"
A_BUNDLE = "a Bundle in a file of resources is not read"


class Role(Enum):
    """How a line is used."""

    MEMBER = auto()
    NAMES_MEMBERS = auto()
    SHARED = auto()
    OUTCOME = auto()
    NOTHING = auto()


class ClassifiedLine(NamedTuple):
    """One classified line. `members`: ids, after merging. `base`: server URL in the reference to the member.

    NAMES_MEMBERS: the line itself is not read, and says that these members are in the export.
    """

    role: Role
    kind: str = ""
    members: tuple[str, ...] = ()
    base: str = ""
    problem: str = ""


_NO_JSON = ClassifiedLine(Role.NOTHING, problem=NO_JSON)
_ALLOWED_ANYWHERE = ("OperationOutcome", "Parameters")


class LineClassifier:
    """Classifies lines; one instance for each process, since it caches references."""

    def __init__(self, merged: Mapping[str, str]) -> None:
        """`merged`: into which member another one was merged, by id."""
        self._merged = merged
        self._known: dict[str, tuple[str, str] | None] = {}

    def classify(self, line: bytes) -> ClassifiedLine:
        """The line's role, resource type and members, or its problem."""
        head = head_of(line)
        if head is None or head.resourceType is None:
            return _NO_JSON
        kind = head.resourceType
        if kind in _NOT_READ:
            return self._other(kind, line)
        literal = (f"Patient/{head.id}" if head.id else None) if kind == "Patient" else head.owner
        whose = self._member(literal) if literal else None
        if whose is not None:
            return ClassifiedLine(Role.MEMBER if kind in _READ else Role.NAMES_MEMBERS, kind, (whose[0],), whose[1])
        if literal is None and kind in SHARED_TYPES:
            return ClassifiedLine(Role.SHARED, kind)
        if kind == "Patient":
            return ClassifiedLine(Role.NOTHING, kind, problem=BAD_ID)
        return ClassifiedLine(Role.NOTHING, kind[:64], problem=NO_PATIENT if kind in _READ - SHARED_TYPES else "")

    def _other(self, kind: str, line: bytes) -> ClassifiedLine:
        if kind == "OperationOutcome":
            return ClassifiedLine(Role.OUTCOME, kind)
        if kind != "Group":
            return ClassifiedLine(Role.NOTHING, kind, problem=A_BUNDLE if kind == "Bundle" else "")
        found = [self._member(f"Patient/{each}") for each in group_members(line)]
        return ClassifiedLine(Role.NAMES_MEMBERS, kind, tuple(whose[0] for whose in found if whose is not None))

    def _member(self, literal: str) -> tuple[str, str] | None:
        """The member that a reference names, after merging, and the base URL; None where it names no patient."""
        try:
            return self._known[literal]
        except KeyError:
            pass
        owner, whose = owner_of(literal), None
        if owner is not None and ID.fullmatch(owner.id):
            whose = self._merged.get(owner.id, owner.id), owner.base
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        self._known[literal] = whose
        return whose


def misnamed(line: ClassifiedLine, named_type: str | None) -> bool:
    """Whether a line is of another type than the name of its file says."""
    return bool(
        line.kind and line.kind != named_type and named_type in KNOWN_TYPES and line.kind not in _ALLOWED_ANYWHERE
    )
