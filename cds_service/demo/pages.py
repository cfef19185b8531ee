"""/demo: sample charts, each sent through the real hook, and the cards that an EHR would show.

Server-rendered, without scripts or assets of other hosts. Nothing leaves this machine. With a sandbox the call holds no
chart, and the service reads it from the sandbox's FHIR server.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, current_app, redirect, render_template, request, url_for
from markdown_it import MarkdownIt
from markupsafe import Markup
from werkzeug.test import Client
from werkzeug.wrappers import Response as AnyResponse

from cds_service.demo.charts import DemoChart, all_charts
from cds_service.demo.coverage_information import action_rows
from cds_service.demo.live import Sandbox, resources_in, searches
from cds_service.errors import NotFound
from cds_service.policies.registry import policy_on
from cds_service.services.answer_hook import EXTENSION
from cds_service.services.policies_today import today_of
from cds_service.settings import Settings, load, replaced
from cds_service.web import start_page
from cds_service.web.application import create_app
from cds_service.web.finding_rows import FindingTable, finding_tables
from cds_service.web.policy_page import guarded

if TYPE_CHECKING:
    from cds_service.demo.ehr.server import DemoEhr

SERVICE = "/cds-services/insulin-pump-order-sign"

blueprint = Blueprint("demo", __name__, url_prefix="/demo", template_folder="templates")
blueprint.after_request(guarded)

# Card details are GitHub-flavored Markdown. HTML in them stays text, bare URLs do not become links, and images are not
# shown.
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False})
_markdown.enable(["table", "strikethrough"]).disable("image")

_OUTCOMES = {
    "likely-approved": ("Likely approved", "Every criterion is met on what was found, and nothing excludes the pump."),
    "needs-documentation": ("Needs documentation", "Something is missing, unclear, or charted otherwise."),
    "excluded": ("Excluded", "The policy text excludes it, and the card names the section."),
    "not-applicable": ("Not judged", "The policy does not govern the order, or not on that day."),
}
_INDICATORS = {"info": "Information", "warning": "Warning", "critical": "Critical"}


def create_demo(settings: Settings | None = None, sandbox: Sandbox | None = None) -> Flask:
    """The service with sample charts and a page to try it in, on this machine only and without authentication.

    Whatever a call asks for, it connects only to the sandbox, when there is one.
    """
    app = create_app(replaced(settings or load(), auth="open"))
    sources = app.config["SOURCES"]
    app.config["SOURCES"] = (
        (lambda rule: sandbox.only(sources(rule), _ehr_urls(app))) if sandbox else (lambda _rule: None)
    )
    app.config["SANDBOX"] = sandbox
    app.register_blueprint(blueprint)
    if sandbox is not None:
        _add_ehr(app, sandbox)
    app.view_functions[start_page.ENDPOINT] = lambda: redirect(url_for("demo.charts"))
    return app


def _ehr_urls(app: Flask) -> list[str]:
    """The sandbox's URL as the demo's EHR gives it to apps."""
    ehr: DemoEhr | None = app.config.get("EHR")
    return [ehr.iss()] if ehr is not None else []


def _add_ehr(app: Flask, sandbox: Sandbox) -> None:
    """Adds an EHR in front of the sandbox, where apps sign in without an account, so that card links work."""
    from cds_service.demo.ehr.server import DemoEhr, EhrOptions

    names = {chart.request["context"]["patientId"]: chart.title for chart in all_charts().values()}
    ehr = DemoEhr(sandbox.base_url, options=EhrOptions(patient_names=names))
    app.config["EHR"] = ehr
    app.register_blueprint(ehr.blueprint)


@blueprint.app_context_processor
def _menu() -> dict[str, bool]:
    """Template variables of the menu, which links every page to the list of charts."""
    return {"has_demo": True, "sandbox": current_app.config["SANDBOX"]}


@blueprint.get("", strict_slashes=False)
def charts() -> str:
    """The list of charts, grouped by outcome."""
    groups = {outcome: [c for c in all_charts().values() if c.expect["outcome"] == outcome] for outcome in _OUTCOMES}
    return render_template("demo_list.html", groups=groups, outcomes=_OUTCOMES)


@blueprint.get("/<chart_id>")
def chart(chart_id: str) -> str:
    """One chart before the order is signed."""
    chosen = _chosen(chart_id)
    return render_template("demo_chart.html", **_page(chosen, _call(chosen)))


@blueprint.post("/<chart_id>")
def sign(chart_id: str) -> str:
    """Signs the order: sends the hook call as an EHR would, and shows the response."""
    chosen = _chosen(chart_id)
    call = _call(chosen)
    reply = Client(current_app.wsgi_app).post(SERVICE, data=json.dumps(call), content_type="application/json")
    result = _result(reply.status_code, json.loads(reply.get_data()))
    return render_template("demo_chart.html", **_page(chosen, call), **result)


@blueprint.post("/<chart_id>/launch")
def launch(chart_id: str) -> AnyResponse:
    """Opens a card's app link as an EHR does: with its own FHIR base URL, and a launch id for the chart."""
    chosen = _chosen(chart_id)
    ehr: DemoEhr | None = current_app.config.get("EHR")
    if ehr is None:
        raise NotFound("this demo has no FHIR server, and so no EHR that could open an app: start it with --fhir")
    context = chosen.request["context"]
    launch_id = ehr.begin_launch(context["patientId"], context["userId"], request.form.get("appContext"))
    return redirect(url_for("smart.launch", iss=ehr.iss(), launch=launch_id), 303)


def _chosen(chart_id: str) -> DemoChart:
    chosen = all_charts().get(chart_id)
    if chosen is None:
        raise NotFound("there is no such sample chart: /demo lists them")
    return chosen


def _call(chosen: DemoChart) -> dict[str, Any]:
    """The hook call as the EHR would send it now."""
    sandbox: Sandbox | None = current_app.config["SANDBOX"]
    return sandbox.call(chosen) if sandbox else chosen.call_on(_today())


def _today() -> date:
    return today_of(current_app.config["SETTINGS"])


# ---------------------------------------------------------------- what the page shows


def _page(chosen: DemoChart, call: dict[str, Any]) -> dict[str, Any]:
    """The template variables of the chart."""
    ids = list(all_charts())
    after = ids[(ids.index(chosen.id) + 1) % len(ids)]
    order = call["context"]["draftOrders"]["entry"][0]["resource"]
    return {
        "chart": chosen,
        "next": all_charts()[after],
        "order": order,
        "ordered": _concept_text(order["codeCodeableConcept"]),
        "charted": {key: content_of(value) for key, value in chosen.request["prefetch"].items()},
        "live": "fhirServer" in call,
        "request_text": json.dumps(call, indent=2, ensure_ascii=False),
        "service": SERVICE,
    }


def _result(status: int, body: dict[str, Any]) -> dict[str, Any]:
    """The template variables of the response."""
    return {
        "status": status,
        "cards": [card_view(card) for card in body.get("cards", ())],
        "written": [action_rows(action) for action in body.get("systemActions", ())],
        "determinations": body.get("extension", {}).get(EXTENSION, ()),
        "refusals": [issue["diagnostics"] for issue in body.get("issue", ())],
        "response_text": json.dumps(body, indent=2, ensure_ascii=False),
        "outcomes": _OUTCOMES,
        "tables": _tables,
        "searches": searches,
    }


def _tables(determination: dict[str, Any]) -> list[FindingTable]:
    """The findings of a determination in the words of the policy that it was made under."""
    day = date.fromisoformat(determination["asOf"])
    policy = policy_on(determination["policy"]["id"], day, current_app.config["SETTINGS"].overrides())
    return finding_tables(determination, policy) if policy is not None else []


def content_of(value: Any) -> str:
    """The content of a prefetch value in words, such as `3 Conditions`."""
    if value is None:
        return "nothing there"
    if value["resourceType"] == "OperationOutcome":
        return "an error in place of data"
    counts = Counter(resource["resourceType"] for resource in resources_in(value))
    return ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items())


def card_view(card: dict[str, Any]) -> dict[str, Any]:
    """A card with its detail as HTML, its links to this host as paths, and its suggestions in words."""
    return {
        **card,
        "word": _INDICATORS[card["indicator"]],
        "html": Markup(_markdown.render(card.get("detail", ""))),  # noqa: S704  rendered with HTML off
        "source": card["source"] | {"url": _local(card["source"]["url"])},
        "links": [link | {"url": _local(link["url"])} for link in card.get("links", ())],
        "suggestions": [
            {"label": offer["label"], "effects": [_effect(action) for action in offer["actions"]]}
            for offer in card.get("suggestions", ())
        ],
    }


def _local(url: str) -> str:
    """A link to the service itself as a path, which works for every host name of the page."""
    public: str = current_app.config["SETTINGS"].public_url
    return url.removeprefix(public) if url.startswith(f"{public}/") else url


def _effect(action: dict[str, Any]) -> str:
    if action["type"] == "delete":
        return f"removes {action['resourceId']} from the draft orders"
    resource = action["resource"]
    return f"adds a draft {resource['resourceType']}: {_concept_text(resource['code'])}"


def _concept_text(concept: dict[str, Any]) -> str:
    """A CodeableConcept as its codes with their names, else as its text."""
    codings = [f"{coding['code']} {coding.get('display', '')}".strip() for coding in concept.get("coding", ())]
    return " + ".join(codings) or str(concept.get("text", ""))
