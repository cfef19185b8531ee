"""Makes the request of a case from its base and its differences; `python -m tests.cases.build NAME` prints it.

fixtures/cases/README.md says what a case file holds.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.cases.edits import JSON, CaseError, drop, merge, nested, reference_of, resources_in, set_answers
from tests.cases.series import KEYS as SERIES
from tests.cases.series import repeated

FIXTURES = Path(__file__).parents[2] / "fixtures" / "cases"
DIFFERENCES = ("remove", "unanswered", "answers", "add", "change", "without", "null", "set")
ADD = ("like", "before", "entry", "without", "answers", "unanswered", *SERIES)


def build(table: Mapping[str, Any], name: str) -> JSON:
    """The request of a case; its hookInstance is made from the case's name."""
    call = _Call(base(table["base"]))
    call.request["hookInstance"] = str(uuid5(NAMESPACE_URL, name))
    for reference in table.get("remove", ()):
        call.remove(reference)
    if "answers" in table or "unanswered" in table:
        set_answers(call.answers(), table.get("answers", {}), table.get("unanswered", ()))
    for section, additions in table.get("add", {}).items():
        if isinstance(additions, dict):
            call.replace(section, additions)
        else:
            call.add(section, additions)
    for references, changes in table.get("change", {}).items():
        for reference in references.split(", "):
            holder, key = call.place_of(reference)
            holder[key] = _changed(holder[key], changes)
    return _with_the_rest(call.finished(), table)


def case_files() -> list[Path]:
    """Every case file, by the case's name, whatever area it lies in."""
    found = [path for path in FIXTURES.glob("*/*.toml") if path.parent.name != "bases"]
    return sorted(found, key=lambda path: path.stem)


@cache
def base_text(name: str) -> str:
    path = FIXTURES / "bases" / f"{name}.json"
    if path.exists():
        return path.read_text(encoding="utf-8")
    if not path.with_suffix(".toml").exists():
        raise CaseError(f"there is no base {name}")
    table = tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8"))
    if unknown := {*table} - {"base", *DIFFERENCES}:
        raise CaseError(f"the base {name} has unknown keys: {', '.join(sorted(unknown))}")
    return json.dumps(build(table, name))


def base(name: str) -> JSON:
    """A new copy of a base call: a JSON file, or a TOML file that says how it differs from another base."""
    request: JSON = json.loads(base_text(name))
    return request


@cache
def template_text(name: str) -> str:
    path = FIXTURES / "resources" / f"{name}.json"
    if not path.exists():
        raise CaseError(f"there is no resource {name}")
    return path.read_text(encoding="utf-8")


def _with_the_rest(request: JSON, table: Mapping[str, Any]) -> JSON:
    """The request with the elements that belong to no resource removed, made null or set."""
    for path in table.get("without", ()):
        drop(request, path)
    for path in table.get("null", ()):
        request = merge(request, nested(path, None))
    changed: JSON = merge(request, table.get("set", {}))
    return changed


def _changed(resource: JSON, changes: Mapping[str, Any]) -> JSON:
    """A copy of a resource without what `without` names, and with the rest of the table merged into it."""
    copy: JSON = json.loads(json.dumps(resource))
    for path in changes.get("without", ()):
        drop(copy, path)
    changed: JSON = merge(copy, {key: value for key, value in changes.items() if key != "without"})
    return changed


class _Call:
    """A call while it is changed."""

    def __init__(self, request: JSON) -> None:
        self.request = request
        self._emptied: list[tuple[JSON, str]] = []
        self._known = {name: json.dumps(holder[key]) for name, holder, key in resources_in(request)}

    def place_of(self, reference: str) -> tuple[JSON, str]:
        """Where a resource stands: the object that holds it, and the key in it."""
        places = [(holder, key) for name, holder, key in resources_in(self.request) if name == reference]
        if len(places) != 1:
            raise CaseError(f"the call holds {len(places)} of {reference}")
        return places[0]

    def answers(self) -> JSON:
        """The QuestionnaireResponse whose answers are changed."""
        places = resources_in(self.request)
        found = [holder[key] for name, holder, key in places if name.startswith("QuestionnaireResponse/")]
        if len(found) != 1:
            raise CaseError(f"the base has {len(found)} QuestionnaireResponses")
        response: JSON = found[0]
        return response

    def remove(self, reference: str) -> None:
        """Takes a resource away."""
        holder, key = self.place_of(reference)
        if key != "resource":
            holder[key] = None
            return
        for place, section in self._sections():
            bundle = place[section]
            entries = bundle.get("entry", []) if isinstance(bundle, dict) else []
            if any(entry is holder for entry in entries):
                bundle["entry"] = [entry for entry in entries if entry is not holder]
                _count(bundle)
                self._emptied.append((place, section))

    def add(self, section: str, additions: Sequence[Mapping[str, Any]]) -> None:
        """Adds resources and series of them to the Bundle of a section."""
        bundle = self._bundle(section)
        for addition in additions:
            series = repeated(addition) if any(key in addition for key in SERIES) else [{}]
            resource = self._resource(addition)
            entries = [{**addition.get("entry", {}), "resource": merge(resource, one)} for one in series]
            self._known |= {reference_of(entry["resource"]): json.dumps(entry["resource"]) for entry in entries}
            position = self._position(bundle, addition.get("before"))
            bundle["entry"][position:position] = entries
            _count(bundle)

    def replace(self, section: str, addition: Mapping[str, Any]) -> None:
        """Puts one resource in place of all that a section holds."""
        self._place(section)[section] = self._resource(addition)

    def _resource(self, addition: Mapping[str, Any]) -> JSON:
        changes = {key: value for key, value in addition.items() if key not in ADD}
        resource = _changed(self._start(addition.get("like")), changes | {"without": addition.get("without", [])})
        if "answers" in addition or "unanswered" in addition:
            set_answers(resource, addition.get("answers", {}), addition.get("unanswered", ()))
        if "resourceType" not in resource:
            raise CaseError("a resource is added that has no resourceType, and that is like none")
        return resource

    def finished(self) -> JSON:
        """The call, with null for each section whose resources were all removed."""
        for place, section in self._emptied:
            if place[section] and not place[section]["entry"]:
                place[section] = None
        return self.request

    def _start(self, like: str | None) -> JSON:
        """What a new resource begins as: one of the base, one added before, or one of `resources/`; without its id."""
        if like is None:
            return {}
        if "/" in like:
            if like not in self._known:
                raise CaseError(f"there is no {like} to be like")
            start: JSON = json.loads(self._known[like])
        else:
            context = self.request["context"]
            text = template_text(like).replace("{patient}", context["patientId"]).replace("{user}", context["userId"])
            start = json.loads(text)
        return {key: value for key, value in start.items() if key != "id"}

    def _sections(self) -> list[tuple[JSON, str]]:
        return [(self._place(section), section) for section in ("draftOrders", *self.request["prefetch"])]

    def _place(self, section: str) -> JSON:
        place: JSON = self.request["context" if section == "draftOrders" else "prefetch"]
        if section not in place:
            raise CaseError(f"the base has no section {section}")
        return place

    def _position(self, bundle: JSON, before: str | None) -> int:
        """Where new entries go: to the end, or before a resource that is there."""
        if before is None:
            return len(bundle["entry"])
        holder, _ = self.place_of(before)
        return [entry is holder for entry in bundle["entry"]].index(True)

    def _bundle(self, section: str) -> JSON:
        """The Bundle of a section; a new one has a total where the others have one, and what stood there in it."""
        place = self._place(section)
        value = place[section]
        if value is None or value["resourceType"] != "Bundle":
            others = [other for other in self.request["prefetch"].values() if isinstance(other, dict)]
            total: JSON = {"total": 0} if any("total" in other for other in others) else {}
            old = [] if value is None else [{"resource": value}]
            place[section] = {"resourceType": "Bundle", "type": "searchset", **total, "entry": old}
        bundle: JSON = place[section]
        return bundle


def _count(bundle: JSON) -> None:
    if "total" in bundle:
        bundle["total"] = len(bundle["entry"])


def main() -> None:
    """Prints the request of the case that is named."""
    found = [path for path in case_files() if path.stem == sys.argv[1]]
    if not found:
        raise SystemExit(f"there is no case {sys.argv[1]}")
    print(json.dumps(build(tomllib.loads(found[0].read_text(encoding="utf-8")), found[0].stem), indent=1))


if __name__ == "__main__":
    main()
