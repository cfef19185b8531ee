"""Edits of JSON: merge a TOML table into it, remove elements by path, set answers of a QuestionnaireResponse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

JSON = dict[str, Any]


class CaseError(Exception):
    """A case file that cannot be built, or that says something without effect."""


def merge(target: Any, changes: Any) -> Any:
    """What `target` becomes: tables are merged element by element, any other value replaces what stood there.

    A table whose keys are numbers changes a list: 0 is its first item, and the number after the last appends one.
    """
    if isinstance(changes, date):
        raise CaseError(f"{changes} has no quotes; dates in FHIR elements are strings")
    if not isinstance(changes, dict):
        return changes
    if changes and all(key.isdigit() for key in changes):
        return _merge_list(list(target) if isinstance(target, list) else [], changes)
    element = dict(target) if isinstance(target, dict) else {}
    for key, value in changes.items():
        element[key] = merge(element.get(key), value)
    return element


def _merge_list(items: list[Any], changes: Mapping[str, Any]) -> list[Any]:
    for key, value in changes.items():
        position = int(key)
        if position > len(items):
            raise CaseError(f"item {position} is set in a list of {len(items)}")
        if position == len(items):
            items.append(merge(None, value))
        else:
            items[position] = merge(items[position], value)
    return items


def drop(target: Any, path: str) -> None:
    """Removes the element at a path such as `class.0.type`."""
    *parents, last = path.split(".")
    try:
        for step in parents:
            target = target[int(step) if isinstance(target, list) else step]
        del target[int(last) if isinstance(target, list) else last]
    except (KeyError, IndexError, TypeError, ValueError):
        raise CaseError(f"nothing stands at {path}") from None


def set_answers(response: JSON, answers: Mapping[str, Any], unanswered: Sequence[str]) -> None:
    """Changes the answers of a QuestionnaireResponse, by linkId; new ones come last."""
    items = {item["linkId"]: item for item in response.get("item", ())}
    for link_id in unanswered:
        if items.pop(link_id, None) is None:
            raise CaseError(f"{link_id} has no answer that could be taken away")
    for link_id, value in answers.items():
        items[link_id] = {"linkId": link_id, "answer": [_answer(value)]}
    response["item"] = list(items.values())


def _answer(value: Any) -> JSON:
    """A value as the answer that FHIR has for its type; a table is the answer itself."""
    if isinstance(value, dict):
        return value
    for kind, name in ((bool, "Boolean"), (int, "Integer"), (float, "Decimal"), (str, "String")):
        if isinstance(value, kind):
            return {f"value{name}": value}
    if isinstance(value, date):
        return {"valueDate": value.isoformat()}
    raise CaseError(f"{value!r} is no answer")


def resources_in(request: JSON) -> Iterator[tuple[str, Any, str]]:
    """Every resource of a call: its reference, the object that holds it, and the key it stands under."""
    sections = [(request["context"], "draftOrders"), *((request["prefetch"], key) for key in request["prefetch"])]
    for holder, key in sections:
        value = holder[key]
        if not isinstance(value, dict):
            continue
        if value.get("resourceType") != "Bundle":
            yield reference_of(value), holder, key
        for entry in value.get("entry", ()) if value.get("resourceType") == "Bundle" else ():
            if isinstance(entry.get("resource"), dict):
                yield reference_of(entry["resource"]), entry, "resource"


def reference_of(resource: Mapping[str, Any]) -> str:
    """A resource's type and id, as a reference to it."""
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def nested(path: str, value: Any) -> Any:
    """A value under the keys of a path."""
    for step in reversed(path.split(".")):
        value = {step: value}
    return value
