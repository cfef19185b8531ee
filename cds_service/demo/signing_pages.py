"""/demo/signed: a signed order with its card, what can be done with it, and the request to change and send again."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from cds_service.demo.charts import DemoChart, charts_for
from cds_service.demo.headers import guarded
from cds_service.demo.live import searches
from cds_service.demo.own_request import own_request, uploaded
from cds_service.demo.send import SERVICE, hand_over, next_text, send, sign_again, state, tell, today
from cds_service.demo.signings import Signing
from cds_service.demo.view import OUTCOMES, card_view, json_markup, tables_of
from cds_service.errors import BadRequest, NotFound
from cds_service.policies.registry import policies_in_use
from cds_service.web.http.request_body import read_form
from cds_service.web.json_text import JsonFault, pretty

JSON = dict[str, Any]
blueprint = Blueprint("signed", __name__, url_prefix="/demo/signed", template_folder="templates")
blueprint.after_request(guarded)
MOST_REQUEST_BYTES = 6_000_000
_MOST_COMMENT_BYTES = 20_000
_LONGEST_COMMENT = 1_000
# What fits into a command; the editor's text can be saved as a file.
_LONGEST_CURL = 200_000


def shown_charts() -> dict[str, DemoChart]:
    """The sample charts that this demo shows."""
    in_use = {policy.id for policy in policies_in_use(current_app.config["SETTINGS"].policies)}
    return charts_for(in_use, on_server=state().sandbox is not None)


def chart_after(chart: DemoChart) -> DemoChart:
    """The sample chart that follows in the list."""
    charts = list(shown_charts().values())
    ids = [each.id for each in charts]
    return charts[(ids.index(chart.id) + 1) % len(charts)]


# ---------------------------------------------------------------- the request


def editor(text: str, chart_id: str = "", service: str = SERVICE, fault: JsonFault | str | None = None) -> JSON:
    """The template variables of the request's editor."""
    return {
        "request_text": text,
        "curl": _curl(text, service),
        "editor_chart": chart_id,
        "fault": fault,
        "most_mb": MOST_REQUEST_BYTES // 1_000_000,
    }


def _curl(text: str, service: str) -> str:
    """The call as a command for a shell; a long request comes from a file.

    JSON has no line that holds the closing word alone.
    """
    url = f"{current_app.config['SETTINGS'].public_url}{service}"
    if len(text) > _LONGEST_CURL:
        return f"curl -s {url} -H 'Content-Type: application/json' --data-binary @request.json\n"
    return f"curl -s {url} -H 'Content-Type: application/json' --data-binary @- <<'JSON'\n{text.rstrip()}\nJSON\n"


@blueprint.get("/own")
def own() -> str:
    """A form for a request of the visitor's own."""
    return render_template("demo_own.html", **editor(""))


@blueprint.post("/send")
def send_edited() -> AnyResponse:
    """Sends the request as it stands in the editor."""
    form = read_form(request, 3 * MOST_REQUEST_BYTES)
    chart_id = form.get("chart", "")
    return _sent(form.get("request", "").replace("\r\n", "\n"), chart_id if chart_id in shown_charts() else "")


@blueprint.post("/upload")
def upload() -> AnyResponse:
    """Sends a file of the visitor's own: a hook request, or a chart that becomes one."""
    try:
        text = uploaded(request, MOST_REQUEST_BYTES)
    except JsonFault as fault:
        return _refused("", "", fault)
    return _sent(text, "")


def _sent(text: str, chart_id: str) -> AnyResponse:
    if len(text) > MOST_REQUEST_BYTES:
        return _refused(text[:MOST_REQUEST_BYTES], chart_id, JsonFault("The request is too long for the demo"))
    if not text.strip():
        return _refused(text, chart_id, JsonFault("The request is empty: paste a CDS Hooks request, or choose a file"))
    try:
        own = own_request(text, today(), current_app.config["SETTINGS"])
        signing = send(own.text, chart_id, note=own.note)
    except JsonFault as fault:
        return _refused(text, chart_id, fault)
    return redirect(url_for("signed.page", signing_id=signing.id) + "#card", 303)


def _refused(text: str, chart_id: str, fault: JsonFault) -> AnyResponse:
    """The editor with what was typed and where it is at fault; nothing was sent."""
    chart = shown_charts().get(chart_id)
    page = render_template("demo_own.html", chart=chart, **editor(text, chart_id, fault=fault))
    return Response(page, status=422)


# ---------------------------------------------------------------- the order


@blueprint.get("/<signing_id>")
def page(signing_id: str) -> str:
    """A signed order: card, draft orders, feedback, determination, request and response."""
    signing = _signing(signing_id)
    following = next_text(signing)
    chart = shown_charts().get(signing.chart_id)
    together = [(each, [card_view(card, each) for card in each.cards]) for each in signing.together or (signing,)]
    return render_template(
        "demo_signed.html",
        signing=signing,
        chart=chart,
        next=chart_after(chart) if chart is not None else None,
        together=together,
        refusals=signing.response.get("issue") or (),
        outcomes=OUTCOMES,
        tables=tables_of,
        searches=searches,
        request_markup=json_markup(following),
        response_markup=json_markup(pretty(signing.response)),
        response_text=pretty(signing.response),
        new_statements=state().statements(signing.patient)[signing.statements_before :],
        json_of=json_of,
        **editor(following, signing.chart_id, signing.service),
    )


def json_of(body: JSON) -> str:
    """JSON of what the demo sent itself, for the page."""
    return json.dumps(body, indent=2, ensure_ascii=False)


@blueprint.post("/<signing_id>/again")
def send_next(signing_id: str) -> AnyResponse:
    """Signs again: the orders as they are now, and with what was signed about the patient since."""
    signing = sign_again(_signing(signing_id))
    return redirect(url_for("signed.page", signing_id=signing.id) + "#card", 303)


@blueprint.post("/<signing_id>/accept")
def accept(signing_id: str) -> AnyResponse:
    """Accepts a suggestion: does its actions on the draft orders, and tells the service."""
    signing = _signing(signing_id)
    uuid = read_form(request, _MOST_COMMENT_BYTES).get("suggestion", "")
    chosen = signing.suggestion(uuid)
    if chosen is None:
        raise BadRequest("suggestion is not one of this order's cards", "suggestion")
    card, offer = chosen
    if uuid not in signing.accepted:
        signing.accepted.add(uuid)
        done = [signing.drafts.apply(action) for action in offer.get("actions") or ()]
        entry = {"card": card["uuid"], "outcome": "accepted", "acceptedSuggestions": [{"id": uuid}]}
        tell(signing, entry, "; ".join(filter(None, done)) or offer["label"])
    return redirect(url_for("signed.page", signing_id=signing.id) + "#drafts", 303)


@blueprint.post("/<signing_id>/override")
def override(signing_id: str) -> AnyResponse:
    """Gives a reason for going on in spite of a card, and tells the service."""
    signing = _signing(signing_id)
    form = read_form(request, _MOST_COMMENT_BYTES)
    card = signing.card(form.get("card", ""))
    if card is None:
        raise BadRequest("card is not one of this order's", "card")
    reasons = {reason["code"]: reason for reason in card.get("overrideReasons") or ()}
    reason = reasons.get(form.get("reason", ""))
    if reason is None:
        raise BadRequest("choose one of the card's reasons, then send it again", "reason")
    comment = form.get("comment", "").strip()[:_LONGEST_COMMENT]
    given: JSON = {"reason": {"code": reason["code"], "system": reason.get("system", "")}}
    given |= {"userComment": comment} if comment else {}
    entry = {"card": card["uuid"], "outcome": "overridden", "overrideReason": given}
    signing.overridden[card["uuid"]] = reason["display"]
    tell(signing, entry, f"{reason['display']}{f': {comment}' if comment else ''}")
    return redirect(url_for("signed.page", signing_id=signing.id) + "#told", 303)


@blueprint.post("/<signing_id>/launch")
def launch(signing_id: str) -> AnyResponse:
    """Opens a card's app link as an EHR does: with its own FHIR base URL, and a launch id for the chart."""
    signing = _signing(signing_id)
    form = read_form(request, 10 * _MOST_COMMENT_BYTES)
    if not signing.patient:
        raise BadRequest("the request names no patient whose chart could be opened", "context.patientId")
    ehr = state().ehr
    hand_over(signing)
    state().signings.open_app(signing)
    launch_id = ehr.begin_launch(signing.patient, signing.user, form.get("appContext"))
    # The sign-in ends at the public URL, and its cookie has to be set there, whatever name this page was opened by.
    public: str = current_app.config["SETTINGS"].public_url
    iss = f"{public}{ehr.iss().removeprefix(request.host_url.rstrip('/'))}"
    return redirect(f"{public}{url_for('smart.launch', iss=iss, launch=launch_id)}", 303)


def _signing(signing_id: str) -> Signing:
    found = state().signings.get(signing_id)
    if found is None:
        raise NotFound("this signed order is no longer kept: sign the order again from /demo")
    return found
