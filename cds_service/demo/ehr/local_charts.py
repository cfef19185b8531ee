"""The charts of the demo's own EHR where it has no FHIR server: in memory, read and searched as FHIR.

A patient's chart is what the last signed order carried, and the statements that were written since. A search knows the
patient, ids, codes and whose roles are asked for; other parameters are left out, as servers may.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from cds_service.ehr.forwarding import Forwarded
from cds_service.ehr.search_plan import code_chunks, values_for
from cds_service.ehr.searches import searches_for
from cds_service.facts.known_results import KNOWN
from cds_service.web.json_text import parsed, pretty

JSON = dict[str, Any]
BASE = "http://charts.demo.invalid/fhir"
_TYPE = {"Content-Type": "application/fhir+json"}
_STATEMENT = "QuestionnaireResponse"
_SUBJECTS = ("subject", "patient", "beneficiary")
_MOST_CHARTS, _MOST_STATEMENTS, _MOST_RESOURCES = 40, 100, 20_000
_ANY_CODE = ""


@dataclass(slots=True)
class _Chart:
    """One patient's chart. `unreadable`: types and codes whose searches fail, as they failed in the call."""

    resources: list[JSON] = field(default_factory=list)
    unreadable: frozenset[tuple[str, str]] = frozenset()
    statements: list[JSON] = field(default_factory=list)


class LocalCharts:
    """The charts by patient; the oldest go first when there are too many. Used from several threads."""

    def __init__(self) -> None:
        """No charts yet."""
        self._charts: OrderedDict[str, _Chart] = OrderedDict()
        self._lock = threading.Lock()

    def receive(self, patient: str, resources: Iterable[JSON], unreadable: Iterable[str] = ()) -> None:
        """Puts resources in the place of a patient's chart; what was written stays.

        `unreadable`: parts of the chart, by their prefetch keys, that cannot be read.
        """
        kept = [each for each, _ in zip(resources, range(_MOST_RESOURCES), strict=False)]
        failing = frozenset(_searched(unreadable, patient))
        with self._lock:
            chart = self._charts.setdefault(patient, _Chart())
            chart.resources, chart.unreadable = kept, failing
            self._charts.move_to_end(patient)
            while len(self._charts) > _MOST_CHARTS:
                self._charts.popitem(last=False)

    def statements(self, patient: str) -> tuple[JSON, ...]:
        """What was written about a patient, oldest first."""
        with self._lock:
            chart = self._charts.get(patient)
            return tuple(chart.statements) if chart is not None else ()

    def forget_statements(self, patient: str) -> None:
        """Takes what was written about a patient back."""
        with self._lock:
            if patient in self._charts:
                self._charts[patient].statements = []

    def server(self, patient: str | None) -> LocalFhir:
        """The FHIR server as a token for a patient's chart sees it; None sees the patients of all charts."""
        return LocalFhir(self, patient)

    def chart(self, patient: str | None) -> tuple[list[JSON], frozenset[tuple[str, str]]]:
        """The resources of a chart, newest statements last, and what of it cannot be read."""
        with self._lock:
            charts = list(self._charts.values()) if patient is None else [self._charts.get(patient) or _Chart()]
            found = [each for chart in charts for each in (*chart.resources, *chart.statements)]
            return found, frozenset().union(*(chart.unreadable for chart in charts))

    def write(self, patient: str, resource: JSON) -> JSON | None:
        """Keeps a statement under an id of its own; None when the chart holds too many."""
        with self._lock:
            chart = self._charts.setdefault(patient, _Chart())
            if len(chart.statements) >= _MOST_STATEMENTS:
                return None
            now = datetime.now(UTC).isoformat(timespec="seconds")
            number = len(chart.statements) + 1
            written = resource | {"id": f"signed-answer-{number}", "meta": {"versionId": "1", "lastUpdated": now}}
            chart.statements.append(written)
            return written


def _searched(sections: Iterable[str], patient: str) -> Iterable[tuple[str, str]]:
    """The types and codes that are searched for to read parts of a chart."""
    for section in sections:
        for search in searches_for(section, KNOWN):
            values = values_for(search, patient, datetime.now(UTC).date())
            codes = [code for chunk in code_chunks(search, values) for code in chunk]
            yield from ((search.type, code) for code in codes or [_ANY_CODE])


class LocalFhir:
    """Answers single requests from the charts, in the place of a FHIR server."""

    base = BASE

    def __init__(self, charts: LocalCharts, patient: str | None) -> None:
        """`patient`: whose chart is read and written."""
        self._charts = charts
        self._patient = patient

    def send(
        self, method: str, path: str, query: str = "", *, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Forwarded:
        """The answer to one request. `headers` change nothing here."""
        kind, _, identity = path.partition("/")
        if method == "POST" and kind == _STATEMENT and self._patient is not None:
            return self._create(parsed((body or b"{}").decode("utf-8", "replace")))
        if method not in ("GET", "HEAD"):
            return _outcome(405, "not-supported", "here statements can be created, and nothing else written")
        if kind == "metadata":
            return _answer(200, _CAPABILITIES)
        found, unreadable = self._charts.chart(self._patient)
        if identity:
            named = [each for each in found if each.get("resourceType") == kind and each.get("id") == identity]
            return _answer(200, named[-1]) if named else _outcome(404, "not-found", "there is no such resource")
        asked = parse_qsl(query, keep_blank_values=True)
        if _fails(kind, asked, unreadable):
            return _outcome(503, "transient", "this part of the chart cannot be read at the moment")
        entries = [{"resource": each} for each in found if each.get("resourceType") == kind and _fits(each, asked)]
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
        return _answer(200, bundle | ({"entry": entries} if entries else {}))

    def _create(self, resource: JSON) -> Forwarded:
        written = self._charts.write(self._patient or "", resource)
        if written is None:
            return _outcome(422, "too-costly", "the demo keeps no more statements about this patient")
        location = {"Location": f"{BASE}/{_STATEMENT}/{written['id']}/_history/1"}
        return _answer(201, written, location)


_CAPABILITIES: JSON = {
    "resourceType": "CapabilityStatement",
    "status": "active",
    "kind": "instance",
    "fhirVersion": "4.0.1",
    "format": ["json"],
    "rest": [{"mode": "server"}],
}


def _answer(status: int, resource: JSON, headers: Mapping[str, str] = {}) -> Forwarded:
    return Forwarded(status, pretty(resource).encode("utf-8", "replace"), {**_TYPE, **headers})


def _outcome(status: int, code: str, message: str) -> Forwarded:
    issue = {"severity": "error", "code": code, "diagnostics": message}
    return _answer(status, {"resourceType": "OperationOutcome", "issue": [issue]})


def _fails(kind: str, asked: list[tuple[str, str]], unreadable: frozenset[tuple[str, str]]) -> bool:
    """Whether a search asks for what cannot be read."""
    codes = {_code(value) for name, values in asked if name == "code" for value in values.split(",")}
    if not codes:
        return any(kind == other for other, _ in unreadable)
    return any((kind, code) in unreadable for code in (*codes, _ANY_CODE))


def _fits(resource: JSON, asked: list[tuple[str, str]]) -> bool:
    return all(_has(resource, name.split(":")[0].split(".")[0], value) for name, value in asked)


def _has(resource: JSON, name: str, value: str) -> bool:
    """Whether a resource fits a parameter; true of parameters that are not known."""
    wanted = value.split(",")
    if name == "_id":
        return resource.get("id") in wanted
    if name == "code":
        return bool({_code(each) for each in wanted} & _codes(resource.get("code")))
    if name in (*_SUBJECTS, "practitioner"):
        names = (name,) if name == "practitioner" else _SUBJECTS
        subjects = {_identity(resource.get(each)) for each in names}
        return bool({each.rpartition("/")[2] for each in wanted} & subjects)
    return True


def _code(token: str) -> str:
    return token.rpartition("|")[2]


def _codes(concept: Any) -> set[str]:
    codings = concept.get("coding") if isinstance(concept, dict) else None
    return {str(each.get("code")) for each in codings if isinstance(each, dict)} if isinstance(codings, list) else set()


def _identity(reference: Any) -> str:
    text = reference.get("reference") if isinstance(reference, dict) else None
    return text.rpartition("/")[2] if isinstance(text, str) else ""
