"""What a clinician answered → a completed QuestionnaireResponse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from cds_service.policies.mp_mm_1316.questionnaire import QUESTIONS, REASONS, REPLACES, Kind, Question
from fhir_mappings.questionnaires import NAME, REASON_SET, VERSION

JSON = dict[str, Any]
AnswerValue = bool | int | Decimal | date | str
_DTR = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition"


def questionnaire_response(
    answers: Mapping[str, AnswerValue],
    *,
    public_url: str,
    patient: str,
    author: str,
    authored: datetime,
    about: Sequence[str],
) -> JSON:
    """The response of a clinician, `author`, who is its source too. `about`: references of the order and coverage."""
    return {
        "resourceType": "QuestionnaireResponse",
        "extension": [{"url": f"{_DTR}/qr-context", "valueReference": {"reference": each}} for each in about],
        "questionnaire": f"{public_url}/fhir/Questionnaire/{NAME}|{VERSION}",
        "status": "completed",
        "subject": {"reference": patient},
        "authored": authored.isoformat(),
        "author": {"reference": author},
        "source": {"reference": author},
        "item": list(_groups(answers, public_url)),
    }


def _groups(answers: Mapping[str, AnswerValue], public_url: str) -> Any:
    for section in dict.fromkeys(question.section for question in QUESTIONS):
        items = [
            {"linkId": q.link_id, "text": q.text, "answer": [_value(q, answers[q.link_id], public_url)]}
            for q in QUESTIONS
            if q.section == section and q.link_id in answers
        ]
        if items:
            yield {"linkId": f"{section}.group", "item": items}


def _value(question: Question, value: AnswerValue, public_url: str) -> JSON:
    if question.kind is Kind.CHOICE:
        system = f"{public_url}/fhir/CodeSystem/{REASON_SET}"
        return {"valueCoding": {"system": system, "code": value, "display": REASONS[str(value)]}}
    if isinstance(value, date):
        return {"valueDate": value.isoformat()}
    kind = question.kind.value
    return {f"value{kind[0].upper()}{kind[1:]}": float(value) if isinstance(value, Decimal) else value}


def missing(answers: Mapping[str, AnswerValue]) -> list[str]:
    """Required questions that are open in a section of which some question is answered."""
    begun = {question.section for question in QUESTIONS if question.link_id in answers}
    if answers.get(REPLACES) is not True:
        begun.discard("D.III")
    return [q.link_id for q in QUESTIONS if q.required and q.section in begun and q.link_id not in answers]
