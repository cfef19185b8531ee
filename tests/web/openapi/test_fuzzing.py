"""Whatever is sent to whatever address: no fault of the service, and every refusal an OperationOutcome.

Schemathesis makes requests from the service's own OpenAPI document, such as fit it and such as do not; Hypothesis
adds headers and bodies. No test here opens a connection: a call's FHIR server is played by `Nowhere`, and names that
are looked up all the same are a failure.
"""

from __future__ import annotations

import copy
import gzip
import json
import socket
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from cds_service.facts import ChartSection
from cds_service.hooks.discovery import SERVICES
from cds_service.settings import Settings
from cds_service.store.store import Store
from cds_service.web import create_app
from cds_service.web.openapi.document import document
from fhir_mappings.json.search_result import SearchResult, failed
from tests import support
from tests.conformance.checker import check_error, check_response
from tests.services.crd import crd_call
from tests.support import JSON

# A failing call is worth printing whole, however long it is.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

SLOWEST = 5.0  # seconds; the budget of a call is 4.5
PATHS = document(Settings())["paths"]
KEYS = "/smart/jwks.json"
# Served where callers are authenticated.
BACKEND = "/fhir/.well-known/smart-configuration"
READS = [
    path
    for path, methods in PATHS.items()
    if "get" in methods and ("/smart/" not in path or path == KEYS) and path != BACKEND
]
SIGN_IN = [(path, method.upper()) for path in PATHS for method in PATHS[path] if "/smart/" in path and path != KEYS]
FEEDBACK = [path for path in PATHS if path.endswith("/feedback")]
HOOKS = [
    path for path, methods in PATHS.items() if "post" in methods and "cds-services" in path and path not in FEEDBACK
]
UNHEALTHY = list(HealthCheck)
# Without the phase that explains failures, which traces every line of every example.
PHASES = (Phase.generate, Phase.shrink)


def _tries(number: int) -> settings:
    return settings(max_examples=number, deadline=None, suppress_health_check=UNHEALTHY, phases=PHASES)


@dataclass
class Nowhere:
    """A FHIR server that answers nothing: every reading fails."""

    as_of: date
    people: tuple[str, ...] = ()
    log: list[Any] = field(default_factory=list)

    def fetch(
        self, sections: Sequence[ChartSection], pages: Mapping[ChartSection, str] | None = None
    ) -> Mapping[ChartSection, SearchResult]:
        return {section: failed("nobody answers") for section in (*sections, *(pages or ()))}

    unfinished: frozenset[ChartSection] = frozenset()

    def rest(self, *, waiting: bool) -> Mapping[ChartSection, SearchResult]:
        return {}

    def read_references(self, references: Sequence[str]) -> list[SearchResult]:
        return [failed("nobody answers") for _ in dict.fromkeys(references)]

    def raw(self, reference: str) -> bytes | None:
        return None

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def app() -> Flask:
    """The service with a store, and with FHIR servers that answer nothing."""
    return create_app(
        Settings(max_body_bytes=1_000_000), lambda server, token, patient, as_of, seconds, scope: Nowhere(as_of)
    )


@pytest.fixture(scope="module")
def described(app: Flask) -> Any:
    """The service's own document of itself, as Schemathesis reads it."""
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


@pytest.fixture(autouse=True)
def no_connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Names that are looked up and connections that are opened, which nothing here may lead to."""
    tried: list[object] = []

    def refused(*arguments: object, **_: object) -> None:
        tried.append(arguments)
        raise OSError("no connections here")

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(socket.socket, "connect", refused)
    yield
    assert tried == []


@pytest.fixture(autouse=True, scope="module")
def all_is_stored(app: Flask) -> Iterator[None]:
    """What was accepted while fuzzing is in the store at the end, whatever characters it held."""
    yield
    store: Store = app.config["STORE"]
    assert store.recorder.flush()
    assert store.recorder.lost == 0


def _judge(status: int, content_type: str | None, body: bytes, path: str) -> None:
    """No 5xx, and every refusal explained."""
    assert status < 500, body
    if path in PATHS and 300 <= status < 400:
        raise AssertionError(f"{path} leads elsewhere: {status}")
    if status >= 400:
        assert check_error(status, content_type or "", json.loads(body)) == []


def _sent(case: Case) -> Any:
    reply = case.call()
    path = case.operation.path
    _judge(reply.status_code, reply.headers.get("content-type", [""])[0], reply.content, path)
    assert reply.elapsed < SLOWEST
    return reply


# ---------------------------------------------------------------- from the document


@pytest.mark.parametrize("path", READS)
def test_reads(described: Any, path: str) -> None:
    @_tries(5)
    @given(case=described[path]["GET"].as_strategy())
    def send(case: Case) -> None:
        assert _sent(case).status_code == 200

    send()


@pytest.mark.parametrize(("path", "method"), SIGN_IN)
def test_sign_in_out_of_nowhere(described: Any, path: str, method: str) -> None:
    @_tries(12)
    @given(case=described[path][method].as_strategy())
    def send(case: Case) -> None:
        reply = case.call()
        assert reply.status_code in (400, 401, 403)
        assert reply.elapsed < SLOWEST

    send()


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("path", [*HOOKS, *FEEDBACK])
def test_posts(described: Any, path: str, mode: GenerationMode) -> None:
    statuses = set()

    @_tries(6 if path in FEEDBACK else 12)
    @given(case=described[path]["POST"].as_strategy(mode))
    def send(case: Case) -> None:
        statuses.add(_sent(case).status_code)

    send()
    assert statuses <= {int(status) for status in PATHS[path]["post"]["responses"]}
    assert 200 in statuses if mode is GenerationMode.POSITIVE else max(statuses) >= 400


def _good(path: str) -> JSON:
    """A good call for the service at a path, with a server to read from."""
    service = SERVICES[path.rsplit("/", 1)[-1]]
    few = {"glucose": support.bundle(*support.readings(4))}
    request: JSON = crd_call(**few) if service.crd else support.call(**few)
    request |= {"hook": service.hook, "fhirServer": "https://ehr.example.invalid/r4"}
    if service.hook == "order-dispatch":
        orders = {"dispatchedOrders": ["DeviceRequest/pump-1"], "performer": "Organization/o1"}
        request["context"] = {"patientId": "p1", **orders}
    elif service.hook == "order-select":
        request["context"]["selections"] = ["DeviceRequest/pump-1"]
    return request


@pytest.mark.parametrize("path", HOOKS)
def test_good_calls_with_parts_of_made_up_ones(app: Flask, described: Any, path: str) -> None:
    """What is made up gets further beside a pump order and a chart than by itself."""
    client, good, statuses = app.test_client(), _good(path), set()

    @_tries(12)
    @given(case=described[path]["POST"].as_strategy(), data=st.data())
    def send(case: Case, data: st.DataObject) -> None:
        request = copy.deepcopy(good)
        for part, made in (
            (request, case.body),
            (request["context"], case.body["context"]),
            (request["prefetch"], case.body.get("prefetch", {})),
        ):
            names = sorted(set(made) - {"hook", "hookInstance", "context", "prefetch", "patientId"})
            part.update({name: made[name] for name in names if data.draw(st.booleans())})
            for name in sorted(set(part) - {"hook", "hookInstance", "context"}):
                if data.draw(st.integers(0, 7)) == 7:
                    del part[name]
        reply = client.post(path, data=json.dumps(request).encode(), content_type="application/json")
        _judge(reply.status_code, reply.content_type, reply.data, path)
        statuses.add(reply.status_code)
        if reply.status_code == 200:
            assert check_response(reply.get_json(), request) == []

    send()
    assert 200 in statuses


# ---------------------------------------------------------------- headers and bodies

# What a client can put on the wire: header values are Latin-1 without line ends.
WIRE = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60)
KINDS = st.sampled_from(["application/json", "application/fhir+json", "text/plain", "multipart/form-data", "", "json"])
ODD_KINDS = st.one_of(
    WIRE,
    KINDS,
    st.builds("{}; charset={}".format, KINDS, st.sampled_from(["utf-8", "utf-16", "latin-1", "no-such", "", '"'])),
    st.builds("{};{}={}".format, KINDS, WIRE, WIRE),
)
ENCODINGS = st.one_of(WIRE, st.sampled_from(["gzip", "x-gzip", "GZIP ", "identity", "deflate", "br", "gzip, gzip", ""]))
TOKENS = st.text(string.ascii_letters + string.digits + "-_.=", max_size=80)
CREDENTIALS = st.one_of(
    WIRE,
    st.builds("Bearer {}".format, st.one_of(WIRE, TOKENS)),
    st.builds("Bearer {}.{}.{}".format, TOKENS, TOKENS, TOKENS),
    st.builds("{} {}".format, st.sampled_from(["Basic", "Digest", "bearer", "Bearer Bearer", "Negotiate"]), WIRE),
)
OTHERS = st.dictionaries(
    st.sampled_from(["Origin", "Accept", "Host", "Range", "Expect", "If-None-Match", "Cookie", "X-Forwarded-For"]), WIRE
)
PLAIN_BODY = json.dumps(_good(HOOKS[0])).encode()
TOLD = json.dumps({"feedback": [{"card": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "outcome": "accepted"}]}).encode()
GOOD_BODIES = {HOOKS[0]: PLAIN_BODY, FEEDBACK[0]: TOLD}


@pytest.fixture(scope="module", params=["open", "required"])
def guarded(request: pytest.FixtureRequest, app: Flask, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The service as anybody may call it, and as only clients may of whom none is known to these tests."""
    if request.param == "open":
        return app
    clients = tmp_path_factory.mktemp("clients") / "clients.toml"
    clients.write_text(CLIENTS, encoding="utf-8")
    return create_app(Settings(trusted_clients=str(clients), database_url="off"))


CLIENTS = """
[[client]]
name = "EHR"
issuer = "https://ehr.example.invalid"
jku = ["https://ehr.example.invalid/jwks.json"]
fhir_servers = ["https://ehr.example.invalid/r4"]
"""


@pytest.mark.parametrize("path", GOOD_BODIES)
def test_headers(guarded: Flask, path: str) -> None:
    client = guarded.test_client()

    @_tries(150)
    @given(kind=ODD_KINDS, encoding=st.none() | ENCODINGS, credentials=st.none() | CREDENTIALS, others=OTHERS)
    def send(kind: str, encoding: str | None, credentials: str | None, others: dict[str, str]) -> None:
        headers = {"Content-Type": kind, "Content-Encoding": encoding, "Authorization": credentials} | others
        given_ones = {name: value for name, value in headers.items() if value is not None}
        reply = client.post(path, data=GOOD_BODIES[path], headers=given_ones)
        _judge(reply.status_code, reply.content_type, reply.data, path)

    send()


@pytest.mark.parametrize("path", GOOD_BODIES)
def test_lengths(app: Flask, path: str) -> None:
    """What Content-Length and Transfer-Encoding say is not always so."""
    client = app.test_client()

    @_tries(60)
    @given(length=st.one_of(st.integers(-5, 5_000_000).map(str), WIRE), chunked=st.booleans())
    def send(length: str, chunked: bool) -> None:
        environment = {"CONTENT_LENGTH": length, "wsgi.input_terminated": chunked}
        reply = client.post(
            path, data=GOOD_BODIES[path], content_type="application/json", environ_overrides=environment
        )
        _judge(reply.status_code, reply.content_type, reply.data, path)

    send()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "card": st.sampled_from(["urn:uuid:c1", " c1 ", "\0", "\ud800", "c" * 500]) | ANYTHING,
        "outcome": st.sampled_from(["accepted", "overridden"]) | ANYTHING,
        "acceptedSuggestions": st.lists(st.fixed_dictionaries({"id": ANYTHING}) | ANYTHING, max_size=3) | ANYTHING,
        "overrideReason": st.fixed_dictionaries({"reason": ANYTHING, "userComment": ANYTHING}) | ANYTHING,
        "userComment": st.text(st.characters(), max_size=20) | ANYTHING,
        "outcomeTimestamp": st.sampled_from(["2026-11-25T10:00:00Z", "2026-11-25T10:00:00Z UTC", "9" * 90]) | ANYTHING,
    },
)
FEEDBACK_BODIES = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda value: json.dumps(value).encode(), ANYTHING),
    st.builds(lambda value: json.dumps({"feedback": value}).encode(), st.lists(ENTRY, max_size=4) | ENTRY | ANYTHING),
    st.builds(lambda value: json.dumps(value).encode(), ENTRY | st.lists(ENTRY, max_size=3)),
    st.builds(lambda value: json.dumps({"feedback": [value]}, ensure_ascii=False).encode("utf-8", "replace"), ENTRY),
    st.builds(lambda value: json.dumps({"feedback": [value]}, ensure_ascii=False).encode("utf-16", "replace"), ENTRY),
)


def test_bodies_of_feedback(app: Flask) -> None:
    client = app.test_client()

    @_tries(300)
    @given(body=FEEDBACK_BODIES, zipped=st.booleans(), cut=st.none() | st.integers(0, 40))
    def send(body: bytes, zipped: bool, cut: int | None) -> None:
        sent = (gzip.compress(body) if zipped else body)[:cut]
        headers = {"Content-Type": "application/json"} | ({"Content-Encoding": "gzip"} if zipped else {})
        reply = client.post(FEEDBACK[0], data=sent, headers=headers)
        _judge(reply.status_code, reply.content_type, reply.data, FEEDBACK[0])

    send()


@pytest.mark.parametrize("path", [HOOKS[0], FEEDBACK[0]])
def test_addresses(app: Flask, path: str) -> None:
    """Addresses near those that are served, and methods that are not."""
    client = app.test_client()
    step = st.text(st.characters(max_codepoint=255), max_size=12).map(lambda text: text.replace("?", ""))
    methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"])

    @_tries(100)
    @given(end=step, method=methods, query=WIRE)
    def send(end: str, method: str, query: str) -> None:
        reply = client.open(f"{path}/{end}", method=method, query_string=query, data=GOOD_BODIES[path])
        body = reply.data if method != "HEAD" else b"null"
        assert reply.status_code < 500, body
        if reply.status_code >= 400 and method != "HEAD":
            assert check_error(reply.status_code, reply.content_type, json.loads(body)) == []

    send()
