"""Forwards single requests to a FHIR server on this machine, with a time and a size limit: for the demo's own EHR."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from cds_service.trust.servers import is_loopback

_CONNECT_SECONDS = 2.0
_CHUNK = 65_536
_RETURNED_HEADERS = ("Content-Type", "ETag", "Last-Modified", "Location", "Content-Location")


class NotForwarded(Exception):
    """The server gave no answer that can be returned. The message says why, and holds nothing of the request."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """An answer. `headers`: only those that describe the resource."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Forwarder:
    """Sends requests to one FHIR base. Used from several threads."""

    def __init__(self, base: str, *, seconds: float = 20.0, most_bytes: int = 50_000_000) -> None:
        """`base`: http on loopback, else ValueError. `seconds`: for one answer. `most_bytes`: of one answer."""
        parts = urlsplit(base)
        if parts.scheme != "http" or not is_loopback(parts.hostname or ""):
            raise ValueError("requests are forwarded to a FHIR server on this machine only, by http")
        self.base = base.rstrip("/")
        self._seconds = seconds
        self._most_bytes = most_bytes

    def send(
        self, method: str, path: str, query: str = "", *, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Forwarded:
        """The server's answer to one request, whatever its status; NotForwarded when there is none.

        `path` is relative to the base, `query` as it stands in a URL. Redirects are returned, not followed.
        """
        url = f"{self.base}/{path}{'?' if query else ''}{query}"
        all_headers = {"Accept": "application/fhir+json", **headers}
        until = time.monotonic() + self._seconds
        timeout = (_CONNECT_SECONDS, self._seconds)
        try:
            with requests.Session() as session:
                session.trust_env = False
                with closing(
                    session.request(
                        method, url, data=body, headers=all_headers, timeout=timeout, allow_redirects=False, stream=True
                    )
                ) as answer:
                    returned = {name: answer.headers[name] for name in _RETURNED_HEADERS if name in answer.headers}
                    return Forwarded(answer.status_code, self._body(answer, until), returned)
        except requests.Timeout:
            raise NotForwarded("the FHIR server did not answer in time") from None
        except (requests.RequestException, OSError) as error:
            raise NotForwarded(f"the FHIR server could not be reached ({type(error).__name__})") from None

    def _body(self, answer: requests.Response, until: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        for part in answer.iter_content(_CHUNK):
            size += len(part)
            if size > self._most_bytes:
                raise NotForwarded("the answer of the FHIR server is too large")
            if time.monotonic() > until:
                raise NotForwarded("the FHIR server did not answer in time")
            parts.append(part)
        return b"".join(parts)
