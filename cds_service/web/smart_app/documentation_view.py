"""What the documentation page shows, in words and in the order of the policy."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.engine.open_questions import OpenQuestions
from cds_service.hooks.determinations import as_json
from cds_service.policies import mp_mm_1316
from cds_service.policies.mp_mm_1316.remedies import what_helps
from cds_service.services.document_order import OrderPage
from cds_service.web.finding_rows import GROUPS, rows
from cds_service.web.plots.chart_plots import ChartPlot, chart_plots
from cds_service.web.smart_app.sessions import SignedIn

OUTCOMES = {
    "likely-approved": ("Likely approved", "Every criterion is met on what was found, and nothing excludes the pump."),
    "needs-documentation": ("Needs documentation", "What is open below stands between this order and approval."),
    "excluded": ("Excluded", "The policy text excludes this order; the section is marked below."),
    "not-applicable": ("Not judged", "The policy does not govern this order."),
}
# What a resource is called by people who do not speak FHIR.
_KINDS = {
    "Condition": "diagnosis",
    "Device": "device",
    "DeviceRequest": "order",
    "DeviceUseStatement": "device in use",
    "Encounter": "visit",
    "MedicationDispense": "dispense",
    "MedicationRequest": "medication order",
    "MedicationStatement": "medication statement",
    "Observation": "result",
    "Practitioner": "clinician",
    "PractitionerRole": "clinician",
    "Procedure": "procedure",
    "QuestionnaireResponse": "signed statement",
    "ServiceRequest": "order",
}
_MOST_EVIDENCE = 5


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading, and the questions that belong to the heading and to no row."""

    name: str
    title: str
    rows: tuple[dict[str, Any], ...]
    asked: OpenQuestions | None = None


def view_of(found: OrderPage, session: SignedIn, public_url: str) -> dict[str, Any]:
    """The template's variables."""
    view: dict[str, Any] = {
        "banner": found.banner if session.shows_banner else None,
        "order": found.order,
        "dated": found.dated,
        "today": found.today,
        "others": found.others,
        "signer": found.signer or session.user,
        "foreign_link": session.foreign_link,
        "policy_url": f"{public_url}/policy/{mp_mm_1316.POLICY_ID}",
        "determination": None,
        "groups": (),
        "before": None,
    }
    if found.determination is None:
        return view
    body = as_json(found.determination, session.patient)
    now = summary_of(found) or {}
    return view | {
        "determination": body,
        "outcome": OUTCOMES[body["outcome"]],
        "before": _before(session, now),
        "groups": tuple(_groups(found, body, set(_changed(session, now)))),
        "open": [each.section for each in (found.questions or {}).values() if each.open],
    }


def summary_of(found: OrderPage) -> dict[str, Any] | None:
    """Outcome and truths by section, to say later what has changed."""
    determination = found.determination
    if determination is None or found.order is None:
        return None
    findings = (*determination.criteria, *determination.exclusions, *determination.replacement)
    truths = {finding.id: finding.truth.value.replace("-", " ") for finding in findings}
    return {"order": found.order.reference, "outcome": determination.outcome.value, "truths": truths}


def _before(session: SignedIn, now: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was shown before the statement that was just written; None when none was."""
    old = session.before
    if not session.saved or old is None or old.get("order") != now.get("order"):
        return None
    changes = [(name, old["truths"].get(name), truth) for name, truth in now["truths"].items()]
    return {
        "title": OUTCOMES[old["outcome"]][0],
        "outcome": old["outcome"],
        "changes": [(name, was or "not judged", truth) for name, was, truth in changes if was != truth],
        "saved": session.saved,
    }


def _changed(session: SignedIn, now: Mapping[str, Any]) -> Iterator[str]:
    before = _before(session, now)
    yield from (name for name, _, _ in (before["changes"] if before else ()))


def _groups(found: OrderPage, body: dict[str, Any], changed: set[str]) -> Iterator[Group]:
    plots = _plots(found)
    asked = found.questions or {}
    helps = _helps(found)
    on_replacement = body.get("path") == "replacement"
    for name, title in GROUPS.items():
        shown = rows(body, name) if body.get(name) else []
        if name == "criteria" and on_replacement:
            shown = shown[:1]  # of these only the diagnosis has to hold
        made = tuple(_row(row, plots, asked, helps, changed) for row in shown)
        belonging = {"replacement": asked.get("D.III"), "exclusions": asked.get("D.II")}.get(name)
        if made or belonging:
            yield Group(name, title, made, belonging)


def _helps(found: OrderPage) -> dict[str, str]:
    """What can be done about each open finding."""
    determination = found.determination
    every = (*determination.criteria, *determination.replacement) if determination is not None else ()
    return {finding.id: what_helps(finding) for finding in every if finding.truth.value != "met"}


def _row(
    row: dict[str, Any],
    plots: Mapping[str, ChartPlot],
    asked: Mapping[str, OpenQuestions],
    helps: Mapping[str, str],
    changed: set[str],
) -> dict[str, Any]:
    plot = plots.get(row["id"])
    return row | {
        "shown": [_evidence(each) for each in row["evidence"][:_MOST_EVIDENCE]],
        "more": max(0, len(row["evidence"]) - _MOST_EVIDENCE),
        "interpretation": mp_mm_1316.UNITS[row["id"]].interpretation,
        "plot": plot,
        "image": _image(plot) if plot is not None else None,
        "asked": asked.get(row["id"]),
        "helps": helps.get(row["id"]),
        "changed": row["id"] in changed,
    }


def _evidence(evidence: Mapping[str, str]) -> dict[str, str]:
    """One resource that counted: its value, its date, and what and where it is in words."""
    kind, _, identity = evidence["reference"].rpartition("/")
    kind = kind.rsplit("/", 1)[-1]
    where = f"{_KINDS.get(kind, kind)} in the chart" if kind else "in the chart"
    return {
        "value": evidence.get("value", ""),
        "date": evidence.get("date", ""),
        "where": where,
        "name": f"{kind}/{identity}" if kind else identity,
    }


def _plots(found: OrderPage) -> dict[str, ChartPlot]:
    if found.assessment is None or found.questions is None:
        return {}
    return {
        each.section: each
        for each in chart_plots(found.chart, found.assessment.determination.as_of, found.assessment.policy.parameters)
    }


def _image(plot: ChartPlot) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(plot.svg.encode()).decode()
