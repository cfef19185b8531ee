"""/demo/feedback and /demo/report: what the plan's own people see of the orders that were signed here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request

from cds_service.demo.headers import guarded
from cds_service.demo.send import state
from cds_service.engine.plain_text import day_text
from cds_service.errors import NotFound
from cds_service.services.report.assemble import report
from cds_service.store.store import Store, StoreError
from cds_service.web.report_page import report_files

blueprint = Blueprint("feedback", __name__, url_prefix="/demo", template_folder="templates")
_FLUSH_SECONDS = 3.0
_OUTCOMES = {"accepted": "Suggestion accepted", "overridden": "Went on without it"}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
_TYPES = {"html": "text/html", "csv": "text/csv"}


@blueprint.get("/feedback")
def feedback() -> str:
    """What was told to the service about its cards, newest first, and the way to the report."""
    rows = _stored()
    signed = len(tuple(state().signings.newest_first()))
    return render_template("demo_feedback.html", rows=rows, outcomes=_OUTCOMES, signed=signed)


@blueprint.get("/report/<name>")
def report_file(name: str) -> Response:
    """One file of the report over what the store of the demo holds."""
    store = _store()
    if store is None:
        raise NotFound("nothing is stored in this demo: start it without PUMP_CDS_DATABASE_URL=off")
    made = datetime.now(UTC)
    repository = store.repository()
    # The patients are invented: a few orders are shown as they are.
    found = report(repository.determinations_since(None), repository.feedback_since(None), "day", small_cells=True)
    day = day_text(made.date())
    files = report_files(found, f"up to {day}", f"{day}, {made:%H:%M} UTC")
    if name not in files:
        raise NotFound(f"the report has no such file: it has {', '.join(files)}")
    return Response(files[name], mimetype=_TYPES[name.rpartition(".")[2]])


@blueprint.after_request
def _guard(response: Response) -> Response:
    """As the demo's other pages; the report has its styles within it, and runs nothing."""
    guarded(response)
    if request.endpoint == "feedback.report_file":
        response.headers["Content-Security-Policy"] = _POLICY
    return response


def _store() -> Store | None:
    """The store, with all written that was recorded so far."""
    store: Store | None = current_app.config["STORE"]
    if store is not None:
        store.recorder.flush(_FLUSH_SECONDS)
    return store


def _stored() -> list[Any] | None:
    """The feedback that the store holds, newest first; None where nothing is stored."""
    store = _store()
    try:
        return list(reversed(store.repository().feedback_since(None))) if store is not None else None
    except StoreError:
        return None
