"""What one call has fetched from a FHIR server: a limit of bytes for all answers, and a cache of the small ones."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

# Only small answers are cached: single resources, which several parts of a call need and which go back to the client
# as they came.
_LARGEST_CACHED = 250_000
_CACHE_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status and body of an HTTP answer."""

    status: int
    body: bytes


class FetchedAnswers:
    """The byte limit and the cached answers of one call. Used from several threads."""

    def __init__(self, most_bytes: int) -> None:
        """`most_bytes`: limit for all answers together, decompressed."""
        self._left = most_bytes
        self._cached: dict[str, HttpAnswer] = {}
        self._free = _CACHE_BYTES
        self._guard = Lock()

    def count_bytes(self, size: int) -> bool:
        """Counts bytes that came; False when the limit is passed."""
        with self._guard:
            self._left -= size
            return self._left >= 0

    def cache(self, url: str, answer: HttpAnswer) -> None:
        """Caches an answer if it is small."""
        size = len(answer.body)
        with self._guard:
            if size <= min(_LARGEST_CACHED, self._free):
                self._free -= size
                self._cached[url] = answer

    def cached(self, url: str) -> HttpAnswer | None:
        """The cached answer for a URL."""
        return self._cached.get(url)
