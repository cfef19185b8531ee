"""The draft orders of the demo's EHR: as they were sent, and as suggestions that were accepted have changed them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]
# Where the code of an order stands, by resource type.
_CODES = ("codeCodeableConcept", "code", "medicationCodeableConcept", "productCodeableConcept")


@dataclass(slots=True)
class Draft:
    """One draft order. `origin`: `sent`, `suggested`, or `removed` once a suggestion has deleted it.

    `written`: what system actions wrote on it, as rows of label and value.
    """

    entry: JSON
    origin: str = "sent"
    written: list[tuple[str, str]] = field(default_factory=list)

    @property
    def resource(self) -> JSON:
        """The order."""
        resource: JSON = self.entry["resource"]
        return resource

    @property
    def reference(self) -> str:
        """`Type/id`, as actions and determinations name it."""
        return f"{self.resource.get('resourceType')}/{self.resource.get('id')}"

    @property
    def label(self) -> str:
        """What is ordered, in words."""
        concept: JSON = next((self.resource[name] for name in _CODES if isinstance(self.resource.get(name), dict)), {})
        return concept_text(concept) or self.reference


@dataclass(slots=True)
class DraftList:
    """The draft orders in their order."""

    drafts: list[Draft]

    @property
    def has_changed(self) -> bool:
        """Whether the orders are no longer those that were sent."""
        return any(draft.origin != "sent" for draft in self.drafts)

    def apply(self, action: JSON) -> str:
        """Does what an action of a suggestion says, and tells what was done; empty when nothing was."""
        kind, resource = action.get("type"), action.get("resource")
        if kind == "delete":
            return self._remove(str(action.get("resourceId", "")))
        if not isinstance(resource, dict):
            return ""
        if kind == "create":
            draft = Draft({"resource": resource | {"id": self._new_id(resource)}}, "suggested")
            self.drafts.append(draft)
            return f"{draft.label} was added to the draft orders"
        return self._replace(resource)

    def entries(self) -> list[JSON]:
        """Entries of a Bundle, for the next call."""
        return [draft.entry for draft in self.drafts if draft.origin != "removed"]

    def _remove(self, reference: str) -> str:
        for draft in self.drafts:
            if draft.reference == reference and draft.origin != "removed":
                draft.origin = "removed"
                return f"{draft.label} was removed from the draft orders"
        return ""

    def _replace(self, resource: JSON) -> str:
        for draft in self.drafts:
            if draft.reference == f"{resource.get('resourceType')}/{resource.get('id')}":
                draft.entry = draft.entry | {"resource": resource}
                draft.origin = "suggested"
                return f"{draft.label} was changed"
        return ""

    def _new_id(self, resource: JSON) -> str:
        taken = {draft.resource.get("id") for draft in self.drafts}
        numbers = (f"suggested-{number}" for number in range(1, len(taken) + 2))
        return str(resource.get("id") or next(each for each in numbers if each not in taken))


def drafts_of(request: Any) -> DraftList:
    """The draft orders of a hook request, whatever its shape."""
    return DraftList([Draft(entry) for entry in _entries(request)])


def _entries(request: Any) -> Iterator[JSON]:
    context = request.get("context") if isinstance(request, dict) else None
    bundle = context.get("draftOrders") if isinstance(context, dict) else None
    entries = bundle.get("entry") if isinstance(bundle, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            yield entry


def concept_text(concept: Any) -> str:
    """A CodeableConcept as its codes with their names, else as its text."""
    codings = concept.get("coding") if isinstance(concept, dict) else None
    texts = [
        f"{coding.get('code', '')} {coding.get('display', '')}".strip()
        for coding in (codings if isinstance(codings, list) else ())
        if isinstance(coding, dict)
    ]
    return " + ".join(filter(None, texts)) or (str(concept.get("text", "")) if isinstance(concept, dict) else "")
