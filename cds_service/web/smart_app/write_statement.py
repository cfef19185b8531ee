"""Writes a signed statement to the EHR's FHIR server, once for each form."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import current_app

from cds_service.ehr.writing import NotWritten, create
from cds_service.engine.policy import AnswerValue, PolicyOnDay
from cds_service.hooks.messages import as_json
from cds_service.services.document_order import OrderPage
from cds_service.store.run_database import RunDatabase
from cds_service.store.store import Store
from cds_service.web.smart_app import sessions
from cds_service.web.smart_app.scopes import STATEMENT
from cds_service.web.smart_app.sessions import SignedIn
from fhir_mappings.output.questionnaire_responses import questionnaire_response

MOST_WRITTEN = 20
# In the table of used tokens, this stands in the place of the client: forms that were written.
_FORMS = "forms of the documentation page"
_OTHER_REQUEST_SECONDS, _OTHER_REQUEST_PAUSE = 12.0, 0.2


def is_clinician(user: str | None) -> bool:
    """Whether the user may sign a statement: a patient or a relative may only read the page."""
    return (user or "").split("/")[-2:-1] in (["Practitioner"], ["PractitionerRole"])


def write_once(
    name: str,
    session: SignedIn,
    order_page: OrderPage,
    policy: PolicyOnDay,
    answers: Mapping[str, Any],
    prefilled: Mapping[str, AnswerValue],
) -> bool:
    """Writes a form by its name; False when this or another request has already written the same form.

    `policy`: whose questionnaire is answered; `prefilled`: what stood in the fields. NotWritten when it fails.
    """
    used_names: Store | RunDatabase = current_app.config["MEMORY"]
    if not _is_first(name, used_names, session.ends_at):
        return False
    try:
        _write(session, order_page, policy, answers, prefilled)
    except NotWritten as refusal:
        if not refusal.uncertain:
            used_names.forget_use(_FORMS, name)
        raise
    return True


def _is_first(name: str, used_names: Store | RunDatabase, ends_at: float) -> bool:
    """Whether this request is the one to write a form. It waits while another request writes it: that may fail."""
    until = time.monotonic() + _OTHER_REQUEST_SECONDS
    while not used_names.first_use(_FORMS, name, ends_at):
        session = sessions.reload()
        if session is not None and name in session.sent:
            return False
        if time.monotonic() > until:
            raise NotWritten("they are being sent by another request, which has not ended", uncertain=True)
        time.sleep(_OTHER_REQUEST_PAUSE)
    return True


def _write(
    session: SignedIn,
    order_page: OrderPage,
    policy: PolicyOnDay,
    answers: Mapping[str, Any],
    prefilled: Mapping[str, AnswerValue],
) -> None:
    """Writes the statement to the EHR's FHIR server, with the user as its author. NotWritten when that fails."""
    if session.user is None or not is_clinician(session.user):
        raise NotWritten("only a statement that a clinician signs counts, and the EHR did not say that you are one")
    if order_page.order is None or order_page.determination is None:
        raise NotWritten("there is no order that it would be about")
    if session.ends_at <= time.time():
        raise NotWritten("the session with the EHR has ended", 401)
    about = [order_page.order.reference, order_page.determination.coverage_reference]
    statement = questionnaire_response(
        policy,
        answers,
        public_url=current_app.config["SETTINGS"].public_url,
        patient=f"Patient/{session.patient}",
        author=session.user,
        authored=datetime.now(UTC).replace(microsecond=0),
        prefilled=prefilled,
        about=[reference for reference in about if reference and not reference.startswith("urn:")],
    )
    rule = current_app.config["SMART_SERVERS"].rule(session.iss)
    reference = create(session.iss, session.token, STATEMENT, as_json(statement), rule)
    if reference is not None:
        session.written = [*session.written, reference][-MOST_WRITTEN:]
