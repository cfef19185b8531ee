"""A call without prefetch, against a server whose every answer takes 50 ms."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.benchmarks.measuring import caller, running

# Five searches are of Observation: ten in all.
_GRANTED = ("Patient", "Coverage", "Condition", "Observation", "MedicationRequest", "Procedure")


@contextmanager
def sides() -> Iterator[tuple[Callable[[], object], Callable[[], object]]]:
    """A whole call that fetches ten searches live, and one of these searches alone on an open connection."""
    server = [sys.executable, str(Path(__file__).with_name("slow_server.py"))]
    with running(server, os.environ) as port, requests.Session() as session:
        url = f"http://127.0.0.1:{port}"
        call, body = caller(create_app(Settings(database_url="off"))), _body(url)
        yield lambda: call(body), lambda: session.get(f"{url}/Observation?patient=p1", timeout=5).json()


def _body(url: str) -> bytes:
    request = support.call() | {"fhirServer": url}
    del request["prefetch"]
    request["fhirAuthorization"] = {
        "access_token": "abc",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": " ".join(f"patient/{kind}.read" for kind in _GRANTED),
        "subject": "service",
        "patient": "p1",
    }
    return json.dumps(request).encode()
