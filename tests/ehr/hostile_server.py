"""A small FHIR server on loopback that misbehaves as it is told, and calls of the service that point to it.

`HostileServer` holds resources, answers reads and searches with paging, and records what it was asked. Behaviours
are put on a type, a path or everything: each is handed the request and the rest of the chain, and gives the reply.
"""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.support import JSON

SIGN = "/cds-services/insulin-pump-order-sign"
TOKEN = "token-4711-secret"
_SUBJECTS = ("subject", "patient", "beneficiary")
_DATES = ("effectiveDateTime", "performedDateTime", "authoredOn", "authored", "recordedDate")
_EFFECTIVE = ("effectiveDateTime", "effectivePeriod", "effectiveInstant")
_INCLUDES = {"medication": "medicationReference", "practitioner": "practitioner", "payor": "payor", "device": "device"}


@dataclass(frozen=True)
class Asked:
    """One request as it came, `at` a monotonic time: path and params below the base, header names in lower case."""

    method: str
    target: str
    path: str
    params: dict[str, list[str]]
    headers: dict[str, str]
    connection: int
    at: float

    @property
    def kind(self) -> str:
        """The first step of the path: the resource type."""
        return self.path.split("/", 1)[0]

    def values(self, name: str) -> list[str]:
        """A parameter's values, those between commas too."""
        return [value for text in self.params.get(name, []) for value in text.split(",")]

    @property
    def page(self) -> int:
        """Which page of a search was asked for."""
        return int(self.params.get("_page", ["1"])[0])


@dataclass(frozen=True)
class Reply:
    """What is sent back, and how badly. `cut`: so many bytes of the body, then the connection ends."""

    status: int = 200
    body: JSON | bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    drip_head: float = 0.0
    drip_body: float = 0.0
    cut: int | None = None
    dropped: bool = False
    chunked: bool = False

    def content(self) -> bytes:
        """The body as bytes."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Answer = Callable[[Asked], Reply]
Behaviour = Callable[[Asked, Answer], Reply]


class HostileServer:
    """The server: use it in a `with` block, which ends every thread and socket of it."""

    def __init__(self, *resources: JSON, base: str = "/r4") -> None:
        self.base = base
        self.held = list(resources)
        self.asked: list[Asked] = []
        self.page_size: dict[str, int] = {}
        self.next_form = "{url}"  # {url}: absolute; {path}: from the root; {end}: from the base on
        self.hung_up = 0
        self.most_at_once = 0
        self.closing = threading.Event()
        self._rules: list[tuple[str, Behaviour, Callable[[Asked], bool], list[int]]] = []
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._busy = 0
        self._faults: list[BaseException] = []
        self._http = _Listener(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.005,), name="hostile")

    @property
    def root(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def url(self) -> str:
        """The FHIR base, without a slash at its end."""
        return self.root + self.base

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        with self._lock:
            still_open = list(self._open)
        for each in still_open:
            _end(each)
        self._http.server_close()
        assert not self._faults, self._faults

    # ------------------------------------------------------------ script and record

    def on(
        self, where: str, behaviour: Behaviour, when: Callable[[Asked], bool] = lambda _: True, times: int = 1_000_000
    ) -> Self:
        """Puts a behaviour on a type, a path or `*`; the first put on is the outermost."""
        self._rules.append((where, behaviour, when, [times]))
        return self

    def asked_for(self, where: str, **params: str) -> list[Asked]:
        """The requests for a type or path; with parameters, those that carry each of the values."""
        here = [a for a in list(self.asked) if where in (a.kind, a.path)]
        return [a for a in here if all(value in a.values(name) for name, value in params.items())]

    # ------------------------------------------------------------ answering

    def reply(self, asked: Asked) -> Reply:
        """The reply after all behaviours."""
        with self._lock:
            self.asked.append(asked)
            chosen = [behaviour for rule in self._rules if (behaviour := self._take(rule, asked))]
        answer: Answer = self._plain
        for behaviour in reversed(chosen):
            answer = _bound(behaviour, answer)
        return answer(asked)

    def _take(self, rule: tuple[str, Behaviour, Callable[[Asked], bool], list[int]], asked: Asked) -> Behaviour | None:
        where, behaviour, when, left = rule
        if where not in ("*", asked.kind, asked.path) or not left[0] or not when(asked):
            return None
        left[0] -= 1
        return behaviour

    def _plain(self, asked: Asked) -> Reply:
        kind, _, name = asked.path.partition("/")
        if asked.method != "GET" or "?" in kind or "//" in asked.path:
            return outcome(404, "not-found")
        if not name:
            return Reply(body=self.search(asked))
        found = next((r for r in self.held if (r["resourceType"], r.get("id")) == (kind, name)), None)
        return Reply(body=found) if found else outcome(404, "not-found")

    def search(self, asked: Asked) -> JSON:
        """A page of a searchset; the self link holds what was heeded."""
        mine = [r for r in self.held if r["resourceType"] == asked.kind]
        heeded = {name for name in asked.params if name in _MATCHERS}
        found = [r for r in mine if all(_MATCHERS[name](r, value) for name in heeded for value in asked.params[name])]
        if "-date" in asked.values("_sort"):
            found.sort(key=_date, reverse=True)
        size = min(int(asked.params.get("_count", ["1000"])[0]), self.page_size.get(asked.kind, 1000))
        start = (asked.page - 1) * size
        page = found[start : start + size]
        entries = [_entry(self.url, r, "match") for r in page]
        entries += [_entry(self.url, r, "include") for r in self._included(page, asked)]
        links = [{"relation": "self", "url": self._link(asked, asked.page, heeded | {"_count", "_sort", "_include"})}]
        if start + size < len(found):
            links.append({"relation": "next", "url": self._link(asked, asked.page + 1, set(asked.params))})
        return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links, "entry": entries}

    def _link(self, asked: Asked, page: int, names: set[str]) -> str:
        kept = {k: v for k, v in asked.params.items() if k in names and k != "_page"}
        end = f"{asked.path}?{urlencode(kept | ({'_page': [str(page)]} if page > 1 else {}), doseq=True)}"
        return self.next_form.format(url=f"{self.url}/{end}", path=f"{self.base}/{end}", end=end)

    def _included(self, page: list[JSON], asked: Asked) -> Iterator[JSON]:
        fields = [_INCLUDES.get(value.split(":")[-1], "") for value in asked.params.get("_include", [])]
        pointers = [r.get(name) for r in page for name in fields]
        wanted = {_reference(p) for each in pointers for p in (each if isinstance(each, list) else [each])}
        return (r for r in self.held if f"{r['resourceType']}/{r.get('id')}" in wanted)

    # ------------------------------------------------------------ sockets

    def opened(self, connection: socket.socket) -> None:
        """Remembers a connection, so that it can be ended."""
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forgets a connection."""
        with self._lock:
            self._open.discard(connection)

    def count(self, step: int) -> None:
        """Counts the requests that are being answered at once."""
        with self._lock:
            self._busy += step
            self.most_at_once = max(self.most_at_once, self._busy)

    def fault(self, error: BaseException) -> None:
        """A client that went away is counted; anything else is this server's own fault."""
        if isinstance(error, ConnectionError | TimeoutError):
            self.hung_up += 1
        else:
            self._faults.append(error)


class _Listener(ThreadingHTTPServer):
    owner: HostileServer
    daemon_threads = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Errors of a handler's thread go to the server's record, not to the screen."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.server.owner.opened(self.connection)

    def finish(self) -> None:
        self.server.owner.closed(self.connection)
        super().finish()

    def do_GET(self) -> None:
        owner = self.server.owner
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        path = parts.path.removeprefix(owner.base + "/") if parts.path.startswith(owner.base + "/") else parts.path
        headers = {name.lower(): value for name, value in self.headers.items()}
        params = parse_qs(parts.query, keep_blank_values=True)
        asked = Asked(self.command, self.path, path, params, headers, self.client_address[1], time.monotonic())
        owner.count(1)
        try:
            self._send(owner.reply(asked))
        except Exception as error:
            self.close_connection = True
            owner.fault(error)
        finally:
            owner.count(-1)

    do_POST = do_GET

    def _send(self, reply: Reply) -> None:
        if self.server.owner.closing.wait(reply.wait) or reply.dropped:
            self.close_connection = True
            return _end(self.connection)
        body = reply.content()
        headers = {"Content-Type": "application/fhir+json", "Content-Length": str(len(body))} | reply.headers
        if reply.chunked:
            del headers["Content-Length"]
            headers["Transfer-Encoding"] = "chunked"
            half = len(body) // 2
            body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:], b""))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._write(f"HTTP/1.1 {reply.status} Hm\r\n{lines}\r\n".encode(), reply.drip_head)
        self._write(body[: reply.cut], reply.drip_body)
        if reply.cut is not None:
            self.close_connection = True
            _end(self.connection)
        return None

    def _write(self, data: bytes, pause: float) -> None:
        for part in (data,) if not pause else (data[n : n + 1] for n in range(len(data))):
            self.wfile.write(part)
            if pause and self.server.owner.closing.wait(pause):
                raise ConnectionAbortedError

    def log_message(self, format: str, *args: Any) -> None:
        """No log."""


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


# ---------------------------------------------------------------- searching


def _reference(value: Any) -> str:
    return value.get("reference", "") if isinstance(value, dict) else ""


def _is_of(resource: JSON, value: str) -> bool:
    wanted = "Patient/" + value.rsplit("/", 1)[-1]
    return any(_reference(resource.get(name)).endswith(wanted) for name in _SUBJECTS)


def _has_code(concepts: Any, value: str) -> bool:
    wanted = {token.rsplit("|", 1)[-1] for token in value.split(",")}
    each = concepts if isinstance(concepts, list) else [concepts or {}]
    return any(coding.get("code") in wanted for concept in each for coding in concept.get("coding", []))


def _date(resource: JSON) -> str:
    return next((resource[name] for name in _DATES if name in resource), "")[:10]


def _in_time(resource: JSON, value: str) -> bool:
    day, limit = _date(resource), value[2:12]
    return bool(day) and {"ge": day >= limit, "gt": day > limit, "le": day <= limit, "lt": day < limit}[value[:2]]


_MATCHERS: dict[str, Callable[[JSON, str], bool]] = {
    "patient": _is_of,
    "subject": _is_of,
    "beneficiary": _is_of,
    "code": lambda r, value: _has_code(r.get("code"), value),
    "category": lambda r, value: _has_code(r.get("category"), value),
    "date": _in_time,
    "date:missing": lambda r, value: any(name in r for name in _EFFECTIVE) is (value == "false"),
    "status": lambda r, value: r.get("status") in value.split(","),
    "practitioner": lambda r, value: _reference(r.get("practitioner")).endswith(value.rsplit("/", 1)[-1]),
    "_id": lambda r, value: r.get("id") in value.split(","),
}


def _entry(base: str, resource: JSON, mode: str) -> JSON:
    url = f"{base}/{resource['resourceType']}/{resource.get('id', '')}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def _bound(behaviour: Behaviour, answer: Answer) -> Answer:
    return lambda asked: behaviour(asked, answer)


# ---------------------------------------------------------------- behaviours


def outcome(status: int, code: str, text: str = "no") -> Reply:
    """A status with an OperationOutcome."""
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return Reply(status, {"resourceType": "OperationOutcome", "issue": [issue]})


def refuse(status: int, code: str = "processing", text: str = "no", **headers: str) -> Behaviour:
    """Refuses with an OperationOutcome; header names are written with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda asked, answer: replace(outcome(status, code, text), headers=named)


def say(reply: Reply) -> Behaviour:
    """Always the same reply."""
    return lambda asked, answer: reply


def badly(**how: Any) -> Behaviour:
    """The good reply, sent badly: fields of Reply, such as wait, drip_body, cut, dropped, chunked."""
    return lambda asked, answer: replace(answer(asked), **how)


def ignoring(*names: str) -> Behaviour:
    """Some parameters are not heeded, and the self link lacks them."""
    return lambda asked, answer: answer(
        replace(asked, params={k: v for k, v in asked.params.items() if k not in names})
    )


def edited(change: Callable[[JSON, Asked], object]) -> Behaviour:
    """The Bundle is changed in place before it is sent."""

    def behave(asked: Asked, answer: Answer) -> Reply:
        reply = answer(asked)
        assert isinstance(reply.body, dict)
        change(reply.body, asked)
        return reply

    return behave


def leading_to(url: Callable[[Asked], str]) -> Behaviour:
    """Every page has a next link, to wherever is told."""
    return edited(lambda body, asked: body["link"].append({"relation": "next", "url": url(asked)}))


def without_end(server: HostileServer, kind: str, code: str = "") -> None:
    """Searches for a type, or those that carry a code, have a next page for ever."""
    link = f"{server.url}/{kind}?patient=p1{'&code=' + code if code else ''}&_page="
    more = leading_to(lambda asked: link + str(asked.page + 1))
    server.on(kind, more, when=lambda asked: not code or code in asked.values("code"))


def zipped(asked: Asked, answer: Answer) -> Reply:
    """The good reply, compressed."""
    reply = answer(asked)
    return replace(reply, body=gzip.compress(reply.content()), headers={"Content-Encoding": "gzip"})


def having(*names: str) -> Callable[[Asked], bool]:
    """Requests that carry one of these parameters."""
    return lambda asked: any(name in asked.params for name in names)


def on_page(number: int) -> Callable[[Asked], bool]:
    """Requests for this page and those behind it."""
    return lambda asked: asked.page >= number


# ---------------------------------------------------------------- calls of the service


@dataclass(frozen=True)
class Judged:
    """What the service answered, and after how many seconds."""

    determination: JSON
    found: dict[str, JSON]
    body: JSON
    seconds: float

    def __getitem__(self, section: str) -> JSON:
        return self.found[section]

    def truth(self, section: str) -> str:
        """The truth of a section, or its gap where that is `not-retrieved`."""
        finding = self.found[section]
        return "not-retrieved" if finding.get("gap") == "not-retrieved" else finding["truth"]

    @property
    def unread(self) -> set[str]:
        """The criteria that were not retrieved."""
        return {f["id"] for f in self.determination["criteria"] if f.get("gap") == "not-retrieved"}


def chart(*without: str, **instead: Any) -> list[JSON]:
    """The resources of the call in which everything is met, as a server would hold them; by prefetch key."""
    prefetch = support.call(**instead)["prefetch"]
    values = [value for key, value in prefetch.items() if value is not None and key not in without]
    return [r for value in values for r in ([e["resource"] for e in value["entry"]] if "entry" in value else [value])]


def call(server: HostileServer | str, missing: Iterable[str] | None = None, *orders: JSON, **members: Any) -> JSON:
    """A call of the hook in which these prefetch keys are missing, all of them for None; it has a token."""
    request = support.call(*orders)
    if missing is None:
        del request["prefetch"]
    for key in missing or ():
        del request["prefetch"][key]
    request["fhirServer"] = server if isinstance(server, str) else server.url
    access = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "subject": "pump-cds"}
    request["fhirAuthorization"] = access | {"scope": "user/*.read"}
    return {name: value for name, value in (request | members).items() if value is not ...}


def judge(request: JSON, **settings: Any) -> Judged:
    """The service's answer to a call: the determination of its first order."""
    _warm()
    client = create_app(Settings(**settings)).test_client()
    began = time.monotonic()
    reply = client.post(SIGN, json=request)
    seconds = time.monotonic() - began
    assert reply.status_code == 200, reply.data
    body = reply.get_json()
    determination = body["extension"]["com.insulin-pump-cds.determinations"][0]
    groups = [determination.get(name, []) for name in ("criteria", "exclusions", "replacement")]
    found = {f["id"]: f for group in groups for f in group}
    found |= {part["id"]: part for f in list(found.values()) for part in f.get("parts", ())}
    return Judged(determination, found, body, seconds)


@cache
def _warm() -> None:
    """Value sets and the like are loaded once, before anything is timed."""
    create_app(Settings()).test_client().post(SIGN, json=support.call())
