"""The questionnaire and what it needs as FHIR: Questionnaire (R4, SDC), ValueSet and CodeSystem of its choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from cds_service.policies.mp_mm_1316 import PAYER, POLICY_ID, TITLE, UNITS, VERSIONS
from cds_service.policies.mp_mm_1316.questionnaire import HELP, QUESTIONS, REASONS, REPLACES, Kind, Question
from fhir_mappings.output.prefill import (
    CORE,
    LONGEST_TEXT,
    initial_expression,
    launch_context,
    libraries,
    library_reference,
    variables,
)

JSON = dict[str, Any]
NAME, VERSION = "mp-mm-1316", "1.0.0"
REASON_SET = "mp-mm-1316-replacement-reason"
_TITLES = {"D.II": "Exclusions", "D.III": "Replacement or repair"}


def questionnaire(public_url: str, required: frozenset[str] | None = None) -> JSON:
    """The questionnaire; `required` names the questions that have to be answered, None the usual ones."""
    return {
        "resourceType": "Questionnaire",
        "id": NAME,
        "extension": [launch_context(), library_reference(public_url)],
        "url": f"{public_url}/fhir/Questionnaire/{NAME}",
        "version": VERSION,
        "name": "InsulinPumpDocumentation",
        "title": f"{TITLE}: what the chart cannot say ({PAYER} {POLICY_ID})",
        "status": "active",
        "subjectType": ["Patient"],
        "date": VERSIONS[0].isoformat(),
        "publisher": "insulin-pump-cds",
        "description": f"Statements of a clinician for the criteria of {PAYER} medical policy {POLICY_ID}.",
        "item": [_group(section, list(questions), required, public_url) for section, questions in _sections()],
    }


def _sections() -> Iterator[tuple[str, Iterator[Question]]]:
    yield from groupby(QUESTIONS, key=lambda question: question.section)


def group_of(section: str) -> JSON:
    """The linkId and the text of a section's group."""
    return {"linkId": f"{section}.group", "text": UNITS[section].title if section in UNITS else _TITLES[section]}


def is_for_new_pumps(section: str) -> bool:
    """Whether it is asked only when no pump is replaced: that is judged by D.I.A, the reason and the exclusions."""
    return section.startswith("D.I.")


def _group(section: str, questions: list[Question], required: frozenset[str] | None, public_url: str) -> JSON:
    named = group_of(section)
    group: JSON = {"linkId": named["linkId"], "prefix": section, "text": named["text"], "type": "group"}
    if searches := list(variables(section)):
        group = {"extension": searches, **group}
    if is_for_new_pumps(section):
        # `!=` does not hold for a question that has no answer.
        unanswered = {"question": REPLACES, "operator": "exists", "answerBoolean": False}
        group |= {"enableWhen": [unanswered, _when_replaced(False)], "enableBehavior": "any"}
    items = [_help(section), *(_item(question, required, public_url) for question in questions)]
    return group | {"item": items}


def _when_replaced(answer: bool) -> JSON:
    return {"question": REPLACES, "operator": "=", "answerBoolean": answer}


def _help(section: str) -> JSON:
    control = {"system": "http://hl7.org/fhir/questionnaire-item-control", "code": "help"}
    return {
        "extension": [
            {"url": f"{CORE}/questionnaire-itemControl", "valueCodeableConcept": {"coding": [control]}},
        ],
        "linkId": f"{section}.help",
        "text": HELP[section],
        "type": "display",
    }


def _item(question: Question, required: frozenset[str] | None, public_url: str) -> JSON:
    needed = question.required if required is None else question.link_id in required
    item: JSON = {"linkId": question.link_id, "text": question.text, "type": question.kind.value}
    extensions = list(_extensions(question))
    if extensions:
        item = {"extension": extensions, **item}
    if question.section == "D.III" and question.link_id != REPLACES:
        item["enableWhen"] = [_when_replaced(True)]
    if needed:
        item["required"] = True
    if question.kind is Kind.TEXT:
        item["maxLength"] = LONGEST_TEXT
    if question.kind is Kind.CHOICE:
        item["answerValueSet"] = f"{public_url}/fhir/ValueSet/{REASON_SET}|{VERSION}"
    return item


# ---------------------------------------------------------------- choices


def value_set(public_url: str) -> JSON:
    """The reasons of a replacement or repair, expanded: clients need no terminology server to show them."""
    system = {"system": f"{public_url}/fhir/CodeSystem/{REASON_SET}", "version": VERSION}
    title = "Reasons to replace or repair a pump"
    return {
        **_terminology("ValueSet", public_url, REASON_SET, "ReplacementReasonSet", title),
        "compose": {"include": [system]},
        "expansion": {
            "timestamp": VERSIONS[0].isoformat(),
            "total": len(REASONS),
            "contains": [{**system, "code": code, "display": words} for code, words in REASONS.items()],
        },
    }


def code_system(public_url: str) -> JSON:
    """The codes of these reasons."""
    name = "ReplacementReason"
    return {
        **_terminology("CodeSystem", public_url, REASON_SET, name, "Reasons to replace or repair a pump"),
        **_codes(REASONS),
        "valueSet": f"{public_url}/fhir/ValueSet/{REASON_SET}",
    }


def override_reasons(public_url: str, reasons: Mapping[str, str]) -> JSON:
    """The codes of the reasons that a card offers for going on all the same."""
    name = "override-reason"
    return {
        **_terminology("CodeSystem", public_url, name, "OverrideReason", "Reasons to override a card"),
        **_codes(reasons),
    }


def _terminology(kind: str, public_url: str, identity: str, name: str, title: str) -> JSON:
    return {
        "resourceType": kind,
        "id": identity,
        "url": f"{public_url}/fhir/{kind}/{identity}",
        "version": VERSION,
        "name": name,
        "title": title,
        "status": "active",
        "experimental": False,
        "date": VERSIONS[0].isoformat(),
        "publisher": "insulin-pump-cds",
        "description": f"{title}, for {PAYER} medical policy {POLICY_ID}.",
    }


def _codes(reasons: Mapping[str, str]) -> JSON:
    return {
        "caseSensitive": True,
        "content": "complete",
        "count": len(reasons),
        "concept": [{"code": code, "display": words} for code, words in reasons.items()],
    }


# ---------------------------------------------------------------- the package of a DTR client


def package(public_url: str, required: frozenset[str] | None, draft: JSON | None = None) -> JSON:
    """The questionnaire with all that it refers to, as a collection Bundle of the kinds that DTR lets be in it.

    `draft`: the response to begin with, where it is known whose it would be.
    """
    held = (questionnaire(public_url, required), value_set(public_url), *libraries(public_url))
    entries = [{"fullUrl": each["url"], "resource": each} for each in held]
    if draft is not None:
        entries.append({"fullUrl": f"{public_url}/fhir/QuestionnaireResponse/{draft['id']}", "resource": draft})
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _extensions(question: Question) -> Iterator[JSON]:
    yield from initial_expression(question.link_id)
    kind = "valueInteger" if question.kind is Kind.INTEGER else "valueDecimal"
    for name, bound in (("minValue", question.least), ("maxValue", question.most)):
        if bound is not None:
            yield {"url": f"{CORE}/{name}", kind: int(bound) if question.kind is Kind.INTEGER else bound}
