"""The template variables of the documentation page: findings in words, in the policy's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.engine.assessment import Assessment
from cds_service.engine.open_questions import OpenQuestions
from cds_service.engine.plot_data import PlotData
from cds_service.engine.policy import PolicyOnDay
from cds_service.engine.truth import MET
from cds_service.hooks.determinations import as_json
from cds_service.services.document_order import OrderPage
from cds_service.web.finding_rows import SHOWN_GROUPS, group_title, rows
from cds_service.web.plots.draw import draw
from cds_service.web.smart_app.sessions import SignedIn

OUTCOMES = {
    "likely-approved": ("Likely approved", "Every criterion is met on what was found, and nothing excludes the pump."),
    "needs-documentation": ("Needs documentation", "What is open below stands between this order and approval."),
    "excluded": ("Excluded", "The policy text excludes this order; the section is marked below."),
    "not-applicable": ("Not judged", "The policy does not govern this order."),
}
# Resource types in words, for users who do not know FHIR.
_TYPES_IN_WORDS = {
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


# Headings of questions that belong to a whole group of findings.
_GROUP_QUESTIONS = {
    "replacement": "Is this a replacement or repair?",
    "exclusions": "Only if one of these applies",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading, and the questions that belong to the heading and to no row; `asks` introduces them."""

    name: str
    title: str
    rows: tuple[dict[str, Any], ...]
    questions: tuple[OpenQuestions, ...] = ()
    asks: str = ""


def view_of(page: OrderPage, session: SignedIn, public_url: str) -> dict[str, Any]:
    """The template's variables."""
    view: dict[str, Any] = {
        "banner": page.banner if session.shows_banner else None,
        "order": page.order,
        "dated": page.dated,
        "today": page.today,
        "others": page.others,
        "also": page.also,
        "signer": page.signer or session.user,
        "foreign_link": session.foreign_link,
        "determination": None,
        "groups": (),
        "before": None,
        "help": {},
    }
    if page.assessment is None:
        return view
    policy = page.assessment.policy
    body = as_json(page.assessment.determination, session.patient)
    now = summary_of(page) or {}
    groups = tuple(_groups(page, page.assessment, body, set(_changed(session, now))))
    shown = {row["id"] for group in groups for row in group.rows}
    open_sections = [questions.section for questions in (page.questions or {}).values() if questions.open]
    return view | {
        "determination": body,
        "payer": policy.payer,
        "policy_url": f"{public_url}{policy.page}",
        "outcome": OUTCOMES[body["outcome"]],
        "before": _before(session, now),
        "groups": groups,
        "open": [(section, f"row-{section}" if section in shown else section) for section in open_sections],
        "help": {group.section: group.help for group in policy.question_groups},
    }


def summary_of(page: OrderPage) -> dict[str, Any] | None:
    """Outcome and truths by section, with which the next page shows what has changed."""
    determination = page.determination
    if determination is None or page.order is None:
        return None
    findings = (*determination.criteria, *determination.exclusions, *determination.replacement)
    truths = {finding.id: finding.truth.value.replace("-", " ") for finding in findings}
    return {"order": page.order.reference, "outcome": determination.outcome.value, "truths": truths}


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


def _groups(page: OrderPage, assessment: Assessment, body: dict[str, Any], changed: set[str]) -> Iterator[Group]:
    policy, plots = assessment.policy, _plots(page)
    questions, helps = page.questions or {}, _helps(assessment)
    tables = {name: rows(body, name, policy) for name in SHOWN_GROUPS}
    with_row = {row["id"] for table in tables.values() for row in table}
    if body.get("path") == "replacement":
        tables["criteria"] = _required_rows(tables["criteria"], assessment)
    for name, table in tables.items():
        shown = tuple(_row(row, policy, plots, questions, helps, changed) for row in table)
        own = tuple(
            group
            for section, group in questions.items()
            if section not in with_row and _group_of(group, policy) == name
        )
        if shown or own:
            yield Group(name, group_title(name, policy), shown, own, _GROUP_QUESTIONS.get(name, ""))


def _required_rows(table: list[dict[str, Any]], assessment: Assessment) -> list[dict[str, Any]]:
    """Of the criteria those that the order has to meet, with their parts."""
    required = assessment.determination.required_findings
    ids = {one.id for finding in required for one in finding.tree}
    return [row for row in table if row["id"] in ids]


def _group_of(group: OpenQuestions, policy: PolicyOnDay) -> str:
    """The group of findings that questions with no finding of their own belong to."""
    replacement = policy.policy.replacement
    if replacement is not None and group.section == replacement.root:
        return "replacement"
    exclusions = {rule.section for rule in policy.exclusions}
    return "exclusions" if any(question.criterion in exclusions for question in group.questions) else "criteria"


def _helps(assessment: Assessment) -> dict[str, str]:
    """What can be done about each open finding."""
    determination = assessment.determination
    findings = (*determination.criteria, *determination.replacement)
    return {open_one.id: assessment.policy.what_helps(open_one) for open_one in findings if open_one.truth is not MET}


def _row(
    row: dict[str, Any],
    policy: PolicyOnDay,
    plots: Mapping[str, PlotData],
    questions: Mapping[str, OpenQuestions],
    helps: Mapping[str, str],
    changed: set[str],
) -> dict[str, Any]:
    plot = plots.get(row["id"])
    return row | {
        "shown": list(map(_evidence, row["evidence"][:_MOST_EVIDENCE])),
        "more": max(0, len(row["evidence"]) - _MOST_EVIDENCE),
        "interpretation": policy.interpretation(row["id"]),
        "plot": plot,
        "drawing": draw(plot) if plot is not None else None,
        "asked": questions.get(row["id"]),
        "helps": helps.get(row["id"]),
        "changed": row["id"] in changed,
    }


def _evidence(evidence: Mapping[str, str]) -> dict[str, str]:
    """One piece of evidence: its value and date, and its resource in words."""
    kind, _, identity = evidence["reference"].rpartition("/")
    kind = kind.rsplit("/", 1)[-1]
    where = f"{_TYPES_IN_WORDS.get(kind, kind)} in the chart" if kind else "in the chart"
    return {
        "value": evidence.get("value", ""),
        "date": evidence.get("date", ""),
        "where": where,
        "name": f"{kind}/{identity}" if kind else identity,
    }


def _plots(page: OrderPage) -> dict[str, PlotData]:
    assessment = page.assessment
    if assessment is None or assessment.case is None:
        return {}
    return {plot.section: plot for plot in assessment.policy.policy.plots(assessment.case)}
