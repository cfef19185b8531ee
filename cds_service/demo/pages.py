"""/demo: what this is, sample charts, and orders to sign on them. Nothing leaves this machine.

With a sandbox the call carries no chart, and the service reads it from the sandbox's FHIR server.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from flask import Blueprint, Flask, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from cds_service.demo import feedback_pages, signing_pages
from cds_service.demo.charts import DemoChart, all_charts
from cds_service.demo.draft_orders import drafts_of
from cds_service.demo.ehr.local_charts import LocalCharts
from cds_service.demo.ehr.server import DemoEhr, EhrOptions
from cds_service.demo.headers import guarded
from cds_service.demo.live import Sandbox
from cds_service.demo.send import SERVICE, DemoState, call_of, state, text_of, today
from cds_service.demo.send import sign as sign_chart
from cds_service.demo.signing_pages import chart_after, editor, shown_charts
from cds_service.demo.view import OUTCOMES, content_of, json_markup
from cds_service.engine.plain_text import day_text
from cds_service.errors import NotFound
from cds_service.policies.registry import POLICIES
from cds_service.services.chart_source import ChartSourceFactory
from cds_service.settings import Settings, load, replaced
from cds_service.trust.servers import ServerRule
from cds_service.web import start_page
from cds_service.web.application import create_app
from cds_service.web.smart_app import sessions

blueprint = Blueprint("demo", __name__, url_prefix="/demo", template_folder="templates", static_folder="static")
# What the button of the first page signs: one gap, which a suggestion, a reason and an answer can be given for.
FIRST = "education-too-old"


def create_demo(settings: Settings | None = None, sandbox: Sandbox | None = None) -> Flask:
    """The service with sample charts and pages to try it on, on this machine only: nobody has to sign in.

    It opens no connection, whatever a call asks for, but to its own EHR and to the sandbox when there is one.
    """
    settings = settings or load()
    app = create_app(replaced(settings, auth="open", policies=_policies(settings)))
    charts = None if sandbox is not None else LocalCharts()
    names = {chart.request["context"]["patientId"]: chart.title for chart in all_charts().values()}
    options = EhrOptions(patient_names=names, asks_at_launch=sandbox is not None)
    ehr = DemoEhr(charts.server if charts is not None else sandbox.base_url if sandbox else "", options=options)
    app.config["SOURCES"] = partial(_sources, app.config["SOURCES"], ehr, sandbox)
    app.jinja_env.filters["day"] = lambda text: day_text(date.fromisoformat(text))
    app.config.update(SANDBOX=sandbox, EHR=ehr, DEMO=DemoState(ehr, sandbox, charts))
    for each in (blueprint, signing_pages.blueprint, feedback_pages.blueprint, ehr.blueprint):
        app.register_blueprint(each)
    start = app.view_functions[start_page.ENDPOINT]
    app.add_url_rule("/demo/service", "demo_service", start)
    app.after_request(_guard_start_page)
    app.view_functions[start_page.ENDPOINT] = lambda: redirect(url_for("demo.charts"))
    return app


def _policies(settings: Settings) -> str:
    """The policies in use: those of the setting, and while that is not set those of all sample charts."""
    if settings.policies != Settings().policies:
        return settings.policies
    held = {policy.id for policy in POLICIES}
    wanted = (each.policy for chart in all_charts().values() for each in chart.other_plans)
    return ",".join(dict.fromkeys([*settings.policies.split(","), *(name for name in wanted if name in held)]))


def _sources(
    sources: Callable[[ServerRule], ChartSourceFactory], ehr: DemoEhr, sandbox: Sandbox | None, rule: ServerRule
) -> ChartSourceFactory | None:
    """What opens FHIR servers under a rule: the sandbox's and the EHR's own, and no others."""
    if sandbox is not None:
        return sandbox.only(sources(rule), [ehr.iss()])
    return sources(rule) if rule.listed and rule.listed == (ehr.iss(),) else None


def _guard_start_page(response: Any) -> Any:
    """The service's start page, shown within the demo, is under the rules of its own blueprint."""
    return start_page.guarded(response) if request.endpoint == "demo_service" else response


blueprint.after_request(guarded)


@blueprint.app_context_processor
def _menu() -> dict[str, Any]:
    """Template variables of the menu: every page leads back to the demo, and an app's page to its order."""
    return {"has_demo": True, "sandbox": current_app.config["SANDBOX"], "demo_order": _order_of_app()}


def _order_of_app() -> str | None:
    """The page of the order that the app in view was opened from; None on other pages."""
    if request.blueprint not in ("smart", "documentation"):
        return None
    session = sessions.signed_in()
    signing = state().signings.opened_for(session.patient) if session is not None else None
    return url_for("signed.page", signing_id=signing.id) if signing is not None else None


@blueprint.get("", strict_slashes=False)
def charts() -> str:
    """What this is, one button, and the list of charts, grouped by outcome."""
    shown = shown_charts().values()
    groups = {
        outcome: [each for each in shown if each.expect["outcome"] == outcome and not each.other_plans]
        for outcome in OUTCOMES
    }
    several = [each for each in shown if each.other_plans]
    return render_template("demo_list.html", groups=groups, several=several, outcomes=OUTCOMES, first=FIRST)


@blueprint.get("/<chart_id>")
def chart(chart_id: str) -> str:
    """One chart before the order is signed."""
    chosen = _chosen(chart_id)
    call = call_of(chosen)
    text = text_of(call)
    return render_template(
        "demo_chart.html",
        chart=chosen,
        next=chart_after(chosen),
        **editor(text, chart_id=chosen.id),
        drafts=drafts_of(call).drafts,
        held={key: content_of(value) for key, value in chosen.request["prefetch"].items()},
        live="fhirServer" in call,
        request_markup=json_markup(text),
        service=SERVICE,
        day=today(),
        statements=state().statements(call["context"]["patientId"]),
    )


@blueprint.post("/<chart_id>")
def sign(chart_id: str) -> AnyResponse:
    """Signs the order of a sample chart: sends the hook call as an EHR would."""
    chosen = _chosen(chart_id)
    signing = sign_chart(chosen)
    return redirect(url_for("signed.page", signing_id=signing.id) + "#card", 303)


@blueprint.post("/<chart_id>/forget")
def forget(chart_id: str) -> AnyResponse:
    """Takes back what was signed about a sample chart's patient."""
    chosen = _chosen(chart_id)
    held = state().charts
    if held is not None:
        held.forget_statements(chosen.request["context"]["patientId"])
    return redirect(url_for("demo.chart", chart_id=chosen.id), 303)


def _chosen(chart_id: str) -> DemoChart:
    chosen = shown_charts().get(chart_id)
    if chosen is None:
        raise NotFound("there is no such sample chart: /demo lists them")
    return chosen
