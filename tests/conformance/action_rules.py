"""Rules on actions, those of suggestions and system actions alike."""

from collections.abc import Iterator
from typing import Any

from tests.conformance.fhir_rules import REFERENCE, context_orders, lost_elements, resource_faults
from tests.conformance.rulebook import Finding, Spot, as_list, is_text, rule, words

REPLACEABLE = words(
    "Device DeviceRequest Encounter Medication MedicationRequest NutritionOrder ServiceRequest VisionPrescription"
)


def _written(spot: Spot) -> dict[str, Any] | None:
    """Return the resource that a create or update writes, if it is one with a type."""
    resource = spot.get("resource")
    if spot.get("type") not in ("create", "update") or not isinstance(resource, dict):
        return None
    return resource if is_text(resource.get("resourceType")) else None


@rule(115, "action")
def resource_is_fhir(spot: Spot) -> Iterator[Finding]:
    """A resource that is written is valid FHIR."""
    for fault in resource_faults(resource) if (resource := _written(spot)) else []:
        yield "resource", fault


@rule(145, "action")
def type_known(spot: Spot) -> Iterator[Finding]:
    """An action creates, updates or deletes."""
    if spot.get("type") not in ("create", "update", "delete"):
        yield "type", "must be create, update or delete"


@rule(146, "action")
def description_given(spot: Spot) -> Iterator[Finding]:
    """Every action says in words what it does."""
    if not is_text(spot.get("description")):
        yield "description", "must be a non-empty string"


@rule(147, "action")
def resource_complete(spot: Spot) -> Iterator[Finding]:
    """A create or update carries the whole resource; an update keeps every element of the order."""
    if spot.get("type") not in ("create", "update"):
        return
    resource = _written(spot)
    if resource is None:
        yield "resource", "must be a resource with a resourceType"
    elif spot.get("type") == "update":
        if not is_text(resource.get("id")):
            yield "resource.id", "must be the id of the order"
        order = context_orders(spot.given).get(f"{resource['resourceType']}/{resource.get('id')}", {})
        for name in lost_elements(order, resource):
            yield f"resource.{name}", "was lost from the order"


@rule(148, "action")
def delete_by_reference(spot: Spot) -> Iterator[Finding]:
    """A delete names its order by a relative reference and carries no resource."""
    if spot.get("type") != "delete":
        return
    if not isinstance(spot.get("resourceId"), str) or not REFERENCE.fullmatch(spot.get("resourceId")):
        yield "resourceId", "must be a relative reference such as DeviceRequest/1"
    if spot.has("resource"):
        yield "resource", "does not belong to a delete"


@rule(150, "action")
def target_was_ordered(spot: Spot) -> Iterator[Finding]:
    """What is updated or deleted is one of the orders of the request."""
    target, name = spot.get("resourceId"), "resourceId"
    if spot.get("type") == "update":
        resource = _written(spot) or {}
        kind, ident = resource.get("resourceType"), resource.get("id")
        target, name = (f"{kind}/{ident}" if ident else None), "resource"
    known = spot.get("type") == "create" or target in list(context_orders(spot.given))
    if not known and isinstance(target, str) and REFERENCE.fullmatch(target):
        yield name, f"{target} is not among the orders of the request"


@rule(150, "suggestion")
def delete_replaced_by_same_type(spot: Spot) -> Iterator[Finding]:
    """Where a suggestion replaces an order, the new one has the type of the one it deletes."""
    actions = spot.items("actions")
    created = {resource["resourceType"] for action in actions if (resource := _created(action))} & REPLACEABLE
    for action in actions:
        target = str(action.get("resourceId"))
        kind = target.partition("/")[0]
        if action.get("type") != "delete" or not REFERENCE.fullmatch(target):
            continue
        if created and kind not in created:
            yield "actions", f"a {kind} is deleted but {', '.join(sorted(created))} is created"


def _created(spot: Spot) -> dict[str, Any] | None:
    return _written(spot) if spot.get("type") == "create" else None


@rule(151, "action")
def create_is_new(spot: Spot) -> Iterator[Finding]:
    """A created resource is valid and refers to no existing one as its target."""
    if spot.get("type") == "create" and spot.has("resourceId"):
        yield "resourceId", "does not belong to a create"
    for fault in resource_faults(resource) if (resource := _created(spot)) else []:
        yield "resource", fault


@rule(152, "action")
def form_task_complete(spot: Spot) -> Iterator[Finding]:
    """A task to fill in a form has all that the form filler needs."""
    task = _created(spot)
    if not task or task["resourceType"] != "Task" or "complete-questionnaire" not in _codes(task.get("code")):
        return
    if (task.get("status"), task.get("intent")) != ("ready", "order"):
        yield "resource", "a form task is ready and an order"
    for name in ("for", "authoredOn", "requester"):
        if name not in task:
            yield f"resource.{name}", "is required on a form task"
    inputs = [item for item in as_list(task.get("input")) if isinstance(item, dict)]
    if not any(is_text(item.get("valueCanonical")) for item in inputs):
        yield "resource.input", "must name the questionnaire as a canonical"
    if "focus" in task:
        yield "resource.focus", "is not for form tasks"


def _codes(concept: Any) -> list[Any]:
    codings = as_list(concept.get("coding")) if isinstance(concept, dict) else []
    return [item.get("code") for item in codings if isinstance(item, dict)]
