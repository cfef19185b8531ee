"""Which servers may be called: those on a client's list, else public ones, never a name with an internal address."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

_USUAL_PORTS = {"http": 80, "https": 443}


class _Address(NamedTuple):
    """The parts of a URL. `host`: IDNA-encoded, in lower case; `query`: with the question mark, and a fragment."""

    scheme: str
    host: str
    port: int
    path: str
    query: str


def _parsed(url: str) -> _Address | None:
    """A URL as the library that connects parses it; None for anything else, or when it names a user.

    Host names are compared as they are connected to: Python's casefold makes one name of straße.example and
    strasse.example, which belong to different owners.
    """
    try:
        parts = parse_url(url)
    except (LocationParseError, ValueError):
        return None
    if parts.scheme not in _USUAL_PORTS or not parts.host or parts.auth is not None:
        return None
    port = parts.port if parts.port is not None else _USUAL_PORTS[parts.scheme]
    end = min((url.index(mark) for mark in "?#" if mark in url), default=len(url))
    return _Address(parts.scheme, parts.host.lower(), port, parts.path or "", url[end:])


# Cached for base URLs only: the URLs of resources hold patient ids.
_parts = lru_cache(maxsize=256)(_parsed)


def is_loopback(host: str) -> bool:
    """Whether a host is literally this machine: localhost, 127.x.x.x, ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_safe_url(url: str) -> bool:
    """Whether an address is https, or http on loopback."""
    parts = _parts(url)
    return parts is not None and (parts.scheme == "https" or is_loopback(parts.host))


def is_base(url: str) -> bool:
    """Whether a URL may be a FHIR server's base: http or https, with no query or fragment."""
    parts = _parts(url)
    return parts is not None and not parts.query


def is_loopback_url(url: str) -> bool:
    """Whether a URL's host is literally this machine."""
    parts = _parts(url)
    return parts is not None and is_loopback(parts.host)


def same_server(one: str, other: str) -> bool:
    """Whether two base URLs are the same, whatever their final slash and their host's case."""
    left, right = _parts(one), _parts(other)
    if left is None or right is None:
        return False
    return left._replace(path=left.path.rstrip("/")) == right._replace(path=right.path.rstrip("/"))


def below(base: str, url: str) -> str | None:
    """A URL at a base or below its path, in the base's own spelling; None for every other URL.

    On the same host, other tenants' data lie beside the base's path.
    """
    own, other = _parts(base), _parsed(url)
    if own is None or other is None or own[:3] != other[:3] or _leads_up(other.path):
        return None
    root = own.path.rstrip("/")
    if other.path != root and not other.path.startswith(f"{root}/"):
        return None
    return base.rstrip("/") + other.path.removeprefix(root) + other.query.partition("#")[0]


def _leads_up(path: str) -> bool:
    """Whether a path holds `.` or `..`, however written, which a server may resolve upward."""
    segments = unquote(path).replace("\\", "/").split("/")
    return any(segment.partition(";")[0] in (".", "..") for segment in segments)


def is_public(address: str) -> bool:
    """Whether an IP address is a public one: not private, loopback, link-local or reserved."""
    try:
        ip = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (mapped is None or mapped.is_global)


@dataclass(frozen=True, slots=True)
class ServerRule:
    """Which FHIR servers may be called for one caller.

    `listed`: base URLs, which may have internal addresses. `others`: public https servers as well. `loopback`: this
    machine as well, for trials.
    """

    listed: tuple[str, ...] = ()
    others: bool = False
    loopback: bool = False

    def why_not(self, base: str) -> str | None:
        """Why a FHIR server may not be called, as a note; None when it may."""
        parts = _parts(base)
        if parts is None or parts.query:
            return "the FHIR server's address is no http or https URL of a FHIR server"
        if any(same_server(base, listed) for listed in self.listed):
            return None
        if not self.others and not (self.loopback and is_loopback(parts.host)):
            return "the FHIR server is not on the caller's list"
        if is_loopback(parts.host):
            return None if self.loopback else "the FHIR server's address lies inside this network"
        return None if parts.scheme == "https" else "the FHIR server is not reached by https"

    def base(self, server: str) -> str:
        """A FHIR server's base URL without a final slash, in the list's spelling where it is listed."""
        return next((base for base in self.listed if same_server(server, base)), server).rstrip("/")

    def may_connect(self, base: str, address: str) -> bool:
        """Whether a connection to this IP address is allowed; asked at each connection, after the name was resolved."""
        parts = _parts(base)
        if any(same_server(base, listed) for listed in self.listed):
            return True
        if parts is not None and self.loopback and is_loopback(parts.host):
            return ipaddress.ip_address(address.split("%", 1)[0]).is_loopback
        return is_public(address)


def listed(urls: Iterable[str]) -> tuple[str, ...]:
    """Base URLs of a setting, without blanks."""
    return tuple(url.strip() for url in urls if url.strip())
