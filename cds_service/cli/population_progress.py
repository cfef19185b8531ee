"""Progress of a population run on standard error: how much is read, members a second, time left. No member is named."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from cds_service.services.population.partition_export import Progress

# A terminal sees it change; a log gets a line now and then.
_SECONDS_ON_A_TERMINAL, _SECONDS_IN_A_LOG = 0.5, 10.0


class ProgressLines:
    """Shows how far a run is, at most every so often."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._terminal = sys.stderr.isatty()
        self._every = _SECONDS_ON_A_TERMINAL if self._terminal else _SECONDS_IN_A_LOG
        self._phase, self._began, self._shown = "", 0.0, time.monotonic()

    def __enter__(self) -> ProgressLines:
        """The same."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the line on a terminal."""
        if self._terminal and self._phase:
            sys.stderr.write("\n")

    def show(self, progress: Progress) -> None:
        """Called whenever a task has ended."""
        now = time.monotonic()
        if progress.phase != self._phase:
            self._phase, self._began = progress.phase, now
            return
        if now - self._shown < self._every and progress.done < progress.total:
            return
        self._shown = now
        text = progress_text(progress, now - self._began)
        sys.stderr.write(f"\r{text:<78}" if self._terminal else f"{text}\n")
        sys.stderr.flush()


def progress_text(progress: Progress, seconds: float) -> str:
    """One line: what is done, how fast, and how long the rest will take."""
    seconds = max(seconds, 1e-3)
    done, total = progress.done / 1e6, progress.total / 1e6
    text = f"{progress.phase}: {done:,.0f} of {total:,.0f} MB, {done / seconds:,.0f} MB a second"
    if progress.members:
        text = f"{text}, {progress.members:,} members, {progress.members / seconds:,.0f} a second"
    left = (total - done) / (done / seconds) if done else 0.0
    return f"{text}, {time_left(left)} left"


def time_left(seconds: float) -> str:
    """Seconds in words: 45 s, 12 min, 3 h 20 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
