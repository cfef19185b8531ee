"""Answers as a QuestionnaireResponse: its shape, its extensions, what is refused, and that it is read back the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.engine.enabled_questions import answers_not_asked_for, missing_answers
from cds_service.engine.questions import AnswerType
from cds_service.facts import When
from cds_service.hooks.messages import as_json
from cds_service.policies.registry import POLICIES, questionnaires_of
from fhir_mappings.chart.attestations import read_attestations
from fhir_mappings.chart.context import ChartContext
from fhir_mappings.common.dates import Calendar
from fhir_mappings.common.references import PatientIdentity
from fhir_mappings.json.clinical_views import QuestionnaireResponse
from fhir_mappings.output.questionnaire_responses import questionnaire_response
from fhir_mappings.output.questionnaires import questionnaire
from tests.support import JSON

URL = "https://cds.example.invalid"
DTR = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition"
AUTHOR = "Practitioner/d1"
SIGNED = datetime(2026, 11, 20, 9, 30, 5, 250_000, timezone(timedelta(hours=-5)))
EDUCATION = {"D.I.D.date": date(2026, 6, 1), "D.I.D.educator": "A. Educator, RN, CDCES"}
POLICY = POLICIES[0].on(date(2026, 11, 20))
GROUPS, QUESTIONS = POLICY.question_groups, POLICY.questions
REPLACES = "D.III.replacement"
REPLACED = {REPLACES: True, "D.III.reason": "worn-out"}


def _response(answers: Mapping[str, Any], **changes: Any) -> JSON:
    given: dict[str, Any] = {
        "public_url": URL,
        "patient": "Patient/p1",
        "author": AUTHOR,
        "authored": SIGNED,
        "about": ["DeviceRequest/pump-1", "Coverage/v1"],
        **changes,
    }
    return questionnaire_response(POLICY, answers, **given)


def _answer(response: JSON, link_id: str) -> JSON:
    (found,) = [a for g in response["item"] for i in g["item"] if i["linkId"] == link_id for a in i["answer"]]
    return found


def _value(answers: Mapping[str, Any], link_id: str) -> JSON:
    answer = _answer(_response(answers), link_id)
    return {key: value for key, value in answer.items() if key != "extension"}


def _extensions(response: JSON, name: str) -> list[JSON]:
    return [extension for extension in response["extension"] if extension["url"] == f"{DTR}/{name}"]


# ---------------------------------------------------------------- shape


def test_who_signed_what_about_whom_and_when() -> None:
    response = _response({"D.I.C": True})
    assert response["resourceType"] == "QuestionnaireResponse"
    assert response["questionnaire"] == f"{URL}/fhir/Questionnaire/mp-mm-1316|1.0.0"
    assert response["status"] == "completed"
    assert response["subject"] == {"reference": "Patient/p1"}
    assert response["authored"] == "2026-11-20T09:30:05-05:00"
    assert response["author"] == response["source"] == {"reference": AUTHOR}
    assert "meta" not in response


def test_each_kind_of_answer() -> None:
    new = {"D.I.C": False, **EDUCATION, "D.I.G.average": Decimal("3.9")}
    regimen = {"D.I.F.injections": 4, "D.I.F.since": date(2026, 1, 5), "D.I.F.adjusts": True}
    assert _value(new, "D.I.C") == {"valueBoolean": False}
    assert _value(new, "D.I.D.date") == {"valueDate": "2026-06-01"}
    assert _value(new, "D.I.D.educator") == {"valueString": "A. Educator, RN, CDCES"}
    assert _value(new, "D.I.G.average") == {"valueDecimal": 3.9}
    assert _value({"D.I.G.average": 4}, "D.I.G.average") == {"valueDecimal": 4}
    assert _value(regimen, "D.I.F.injections") == {"valueInteger": 4}
    assert _value(REPLACED, "D.III.reason") == {
        "valueCoding": {
            "system": f"{URL}/fhir/CodeSystem/mp-mm-1316-replacement-reason",
            "version": "1.0.0",
            "code": "worn-out",
            "display": "Worn out or no longer functions",
        }
    }


def test_text_loses_blanks_around_it_and_what_fhir_does_not_allow() -> None:
    answers = {**EDUCATION, "D.I.D.educator": " RN\x00,\x1b CDCES\n"}
    assert _value(answers, "D.I.D.educator") == {"valueString": "RN, CDCES"}


def test_answers_stand_in_their_groups_in_the_questionnaires_order() -> None:
    """Whatever the order that they came in; nothing is there for a group without an answer."""
    answers = {"D.II.A.2": True, "D.I.I.5": True, "D.I.I.2": False, "D.I.C": True, REPLACES: False}
    response = _response(answers)
    nested = [(group["linkId"], [item["linkId"] for item in group["item"]]) for group in response["item"]]
    assert nested == [
        ("D.III.group", ["D.III.replacement"]),
        ("D.I.C.group", ["D.I.C"]),
        ("D.I.I.group", ["D.I.I.2", "D.I.I.5"]),
        ("D.II.group", ["D.II.A.2"]),
    ]
    groups = questionnaire(POLICY, URL)["item"]
    asked = {g["linkId"]: (g["text"], {i["linkId"]: i["text"] for i in g["item"]}) for g in groups}
    for group in response["item"]:
        assert group["text"] == asked[group["linkId"]][0]
        assert all(item["text"] == asked[group["linkId"]][1][item["linkId"]] for item in group["item"])


# ---------------------------------------------------------------- extensions of Da Vinci DTR


def test_the_order_and_the_coverage_are_its_context() -> None:
    """DTR 2.0 and 2.1 have both in qr-context; 2.2 has the coverage in qr-coverage."""
    response = _response({"D.I.C": True})
    order, coverage = {"reference": "DeviceRequest/pump-1"}, {"reference": "Coverage/v1"}
    assert [e["valueReference"] for e in _extensions(response, "qr-context")] == [order, coverage]
    assert [e["valueReference"] for e in _extensions(response, "qr-coverage")] == [coverage]


def test_an_absolute_coverage_is_known_as_one() -> None:
    absolute = "https://ehr.example.invalid/fhir/Coverage/v1"
    response = _response({"D.I.C": True}, about=[absolute])
    assert [e["valueReference"] for e in _extensions(response, "qr-coverage")] == [{"reference": absolute}]
    assert _extensions(_response({"D.I.C": True}, about=["DeviceRequest/Coverage"]), "qr-coverage") == []


def test_it_goes_with_the_prior_authorization() -> None:
    (use,) = _extensions(_response({"D.I.C": True}, about=[]), "intendedUse")
    crd = "http://hl7.org/fhir/us/davinci-crd/CodeSystem"
    codings = {(c["system"], c["code"]) for c in use["valueCodeableConcept"]["coding"]}
    assert codings == {(f"{crd}/coverage-information-codes", "withpa"), (f"{crd}/temp", "withpa")}


def _origin(response: JSON, link_id: str) -> dict[str, JSON]:
    (origin,) = _answer(response, link_id)["extension"]
    assert origin["url"] == f"{DTR}/information-origin"
    return {part["url"]: part for part in origin["extension"]}


def test_every_answer_says_where_it_came_from() -> None:
    """DTR: typed is manual, changed is an override, both by whom; what stood there is of the client, by nobody."""
    answers = {"D.I.C": True, **EDUCATION, "D.I.G.average": Decimal("3.9")}
    shown = {"D.I.D.date": date(2026, 6, 1), "D.I.D.educator": "A. Educator", "D.I.G.average": 3.9, "D.I.C": None}
    response = _response(answers, prefilled=shown)
    sources = {link: _origin(response, link)["source"]["valueCode"] for link in answers}
    assert sources == {
        "D.I.C": "manual",
        "D.I.D.date": "auto-client",
        "D.I.D.educator": "override",
        "D.I.G.average": "auto-client",
    }
    by = [{"url": "practitioner", "valueReference": {"reference": AUTHOR}}]
    assert {link: _origin(response, link).get("author", {}).get("extension") for link in answers} == {
        "D.I.C": by,
        "D.I.D.date": None,
        "D.I.D.educator": by,
        "D.I.G.average": None,
    }


def test_an_author_who_is_no_practitioner_has_a_role_in_words() -> None:
    """dtrx-1 wants an author; its practitioner takes a Practitioner only."""
    response = _response({"D.I.C": True}, author="PractitionerRole/r1")
    (part,) = _origin(response, "D.I.C")["author"]["extension"]
    assert part["url"] == "role"
    assert part["valueCodeableConcept"]["text"]
    assert response["author"] == {"reference": "PractitionerRole/r1"}
    absolute = _response({"D.I.C": True}, author="https://ehr.example.invalid/fhir/Practitioner/d1")
    assert _origin(absolute, "D.I.C")["author"]["extension"][0]["url"] == "practitioner"


# ---------------------------------------------------------------- what is refused

REFUSED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "an unknown linkId": {"D.I.Z": True},
    "a group's linkId": {"D.I.C.group": True},
    "a group that is not complete": {"D.I.D.educator": "RN"},
    "a replacement without a reason": {REPLACES: True},
    "a criterion on a replacement": {**REPLACED, "D.I.C": True},
    "a reason without a replacement": {REPLACES: False, "D.III.reason": "worn-out"},
    "a word for a boolean": {"D.I.C": "yes"},
    "a number for a boolean": {"D.I.C": 1},
    "nothing for a boolean": {"D.I.C": None},
    "a moment for a date": {**EDUCATION, "D.I.D.date": datetime(2026, 6, 1, tzinfo=UTC)},
    "a text for a date": {**EDUCATION, "D.I.D.date": "2026-06-01"},
    "a number for a text": {**EDUCATION, "D.I.D.educator": 5},
    "blanks for a text": {**EDUCATION, "D.I.D.educator": " \n"},
    "a text that is too long": {**EDUCATION, "D.I.D.educator": "x" * 201},
    "a float for a decimal": {"D.I.G.average": 3.9},
    "a boolean for a decimal": {"D.I.G.average": True},
    "no number": {"D.I.G.average": Decimal("NaN")},
    "below the least": {"D.I.G.average": Decimal("-0.1")},
    "above the most": {"D.I.G.average": Decimal("50.1")},
    "a fraction of an injection": {
        "D.I.F.injections": Decimal("3.5"),
        "D.I.F.since": date(2026, 1, 5),
        "D.I.F.adjusts": True,
    },
    "a foreign reason": {REPLACES: True, "D.III.reason": "bored"},
    "a reason's words": {REPLACES: True, "D.III.reason": "Lost"},
}


@pytest.mark.parametrize("answers", REFUSED.values(), ids=REFUSED)
def test_what_is_no_response_to_it_is_refused(answers: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        _response(answers)
    # The words go to logs: they name questions, never what was answered.
    assert not any(word in str(caught.value) for word in ("bored", "xxx", "3.9", "50.1", "yes"))


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        _response({"D.I.C": True}, authored=SIGNED.replace(tzinfo=None))


# ---------------------------------------------------------------- there and back

_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200)
_VALUES: dict[AnswerType, st.SearchStrategy[Any]] = {
    AnswerType.BOOLEAN: st.booleans(),
    AnswerType.DATE: st.dates(date(1920, 1, 1), date(2026, 11, 20)),
    AnswerType.TEXT: _TEXTS.map(str.strip).filter(bool),
    AnswerType.INTEGER: st.integers(0, 20),
    AnswerType.DECIMAL: st.decimals(0, 50, places=1) | st.integers(0, 50),
}


@st.composite
def _fitting(draw: st.DrawFn) -> dict[str, Any]:
    """Answers that make up a response: whole groups, on one path."""
    every = {q.link_id: draw(st.sampled_from([*q.choices]) if q.choices else _VALUES[q.kind]) for q in QUESTIONS}
    wanted = draw(st.sets(st.sampled_from([q.link_id for q in QUESTIONS]), min_size=1))
    sections = {q.section for q in QUESTIONS if q.link_id in wanted}
    needed = {q.link_id for q in QUESTIONS if q.link_id in wanted or (q.required and q.section in sections)}
    if needed & {"D.III.reason", "D.III.assessment"}:
        every[REPLACES] = draw(st.booleans())
        needed.add(REPLACES)
        if every[REPLACES]:
            needed = {link for link in needed if not link.startswith("D.I.")} | {"D.III.reason"}
        else:
            needed -= {"D.III.reason", "D.III.assessment"}
    return {link: every[link] for link in needed}


def _expected(value: Any) -> Any:
    if isinstance(value, bool | str):
        return value
    return When(value, value) if isinstance(value, date) else float(value)


@given(_fitting())
def test_what_is_written_is_read_back_as_the_same_answers(answers: dict[str, Any]) -> None:
    assert missing_answers(GROUPS, answers) == list(answers_not_asked_for(GROUPS, answers)) == []
    written = as_json({**_response(answers), "id": "qr-1"})
    read = msgspec.json.decode(written, type=QuestionnaireResponse)
    context = ChartContext(PatientIdentity("p1", None), Calendar(ZoneInfo("America/New_York")), None)
    found = read_attestations([(read, None)], questionnaires_of(POLICIES), context)
    assert context.notes == []
    assert {link: [answer.value for answer in each] for link, each in found.items()} == {
        link: [_expected(value)] for link, value in answers.items()
    }
    assert {str(answer.authored) for each in found.values() for answer in each} == {str(context.when("2026-11-20"))}
