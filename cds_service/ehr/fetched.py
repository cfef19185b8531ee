"""What one call has read of a FHIR server: how many bytes of it may still come, and which answers are kept."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

# An answer that was read is let go, but for small ones: single resources, which are asked for by several parts of a
# call and go back to the client as they came.
_MOST_KEPT_EACH = 250_000
_MOST_KEPT = 5_000_000


@dataclass(frozen=True, slots=True)
class Answered:
    """Status and body of an answer."""

    status: int
    body: bytes


class Fetched:
    """Bytes and answers of one call. Used from several threads."""

    def __init__(self, most_bytes: int) -> None:
        """`most_bytes`: of all answers together, as they are once decompressed."""
        self._left = most_bytes
        self._kept: dict[str, Answered] = {}
        self._free = _MOST_KEPT
        self._guard = Lock()

    def may_take(self, size: int) -> bool:
        """Whether so many more bytes may come; they count from now on."""
        with self._guard:
            self._left -= size
            return self._left >= 0

    def keep(self, url: str, answer: Answered) -> None:
        """Keeps an answer where it is small."""
        size = len(answer.body)
        with self._guard:
            if size <= min(_MOST_KEPT_EACH, self._free):
                self._free -= size
                self._kept[url] = answer

    def kept(self, url: str) -> Answered | None:
        """The answer that was kept for a URL."""
        return self._kept.get(url)
