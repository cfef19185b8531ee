"""/smart/documentation: the findings about an order, and a form to answer and sign the open questions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from cds_service.ehr.writing import NotWritten
from cds_service.engine.chart_and_statement import Difference, differences
from cds_service.engine.enabled_questions import missing_answers
from cds_service.engine.policy import AnswerValue, PolicyOnDay
from cds_service.errors import BadRequest, NoAccess
from cds_service.hooks.messages import FhirAccess
from cds_service.services.app_links import decoded_entries
from cds_service.services.document_order import OrderPage, PageRequest, document_order
from cds_service.services.policies_today import policies_today
from cds_service.web.http import metrics
from cds_service.web.http.request_body import read_form
from cds_service.web.http.security_headers import apply_security_headers
from cds_service.web.smart_app import sessions
from cds_service.web.smart_app.documentation_view import summary_of, view_of
from cds_service.web.smart_app.scopes import may_write
from cds_service.web.smart_app.sessions import SignedIn
from cds_service.web.smart_app.statement_form import StatementForm, digest
from cds_service.web.smart_app.write_statement import MOST_WRITTEN, is_clinician, write_once
from fhir_mappings.common.references import local

blueprint = Blueprint("documentation", __name__, url_prefix="/smart")
ALL = "all"
_MOST_FORM_BYTES = 64_000
_AGAIN = "open the page from the EHR again"


@blueprint.after_request
def add_headers(response: Response) -> Response:
    """The page may run its own script, send its form to its own host, and be framed by its EHR only."""
    session = sessions.signed_in()
    origins = current_app.config["SMART_SERVERS"].origins(session.iss) if session is not None else ()
    response.headers["Cache-Control"] = "no-store"
    return apply_security_headers(response, script="'self'", frames=origins)


@blueprint.get("/documentation")
def page() -> AnyResponse:
    """Shows the present findings about the order."""
    session = sessions.signed_in()
    if session is None:
        raise NoAccess(f"Nobody is signed in, or the session has ended: {_AGAIN}")
    if "order" in request.args:
        if local(request.args["order"], session.iss) is None:
            raise BadRequest("order must be a reference such as DeviceRequest/1", "order")
        if request.args["order"] != session.order:
            session.order, session.before, session.policy = request.args["order"], None, None
    if request.args.get("policy", session.policy) != session.policy:
        session.policy, session.before = request.args["policy"], None
    order_page = _read_order_page(session)
    summary = summary_of(order_page)
    if summary is not None:
        session.opened.setdefault(summary["about"], summary["open"])
    response = Response(_rendered(session, order_page, _form(session, order_page)))
    session.before = summary
    session.saved = []
    sessions.store(session)
    return response


@blueprint.post("/documentation")
def save() -> AnyResponse:
    """Writes the answers to the FHIR server, and shows the new findings. What was typed is never lost."""
    sent = read_form(request, _MOST_FORM_BYTES)
    session = sessions.signed_in()
    if session is None:
        return Response(_ended_page(sent), status=401)
    order_page = _read_order_page(session)
    form = _form(session, order_page, sent=sent)
    if form.is_about_another:
        form = _form(session, order_page)
        form.errors["form"] = "Those answers were for another patient or order. Nothing was written"
        return _show_again(session, order_page, form, 409)
    sections = _sections(sent.get("save", ALL), order_page, form)
    answers = form.answers(sections)
    if not answers and not form.errors:
        form.errors["form"] = "Nothing was answered yet, so nothing was written"
    if form.errors:
        return _show_again(session, order_page, form, 422)
    contradicted = _contradicted(order_page, answers, sections)
    if contradicted and not form.confirms(answers):
        return _show_again(session, order_page, form, 422, contradicted=contradicted)
    name = form.name(answers)
    try:
        written = write_once(name, session, order_page, _policy(order_page), answers, _open_values(order_page))
    except NotWritten as refusal:
        metrics.STATEMENTS.labels("refused").inc()
        return _show_again(session, order_page, form, 502, refusal)
    if written:
        metrics.STATEMENTS.labels("written").inc()
        session.saved = sorted(sections)
        session.typed[session.order or ""] = _unsent(_policy(order_page), sent, sections)
        session.sent = [*session.sent, name][-MOST_WRITTEN:]
        sessions.store(session)
    return redirect(url_for("documentation.page") + "#outcome", 303)


def _show_again(
    session: SignedIn,
    order_page: OrderPage,
    form: StatementForm,
    status: int,
    refusal: NotWritten | None = None,
    contradicted: Sequence[Difference] = (),
) -> Response:
    """The page with what was typed, to be sent again. The session is stored for the form's CSRF token."""
    response = Response(_rendered(session, order_page, form, refusal, contradicted), status=status)
    sessions.store(session)
    return response


def _contradicted(order_page: OrderPage, answers: Mapping[str, Any], sections: frozenset[str]) -> list[Difference]:
    """Where the answers contradict the chart: that is shown before anything is written."""
    assessment = order_page.assessment
    if assessment is None or assessment.case is None:
        return []
    return differences(assessment.case, assessment.policy, answers, sections)


def _read_order_page(session: SignedIn) -> OrderPage:
    config = current_app.config
    access = FhirAccess(session.iss, session.token, session.ends_at - time.time(), session.scope)
    entries = decoded_entries(session.entries.encode()) if session.order == session.launched_order else ()
    user = session.user if (session.user or "").startswith(("Practitioner/", "PractitionerRole/")) else None
    page_request = PageRequest(access, session.patient, user, session.order, entries, tuple(session.written))
    page_request = replace(page_request, policy=session.policy)
    sources = config["SOURCES"](config["SMART_SERVERS"].rule(session.iss))
    return document_order(page_request, config["SETTINGS"], datetime.now(UTC), sources, config["ROSTER"])


# ---------------------------------------------------------------- the form


def _form(session: SignedIn, order_page: OrderPage, sent: Any = None) -> StatementForm:
    return StatementForm(
        _policy(order_page),
        session.csrf,
        key=sessions.form_key(session),
        about=_about(session, order_page),
        today=order_page.today,
        sent=sent,
        drafts=session.drafts,
        values=_open_values(order_page),
    )


def _policy(order_page: OrderPage) -> PolicyOnDay:
    """The policy whose questions are shown: the order's, or the first in use where there is no order."""
    if order_page.assessment is not None:
        return order_page.assessment.policy
    return policies_today(current_app.config["SETTINGS"])[0]


def _unsent(policy: PolicyOnDay, sent: Mapping[str, str], sections: frozenset[str]) -> dict[str, str]:
    """What was typed in other sections, which the next page shows again. A cleared field stays cleared."""
    others = [q.link_id for q in policy.questions if q.section not in sections]
    return {name: sent[name] for name in others if name in sent}


def _about(session: SignedIn, order_page: OrderPage) -> str:
    order = order_page.order.reference if order_page.order else None
    return digest(session.iss, session.patient, order, session.policy if order_page.also else None)


def _open_values(order_page: OrderPage) -> dict[str, AnswerValue]:
    """The prefilled values of visible questions only, so that nobody signs an answer without having seen it."""
    prefilled = order_page.prefilled or {}
    groups = [group for group in (order_page.questions or {}).values() if group.open]
    visible = [question for group in groups for question in group.questions]
    return {q.link_id: prefilled[q.link_id] for q in visible if q.link_id in prefilled}


def _sections(button: str, order_page: OrderPage, form: StatementForm) -> frozenset[str]:
    """The sections that a button sends: its own, or all that were answered.

    A section that holds only prefilled values, and not all that it needs, was not answered and is not sent.
    """
    if button != ALL:
        return frozenset({button})
    policy, shown, given = _policy(order_page), _open_values(order_page), form.given()
    sections = {question.section for question in policy.questions if question.link_id in form.wrong.union(given)}
    wrong = {question.section for question in policy.questions if question.link_id in form.wrong}

    def is_untouched(section: str) -> bool:
        if section in wrong:
            return False
        own = {q.link_id: given[q.link_id] for q in policy.questions if q.section == section and q.link_id in given}
        unchanged = all(_same(value, shown.get(name)) for name, value in own.items())
        return unchanged and bool(missing_answers(policy.question_groups, own))

    return frozenset(section for section in sections if not is_untouched(section))


def _same(given: Any, shown: AnswerValue | None) -> bool:
    if isinstance(given, Decimal | int) and isinstance(shown, float):
        return float(given) == shown
    return bool(given == shown)


# ---------------------------------------------------------------- pages


def _rendered(
    session: SignedIn,
    order_page: OrderPage,
    form: StatementForm,
    refusal: NotWritten | None = None,
    contradicted: Sequence[Difference] = (),
) -> str:
    view = view_of(order_page, session, current_app.config["SETTINGS"].public_url)
    return render_template(
        "documentation.html",
        **view,
        form=form,
        refusal=refusal,
        contradicted=contradicted,
        confirmed_sections=_sections_of(order_page, contradicted),
        may_write=may_write(session.scope) and is_clinician(session.user),
        user_known=session.user is not None,
        is_clinician=is_clinician(session.user),
        all_sections=ALL,
    )


def _sections_of(order_page: OrderPage, contradicted: Sequence[Difference]) -> set[str]:
    """The sections of the questionnaire whose answers contradict the chart."""
    sections = {question.section for question in _policy(order_page).questions}
    return {
        section
        for section in sections
        for each in contradicted
        if each.section == section or each.section.startswith(f"{section}.")
    }


def _ended_page(form: MultiDict[str, str]) -> str:
    """The page of an ended session, with everything that was typed, to be sent again after the next sign-in."""
    sent = [(name, value) for name, value in form.items(multi=True) if name != "csrf_token" and value]
    policies = policies_today(current_app.config["SETTINGS"])
    questions = {question.link_id: question for policy in policies for question in policy.questions}
    return render_template("documentation_ended.html", sent=sent, questions=questions)
