"""What the demo's own EHR remembers: launches, codes and tokens, in memory, for a time, and not too many of them."""

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
    """An authorization code, with the methods that Authlib asks a code for."""

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
        """What was granted."""
        return self.scope

    def get_nonce(self) -> str | None:
        """What the app wants to find in the identity token."""
        return self.nonce

    def get_auth_time(self) -> int:
        """When the person allowed it, epoch seconds."""
        return self.issued

    def get_acr(self) -> None:
        """Nothing is known of how well the person signed in."""

    def get_amr(self) -> None:
        """Nothing is known of how the person signed in."""


@dataclass(frozen=True, slots=True)
class Token:
    """What an access token grants. `code`: that it was given for."""

    client_id: str
    scope: str
    context: Context
    code: str = field(repr=False)


class ExpiringStore(Generic[T]):
    """Things under names that cannot be guessed, for a time; the oldest go first when there are too many."""

    def __init__(self, clock: Callable[[], float], seconds: float, most: int = _MOST) -> None:
        """`clock`: epoch seconds. `seconds`: how long a thing is kept. `most`: how many."""
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._things: dict[str, tuple[float, T]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._things)

    def keep(self, thing: T, name: str | None = None, seconds: float | None = None) -> str:
        """Keeps a thing and gives its name."""
        name = name or secrets.token_urlsafe(32)
        with self._lock:
            now = self._clock()
            self._things = {key: row for key, row in self._things.items() if row[0] > now}
            while len(self._things) >= self._most:
                del self._things[next(iter(self._things))]
            self._things[name] = (now + (self._seconds if seconds is None else seconds), thing)
        return name

    def look(self, name: str) -> T | None:
        """The thing, which stays; None when it is not there or no longer."""
        with self._lock:
            return self._valid(self._things.get(name))

    def take(self, name: str) -> T | None:
        """The thing, which goes: of several who take it one gets it."""
        with self._lock:
            return self._valid(self._things.pop(name, None))

    def forget(self, unwanted: Callable[[T], bool]) -> None:
        """Drops what is unwanted."""
        with self._lock:
            self._things = {key: row for key, row in self._things.items() if not unwanted(row[1])}

    def _valid(self, row: tuple[float, T] | None) -> T | None:
        return row[1] if row is not None and row[0] > self._clock() else None


class Grants:
    """All that is remembered. Used from several threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: epoch seconds."""
        self.clock = clock
        self.launches: ExpiringStore[Context] = ExpiringStore(clock, _LAUNCH_SECONDS)
        self.codes: ExpiringStore[Code] = ExpiringStore(clock, _CODE_SECONDS)
        self.tokens: ExpiringStore[Token] = ExpiringStore(clock, 0.0)

    def redeem(self, name: str, client_id: str) -> Code | None:
        """A code of a client, which is spent by this, whatever comes of it.

        A code that comes again was stolen by one of the two: what was given for it is taken back.
        """
        found = self.codes.look(name)
        if found is not None and found.client_id != client_id:
            return None
        taken = self.codes.take(name)
        if taken is None:
            self.tokens.forget(lambda token: token.code == name)
        return taken
