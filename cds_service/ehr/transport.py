"""One call's connections to one FHIR server: pooled, limited in time and bytes, closed when the time budget ends."""

from __future__ import annotations

import logging
import math
import socket
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from threading import Event, Lock
from typing import Any, Protocol
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from cds_service.ehr.fetched import FetchedAnswers, HttpAnswer
from cds_service.trust.servers import ServerRule, below

log = logging.getLogger(__name__)

CONNECT_SECONDS = 2.0
SIDE_BY_SIDE = 24
MOST_BYTES = 50_000_000
# One more try: the server is busy, or a gateway in front of it is.
_RETRIED = (429, 502, 503, 504)
_REDIRECTS = 3
_CHUNK = 65536
_PAUSE = 0.1


class NoAnswer(Exception):
    """There is no answer; the message says why, for a note."""


class AnyTransport(Protocol):
    """The part of `Transport` that a client uses."""

    @property
    def left(self) -> float:
        """Seconds of the budget that are left; 0 when it is spent."""
        ...

    def is_own(self, url: str) -> bool:
        """Whether a URL lies on this server."""
        ...

    def get(self, url: str) -> HttpAnswer:
        """One answer; NoAnswer when there is none."""
        ...

    def cached_answer(self, url: str) -> HttpAnswer | None:
        """The cached answer for a URL."""
        ...

    def close(self) -> None:
        """Closes every connection."""
        ...


class Transport:
    """GET requests with one time budget for all of them. Used from several threads."""

    def __init__(self, base: str, token: str, seconds: float, rule: ServerRule, most_bytes: int) -> None:
        """`base` ends with a slash; with an empty token no Authorization is sent (open servers).

        `rule`: which servers may be called, and which addresses their names may have. `most_bytes`: of all answers.
        """
        self._base = base
        self._refusal = rule.why_not(base)
        self._fetched = FetchedAnswers(most_bytes)
        self._until = time.monotonic() + seconds
        self._over = Event()
        self._connections: list[HTTPConnection] = []
        self._guard = Lock()
        self._url_locks: dict[str, Lock] = {}
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/fhir+json"
        # Some servers (HAPI, Oracle Health) repeat a cached answer for a minute, without what was just signed.
        self._session.headers["Cache-Control"] = "no-cache"
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        restrict_connections(self._session, base, rule, self._connections)

    @property
    def left(self) -> float:
        """Seconds of the budget that are left; 0 when it is spent."""
        return 0.0 if self._over.is_set() else max(0.0, self._until - time.monotonic())

    def is_own(self, url: str) -> bool:
        """Whether a URL lies below this server's base: the token is sent nowhere else."""
        return below(self._base, url) is not None

    def get(self, url: str) -> HttpAnswer:
        """One answer; NoAnswer when there is none within the budget. A URL with a small answer is requested once."""
        if self._refusal is not None:
            raise NoAnswer(self._refusal)
        with self._guard:
            lock = self._url_locks.setdefault(url, Lock())
        with lock:
            answer = self._fetched.cached(url)
            if answer is None:
                answer = self._get_with_retry(url)
                self._fetched.cache(url, answer)
            return answer

    def cached_answer(self, url: str) -> HttpAnswer | None:
        """The cached answer for a URL; None when it was not requested, did not come or was too large to cache."""
        return self._fetched.cached(url)

    def _get_with_retry(self, url: str) -> HttpAnswer:
        """An answer, with one retry where that may help."""
        for attempt in (1, 2):
            try:
                reply = self._get_once(url)
            except _Dropped as dropped:
                if attempt == 2:
                    raise NoAnswer(str(dropped)) from None
                continue
            if attempt == 1 and reply.status in _RETRIED and self._wait(reply.retry_after):
                continue
            return HttpAnswer(reply.status, reply.body)
        raise NoAnswer("the FHIR server could not be reached")  # pragma: no cover - the loop always ends

    def close(self) -> None:
        """Closes every connection: threads that still wait for a slow server end at once."""
        self._over.set()
        for connection in self._connections:
            with suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        self._session.close()

    def _wait(self, seconds: float) -> bool:
        """Waits; False, at once, when the budget would be over by then."""
        if seconds >= self.left:
            return False
        return not self._over.wait(seconds)

    def _get_once(self, url: str) -> _Reply:
        for _ in range(_REDIRECTS):
            left = self.left
            if left <= 0:
                raise NoAnswer("time ran out")
            if not self._fetched.count_bytes(0):
                raise NoAnswer("the answers of the FHIR server are too large")
            checked_url = below(self._base, url)
            if checked_url is None:
                raise NoAnswer("the address lies beside the FHIR server")
            try:
                timeout = (min(CONNECT_SECONDS, left), left)
                with closing(
                    self._session.get(checked_url, timeout=timeout, allow_redirects=False, stream=True)
                ) as answer:
                    target = urljoin(url, answer.headers.get("Location", "")) if answer.is_redirect else None
                    if target is None:
                        return _Reply(answer.status_code, self._body(answer), _retry_after(answer))
            except requests.Timeout:
                raise NoAnswer("the FHIR server did not answer in time") from None
            except (requests.RequestException, OSError, ValueError) as error:
                if is_internal_address(error):
                    raise NoAnswer("the FHIR server's name leads inside this network") from None
                raise self._failure(error) from None
            if not self.is_own(target):
                raise NoAnswer("the FHIR server redirects to another server, or beside its base")
            url = target
        raise NoAnswer("the FHIR server redirects too often")

    def _failure(self, error: Exception) -> Exception:
        log.info("a FHIR search failed: %s", type(error).__name__)
        if self.left <= 0:
            return NoAnswer("time ran out")
        return _Dropped("the FHIR server could not be reached or broke off")

    def _body(self, answer: requests.Response) -> bytes:
        parts: list[bytes] = []
        for part in answer.iter_content(_CHUNK):
            if not self._fetched.count_bytes(len(part)):
                raise NoAnswer("the answers of the FHIR server are too large")
            if self.left <= 0:
                raise NoAnswer("time ran out")
            parts.append(part)
        return b"".join(parts)


class _Dropped(Exception):
    """The connection broke; one retry may help."""


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes
    retry_after: float


def _retry_after(answer: requests.Response) -> float:
    """Seconds that a server asks to wait, as a number or as a date; a short pause when it asks for none."""
    header = answer.headers.get("Retry-After", "")
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return _PAUSE
    return max(0.0, seconds) if math.isfinite(seconds) else _PAUSE


class _InternalAddress(OSError):
    """The server's name resolves to addresses that may not be called."""


def is_internal_address(error: BaseException | None) -> bool:
    """Whether a connection was refused here because the server's name has no address that may be called."""
    while error is not None:
        if isinstance(error, _InternalAddress):
            return True
        reason = getattr(error, "reason", None)
        causes = [cause for cause in (reason, *error.args) if isinstance(cause, BaseException)]
        error = causes[0] if causes else error.__cause__
    return False


def _connect(connection: HTTPConnection, may_connect: Callable[[str], bool]) -> socket.socket:
    """A socket to the first address of the host that may be called: what was checked is what is connected to."""
    host = connection.host.strip("[]")
    try:
        resolved = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise NameResolutionError(host, connection, error) from None
    allowed = [(str(row[4][0]), connection.port) for row in resolved if may_connect(str(row[4][0]))]
    if not allowed:
        raise _InternalAddress("no address of this name may be called")
    timeout = connection.timeout if isinstance(connection.timeout, int | float) else CONNECT_SECONDS
    failure: Exception | None = None
    for address in allowed:
        try:
            connected = socket.create_connection(address, timeout)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connected
        except TimeoutError:
            failure = ConnectTimeoutError(connection, "no connection in time")
        except OSError as error:
            failure = NewConnectionError(connection, f"no connection: {error.strerror}")
    raise failure or OSError("no address")


def restrict_connections(
    session: requests.Session, base: str, rule: ServerRule, connections: list[HTTPConnection]
) -> None:
    """Lets a session connect only where the rule allows for a server, and records its connections in `connections`.

    Proxies and passwords in the machine's settings are not used.
    """
    session.trust_env = False
    adapter = _adapter(connections, partial(rule.may_connect, base))
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)


def _adapter(connections: list[HTTPConnection], may_connect: Callable[[str], bool]) -> HTTPAdapter:
    """An adapter that connects only to allowed addresses, and records its connections so that they can be shut down."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, may_connect)

        def connect(self) -> None:
            super().connect()
            connections.append(self)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, may_connect)

        def connect(self) -> None:
            super().connect()
            connections.append(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls: Any = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls: Any = Secure

    adapter = HTTPAdapter(pool_maxsize=SIDE_BY_SIDE)
    adapter.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return adapter
