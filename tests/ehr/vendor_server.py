"""FHIR servers of eight vendors in this process, without sockets: each as its profile in vendor_profiles.toml says."""

from __future__ import annotations

import json
import threading
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from cds_service.ehr.transport import HttpAnswer
from tests.ehr.hostile_server import _INCLUDES, _MATCHERS, _date, _reference
from tests.ehr.vendor_charts import written_by
from tests.support import JSON

BASE = "https://ehr.example.invalid/r4"
FILE = Path(__file__).with_name("vendor_profiles.toml")
EPIC = "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369"
_PATIENT = ("subject", "patient", "beneficiary")
Query = dict[str, list[str]]


@cache
def profiles() -> dict[str, dict[str, Any]]:
    """The vendors' traits by their short names."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class _Page:
    """A page that a token stands for."""

    kind: str
    query: Query
    start: int


class VendorServer:
    """One vendor's server with one chart; a transport for `FhirClient`."""

    def __init__(self, profile: dict[str, Any], resources: Iterable[JSON]) -> None:
        self._profile = profile
        self._held = [_Held(resource, n) for n, resource in enumerate(written_by(profile.get("charts", ()), resources))]
        self._tokens: dict[str, _Page] = {}
        self._answers: dict[str, HttpAnswer] = {}
        self._lock = threading.Lock()
        self.left = 60.0

    def is_own(self, url: str) -> bool:
        """Only URLs of this server."""
        return url.startswith(BASE)

    def get(self, url: str) -> HttpAnswer:
        """The answer to a read, a search or a page."""
        with self._lock:
            if url not in self._answers:
                self._answers[url] = self._answer(url.removeprefix(BASE).lstrip("/"))
            return self._answers[url]

    def cached_answer(self, url: str) -> HttpAnswer | None:
        """What was answered already."""
        return self._answers.get(url)

    def close(self) -> None:
        """Nothing is open."""

    # ------------------------------------------------------------ answering

    def _answer(self, path: str) -> HttpAnswer:
        parts = urlsplit(path)
        kind, _, name = parts.path.partition("/")
        query = parse_qs(parts.query, keep_blank_values=True)
        if "_token" in query:
            page = self._tokens[query["_token"][0]]
            return self._search(page.kind, page.query, page.start)
        if kind in self._profile.get("unknown", ()):
            return HttpAnswer(404, b"<html><body>Not found</body></html>")
        if name:
            found = next((h for h in self._held if (h.kind, h.id) == (kind, unquote(name))), None)
            return HttpAnswer(200, found.body) if found else _refusal(404, {"severity": "error", "code": "not-found"})
        refused = next(self._refusals(kind, query), None)
        if refused is not None:
            return refused
        return self._search(kind, query, int(query.get("_offset", ["0"])[0]))

    def _refusals(self, kind: str, query: Query) -> Iterator[HttpAnswer]:
        largest = self._profile.get("largest", {})
        if largest.get("how") == "refused" and int(query.get("_count", ["0"])[0]) > largest["size"]:
            text = f"_count is {largest['size']} at most"
            yield _refusal(400, {"severity": "error", "code": "invalid", "diagnostics": text})
        for rule in self._profile.get("refuses", ()):
            lacks = "lacks" in rule and not any(name in query for name in rule["lacks"])
            tokens = [token for value in query.get(rule.get("parameter", ""), []) for token in value.split(",")]
            without = any(rule["without"] not in token for token in tokens)
            if rule["type"] == kind and (lacks or rule.get("has") in query or without):
                yield _refusal(rule["status"], _issue(rule))

    def _search(self, kind: str, query: Query, start: int) -> HttpAnswer:
        profile = self._profile
        ignored = [name for name in profile.get("ignores", ()) if name in query]
        heeded = {name for name in query if name in _MATCHERS and name not in ignored}
        found = [h for h in self._held if h.kind == kind and all(h.fits(name, query[name]) for name in heeded)]
        if "-date" in query.get("_sort", ()):
            found.sort(key=lambda held: held.date, reverse=True)
        size = int(query.get("_count", ["1000"])[0])
        size = min(size, profile.get("largest", {"size": size})["size"])
        page = found[start : start + size]
        more = start + size < len(found)
        entries = [held.entry("match") for held in page]
        if "_include" not in ignored:
            entries += [held.entry("include") for held in self._included(page, query)]
        entries += [b'{"resource":%b,"search":{"mode":"outcome"}}' % _outcome(self._issues(kind, bool(found), ignored))]
        kept = {name: values for name, values in query.items() if name not in ignored}
        links = [{"relation": "self", "url": f"{BASE}/{kind}?{urlencode(kept, doseq=True)}"}]
        if more:
            links.append({"relation": "next", "url": self._next(kind, query, start + size)})
        total = self._total(len(found), len(page), more)
        head = {"resourceType": "Bundle", "type": "searchset", "link": links}
        head |= {} if total is None else {"total": total}
        listed = b",".join(entry for entry in entries if b'"issue":[]' not in entry)
        return HttpAnswer(200, json.dumps(head).encode()[:-1] + b',"entry":[' + listed + b"]}")

    def _included(self, page: list[_Held], query: Query) -> list[_Held]:
        fields = [_INCLUDES.get(value.split(":")[-1], "") for value in query.get("_include", [])]
        pointers = [held.resource.get(name) for held in page for name in fields]
        wanted = {_reference(p) for each in pointers for p in (each if isinstance(each, list) else [each])}
        return [held for held in self._held if f"{held.kind}/{held.id}" in wanted]

    def _issues(self, kind: str, found: bool, ignored: list[str]) -> list[JSON]:
        profile = self._profile
        issues = [_epic(code) for code in profile.get("always", ())]
        issues += [_epic(code) for code in profile.get("empty", ()) if not found]
        if kind in profile.get("by_type", {}):
            issues.append(_epic("59204", profile["by_type"][kind]))
        return issues + [_epic(profile["ignored_code"], f"Unknown parameter {name}; ignored") for name in ignored]

    def _total(self, found: int, page: int, more: bool) -> int | None:
        how = self._profile.get("total", "exact")
        return {"exact": found, "page": page, "estimate": 10 * found + 7 if more else found, "none": None}[how]

    def _next(self, kind: str, query: Query, start: int) -> str:
        form = self._profile.get("next", "absolute")
        if form == "opaque":
            token = f"t{len(self._tokens)}"
            self._tokens[token] = _Page(kind, query, start)
            return f"{BASE}?_token={token}"
        end = f"{kind}?{urlencode(query | {'_offset': [str(start)]}, doseq=True)}"
        return f"/r4/{end}" if form == "relative" else f"{BASE}/{end}"


class _Held:
    """A resource that a server holds, ready to be sent."""

    def __init__(self, resource: JSON, number: int) -> None:
        self.kind = resource["resourceType"]
        self.resource = resource if resource.get("id") else resource | {"id": f"x{number}"}
        self.id = self.resource["id"]
        self.body = json.dumps(self.resource).encode()
        self.date = _date(resource) if all(isinstance(v, str) for k, v in resource.items() if "ate" in k) else ""

    def fits(self, name: str, values: list[str]) -> bool:
        """Whether a search by this parameter finds it. What names no patient is filed under this one."""
        if name in _PATIENT:
            pointers = [self.resource.get(each) for each in _PATIENT if self.resource.get(each)]
            literals = [_reference(pointer).partition("/_history/")[0] for pointer in pointers]
            return not literals or any(literal.endswith(values[0].rsplit("/", 1)[-1]) for literal in literals)
        try:
            return all(_MATCHERS[name](self.resource, value) for value in values)
        except (AttributeError, TypeError, KeyError, ValueError):
            return False  # a malformed element is not indexed

    def entry(self, mode: str) -> bytes:
        """It as an entry of a searchset."""
        url = json.dumps(f"{BASE}/{self.kind}/{self.id}").encode()
        return b'{"fullUrl":%b,"resource":%b,"search":{"mode":"%b"}}' % (url, self.body, mode.encode())


def _epic(code: str, diagnostics: str = "") -> JSON:
    kind = "suppressed" if code == "59204" else "processing"
    issue = {"severity": "warning", "code": kind, "details": {"coding": [{"system": EPIC, "code": code}]}}
    return issue | ({"diagnostics": diagnostics} if diagnostics else {})


def _issue(rule: JSON) -> JSON:
    if "code" in rule:
        return _epic(rule["code"]) | {"severity": "fatal"}
    return {"severity": "error", "code": "invalid", "diagnostics": rule["text"]}


def _outcome(issues: list[JSON]) -> bytes:
    return json.dumps({"resourceType": "OperationOutcome", "issue": issues}, separators=(",", ":")).encode()


def _refusal(status: int, issue: JSON) -> HttpAnswer:
    return HttpAnswer(status, _outcome([issue]))
