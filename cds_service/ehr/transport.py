"""One call's connections to one FHIR server: pooled, timed, capped, and let go when the budget is spent."""

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

from cds_service.ehr.fetched import Answered, Fetched
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


class Unanswered(Exception):
    """No answer could be had; the message says why in words for a note."""


class AnswersUrls(Protocol):
    """What a client needs of a transport; see `Transport`."""

    @property
    def left(self) -> float:
        """Seconds of the budget that are left; 0 when it is spent."""
        ...

    def is_own(self, url: str) -> bool:
        """Whether a URL lies on this server."""
        ...

    def get(self, url: str) -> Answered:
        """One answer; Unanswered when there is none."""
        ...

    def answered(self, url: str) -> Answered | None:
        """The answer that came for a URL."""
        ...

    def close(self) -> None:
        """Lets go of everything."""
        ...


class Transport:
    """GETs with one budget for all of them. Used from several threads."""

    def __init__(self, base: str, token: str, seconds: float, rule: ServerRule, most_bytes: int) -> None:
        """`base` ends with a slash; an empty token sends no Authorization (open servers).

        `rule`: which servers may be called, and which addresses their names may lead to. `most_bytes`: of all answers.
        """
        self._base = base
        self._refusal = rule.why_not(base)
        self._fetched = Fetched(most_bytes)
        self._until = time.monotonic() + seconds
        self._over = Event()
        self._connections: list[HTTPConnection] = []
        self._guard = Lock()
        self._asked: dict[str, Lock] = {}
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/fhir+json"
        # Some servers answer an equal search from a cache for a minute (HAPI, Oracle Health), without what was just
        # signed.
        self._session.headers["Cache-Control"] = "no-cache"
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        guard(self._session, base, rule, self._connections)

    @property
    def left(self) -> float:
        """Seconds of the budget that are left; 0 when it is spent."""
        return 0.0 if self._over.is_set() else max(0.0, self._until - time.monotonic())

    def is_own(self, url: str) -> bool:
        """Whether a URL lies below this server's base: the token goes nowhere else."""
        return below(self._base, url) is not None

    def get(self, url: str) -> Answered:
        """One answer; Unanswered when there is none within the budget. A URL with a small answer is asked once."""
        if self._refusal is not None:
            raise Unanswered(self._refusal)
        with self._guard:
            lock = self._asked.setdefault(url, Lock())
        with lock:
            answer = self._fetched.kept(url)
            if answer is None:
                answer = self._tried(url)
                self._fetched.keep(url, answer)
            return answer

    def answered(self, url: str) -> Answered | None:
        """The small answer that came for a URL; None when it was not asked for, never came or was let go."""
        return self._fetched.kept(url)

    def _tried(self, url: str) -> Answered:
        """An answer, with one more try where that may help."""
        for attempt in (1, 2):
            try:
                reply = self._once(url)
            except _Dropped as dropped:
                if attempt == 2:
                    raise Unanswered(str(dropped)) from None
                continue
            if attempt == 1 and reply.status in _RETRIED and self._waited(reply.retry_after):
                continue
            return Answered(reply.status, reply.body)
        raise Unanswered("the FHIR server could not be reached")  # pragma: no cover - the loop always ends

    def close(self) -> None:
        """Lets go of everything: threads that still wait for a slow server end at once."""
        self._over.set()
        for connection in self._connections:
            with suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        self._session.close()

    def _waited(self, seconds: float) -> bool:
        """Whether it was worth waiting: not when the budget would be spent by then."""
        if seconds >= self.left:
            return False
        return not self._over.wait(seconds)

    def _once(self, url: str) -> _Reply:
        for _ in range(_REDIRECTS):
            left = self.left
            if left <= 0:
                raise Unanswered("time ran out")
            if not self._fetched.may_take(0):
                raise Unanswered("the answers of the FHIR server are too large")
            spelled = below(self._base, url)
            if spelled is None:
                raise Unanswered("the address lies beside the FHIR server")
            try:
                timeout = (min(CONNECT_SECONDS, left), left)
                with closing(self._session.get(spelled, timeout=timeout, allow_redirects=False, stream=True)) as answer:
                    target = urljoin(url, answer.headers.get("Location", "")) if answer.is_redirect else None
                    if target is None:
                        return _Reply(answer.status_code, self._body(answer), _retry_after(answer))
            except requests.Timeout:
                raise Unanswered("the FHIR server did not answer in time") from None
            except (requests.RequestException, OSError, ValueError) as error:
                if leads_inside(error):
                    raise Unanswered("the FHIR server's name leads inside this network") from None
                raise self._failure(error) from None
            if not self.is_own(target):
                raise Unanswered("the FHIR server redirects to another server, or beside its base")
            url = target
        raise Unanswered("the FHIR server redirects too often")

    def _failure(self, error: Exception) -> Exception:
        log.info("a FHIR search failed: %s", type(error).__name__)
        if self.left <= 0:
            return Unanswered("time ran out")
        return _Dropped("the FHIR server could not be reached or broke off")

    def _body(self, answer: requests.Response) -> bytes:
        parts: list[bytes] = []
        for part in answer.iter_content(_CHUNK):
            if not self._fetched.may_take(len(part)):
                raise Unanswered("the answers of the FHIR server are too large")
            if self.left <= 0:
                raise Unanswered("time ran out")
            parts.append(part)
        return b"".join(parts)


class _Dropped(Exception):
    """The connection broke: worth one more try."""


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes
    retry_after: float


def _retry_after(answer: requests.Response) -> float:
    """Seconds that a server asks to wait, as a number or as a date; a short pause when it asks for none."""
    asked = answer.headers.get("Retry-After", "")
    try:
        seconds = float(asked)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return _PAUSE
    return max(0.0, seconds) if math.isfinite(seconds) else _PAUSE


class _Inside(OSError):
    """The server's name resolves to addresses that may not be called."""


def leads_inside(error: BaseException | None) -> bool:
    """Whether a connection was not made because the server's name leads to addresses that may not be called."""
    while error is not None:
        if isinstance(error, _Inside):
            return True
        reason = getattr(error, "reason", None)
        inner = [each for each in (reason, *error.args) if isinstance(each, BaseException)]
        error = inner[0] if inner else error.__cause__
    return False


def _connected(connection: HTTPConnection, may_connect: Callable[[str], bool]) -> socket.socket:
    """A socket to the first address of the host that may be called: what was checked is what is connected to."""
    host = connection.host.strip("[]")
    try:
        found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise NameResolutionError(host, connection, error) from None
    allowed = [(str(row[4][0]), connection.port) for row in found if may_connect(str(row[4][0]))]
    if not allowed:
        raise _Inside("no address of this name may be called")
    timeout = connection.timeout if isinstance(connection.timeout, int | float) else CONNECT_SECONDS
    failure: Exception | None = None
    for address in allowed:
        try:
            made = socket.create_connection(address, timeout)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made
        except TimeoutError:
            failure = ConnectTimeoutError(connection, "no connection in time")
        except OSError as error:
            failure = NewConnectionError(connection, f"no connection: {error.strerror}")
    raise failure or OSError("no address")


def guard(session: requests.Session, base: str, rule: ServerRule, connections: list[HTTPConnection]) -> None:
    """Lets a session connect only where the rule allows for a server; `connections` takes those that it makes.

    No proxy, no password of the machine's settings is used.
    """
    session.trust_env = False
    adapter = _adapter(connections, partial(rule.may_connect, base))
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)


def _adapter(connections: list[HTTPConnection], may_connect: Callable[[str], bool]) -> HTTPAdapter:
    """An adapter that remembers its connections, so that they can be shut from outside, and minds where they lead."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, may_connect)

        def connect(self) -> None:
            super().connect()
            connections.append(self)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, may_connect)

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
