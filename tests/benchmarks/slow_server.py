"""A FHIR server process whose every answer takes 50 milliseconds: what a live fetch is measured against."""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DELAY = 0.05
_EMPTY = json.dumps({"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": []}).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # head and body leave together: no wait for a delayed acknowledgement

    def do_GET(self) -> None:
        """Waits, then answers an empty searchset, or the patient."""
        time.sleep(DELAY)
        body = _EMPTY
        if self.path.startswith("/Patient/"):
            body = json.dumps({"resourceType": "Patient", "id": "p1"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keeps quiet."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # all connections of a call come at once


if __name__ == "__main__":
    server = _Server(("127.0.0.1", 0), _Handler)
    sys.stdout.write(f"slow server at http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
