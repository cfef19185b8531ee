"""Which servers may be called: those on a client's list, else public ones, and never a name that leads inside."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit


def _parts(url: str) -> tuple[str, str, int | None, str] | None:
    """Scheme, host, port and path of an address; None for what is none, or has a user in it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    usual = {"http": 80, "https": 443}[parts.scheme.lower()]
    return parts.scheme.lower(), parts.hostname.casefold(), port or usual, parts.path.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its own writing: localhost, 127.x.x.x, ::1."""
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_safe_url(url: str) -> bool:
    """Whether an address is https, or http on loopback."""
    parts = _parts(url)
    return parts is not None and (parts[0] == "https" or is_loopback(parts[1]))


def is_loopback_url(url: str) -> bool:
    """Whether an address lies on this machine by its own writing."""
    parts = _parts(url)
    return parts is not None and is_loopback(parts[1])


def same_server(one: str, other: str) -> bool:
    """Whether two base URLs are the same, whatever their case and final slash."""
    return _parts(one) is not None and _parts(one) == _parts(other)


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
        if parts is None:
            return "the FHIR server's address is no http or https URL"
        if any(same_server(base, listed) for listed in self.listed):
            return None
        if not self.others and not (self.loopback and is_loopback(parts[1])):
            return "the FHIR server is not on the caller's list"
        if is_loopback(parts[1]):
            return None if self.loopback else "the FHIR server's address lies inside this network"
        return None if parts[0] == "https" else "the FHIR server is not reached by https"

    def may_connect(self, base: str, address: str) -> bool:
        """Whether a name may lead to this IP address: asked at each connection, when the name has been resolved."""
        parts = _parts(base)
        if any(same_server(base, listed) for listed in self.listed):
            return True
        if parts is not None and self.loopback and is_loopback(parts[1]):
            return ipaddress.ip_address(address.split("%", 1)[0]).is_loopback
        return is_public(address)


def listed(urls: Iterable[str]) -> tuple[str, ...]:
    """Base URLs of a setting, without blanks."""
    return tuple(url.strip() for url in urls if url.strip())
