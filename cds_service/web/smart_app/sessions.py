"""Sessions of the SMART app: stored on the server; the browser's cookie holds only a random secret."""

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
# A sign-in under way has its own cookie, so that starting one does not end the session. There are only a few of these
# cookies: another site that starts hundreds of sign-ins cannot make the browser drop the session's cookie.
_LAUNCH_COOKIE, _LAUNCHES, _LAUNCH_SECONDS = "pump_cds_launch", 4, 600.0


class Launch(msgspec.Struct, tag="launch"):
    """A sign-in under way: the values of the request to the EHR, with which its answer is checked."""

    iss: str
    state: str
    verifier: str
    nonce: str
    authorization_endpoint: str
    token_endpoint: str
    issuer: str | None = None
    jwks_uri: str | None = None


class SignedIn(msgspec.Struct, tag="signed-in"):
    """A user's session about one patient.

    `user`: the user's reference, None when the EHR named nobody. `entries`: the order of the card that the app was
    launched from, `launched_order`, as JSON entries of a Bundle. `written`: references of this session's statements.
    `before`: the summary that was shown last; `saved`: the sections written since. `typed`: unsent input by order.
    `csrf`, `form_secret`: state and key of the form's CSRF protection. `sent`: names of the forms that were written.
    `policy`: the id of the policy that is shown, where several judge the order.
    `opened`: by order and policy, what was open when the page was first shown.
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
    policy: str | None = None
    opened: dict[str, list[str]] = {}

    @property
    def drafts(self) -> dict[str, str]:
        """The unsent input for the present order."""
        return self.typed.get(self.order or "", {})

    def is_same_user_and_patient(self, other: SignedIn) -> bool:
        """Whether another session has the same user and patient at the same EHR."""
        return (self.iss, self.patient, self.user) == (other.iss, other.patient, other.user)


_decoder = msgspec.json.Decoder(Launch | SignedIn)


def signed_in() -> SignedIn | None:
    """The session of the browser's cookie, loaded once per request; None without one, or when it has expired."""
    if "smart_session" not in g:
        g.smart_session = reload()
    session: SignedIn | None = g.smart_session
    return session


def reload() -> SignedIn | None:
    """The session as it is stored now: another request of the browser may have changed it."""
    session = _load(_COOKIE)
    return session if isinstance(session, SignedIn) else None


def form_key(session: SignedIn) -> bytes:
    """The key of the CSRF protection of a session's forms."""
    return sha256(f"csrf|{session.form_secret}".encode()).digest()


def _load(cookie: str) -> Launch | SignedIn | None:
    secret = request.cookies.get(cookie, "")
    body = _sessions().get(secret) if secret else None
    try:
        return _decoder.decode(body) if body is not None else None
    except DecodeError:
        return None  # stored by another version of this service


def begin_launch(response: Response, launch: Launch) -> Response:
    """Stores the values of a sign-in's request; a session of the browser goes on."""
    secret = _new_secret(launch, time.time() + _LAUNCH_SECONDS)
    return _with_cookie(response, _launch_cookie(launch.state), secret, max_age=int(_LAUNCH_SECONDS))


def take_launch(state: str) -> Launch | None:
    """Removes and returns the sign-in that this browser started with a state, so that it is answered only once."""
    cookie = _launch_cookie(state)
    launch = _load(cookie)
    if not isinstance(launch, Launch) or not secrets.compare_digest(state.encode(), launch.state.encode()):
        return None
    _sessions().drop(request.cookies[cookie])
    return launch


def begin(response: Response, session: SignedIn) -> Response:
    """Starts a session under a new secret; it replaces the browser's old session.

    Unsent input of the old session is kept when the user and the patient are the same.
    """
    old = signed_in()
    if old is not None:
        _sessions().drop(request.cookies[_COOKIE])
        if session.is_same_user_and_patient(old):
            session.typed, session.written, session.sent = old.typed, old.written, old.sent
            session.csrf, session.form_secret = old.csrf, old.form_secret
            session.opened = old.opened
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
    # An EHR may show the page in a frame: over https the cookie is sent there too, partitioned by the framing site.
    same_site = "None" if secure else "Lax"
    response.set_cookie(
        name, secret, max_age, path=_PATH, httponly=True, secure=secure, samesite=same_site, partitioned=secure
    )
    return response


def store(session: SignedIn) -> None:
    """Stores the changes of the current session."""
    _sessions().put(request.cookies[_COOKIE], msgspec.json.encode(session), session.ends_at)


def _sessions() -> Sessions:
    sessions: Sessions = current_app.config["SESSIONS"]
    return sessions
