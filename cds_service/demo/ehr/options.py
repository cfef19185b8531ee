"""Options of the demo's own EHR: its clients, the scopes that it supports, and faults for tests."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from cds_service.trust.servers import is_loopback

ScopeSyntax = Literal["v1", "v2", "both"]
ANY_LOOPBACK = "*"
CODE_GRANT = "authorization_code"


@dataclass(frozen=True, slots=True)
class EhrClient:
    """An app that may request access, with the methods that Authlib calls on a client.

    `redirect_uris`: exact addresses, or "*" for any on this machine. `secret` None and `jwks` None: a public client.
    `jwks`: its public keys (private_key_jwt). `name`: for people; the id when empty.
    """

    client_id: str
    redirect_uris: tuple[str, ...]
    secret: str | None = field(default=None, repr=False)
    jwks: dict[str, Any] | None = None
    name: str = ""

    @property
    def label(self) -> str:
        """The app's name for people."""
        return self.name or self.client_id

    @property
    def method(self) -> str:
        """Its authentication method at the token endpoint, by OAuth's name."""
        if self.jwks is not None:
            return "private_key_jwt"
        return "client_secret_basic" if self.secret is not None else "none"

    def get_client_id(self) -> str:
        """Its id."""
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """The redirect URI when a request names none; None unless exactly one is registered."""
        (only, *others) = self.redirect_uris
        return None if others or only == ANY_LOOPBACK else only

    def get_allowed_scope(self, scope: str | None) -> str:
        """The scope unchanged: the EHR limits scopes, not the client's registration."""
        return scope or ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether a redirect URI is allowed."""
        return redirect_uri in self.redirect_uris or (ANY_LOOPBACK in self.redirect_uris and _on_loopback(redirect_uri))

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is its secret."""
        return self.secret is not None and secrets.compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether it may authenticate this way."""
        return method == self.method

    def check_response_type(self, response_type: str) -> bool:
        """Whether it may use a response type: only `code`."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it may use a grant type: only an authorization code, so that there are no refresh tokens."""
        return grant_type == CODE_GRANT


def _on_loopback(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and is_loopback(parts.hostname or "")
            and not parts.fragment
            and "@" not in parts.netloc
        )
    except ValueError:
        return False


DEMO_CLIENT = EhrClient("insulin-pump-cds", (ANY_LOOPBACK,), name="Insulin pump coverage")


@dataclass
class EhrOptions:
    """Options that tests vary; the defaults are the demo's. They may be changed while the EHR runs.

    `scopes`: the supported syntax of SMART scopes; scopes of the other are not granted. `token_seconds`: lifetime of
    access tokens. `refuse_writes`: the HTTP status of every write, 0 to accept writes. `grant`: a function that narrows
    the granted scope further. `well_known` False: the endpoints are only in /metadata, as with SMART 1 servers.
    `asks_at_launch`: whether the person is asked for consent where the EHR itself opens the app; most EHRs do not.
    `standalone_user`: the user in a launch without the EHR. `patient_names`: names for patients without a name.
    """

    scopes: ScopeSyntax = "both"
    clients: tuple[EhrClient, ...] = (DEMO_CLIENT,)
    token_seconds: int = 3600
    refuse_writes: int = 0
    grant: Callable[[str], str] | None = None
    well_known: bool = True
    need_patient_banner: bool = True
    asks_at_launch: bool = True
    standalone_user: str = "Practitioner/sample-practitioner-01"
    patient_names: Mapping[str, str] = field(default_factory=dict)

    def client(self, client_id: str | None) -> EhrClient | None:
        """The client of that id."""
        return next((client for client in self.clients if client.client_id == client_id), None)
