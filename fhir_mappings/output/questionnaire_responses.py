"""What a clinician answered → a completed QuestionnaireResponse (R4, with the extensions of Da Vinci DTR).

Extensions as DTR 2.0.1, 2.1.0 and 2.2.0 have them. No profile is claimed: DTR's asks for profiles of the patient, the
order and the coverage too, which are the EHR's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from cds_service.engine.enabled_questions import answers_not_asked_for, missing_answers
from cds_service.engine.policy import PolicyOnDay
from cds_service.engine.questions import LONGEST_TEXT, AnswerType, Question
from fhir_mappings.output.questionnaires import choice_set_id, group_item, versioned_url

JSON = dict[str, Any]
# A date is no datetime; a number with a fraction is a Decimal.
AnswerValue = bool | int | Decimal | date | str
_DTR = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition"
_CRD = "http://hl7.org/fhir/us/davinci-crd/CodeSystem"
# The same code in the code system of CRD 2.2, and in that of 2.0 and 2.1.
_PURPOSE_SYSTEMS = (f"{_CRD}/coverage-information-codes", f"{_CRD}/temp")
_PURPOSE = {"code": "withpa", "display": "Include in prior authorization"}


def questionnaire_response(
    policy: PolicyOnDay,
    answers: Mapping[str, AnswerValue],
    *,
    public_url: str,
    patient: str,
    author: str,
    authored: datetime,
    about: Sequence[str],
    prefilled: Mapping[str, object] | None = None,
) -> JSON:
    """The response that a clinician signs: its author, and the source of the answers.

    `policy`: whose questionnaire is answered. `patient`, `author`: references. `authored`: an aware time. `about`:
    references of the order and of the coverage. `prefilled`: what stood in the fields before anybody typed; an answer
    that is still the same came from the chart, another one overrides it. ValueError for no answers, an unknown linkId,
    a value of a wrong type or out of bounds, and for a response that the questionnaire does not allow: see
    `missing_answers` and `answers_not_asked_for`.
    """
    _check(policy, answers, authored)
    return {
        "resourceType": "QuestionnaireResponse",
        "extension": list(_extensions(about)),
        "questionnaire": versioned_url(policy, public_url),
        "status": "completed",
        "subject": {"reference": patient},
        "authored": authored.isoformat(timespec="seconds"),
        "author": {"reference": author},
        "source": {"reference": author},
        "item": list(_groups(policy, answers, prefilled or {}, author, public_url)),
    }


def draft_response(
    policy: PolicyOnDay, public_url: str, identity: str, patient: str, authored: datetime, about: Sequence[str]
) -> JSON:
    """The response that a DTR client begins with: nothing answered yet, and nothing that counts. See above.

    `identity`: an id that no other draft has; a client may write it to its server under that id.
    """
    return {
        "resourceType": "QuestionnaireResponse",
        "id": identity,
        "extension": list(_extensions(about)),
        "questionnaire": versioned_url(policy, public_url),
        "status": "in-progress",
        "subject": {"reference": patient},
        "authored": authored.isoformat(timespec="seconds"),
    }


def _check(policy: PolicyOnDay, answers: Mapping[str, AnswerValue], authored: datetime) -> None:
    if authored.utcoffset() is None:
        raise ValueError("a response is signed at an aware time")
    if not answers:
        raise ValueError("a response without answers states nothing")
    unknown = [link_id for link_id in answers if policy.question(link_id) is None]
    if unknown:
        raise ValueError(f"the questionnaire does not ask {', '.join(unknown)}")
    if missing := missing_answers(policy.question_groups, answers):
        raise ValueError(f"not answered, but needed beside the other answers: {', '.join(missing)}")
    if superfluous := answers_not_asked_for(policy.question_groups, answers):
        raise ValueError(f"answered, but not asked beside the other answers: {', '.join(superfluous)}")


def _extensions(about: Sequence[str]) -> Iterator[JSON]:
    for reference in about:
        # DTR 2.2 has the coverage in an extension of its own; before that it was part of the context.
        if reference.split("/")[-2:-1] == ["Coverage"]:
            yield {"url": f"{_DTR}/qr-coverage", "valueReference": {"reference": reference}}
        yield {"url": f"{_DTR}/qr-context", "valueReference": {"reference": reference}}
    codings = [{"system": system, **_PURPOSE} for system in _PURPOSE_SYSTEMS]
    yield {"url": f"{_DTR}/intendedUse", "valueCodeableConcept": {"coding": codings}}


def _groups(
    policy: PolicyOnDay,
    answers: Mapping[str, AnswerValue],
    prefilled: Mapping[str, object],
    author: str,
    public_url: str,
) -> Iterator[JSON]:
    for group in policy.question_groups:
        items = []
        for question in group.questions:
            if question.link_id in answers:
                value = answers[question.link_id]
                origin = _origin(question, value, prefilled, author)
                answer = {"extension": [origin], **_value(policy, question, value, public_url)}
                items.append({"linkId": question.link_id, "text": question.text, "answer": [answer]})
        if items:
            yield {**group_item(group), "item": items}


def _origin(question: Question, value: AnswerValue, prefilled: Mapping[str, object], author: str) -> JSON:
    """Where an answer came from; whoever typed it is named."""
    url, shown = f"{_DTR}/information-origin", prefilled.get(question.link_id)
    if _comparable(shown) == _comparable(value):
        return {"url": url, "extension": [{"url": "source", "valueCode": "auto-client"}]}
    source = {"url": "source", "valueCode": "manual" if shown is None else "override"}
    person: JSON = {"url": "practitioner", "valueReference": {"reference": author}}
    if author.split("/")[-2:-1] != ["Practitioner"]:  # the extension takes no other reference, but some role in words
        person = {"url": "role", "valueCodeableConcept": {"text": "Author of the response"}}
    return {"url": url, "extension": [source, {"url": "author", "extension": [person]}]}


def _comparable(value: object) -> object:
    """Decimals as the nearest float, which is what a chart's numbers are."""
    return float(value) if isinstance(value, Decimal) else value


# ---------------------------------------------------------------- values


def _value(policy: PolicyOnDay, question: Question, value: AnswerValue, public_url: str) -> JSON:
    """The value of an answer; ValueError, which does not tell the value, when it is none of the question's."""
    kind = question.kind
    if kind is AnswerType.BOOLEAN and isinstance(value, bool):
        return {"valueBoolean": value}
    if kind is AnswerType.DATE and isinstance(value, date) and not isinstance(value, datetime):
        return {"valueDate": value.isoformat()}
    if kind is AnswerType.TEXT and isinstance(value, str):
        return {"valueString": _text(question, value)}
    if kind is AnswerType.CHOICE and isinstance(value, str) and value in question.choices:
        system = f"{public_url}/fhir/CodeSystem/{choice_set_id(policy, question)}"
        version, display = policy.policy.questionnaire.version, question.choices[value]
        return {"valueCoding": {"system": system, "version": version, "code": value, "display": display}}
    if kind is AnswerType.INTEGER and isinstance(value, int) and not isinstance(value, bool):
        return {"valueInteger": int(_within(question, Decimal(value)))}
    if kind is AnswerType.DECIMAL and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return {"valueDecimal": float(_within(question, Decimal(value)))}
    raise ValueError(f"{question.link_id} is not answered with a {type(value).__name__}, or with no such choice")


def _text(question: Question, value: str) -> str:
    """Without the characters that FHIR does not allow, and blanks around it."""
    text = "".join(character for character in value if character >= " " or character in "\t\r\n").strip()
    if not text or len(text) > LONGEST_TEXT:
        raise ValueError(f"{question.link_id} takes from 1 to {LONGEST_TEXT} characters")
    return text


def _within(question: Question, value: Decimal) -> Decimal:
    least, most = question.least or 0, question.most or 0
    if not value.is_finite() or not least <= value <= most:
        raise ValueError(f"{question.link_id} lies from {least:g} to {most:g}")
    return value
