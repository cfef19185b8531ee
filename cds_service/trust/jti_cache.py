"""The ids of tokens that were used, in the memory of one process: for the demo's EHR, which has only one process."""

from __future__ import annotations

import threading
from collections.abc import Callable


class JtiCache:
    """Remembers the ids of used tokens until the tokens expire."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: epoch seconds."""
        self._clock = clock
        self._used: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def first_use(self, client: str, jti: str, ends_at: float) -> bool:
        """Whether a token is used for the first time."""
        with self._lock:
            now = self._clock()
            if len(self._used) > 1000:
                self._used = {key: ends for key, ends in self._used.items() if ends >= now}
            if (client, jti) in self._used:
                return False
            self._used[client, jti] = ends_at
            return True
