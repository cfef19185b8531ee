"""Helpers that look at FHIR content: model validation and the orders a request brought along."""

import copy
import re
from functools import cache
from typing import Any

from fhir.resources.R4B import get_fhir_model_class

from tests.conformance.rulebook import as_list, words

REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")
SEVERITIES = words("fatal error warning information")
ISSUE_CODES = words(
    "invalid structure required value invariant security login unknown expired forbidden suppressed "
    "processing not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension "
    "too-costly business-rule conflict transient lock-error no-store exception timeout incomplete throttled "
    "informational"
)
_CODED = ("status", "intent", "priority")


@cache
def is_resource_type(name: str) -> bool:
    """Tell whether the name is a FHIR R4B resource type that can be instantiated."""
    if name in ("Resource", "DomainResource"):
        return False
    try:
        return issubclass(get_fhir_model_class(name), get_fhir_model_class("Resource"))
    except ValueError:
        return False


def resource_faults(resource: dict[str, Any]) -> list[str]:
    """Validate a resource with its FHIR model and check its coded life-cycle elements; list what is wrong."""
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or not is_resource_type(kind):
        return [f"resourceType {kind!r} is no FHIR resource type"]
    model: Any = get_fhir_model_class(kind)
    try:
        model.model_validate(copy.deepcopy(resource))
    except Exception as error:  # besides ValidationError the models raise KeyError and others on odd input
        return [f"{kind} is not valid FHIR: {_first_lines(error)}"]
    return [fault for name in _CODED if (fault := _code_fault(model, resource, name))]


def _first_lines(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if "errors.pydantic.dev" not in line]
    return " / ".join(lines[:3]) or type(error).__name__


def _code_fault(model: Any, resource: dict[str, Any], name: str) -> str:
    """Compare a code with the list the model declares; the models themselves accept any code."""
    if name not in resource or name not in model.model_fields:
        return ""
    allowed = (model.model_fields[name].json_schema_extra or {}).get("enum_values") or []
    if not allowed or "+" in allowed or resource[name] in allowed:
        return ""
    return f"{name} {resource[name]!r} is not one of {', '.join(allowed)}"


def context_orders(request: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Map `Type/id` to the resource for every order the request put into its context.

    Orders that order-dispatch and appointment-book name count too; one given by reference only maps to {}.
    """
    context = request.get("context") if isinstance(request, dict) else None
    if not isinstance(context, dict):
        return {}
    named = [*as_list(context.get("dispatchedOrders")), context.get("order")]
    found: dict[str, dict[str, Any]] = {ref: {} for ref in named if isinstance(ref, str)}
    for name in ("draftOrders", "appointments"):
        bundle = context.get(name)
        for entry in as_list(bundle.get("entry")) if isinstance(bundle, dict) else []:
            resource = entry.get("resource") if isinstance(entry, dict) else None
            if isinstance(resource, dict):
                found[f"{resource.get('resourceType')}/{resource.get('id')}"] = resource
    return found


def lost_elements(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """List the elements of a resource that its changed copy no longer has in any form of the same choice."""
    kept = {_stem(name) for name in after}
    return sorted(name for name in before if _stem(name) not in kept)


def _stem(name: str) -> str:
    """Cut a name at its first inner capital, so `codeReference` and `codeCodeableConcept` count as one."""
    return re.split(r"(?<=[a-z])(?=[A-Z])", name, maxsplit=1)[0]
