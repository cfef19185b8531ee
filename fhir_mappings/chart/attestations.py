"""QuestionnaireResponse → what a clinician attested."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cds_service.facts import Answer, When
from fhir_mappings.chart.context import ChartContext, own_resources
from fhir_mappings.common.dates import Calendar
from fhir_mappings.json.clinical_views import QuestionnaireResponse
from fhir_mappings.json.edge_numbers import without_edge_numbers
from fhir_mappings.json.fhir_json import plain

# By the id of a questionnaire whose answers count: by linkId, the general name of what the question asks.
Questionnaires = Mapping[str, Mapping[str, str]]
_SIGNED = ("completed", "amended")
_DEEPEST = 12
# No answer of the questionnaire is near it.
_LARGEST = 10**12


def questionnaire_id(canonical: str | None) -> str:
    """The id of the questionnaire that a canonical names, on any base and in any version."""
    name = (canonical or "").split("|", 1)[0].split("#", 1)[0].rstrip("/")
    return name.rsplit("/", 1)[-1]


def read_attestations(
    responses: Iterable[tuple[QuestionnaireResponse, str | None]],
    questionnaires: Questionnaires,
    context: ChartContext,
) -> dict[str, tuple[Answer, ...]]:
    """Answers by linkId from signed responses to these questionnaires; rules take the newest within the window."""
    answers: dict[str, list[Answer]] = {}
    counting = (r for r in responses if questionnaire_id(r[0].questionnaire) in questionnaires)
    for response, name in own_resources(context, counting, lambda r: r.subject):
        if response.status not in _SIGNED:
            context.note(f"{name} not counted: status {str(response.status or 'missing')[:20]}")
            continue
        authored = context.when(response.authored)
        if authored is None:
            context.note(f"{name} not counted: it does not say when it was signed")
            continue
        items = plain(response.item)
        if response.item and without_edge_numbers(response.item)[1]:
            context.note(f"{name}: a number at the edge of its type was set aside")
        identity = questionnaire_id(response.questionnaire)
        meanings = questionnaires[identity]
        for link_id, value in _values(items, context.calendar, 0):
            answer = Answer(value, authored, name, identity, meanings.get(link_id, ""))
            answers.setdefault(link_id, []).append(answer)
    return {link_id: tuple(sorted(given, key=_sort_key)) for link_id, given in answers.items()}


def _sort_key(answer: Answer) -> tuple[str, str, str]:
    return str(answer.authored), answer.reference, str(answer.value)


def _values(items: Any, calendar: Calendar, depth: int) -> Iterator[tuple[str, bool | float | str | When]]:
    for item in items if isinstance(items, list) and depth < _DEEPEST else ():
        if not isinstance(item, dict):
            continue
        for answer in item["answer"] if isinstance(item.get("answer"), list) else ():
            if not isinstance(answer, dict):
                continue
            value = _value(answer, calendar)
            if value is not None and isinstance(item.get("linkId"), str):
                yield item["linkId"], value
            yield from _values(answer.get("item"), calendar, depth + 1)
        yield from _values(item.get("item"), calendar, depth + 1)


def _value(answer: dict[str, Any], calendar: Calendar) -> bool | float | str | When | None:
    if isinstance(answer.get("valueBoolean"), bool):
        return bool(answer["valueBoolean"])
    for key in ("valueInteger", "valueDecimal"):
        number = answer.get(key)
        if isinstance(number, int | float) and not isinstance(number, bool):
            return float(number) if abs(number) < _LARGEST else None
    for key in ("valueDate", "valueDateTime"):
        if isinstance(answer.get(key), str):
            return calendar.when(answer[key])
    coding = answer.get("valueCoding")
    if isinstance(coding, dict) and isinstance(coding.get("code"), str):
        return str(coding["code"])
    return answer["valueString"] if isinstance(answer.get("valueString"), str) else None
