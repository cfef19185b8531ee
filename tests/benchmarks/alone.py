"""Measured in a process of its own: memory of one large call, and the time from import to the first answer."""

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


def _kilobytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


if __name__ == "__main__":
    what, *paths = sys.argv[1:]
    bodies = [Path(path).read_bytes() for path in paths]
    print(json.dumps({"first_answer": first_answer, "memory": memory}[what](*bodies)))
