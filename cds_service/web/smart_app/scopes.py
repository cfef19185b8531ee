"""The scopes that the SMART app asks for: what the search plan reads, and the right to add a statement."""

from __future__ import annotations

import re

from cds_service.ehr.smart import SmartServer

# Of the patient, and of those who order or pay, who are in no patient's compartment.
_PATIENT = (
    "CareTeam",
    "ChargeItem",
    "Condition",
    "Coverage",
    "Device",
    "DeviceRequest",
    "DeviceUseStatement",
    "Encounter",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Patient",
    "Procedure",
    "QuestionnaireResponse",
    "ServiceRequest",
)
_USER = ("Device", "Medication", "Organization", "Practitioner", "PractitionerRole")
STATEMENT = "QuestionnaireResponse"
_WRITES = re.compile(rf"(?:patient|user)/(?:{STATEMENT}|\*)\.(?:write|\*|cr?u?d?s?)(?:\?.*)?")


def scope_for(server: SmartServer, *, from_ehr: bool) -> str:
    """A scope string in the syntax that the server speaks. `from_ehr`: the EHR chose the patient already."""
    read, write = ("rs", "c") if server.supports_v2_scopes else ("read", "write")
    wanted = ["openid", "fhirUser", "launch" if from_ehr else "launch/patient"]
    wanted += [f"patient/{kind}.{read}" for kind in _PATIENT]
    wanted += [f"user/{kind}.{read}" for kind in _USER]
    # SMART 2 writes the rights of one clause in the order cruds.
    if server.supports_v2_scopes:
        return " ".join(wanted).replace(f"patient/{STATEMENT}.rs", f"patient/{STATEMENT}.crs")
    return " ".join([*wanted, f"patient/{STATEMENT}.{write}"])


def may_write(scope: str | None) -> bool:
    """Whether a granted scope lets the app add a statement; a server that does not say what it granted may."""
    words = [word for word in (scope or "").split() if not word.startswith(("launch", "smart/"))]
    return not any("/" in word for word in words) or any(map(_WRITES.fullmatch, words))
