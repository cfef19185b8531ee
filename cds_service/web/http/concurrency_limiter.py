"""How many calls of one client a worker answers at a time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from cds_service.errors import TooManyCalls


class ConcurrencyLimiter:
    """Counts the calls under way by client."""

    def __init__(self, most: int) -> None:
        """`most`: calls of one client at a time."""
        self._most = most
        self._under_way: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def slot(self, client: str) -> Iterator[None]:
        """Counts one call of a client while it runs; TooManyCalls when the limit is reached."""
        with self._lock:
            if self._under_way[client] >= self._most:
                raise TooManyCalls(f"{self._most} calls of this client are under way: wait for their answers")
            self._under_way[client] += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way[client] -= 1
                if not self._under_way[client]:
                    del self._under_way[client]
