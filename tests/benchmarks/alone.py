"""Measured in a process of its own: what a large call takes in time and memory, and the time to the first answer."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def _service() -> object:
    from cds_service.settings import Settings
    from cds_service.web import create_app

    return create_app(Settings(max_body_bytes=200_000_000, database_url="off"))


def first_answer(body: bytes) -> dict[str, float]:
    """Seconds from the import of the service to its first answer, and whether the FHIR models were loaded for it."""
    began = time.perf_counter()
    from tests.benchmarks.measuring import caller

    caller(_service())(body)
    return {"seconds": time.perf_counter() - began}


def memory(body: bytes, small: bytes) -> dict[str, float]:
    """Growth of the peak resident size by one call, beside the size of its body, which is there already. Linux."""
    from tests.benchmarks.measuring import caller

    call = caller(_service())
    call(small)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    before = _kilobytes("VmRSS")
    call(body)
    return {"growth": (_kilobytes("VmHWM") - before) * 1024 / len(body)}


def growth(few: bytes, many: bytes) -> dict[str, float]:
    """Seconds of CPU of a call with few readings and of one with many, in a process that is settled as a worker is."""
    from cds_service.web.server import freeze_loaded_objects
    from tests.benchmarks.measuring import alternately, caller

    call = caller(_service())
    call(few)
    freeze_loaded_objects()
    small, large = alternately(lambda: call(few), lambda: call(many), 5, time.thread_time)
    return {"few": small, "many": large}


def _kilobytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


if __name__ == "__main__":
    what, *paths = sys.argv[1:]
    bodies = [Path(path).read_bytes() for path in paths]
    print(json.dumps({"first_answer": first_answer, "growth": growth, "memory": memory}[what](*bodies)))
