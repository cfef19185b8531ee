"""The only place where exceptions become HTTP. Every non-2xx body is an OperationOutcome."""

from __future__ import annotations

import logging
from typing import Annotated, Literal, Required, TypedDict
from uuid import uuid4

from flask import Flask, Response, g, render_template, request
from msgspec import Meta
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from cds_service.errors import BadRequest
from cds_service.hooks.messages import as_json
from cds_service.web.http.security_headers import apply_security_headers

log = logging.getLogger(__name__)

_TITLES = {
    404: "Nothing is at this address",
    403: "No access",
    500: "The service failed",
    502: "The sign-in at the EHR failed",
}


Severity = Literal["fatal", "error"]


class Issue(TypedDict, total=False):
    """What is wrong, for a program and for a person, and in which field."""

    severity: Required[Severity]
    code: Required[str]
    diagnostics: Required[str]
    expression: list[str]


class OperationOutcome(TypedDict):
    """The body of every refusal."""

    resourceType: Literal["OperationOutcome"]
    issue: Annotated[list[Issue], Meta(min_length=1)]


def operation_outcome(
    message: str, code: str, field: str | None = None, severity: Severity = "error"
) -> OperationOutcome:
    """An OperationOutcome with one issue."""
    issue: Issue = {"severity": severity, "code": code, "diagnostics": message}
    if field:
        issue["expression"] = [field]
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _reply(status: int, outcome: OperationOutcome) -> Response:
    """An OperationOutcome; for a person's browser, which asks for a page first, the same words as a page."""
    wanted = request.accept_mimetypes
    if wanted["text/html"] > max(wanted["application/json"], wanted["application/fhir+json"]):
        issue = outcome["issue"][0]
        field = next(iter(issue.get("expression", ())), None)
        title = _TITLES.get(status, "This cannot be shown")
        page = render_template("problem.html", title=title, message=issue["diagnostics"], field=field)
        return apply_security_headers(Response(page, status=status, mimetype="text/html"))
    return Response(as_json(outcome), status=status, mimetype="application/json")


def install(app: Flask) -> None:
    """Registers the handlers."""
    app.register_error_handler(BadRequest, _bad_request)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _bad_request(error: BadRequest) -> Response:
    reply = _reply(error.status, operation_outcome(error.message, error.code, error.field))
    if error.status == 401:
        reply.headers["WWW-Authenticate"] = "Bearer"
    elif error.status in (429, 503):
        reply.headers["Retry-After"] = "1"
    return reply


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if isinstance(error, NotFound):
        message, code = "nothing is at this address: GET /cds-services lists the services", "not-found"
    elif isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(set(error.valid_methods or ()) - {"HEAD", "OPTIONS"}))
        message, code = f"method {request.method} is not served here: use {allowed}", "not-supported"
    elif isinstance(error, RequestEntityTooLarge):
        message, code = "the body is larger than this service reads", "too-long"
    elif 300 <= status < 400:
        return Response(status=status, headers={k: v for k, v in error.get_headers() if k == "Location"})
    else:
        message, code = error.name, "processing"
    reply = _reply(status, operation_outcome(message, code))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        reply.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return reply


def _unexpected(error: Exception) -> Response:
    """A fault of ours: the log and the caller get the same correlation id, and only the log gets the trace.

    The trace names lines of code, never values, so that no patient data reaches the log.
    """
    correlation = g.get("correlation") or str(uuid4())
    log.error("fault %s in %s: %s", correlation, request.path, _where(error))
    message = f"the service failed on this request; its log has it under {correlation}"
    return _reply(500, operation_outcome(message, "exception", severity="fatal"))


def _where(error: BaseException) -> str:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return f"{type(error).__name__} at {' < '.join(reversed(frames[-6:]))}"
