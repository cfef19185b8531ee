"""Who is signed in: kept on the server; the browser holds a cookie with a secret that says nothing by itself."""

from __future__ import annotations

import secrets
import time
from hashlib import sha256
from typing import Any

import msgspec
from flask import Response, current_app, g, request

from cds_service.store.sessions import Sessions
from fhir_mappings.edge_numbers import DecodeError

_COOKIE, _PATH = "pump_cds_smart", "/smart"
_LAUNCH_SECONDS = 600.0


class Launch(msgspec.Struct, tag="launch"):
    """A sign-in that is under way: what was asked of the EHR, to hold its answer against."""

    iss: str
    state: str
    verifier: str
    nonce: str
    authorization_endpoint: str
    token_endpoint: str
    issuer: str | None = None
    jwks_uri: str | None = None


class SignedIn(msgspec.Struct, tag="signed-in"):
    """A clinician before the documentation page of one patient.

    `user`: the reference of the clinician, None when the EHR did not say who it is. `entries`: the order as JSON
    entries of a Bundle. `written`: statements of this session. `before`: what was shown last; `saved`: sections of the
    statement that was written since. `drafts`: what was typed and not sent. `csrf`: the state of the form's protection.
    """

    iss: str
    patient: str
    token: str
    ends_at: float
    user: str | None = None
    scope: str | None = None
    shows_banner: bool = True
    order: str | None = None
    entries: str = "[]"
    foreign_link: bool = False
    written: list[str] = []
    before: dict[str, Any] | None = None
    saved: list[str] = []
    drafts: dict[str, str] = {}
    csrf: dict[str, Any] = {}


_decoder = msgspec.json.Decoder(Launch | SignedIn)


def current() -> Launch | SignedIn | None:
    """What the browser's cookie stands for, looked up once a request; None when there is none, or it has ended."""
    if "smart_session" not in g:
        g.smart_session = _looked_up()
    found: Launch | SignedIn | None = g.smart_session
    return found


def form_key() -> bytes:
    """What forms of the current session are protected with."""
    return sha256(f"csrf|{request.cookies.get(_COOKIE)}".encode()).digest()


def _looked_up() -> Launch | SignedIn | None:
    secret = request.cookies.get(_COOKIE, "")
    body = _sessions().get(secret) if secret else None
    try:
        return _decoder.decode(body) if body is not None else None
    except DecodeError:
        return None  # of another version of this service


def signed_in() -> SignedIn | None:
    """The session of a signed-in clinician, None without one."""
    found = current()
    return found if isinstance(found, SignedIn) else None


def begin(response: Response, session: Launch | SignedIn) -> Response:
    """Starts a session under a new secret, in place of the browser's old one."""
    old = request.cookies.get(_COOKIE)
    if old:
        _sessions().drop(old)
    secret = secrets.token_urlsafe(32)
    ends_at = session.ends_at if isinstance(session, SignedIn) else time.time() + _LAUNCH_SECONDS
    _sessions().put(secret, msgspec.json.encode(session), ends_at)
    g.smart_session = session
    secure = current_app.config["SETTINGS"].public_url.startswith("https://")
    # An EHR may show the page in a frame of its own: over https the cookie goes there too, kept apart by frame.
    same_site = "None" if secure else "Lax"
    response.set_cookie(
        _COOKIE, secret, path=_PATH, httponly=True, secure=secure, samesite=same_site, partitioned=secure
    )
    return response


def keep(session: SignedIn) -> None:
    """Keeps what has changed in the current session."""
    _sessions().put(request.cookies[_COOKIE], msgspec.json.encode(session), session.ends_at)


def end() -> None:
    """Forgets the current session."""
    secret = request.cookies.get(_COOKIE)
    if secret:
        _sessions().drop(secret)
    g.smart_session = None


def _sessions() -> Sessions:
    found: Sessions = current_app.config["SESSIONS"]
    return found
