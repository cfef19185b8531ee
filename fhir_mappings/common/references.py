"""Subject and references of resources: whether they name the patient, and which local `Type/id` they point to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

from fhir_mappings.common.datatypes import Reference

_LITERAL = re.compile(r"^(?:(?P<base>https?://.+)/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[^/?#|]+)(?:/_history/[^/]+)?\Z")


# What may stand in a URL that is read: FHIR's ids, and the underscore that some servers put in them.
_ID = re.compile(r"^(?!\.+$)[A-Za-z0-9._\-]{1,128}\Z")


class SubjectMatch(Enum):
    """Whether a resource's subject is the patient."""

    PATIENT = "the patient's"
    UNSTATED = "nobody's that it says"
    OTHER = "another patient's"


class PatientIdentity:
    """Recognizes references to the context's patient.

    `Patient/p1`, `Patient/p1/_history/3`, the absolute URL on the call's own FHIR server, and a `urn:uuid:`
    under which the same call sends that patient are the patient.
    """

    def __init__(self, patient_id: str, fhir_server: str | None, aliases: Iterable[str] = ()) -> None:
        """`aliases`: fullUrls under which the call carries the patient."""
        self.patient_id = patient_id
        self._server = fhir_server.rstrip("/").lower() if fhir_server else None
        self._aliases = frozenset(aliases)
        self._known: dict[str, SubjectMatch] = {}

    def subject_match(self, reference: Reference | None) -> SubjectMatch:
        """Whose a resource with this subject is."""
        literal = reference.reference if reference is not None else None
        if not literal or literal.startswith("#"):
            return SubjectMatch.UNSTATED
        known = self._known.get(literal)
        if known is None:
            known = SubjectMatch.PATIENT if self._is_patient(literal) else SubjectMatch.OTHER
            if len(self._known) < 10_000:
                self._known[literal] = known
        return known

    def same_id_elsewhere(self, reference: Reference | None) -> bool:
        """Whether a reference names a patient of the same id on another base than the call's own server."""
        shape = _LITERAL.match((reference.reference if reference is not None else None) or "")
        return shape is not None and shape["type"] == "Patient" and shape["id"] == self.patient_id

    def _is_patient(self, literal: str) -> bool:
        if literal in self._aliases or literal in (self.patient_id, f"urn:uuid:{self.patient_id}"):
            return True
        shape = _LITERAL.match(literal)
        if shape is None or shape["type"] != "Patient" or shape["id"] != self.patient_id:
            return False
        return shape["base"] is None or shape["base"].lower() == self._server


def local(literal: str | None, fhir_server: str | None) -> str | None:
    """`Type/id` of a reference, with version and own server's base taken off; None when it is not one of ours."""
    shape = _LITERAL.match(literal or "")
    if shape is None:
        return None
    if not _ID.match(shape["id"]):
        return None
    own = shape["base"] is None or (fhir_server and shape["base"].lower() == fhir_server.rstrip("/").lower())
    return f"{shape['type']}/{shape['id']}" if own else None
