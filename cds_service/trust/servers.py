"""Which servers may be called: those on a client's list, else public ones, and never a name that leads inside."""

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
    """What an address says. `host`: IDNA-encoded, in lower case; `query`: with the question mark, and a fragment."""

    scheme: str
    host: str
    port: int
    path: str
    query: str


def _parsed(url: str) -> _Address | None:
    """An address as the library reads it that connects; None for what is none, or has a user in it.

    Names are compared as they are connected to: Python's casefold makes one name of straße.example and
    strasse.example, which belong to different people.
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


# For bases only: what is read there names patients, and is not kept.
_parts = lru_cache(maxsize=256)(_parsed)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its own writing: localhost, 127.x.x.x, ::1."""
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
    """Whether an address may be a FHIR server's base: one that may be called, with nothing behind its path."""
    parts = _parts(url)
    return parts is not None and not parts.query


def is_loopback_url(url: str) -> bool:
    """Whether an address lies on this machine by its own writing."""
    parts = _parts(url)
    return parts is not None and is_loopback(parts.host)


def same_server(one: str, other: str) -> bool:
    """Whether two base URLs are the same, whatever their final slash and their host's case."""
    left, right = _parts(one), _parts(other)
    if left is None or right is None:
        return False
    return left._replace(path=left.path.rstrip("/")) == right._replace(path=right.path.rstrip("/"))


def below(base: str, url: str) -> str | None:
    """An address at a base or below its path, in the base's own spelling; None for every other.

    What another tenant of the same host holds lies beside the base's path.
    """
    own, other = _parts(base), _parsed(url)
    if own is None or other is None or own[:3] != other[:3] or _leads_up(other.path):
        return None
    root = own.path.rstrip("/")
    if other.path != root and not other.path.startswith(f"{root}/"):
        return None
    return base.rstrip("/") + other.path.removeprefix(root) + other.query.partition("#")[0]


def _leads_up(path: str) -> bool:
    """Whether a server may read a path as one that leads up: `..`, however it is written."""
    steps = unquote(path).replace("\\", "/").split("/")
    return any(step.partition(";")[0] in (".", "..") for step in steps)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet: not private, loopback, link-local, or set aside otherwise."""
    try:
        found = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    return found.is_global and not found.is_multicast and (mapped is None or mapped.is_global)


@dataclass(frozen=True, slots=True)
class ServerRule:
    """Which servers one caller's calls may lead to.

    `listed`: base URLs, which may also be inside. `others`: public https servers beside them. `loopback`: this
    machine too, for trying things out.
    """

    listed: tuple[str, ...] = ()
    others: bool = False
    loopback: bool = False

    def why_not(self, base: str) -> str | None:
        """Why a FHIR server may not be called, in words for a note; None when it may."""
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
        """A FHIR server's base URL, without a final slash: as it is listed, else as it was given."""
        return next((each for each in self.listed if same_server(server, each)), server).rstrip("/")

    def may_connect(self, base: str, address: str) -> bool:
        """Whether a name may lead to this IP address: asked at each connection, when the name has been resolved."""
        parts = _parts(base)
        if any(same_server(base, listed) for listed in self.listed):
            return True
        if parts is not None and self.loopback and is_loopback(parts.host):
            return ipaddress.ip_address(address.split("%", 1)[0]).is_loopback
        return is_public(address)


def listed(urls: Iterable[str]) -> tuple[str, ...]:
    """Base URLs of a setting, without blanks."""
    return tuple(url.strip() for url in urls if url.strip())
