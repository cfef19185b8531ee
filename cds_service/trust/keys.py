"""Key sets of trusted clients: cached, and fetched again for a key that is not in them, at most at a fixed rate."""

from __future__ import annotations

import json
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, KeySet, RSAKey

# A key that a client removes from its set is refused after this time at the latest.
_CACHE_SECONDS = 300.0
# The least time between two fetches of one set.
_PAUSE_SECONDS = 10.0
_LEAST_RSA_BITS = 2048
SigningKey = ECKey | RSAKey


class KeysUnavailable(Exception):
    """A key set could not be read; the message says why, for the log."""


@dataclass(slots=True)
class _CachedSet:
    keys: KeySet
    fetched: float
    stamp: float = 0.0


class KeyRing:
    """Finds keys by their id. Used from several threads."""

    def __init__(self, fetch: Callable[[str], bytes], clock: Callable[[], float] = time.monotonic) -> None:
        """`fetch` reads a key set from an address, and raises KeysUnavailable when it cannot."""
        self._fetch = fetch
        self._clock = clock
        self._cached: dict[str, _CachedSet] = {}
        self._fetched_at: dict[str, float] = {}
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    def _lock(self, where: str) -> threading.Lock:
        """A lock for one key set: a slow address delays its own client only."""
        with self._guard:
            return self._locks.setdefault(where, threading.Lock())

    def key_at(self, url: str, kid: str, algorithm: str) -> SigningKey | None:
        """A key of the set at an address; None when there is none that fits the algorithm."""
        with self._lock(url):
            cached = self._cached.get(url)
            now = self._clock()
            if cached is None or now - cached.fetched > _CACHE_SECONDS:
                cached = self._refresh(url, now, cached)
            key = usable_key(cached.keys, kid, algorithm)
            if key is None and now - self._fetched_at.get(url, -_PAUSE_SECONDS) >= _PAUSE_SECONDS:
                key = usable_key(self._refresh(url, now, cached).keys, kid, algorithm)
            return key

    def key_in(self, path: Path, kid: str, algorithm: str) -> SigningKey | None:
        """A key of the set in a file, which is read again when it has changed."""
        with self._lock(str(path)):
            cached = self._cached.get(str(path))
            try:
                stamp = path.stat().st_mtime
                if cached is None or cached.stamp != stamp:
                    cached = self._cached[str(path)] = _CachedSet(_key_set(path.read_bytes()), self._clock(), stamp)
            except OSError as error:
                raise KeysUnavailable(f"a key file cannot be read ({error.strerror})") from None
            return usable_key(cached.keys, kid, algorithm)

    def is_readable(self, path: Path | None, urls: tuple[str, ...]) -> bool:
        """Whether a client's keys can be read: from its file, or from one of its addresses."""
        try:
            if path is not None:
                self.key_in(path, "", "")
                return True
        except KeysUnavailable:
            return False
        return any(self._answers(url) for url in urls)

    def _answers(self, url: str) -> bool:
        try:
            self.key_at(url, "", "")
        except KeysUnavailable:
            return False
        return True

    def _refresh(self, url: str, now: float, cached: _CachedSet | None) -> _CachedSet:
        """Fetches the set; when the address does not answer, the cached one is used for as long again."""
        if cached is None and now - self._fetched_at.get(url, -_PAUSE_SECONDS) < _PAUSE_SECONDS:
            raise KeysUnavailable("the key set could not be read a moment ago")
        self._fetched_at[url] = now
        try:
            fetched = _CachedSet(_key_set(self._fetch(url)), now)
        except KeysUnavailable:
            if cached is None or now - cached.fetched > 2 * _CACHE_SECONDS:
                raise
            return cached
        self._cached[url] = fetched
        return fetched


def _key_set(data: bytes) -> KeySet:
    try:
        table = json.loads(data)
        keys = [key for key in table["keys"] if isinstance(key, dict) and key.get("kty") in ("EC", "RSA")]
        with warnings.catch_warnings(action="ignore", category=SecurityWarning):
            return KeySet.import_key_set({"keys": keys})  # `usable_key` skips weak keys
    except (ValueError, TypeError, KeyError, JoseError, RecursionError):
        raise KeysUnavailable("the answer is no JSON Web Key Set") from None


def usable_key(keys: KeySet, kid: str, algorithm: str) -> SigningKey | None:
    """The key of that id, if it is of the type that the algorithm needs and may verify signatures."""
    for key in keys.keys:
        if key.kid == kid and isinstance(key, ECKey | RSAKey) and _fits(key, algorithm):
            return key
    return None


def _fits(key: SigningKey, algorithm: str) -> bool:
    if key.get("alg") not in (None, algorithm) or key.get("use") not in (None, "sig"):
        return False
    operations = key.get("key_ops")
    if operations is not None and "verify" not in operations:
        return False
    if algorithm == "ES384":
        return isinstance(key, ECKey) and key.curve_name == "P-384"
    return isinstance(key, RSAKey) and bool(key.raw_value.key_size >= _LEAST_RSA_BITS)
