"""The scopes that the SMART app requests: reading what the search plan needs, and creating a statement."""

from __future__ import annotations

import re

from cds_service.ehr.smart import SmartServer

# In the patient's compartment; and people, organizations and products, which are in none.
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
    "Specimen",
)
_USER = ("Device", "Medication", "Organization", "Practitioner", "PractitionerRole")
STATEMENT = "QuestionnaireResponse"
_WRITES = re.compile(rf"(?:patient|user)/(?:{STATEMENT}|\*)\.(?:write|\*|cr?u?d?s?)(?:\?.*)?")


def scope_for(server: SmartServer, *, from_ehr: bool) -> str:
    """A scope string in the syntax that the server supports. `from_ehr`: the EHR has already chosen the patient."""
    read, write = ("rs", "c") if server.supports_v2_scopes else ("read", "write")
    scopes = ["openid", "fhirUser", "launch" if from_ehr else "launch/patient"]
    scopes += [f"patient/{kind}.{read}" for kind in _PATIENT]
    scopes += [f"user/{kind}.{read}" for kind in _USER]
    # SMART 2 writes the rights of one clause in the order cruds.
    if server.supports_v2_scopes:
        return " ".join(scopes).replace(f"patient/{STATEMENT}.rs", f"patient/{STATEMENT}.crs")
    return " ".join([*scopes, f"patient/{STATEMENT}.{write}"])


def may_write(scope: str | None) -> bool:
    """Whether a granted scope lets the app create a statement; True when the server does not state what it granted."""
    granted = [part for part in (scope or "").split() if not part.startswith(("launch", "smart/"))]
    return not any("/" in part for part in granted) or any(map(_WRITES.fullmatch, granted))
