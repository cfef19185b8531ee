"""The prefetch expressions that the guide (2.2) gives for its elements, composed from the paths they follow."""

ORDER = "context.draftOrders.entry.resource"
COVERAGE = "Coverage?patient={{context.patientId}}&status=active"
ROLES = "%practitionerRoles.entry.resource"
# The elements that name people: of every draft order, and of the dispatched ones by key.
_DRAFTED = [f"{ORDER}.{name}" for name in ("sender", "recipient", "requester", "performer", "orderer", "prescriber")]
_DISPATCHED = [
    f"%{key}.entry.resource.{name}"
    for key, names in (
        ("communicationRequests", ("sender", "recipient", "requester")),
        ("deviceRequests", ("performer", "requester")),
        ("medicationRequests", ("performer", "requester")),
        ("serviceRequests", ("performer", "requester")),
        ("nutritionOrders", ("orderer",)),
        ("visionPrescriptions", ("prescriber",)),
    )
    for name in names
]


def _search(kind: str, *paths: str) -> str:
    return kind + "?_id={{" + "|".join(paths) + "}}"


def _typed(kind: str, *starts: str) -> list[str]:
    return [f"{start}.resolve().ofType({kind}).id" for start in starts]


def _ids(*starts: str) -> list[str]:
    return [f"{start}.resolve().id" for start in starts]


def _people(starts: list[str]) -> dict[str, str]:
    """Roles of whom the encounter and the orders name, and the practitioners in those roles or named themselves."""
    everyone = ["%encounter.participant.individual", *starts]
    practitioners = [*_ids(f"{ROLES}.practitioner"), *_typed("Practitioner", *everyone)]
    return {
        "practitionerRoles": _search("PractitionerRole", *_typed("PractitionerRole", *everyone)),
        "practitioners": _search("Practitioner", *practitioners),
    }


def _places(organizations: list[str], location: str) -> dict[str, str]:
    employers = [*_ids(f"{ROLES}.organization"), *_typed("Organization", "%encounter.serviceProvider")]
    locations = _ids(f"{ROLES}.location", "%encounter.location.location", f"{location}.locationReference")
    return {
        "organizations": _search("Organization", *employers, *organizations),
        "locations": _search("Location", *locations),
    }


def _dispatched(kind: str) -> str:
    return _search(kind, *_typed(kind, "context.dispatchedOrders"))


_ALWAYS = {
    "patient": "Patient/{{context.patientId}}",
    "encounter": "Encounter/{{context.encounterId}}",
    "coverage": COVERAGE,
}
# order-sign and order-select alike
SIGNING = {
    **_ALWAYS,
    "devices": _search("Device", *_ids(f"{ORDER}.ofType(DeviceRequest).code")),
    "medications": _search("Medication", *_ids(f"{ORDER}.ofType(MedicationRequest).medication")),
    **_people(_DRAFTED),
    **_places(
        [
            *_ids(f"{ORDER}.dispenseRequest.performer"),
            *_typed("Organization", *(f"{ORDER}.{name}" for name in ("sender", "recipient", "performer"))),
        ],
        ORDER,
    ),
}
DISPATCH = {
    **_ALWAYS,
    **{
        kind[0].lower() + kind[1:] + "s": _dispatched(kind)
        for kind in (
            "CommunicationRequest",
            "DeviceRequest",
            "MedicationRequest",
            "NutritionOrder",
            "ServiceRequest",
            "VisionPrescription",
        )
    },
    "devices": _search("Device", *_ids("%deviceRequests.entry.resource.code")),
    "medications": _search("Medication", *_ids("%medicationRequests.entry.resource.medication")),
    **_people(_DISPATCHED),
    **_places(
        [
            *_typed("Organization", *(f"%communicationRequests.entry.resource.{n}" for n in ("recipient", "sender"))),
            *_ids("%medicationRequests.entry.resource.dispenseRequest.performer"),
            *_typed("Organization", "%serviceRequests.entry.resource.performer"),
        ],
        "%serviceRequests.entry.resource",
    ),
}


def standard_of(hook: object) -> dict[str, str]:
    """The guide's expressions at a hook, by key, each after those that it refers to."""
    return DISPATCH if hook == "order-dispatch" else SIGNING
