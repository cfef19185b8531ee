"""Who is signed in: kept on the server; the browser holds a cookie with a secret that says nothing by itself."""

from __future__ import annotations

import secrets
import time
from hashlib import sha256
from typing import Any

import msgspec
from flask import Response, current_app, g, request

from cds_service.store.sessions import Sessions
from fhir_mappings.json.edge_numbers import DecodeError

_COOKIE, _PATH = "pump_cds_smart", "/smart"
# A sign-in that is under way has a cookie of its own, so that to start one ends nobody's session. There are only a few
# of these: a page elsewhere that starts hundreds cannot push the session's cookie out of the browser.
_LAUNCH_COOKIE, _LAUNCHES, _LAUNCH_SECONDS = "pump_cds_launch", 4, 600.0


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

    `user`: the reference of the clinician, None when the EHR did not say who it is. `entries`: the order that the card
    was about, `launched_order`, as JSON entries of a Bundle. `written`: statements of this session. `before`: what was
    shown last; `saved`: sections of the statement that was written since. `typed`: what was typed and not sent, by
    order. `csrf`, `form_secret`: the state and the key of the form's protection. `sent`: forms that were written.
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
    typed: dict[str, dict[str, str]] = {}
    csrf: dict[str, Any] = {}
    launched_order: str | None = None
    form_secret: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(32))
    sent: list[str] = []

    @property
    def drafts(self) -> dict[str, str]:
        """What was typed about the present order and not sent."""
        return self.typed.get(self.order or "", {})

    def is_of_same_sign_in(self, other: SignedIn) -> bool:
        """Whether another session is of the same clinician and patient at the same EHR."""
        return (self.iss, self.patient, self.user) == (other.iss, other.patient, other.user)


_decoder = msgspec.json.Decoder(Launch | SignedIn)


def signed_in() -> SignedIn | None:
    """The session behind the browser's cookie, looked up once a request; None without one, or when it has ended."""
    if "smart_session" not in g:
        g.smart_session = fresh()
    found: SignedIn | None = g.smart_session
    return found


def fresh() -> SignedIn | None:
    """The same as it is kept at the moment: another request of the browser may have changed it."""
    found = _looked_up(_COOKIE)
    return found if isinstance(found, SignedIn) else None


def form_key(session: SignedIn) -> bytes:
    """What forms of a session are protected with."""
    return sha256(f"csrf|{session.form_secret}".encode()).digest()


def _looked_up(cookie: str) -> Launch | SignedIn | None:
    secret = request.cookies.get(cookie, "")
    body = _sessions().get(secret) if secret else None
    try:
        return _decoder.decode(body) if body is not None else None
    except DecodeError:
        return None  # of another version of this service


def begin_launch(response: Response, launch: Launch) -> Response:
    """Remembers what was asked of the EHR, beside the browser's session if there is one."""
    secret = _new_secret(launch, time.time() + _LAUNCH_SECONDS)
    return _with_cookie(response, _launch_cookie(launch.state), secret, max_age=int(_LAUNCH_SECONDS))


def take_launch(state: str) -> Launch | None:
    """The sign-in that this browser began with a state, once: it is answered once, whatever the answer."""
    cookie = _launch_cookie(state)
    found = _looked_up(cookie)
    if not isinstance(found, Launch) or not secrets.compare_digest(state.encode(), found.state.encode()):
        return None
    _sessions().drop(request.cookies[cookie])
    return found


def begin(response: Response, session: SignedIn) -> Response:
    """Starts a session under a new secret, in place of the browser's old one.

    What was typed in the old one stays where the same clinician signed in anew for the same patient.
    """
    old = signed_in()
    if old is not None:
        _sessions().drop(request.cookies[_COOKIE])
        if session.is_of_same_sign_in(old):
            session.typed, session.written, session.sent = old.typed, old.written, old.sent
            session.csrf, session.form_secret = old.csrf, old.form_secret
    secret = _new_secret(session, session.ends_at)
    g.smart_session = session
    return _with_cookie(response, _COOKIE, secret)


def _new_secret(session: Launch | SignedIn, ends_at: float) -> str:
    secret = secrets.token_urlsafe(32)
    _sessions().put(secret, msgspec.json.encode(session), ends_at)
    return secret


def _launch_cookie(state: str) -> str:
    return f"{_LAUNCH_COOKIE}_{sha256(state.encode()).digest()[0] % _LAUNCHES}"


def _with_cookie(response: Response, name: str, secret: str, max_age: int | None = None) -> Response:
    secure = current_app.config["SETTINGS"].public_url.startswith("https://")
    # An EHR may show the page in a frame of its own: over https the cookie goes there too, kept apart by frame.
    same_site = "None" if secure else "Lax"
    response.set_cookie(
        name, secret, max_age, path=_PATH, httponly=True, secure=secure, samesite=same_site, partitioned=secure
    )
    return response


def keep(session: SignedIn) -> None:
    """Keeps what has changed in the current session."""
    _sessions().put(request.cookies[_COOKIE], msgspec.json.encode(session), session.ends_at)


def _sessions() -> Sessions:
    found: Sessions = current_app.config["SESSIONS"]
    return found
