"""The questionnaire and what it needs as FHIR: Questionnaire (R4, SDC), ValueSet and CodeSystem of its choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from cds_service.concepts import Concept
from cds_service.policies.mp_mm_1316 import PAYER, POLICY_ID, SECTIONS, TITLE, UNITS, VERSIONS
from cds_service.policies.mp_mm_1316.questionnaire import QUESTIONS, REASONS, REPLACES, Kind, Question
from fhir_mappings.terminology import HCPCS, LOINC, codes_in

JSON = dict[str, Any]
NAME, VERSION = "mp-mm-1316", "1.0.0"
REASON_SET = "mp-mm-1316-replacement-reason"
_SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire"
_CORE = "http://hl7.org/fhir/StructureDefinition"
_TITLES = {"D.II": "Exclusions", "D.III": "Replacement or repair"}


def questionnaire(public_url: str, required: frozenset[str] | None = None) -> JSON:
    """The questionnaire; `required` names the questions that have to be answered, None the usual ones."""
    return {
        "resourceType": "Questionnaire",
        "id": NAME,
        "extension": [_launch_context(), *_variables()],
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


def _group(section: str, questions: list[Question], required: frozenset[str] | None, public_url: str) -> JSON:
    group: JSON = {
        "linkId": f"{section}.group",
        "prefix": section,
        "text": UNITS[section].title if section in UNITS else _TITLES[section],
        "type": "group",
    }
    if section.startswith("D.I."):  # a replacement is judged by D.I.A, the reason and the exclusions
        group["enableWhen"] = [_unless_replaced("!=")]
    items = [_help(section), *(_item(question, required, public_url) for question in questions)]
    return group | {"item": items}


def _unless_replaced(operator: str) -> JSON:
    return {"question": REPLACES, "operator": operator, "answerBoolean": True}


def _help(section: str) -> JSON:
    control = {"system": "http://hl7.org/fhir/questionnaire-item-control", "code": "help"}
    return {
        "extension": [
            {"url": f"{_CORE}/questionnaire-itemControl", "valueCodeableConcept": {"coding": [control]}},
        ],
        "linkId": f"{section}.help",
        "text": SECTIONS[section].says if section in SECTIONS else _TITLES[section],
        "type": "display",
    }


def _item(question: Question, required: frozenset[str] | None, public_url: str) -> JSON:
    needed = question.required if required is None else question.link_id in required
    item: JSON = {"linkId": question.link_id, "text": question.text, "type": question.kind.value}
    extensions = list(_extensions(question))
    if extensions:
        item = {"extension": extensions, **item}
    if question.section == "D.III" and question.link_id != REPLACES:
        item["enableWhen"] = [_unless_replaced("=")]
    if needed:
        item["required"] = True
    if question.kind is Kind.TEXT:
        item["maxLength"] = 200
    if question.kind is Kind.CHOICE:
        item["answerValueSet"] = f"{public_url}/fhir/ValueSet/{REASON_SET}"
    return item


# ---------------------------------------------------------------- choices


def value_set(public_url: str) -> JSON:
    """The reasons of a replacement or repair."""
    return {
        **_terminology(
            "ValueSet", public_url, REASON_SET, "ReplacementReasonSet", "Reasons to replace or repair a pump"
        ),
        "compose": {"include": [{"system": f"{public_url}/fhir/CodeSystem/{REASON_SET}"}]},
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


def package(public_url: str, required: frozenset[str] | None) -> JSON:
    """The questionnaire with all that it refers to, as a collection Bundle."""
    held = (questionnaire(public_url, required), value_set(public_url), code_system(public_url))
    entries = [{"fullUrl": each["url"], "resource": each} for each in held]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


# ---------------------------------------------------------------- prefill by DTR clients


def _launch_context() -> JSON:
    patient = {"system": "http://hl7.org/fhir/uv/sdc/CodeSystem/launchContext", "code": "patient"}
    parts = [{"url": "name", "valueCoding": patient}, {"url": "type", "valueCode": "Patient"}]
    return {"url": f"{_SDC}-launchContext", "extension": parts}


def _variables() -> Iterator[JSON]:
    """Searches whose results the expressions below read."""
    education = ",".join(codes_in(Concept.SELF_MANAGEMENT_EDUCATION, Concept.DIABETES_EDUCATION, system=HCPCS))
    tests = ",".join(codes_in(Concept.GLUCOSE_SELF_TEST, system=LOINC))
    month = "date=ge{{today() - 30 days}}&date=lt{{today()}}"
    searches = {
        "education": f"Procedure?patient={{{{%patient.id}}}}&code={education}&status=completed&_sort=-date&_count=1",
        "selfTests": f"Observation?patient={{{{%patient.id}}}}&code={tests}&{month}&_count=1000",
    }
    for name, search in searches.items():
        expression = {"name": name, "language": "application/x-fhir-query", "expression": search}
        yield {"url": f"{_CORE}/variable", "valueExpression": expression}


_EXPRESSIONS = {
    "D.I.D.date": "%education.entry.resource.first().performed.ofType(dateTime).toString().substring(0, 10).toDate()",
    "D.I.G.average": "(%selfTests.entry.resource.where(status in ('final' | 'amended' | 'corrected')).count() / 30)"
    ".round(1)",
}


def _extensions(question: Question) -> Iterator[JSON]:
    expression = _EXPRESSIONS.get(question.link_id)
    if expression is not None:
        told = {"language": "text/fhirpath", "expression": expression}
        yield {"url": f"{_SDC}-initialExpression", "valueExpression": told}
    kind = "valueInteger" if question.kind is Kind.INTEGER else "valueDecimal"
    for name, bound in (("minValue", question.least), ("maxValue", question.most)):
        if bound is not None:
            yield {"url": f"{_CORE}/{name}", kind: int(bound) if question.kind is Kind.INTEGER else bound}
