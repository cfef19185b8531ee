"""`python -m tests.web.http.body_costs`: what calls cost, each in a process of its own that has answered an honest one.

Reads lines of JSON, each a path of the service and a file with a body; writes a line for each: status, what was said
of a fault, CPU seconds and bytes of memory, the growth of the resident size's peak.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.web.http.hostile_bodies import SIGN, as_json

# What the system counts the peak in.
_UNIT = 1 if sys.platform == "darwin" else 1024


def cost(client: FlaskClient, path: str, body: bytes) -> dict[str, Any]:
    """What one call costs."""
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    reply = client.post(path, data=body, content_type="application/json")
    seconds = time.process_time() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * _UNIT
    said = "" if reply.status_code == 200 else reply.get_json()["issue"][0]["diagnostics"]
    return {"status": reply.status_code, "said": said, "seconds": seconds, "memory": grown, "answer": len(reply.data)}


def main() -> None:
    """Answers until its input ends."""
    client = create_app(Settings(database_url="off")).test_client()
    for _ in range(3):
        client.post(SIGN, data=as_json(support.call()), content_type="application/json")
    gc.collect()
    for line in sys.stdin:
        path, file = json.loads(line)
        body = Path(file).read_bytes()
        reading, writing = os.pipe()
        process = os.fork()
        if not process:
            os.write(writing, json.dumps(cost(client, path, body)).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as told:
            print(told.read().decode(), flush=True)
        os.waitpid(process, 0)


if __name__ == "__main__":
    main()
