"""A policy's questionnaire and what it needs as FHIR: Questionnaire (R4, SDC), ValueSets and CodeSystems of choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds_service.engine.policy import PolicyOnDay
from cds_service.engine.questionnaire_version import questionnaire_version
from cds_service.engine.questions import LONGEST_TEXT, AnswerType, Question, QuestionGroup
from fhir_mappings.output.prefill import (
    CORE,
    initial_expression,
    launch_context,
    libraries,
    library_reference,
    variables,
)

JSON = dict[str, Any]
_PUBLISHER = "insulin-pump-cds"
# The reasons to override a card are of no policy: when they were last changed.
_OVERRIDE_REASONS_VERSION, _OVERRIDE_REASONS_DATE = "1.0.0", "2026-05-01"


def questionnaire(policy: PolicyOnDay, public_url: str, required: frozenset[str] | None = None) -> JSON:
    """The questionnaire; `required` names the questions that have to be answered, None the usual ones."""
    identity = policy.policy.questionnaire
    return {
        "resourceType": "Questionnaire",
        "id": identity.id,
        "extension": [launch_context(), *library_reference(policy, public_url)],
        "url": questionnaire_url(policy, public_url),
        "version": questionnaire_version(policy),
        "name": identity.name,
        "title": f"{policy.policy.title}: what the chart cannot say ({policy.payer} {policy.id})",
        "status": "active",
        "subjectType": ["Patient"],
        "date": policy.version,
        "publisher": _PUBLISHER,
        "description": f"Statements of a clinician for the criteria of {policy.payer} medical policy {policy.id}.",
        "item": [_group(group, policy, required, public_url) for group in policy.question_groups],
    }


def questionnaire_url(policy: PolicyOnDay, public_url: str) -> str:
    """The questionnaire's canonical, without its version."""
    return f"{public_url}/fhir/Questionnaire/{policy.policy.questionnaire.id}"


def versioned_url(policy: PolicyOnDay, public_url: str) -> str:
    """The questionnaire's canonical with its version."""
    return f"{questionnaire_url(policy, public_url)}|{questionnaire_version(policy)}"


def group_item(group: QuestionGroup) -> JSON:
    """The linkId and the text of a section's group."""
    return {"linkId": f"{group.section}.group", "text": group.title}


def _group(group: QuestionGroup, policy: PolicyOnDay, required: frozenset[str] | None, public_url: str) -> JSON:
    named = group_item(group)
    item: JSON = {"linkId": named["linkId"], "prefix": group.section, "text": named["text"], "type": "group"}
    if searches := list(variables(policy, group.section)):
        item = {"extension": searches, **item}
    if group.unless is not None:
        # `!=` does not hold for a question that has no answer.
        unanswered = {"question": group.unless, "operator": "exists", "answerBoolean": False}
        item |= {"enableWhen": [unanswered, _answered(group.unless, False)], "enableBehavior": "any"}
    questions = (_item(question, policy, required, public_url) for question in group.questions)
    return item | {"item": [_help(group), *questions]}


def _answered(link_id: str, answer: bool) -> JSON:
    return {"question": link_id, "operator": "=", "answerBoolean": answer}


def _help(group: QuestionGroup) -> JSON:
    control = {"system": "http://hl7.org/fhir/questionnaire-item-control", "code": "help"}
    return {
        "extension": [
            {"url": f"{CORE}/questionnaire-itemControl", "valueCodeableConcept": {"coding": [control]}},
        ],
        "linkId": f"{group.section}.help",
        "text": group.help,
        "type": "display",
    }


def _item(question: Question, policy: PolicyOnDay, required: frozenset[str] | None, public_url: str) -> JSON:
    needed = question.required if required is None else question.link_id in required
    item: JSON = {"linkId": question.link_id, "text": question.text, "type": question.kind.value}
    extensions = [*initial_expression(policy, question.link_id), *_bounds(question)]
    if extensions:
        item = {"extension": extensions, **item}
    if question.only_if is not None:
        item["enableWhen"] = [_answered(question.only_if, True)]
    if needed:
        item["required"] = True
    if question.kind is AnswerType.TEXT:
        item["maxLength"] = LONGEST_TEXT
    if question.kind is AnswerType.CHOICE:
        identity, version = choice_set_id(policy, question), policy.policy.questionnaire.version
        item["answerValueSet"] = f"{public_url}/fhir/ValueSet/{identity}|{version}"
    return item


def _bounds(question: Question) -> Iterator[JSON]:
    kind = "valueInteger" if question.kind is AnswerType.INTEGER else "valueDecimal"
    for name, bound in (("minValue", question.least), ("maxValue", question.most)):
        if bound is not None:
            yield {"url": f"{CORE}/{name}", kind: int(bound) if question.kind is AnswerType.INTEGER else bound}


# ---------------------------------------------------------------- choices


def choice_set_id(policy: PolicyOnDay, question: Question) -> str:
    """The id of the ValueSet and of the CodeSystem of a question's choices."""
    return f"{policy.policy.questionnaire.id}-{question.choice_set}"


def value_sets(policy: PolicyOnDay, public_url: str) -> list[JSON]:
    """The choices of each list, expanded: clients need no terminology server to show them."""
    return [_value_set(question, policy, public_url) for question in _with_choices(policy)]


def code_systems(policy: PolicyOnDay, public_url: str) -> list[JSON]:
    """The codes of these choices."""
    return [
        {
            **_choices_head("CodeSystem", question, policy, public_url),
            **_codes(question.choices),
            "valueSet": f"{public_url}/fhir/ValueSet/{choice_set_id(policy, question)}",
        }
        for question in _with_choices(policy)
    ]


def _with_choices(policy: PolicyOnDay) -> list[Question]:
    """A question for each list of choices; several may share one."""
    return list({q.choice_set: q for q in policy.questions if q.kind is AnswerType.CHOICE}.values())


def _value_set(question: Question, policy: PolicyOnDay, public_url: str) -> JSON:
    code_system = f"{public_url}/fhir/CodeSystem/{choice_set_id(policy, question)}"
    system = {"system": code_system, "version": policy.policy.questionnaire.version}
    return {
        **_choices_head("ValueSet", question, policy, public_url),
        "compose": {"include": [system]},
        "expansion": {
            "timestamp": policy.version,
            "total": len(question.choices),
            "contains": [{**system, "code": code, "display": text} for code, text in question.choices.items()],
        },
    }


def _choices_head(kind: str, question: Question, policy: PolicyOnDay, public_url: str) -> JSON:
    name = "".join(part.capitalize() for part in question.choice_set.split("-"))
    return _head(
        kind,
        choice_set_id(policy, question),
        public_url,
        version=policy.policy.questionnaire.version,
        name=f"{name}Set" if kind == "ValueSet" else name,
        title=question.choice_title,
        date=policy.version,
        description=f"{question.choice_title}, for {policy.payer} medical policy {policy.id}.",
    )


def override_reasons(public_url: str, reasons: Mapping[str, str]) -> JSON:
    """The codes of the reasons that a card offers for going on all the same, whatever its policy."""
    title = "Reasons to override a card"
    head = _head(
        "CodeSystem",
        "override-reason",
        public_url,
        version=_OVERRIDE_REASONS_VERSION,
        name="OverrideReason",
        title=title,
        date=_OVERRIDE_REASONS_DATE,
        description=f"{title} of insulin-pump-cds.",
    )
    return {**head, **_codes(reasons)}


def _head(
    kind: str, identity: str, public_url: str, *, version: str, name: str, title: str, date: str, description: str
) -> JSON:
    return {
        "resourceType": kind,
        "id": identity,
        "url": f"{public_url}/fhir/{kind}/{identity}",
        "version": version,
        "name": name,
        "title": title,
        "status": "active",
        "experimental": False,
        "date": date,
        "publisher": _PUBLISHER,
        "description": description,
    }


def _codes(choices: Mapping[str, str]) -> JSON:
    return {
        "caseSensitive": True,
        "content": "complete",
        "count": len(choices),
        "concept": [{"code": code, "display": text} for code, text in choices.items()],
    }


# ---------------------------------------------------------------- what is served, and the package of a DTR client


def served_resources(policy: PolicyOnDay, public_url: str) -> list[JSON]:
    """Every resource that can be read by its id: the questionnaire and all that it refers to."""
    return [
        questionnaire(policy, public_url),
        *value_sets(policy, public_url),
        *code_systems(policy, public_url),
        *libraries(policy, public_url),
    ]


def package(
    policy: PolicyOnDay, public_url: str, required: frozenset[str] | None = None, draft: JSON | None = None
) -> JSON:
    """The questionnaire with all that it refers to, as a collection Bundle of the kinds that DTR lets be in it.

    `draft`: the response to begin with, where it is known whose it would be.
    """
    resources = (
        questionnaire(policy, public_url, required),
        *value_sets(policy, public_url),
        *libraries(policy, public_url),
    )
    entries = [{"fullUrl": resource["url"], "resource": resource} for resource in resources]
    if draft is not None:
        entries.append({"fullUrl": f"{public_url}/fhir/QuestionnaireResponse/{draft['id']}", "resource": draft})
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}
