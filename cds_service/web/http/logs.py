"""Structured logs: one JSON object per line, with the call's correlation id and nothing of the request's content."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from uuid import uuid4

from flask import Flask, Response, g, has_request_context, request

from cds_service.hooks.discovery import BASES

_HEADER = "X-Correlation-Id"
_CALLS = tuple(f"{base.path}/cds-services" for base in BASES)


class JsonLines(logging.Formatter):
    """Time, level, logger, message and correlation id; of an exception only its type."""

    def format(self, record: logging.LogRecord) -> str:
        """A record as one line of JSON."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context() and "correlation" in g:
            line["correlation"] = g.correlation
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


def configure(level: str = "INFO") -> None:
    """Sends this package's logs to standard error as JSON lines; for the command, not for tests and embedding."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("cds_service")
    logger.handlers[:] = [handler]
    logger.setLevel(level)
    logger.propagate = False


def install(app: Flask) -> None:
    """Gives each request a correlation id, returned as a header, and logs each hook call."""

    @app.before_request
    def correlate() -> None:
        g.correlation = str(uuid4())

    @app.after_request
    def add_header_and_log(response: Response) -> Response:
        response.headers[_HEADER] = g.get("correlation", "")
        if request.path.startswith(_CALLS):
            caller = g.get("caller")
            client = caller.client.name if caller is not None else "-"
            logging.getLogger("cds_service.calls").info(
                "%s %s from %s: %d", request.method, request.url_rule or "no such address", client, response.status_code
            )
        return response
