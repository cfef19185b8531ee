"""The trusted CDS clients of a TOML file: their issuers, where their keys come from, which FHIR servers are theirs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cds_service.errors import BadSetting
from cds_service.trust.registrations import SMART_MEMBERS, Registration, registration
from cds_service.trust.servers import is_base, is_safe_url, same_server

SETTING = "PUMP_CDS_TRUSTED_CLIENTS"
_LISTS = ("jku", "audiences", "tenants", "fhir_servers", "cors_origins")
_TEXTS = ("name", "issuer", "jwks_file", "crd_version", "backend_client_id", *SMART_MEMBERS)
_FLAGS = ("repeated_jti",)
# The store keeps names of 200, and puts a few words before this one.
_LONGEST_NAME = 150
_VERSIONS = ("", "2.0.1", "2.1", "2.2")


@dataclass(frozen=True, slots=True)
class TrustedClient:
    """One CDS client.

    `jku`: addresses that its key set may be fetched from; `jwks_file`: the key set itself, read again when the file
    changes. `audiences`: accepted beside the address that is called. `tenants`: the only ones, when there are any.
    `repeated_jti`: one token may be used for several calls until it expires, as the public test kit does. `smart`: the
    SMART app's registration at its FHIR servers, where it differs from the default. `backend_client_id`: its client_id
    at the token endpoint, where that is not its issuer.
    """

    name: str
    issuer: str
    jku: tuple[str, ...] = ()
    jwks_file: Path | None = None
    audiences: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    fhir_servers: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    crd_version: str = ""
    repeated_jti: bool = False
    smart: Registration | None = None
    backend_client_id: str = ""

    @property
    def client_id(self) -> str:
        """Its client_id at the token endpoint."""
        return self.backend_client_id or self.issuer

    def owns(self, server: str) -> bool:
        """Whether a FHIR server is on this client's list."""
        return any(same_server(server, listed) for listed in self.fhir_servers)


@dataclass(frozen=True, slots=True)
class TrustedClients:
    """All clients, found by the issuer of their tokens."""

    by_issuer: Mapping[str, TrustedClient] = field(default_factory=dict)

    def owner_of(self, server: str) -> TrustedClient | None:
        """The client that lists a FHIR server; None when no client does."""
        return next((client for client in self.by_issuer.values() if client.owns(server)), None)

    def cors_origins(self) -> frozenset[str]:
        """Origins of all clients' browser pages."""
        return frozenset(origin for client in self.by_issuer.values() for origin in client.cors_origins)


def load_clients(path: Path) -> TrustedClients:
    """Reads the file. BadSetting names the client and the member at fault."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting(f"{SETTING}: {path} cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{SETTING}: {path} is no TOML ({error})") from None
    rows = table.get("client")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise BadSetting(f"{SETTING}: {path} needs at least one [[client]]")
    clients = [_client(row, f"{SETTING}: client {index + 1}", path.parent) for index, row in enumerate(rows)]
    for what in ("issuer", "name", "client_id"):
        values = [getattr(client, what) for client in clients]
        if len(set(values)) < len(values):
            raise BadSetting(f"{SETTING}: two clients share their {what}")
    return TrustedClients({client.issuer: client for client in clients})


def _client(row: dict[str, Any], place: str, folder: Path) -> TrustedClient:
    unknown = set(row) - {*_LISTS, *_TEXTS, *_FLAGS}
    if unknown:
        raise BadSetting(f"{place}: unknown member {min(unknown)}")
    for name in _TEXTS:
        if not isinstance(row.get(name, ""), str):
            raise BadSetting(f"{place}: {name} must be a string")
    for name in _LISTS:
        values = row.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
            raise BadSetting(f"{place}: {name} must be a list of strings")
    for name in _FLAGS:
        if not isinstance(row.get(name, False), bool):
            raise BadSetting(f"{place}: {name} must be true or false")
    if not row.get("issuer") or not row.get("name"):
        raise BadSetting(f"{place}: name and issuer are required")
    if len(row["name"]) > _LONGEST_NAME:
        raise BadSetting(f"{place}: name is over {_LONGEST_NAME} characters")
    for name in ("jku", "fhir_servers"):
        for url in row.get(name, []):
            if not is_safe_url(url):
                raise BadSetting(f"{place}: {name} must be https addresses (http on loopback only)")
    if not all(map(is_base, row.get("fhir_servers", []))):
        raise BadSetting(f"{place}: fhir_servers must be base URLs, with nothing behind their path")
    if row.get("crd_version", "") not in _VERSIONS:
        raise BadSetting(f"{place}: crd_version must be 2.0.1, 2.1 or 2.2")
    return TrustedClient(
        row["name"],
        row["issuer"],
        jwks_file=_key_file(row.get("jwks_file", ""), place, folder, bool(row.get("jku"))),
        crd_version=row.get("crd_version", ""),
        repeated_jti=row.get("repeated_jti", False),
        smart=_smart(row, place, folder),
        backend_client_id=row.get("backend_client_id", ""),
        **{name: tuple(row.get(name, ())) for name in _LISTS},
    )


def _smart(row: dict[str, Any], place: str, folder: Path) -> Registration | None:
    if not any(row.get(name) for name in SMART_MEMBERS):
        return None
    if not row.get("smart_client_id"):
        raise BadSetting(f"{place}: smart_client_id is required beside a secret or key of the SMART app")
    return registration(*(row.get(name, "") for name in SMART_MEMBERS), place=place, folder=folder)


def _key_file(name: str, place: str, folder: Path, has_jku: bool) -> Path | None:
    if not name:
        if not has_jku:
            raise BadSetting(f"{place}: give jwks_file, or jku with the addresses that keys may come from")
        return None
    path = folder / name
    try:
        keys = json.loads(path.read_text(encoding="utf-8"))["keys"]
    except (OSError, ValueError, TypeError, KeyError):
        raise BadSetting(f"{place}: jwks_file {name} is no readable JSON Web Key Set") from None
    if not isinstance(keys, list) or not keys:
        raise BadSetting(f"{place}: jwks_file {name} holds no keys")
    return path
