"""Launches, codes and tokens of the demo's own EHR, in memory, each with an expiry and all limited in number."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
_MOST = 1000
_LAUNCH_SECONDS, _CODE_SECONDS = 3600.0, 60.0


@dataclass(frozen=True, slots=True)
class Context:
    """What a launch is bound to. `user`: a reference such as Practitioner/…; `patient`: an id."""

    user: str
    patient: str | None = None
    app_context: str | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code, with the methods that Authlib calls on a code."""

    name: str = field(repr=False)
    client_id: str
    redirect_uri: str | None
    scope: str
    context: Context
    code_challenge: str
    issued: int
    nonce: str | None = None
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str | None:
        """Where the code was sent; None when the request did not say."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """The granted scope."""
        return self.scope

    def get_nonce(self) -> str | None:
        """The nonce that the app expects in the identity token."""
        return self.nonce

    def get_auth_time(self) -> int:
        """When the user allowed it, in epoch seconds."""
        return self.issued

    def get_acr(self) -> None:
        """None: the assurance level of the sign-in is not known."""

    def get_amr(self) -> None:
        """None: the method of the sign-in is not known."""


@dataclass(frozen=True, slots=True)
class Token:
    """What an access token grants. `code`: the code that it was issued for."""

    client_id: str
    scope: str
    context: Context
    code: str = field(repr=False)


class ExpiringStore(Generic[T]):
    """Stores values under random names until they expire; when there are too many, the oldest is dropped."""

    def __init__(self, clock: Callable[[], float], seconds: float, most: int = _MOST) -> None:
        """`clock`: epoch seconds. `seconds`: how long a value is kept. `most`: how many values are kept."""
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._values: dict[str, tuple[float, T]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many values are stored."""
        return len(self._values)

    def put(self, value: T, name: str | None = None, seconds: float | None = None) -> str:
        """Stores a value and returns its name."""
        name = name or secrets.token_urlsafe(32)
        with self._lock:
            now = self._clock()
            self._values = {key: row for key, row in self._values.items() if row[0] > now}
            while len(self._values) >= self._most:
                del self._values[next(iter(self._values))]
            self._values[name] = (now + (self._seconds if seconds is None else seconds), value)
        return name

    def get(self, name: str) -> T | None:
        """The value of a name; None when there is none or it has expired."""
        with self._lock:
            return self._valid(self._values.get(name))

    def pop(self, name: str) -> T | None:
        """Atomically removes and returns a value: exactly one of several concurrent callers gets it."""
        with self._lock:
            return self._valid(self._values.pop(name, None))

    def remove_where(self, unwanted: Callable[[T], bool]) -> None:
        """Removes the values for which `unwanted` is true."""
        with self._lock:
            self._values = {key: row for key, row in self._values.items() if not unwanted(row[1])}

    def _valid(self, row: tuple[float, T] | None) -> T | None:
        return row[1] if row is not None and row[0] > self._clock() else None


class Grants:
    """All launches, codes and tokens. Used from several threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: epoch seconds."""
        self.clock = clock
        self.launches: ExpiringStore[Context] = ExpiringStore(clock, _LAUNCH_SECONDS)
        self.codes: ExpiringStore[Code] = ExpiringStore(clock, _CODE_SECONDS)
        self.tokens: ExpiringStore[Token] = ExpiringStore(clock, 0.0)

    def redeem(self, name: str, client_id: str) -> Code | None:
        """A client's code, which cannot be used again afterwards.

        A code that is used a second time may have been stolen: the tokens that were issued for it are revoked.
        """
        stored = self.codes.get(name)
        if stored is not None and stored.client_id != client_id:
            return None
        code = self.codes.pop(name)
        if code is None:
            self.tokens.remove_where(lambda token: token.code == name)
        return code
