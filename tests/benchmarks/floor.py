"""The floor of throughput: Flask on the service's own server, which parses the body and answers with no cards."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Flask, Response, request

from cds_service.web.server import run
from tests.benchmarks.measuring import SERVICE


def made(_url: str) -> Flask:
    """The application."""
    app = Flask(__name__)

    @app.post(SERVICE)
    def answer() -> Any:
        orjson.loads(request.get_data())
        return Response(b'{"cards": []}', mimetype="application/json")

    return app


if __name__ == "__main__":
    run(made, "127.0.0.1", 0, 1, "floor serves")
