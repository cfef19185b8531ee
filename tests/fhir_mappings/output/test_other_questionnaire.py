"""The questionnaire of another payer's policy: nothing in it is MP-MM-1316's, and each day has its own numbers."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds_service.engine.prepopulation import ChartSearch, Prepopulation
from cds_service.policies.mp_mm_1316 import POLICY
from fhir_mappings.output.prefill import libraries, variables
from fhir_mappings.output.questionnaire_responses import draft_response, questionnaire_response
from fhir_mappings.output.questionnaires import package, questionnaire, served_resources
from tests.policies.mp_mm_1316.changed import changed
from tests.policies.other_payer import OTHER, REASONS
from tests.support import DAY, JSON

URL = "https://cds.example.invalid"
OTHERS = OTHER.on(DAY)


def _items(node: JSON) -> Iterator[JSON]:
    for item in node.get("item", ()):
        yield item
        yield from _items(item)


def _by_id(node: JSON) -> dict[str, JSON]:
    return {item["linkId"]: item for item in _items(node)}


# ---------------------------------------------------------------- another policy


def test_it_has_its_own_name_version_and_date() -> None:
    asked = questionnaire(OTHERS, URL)
    assert (asked["id"], asked["url"]) == ("other-1", f"{URL}/fhir/Questionnaire/other-1")
    assert (asked["version"], asked["name"], asked["date"]) == ("2.0.0", "OtherDocumentation", "2026-01-01")
    assert asked["title"] == "Pumps: what the chart cannot say (Example Health OTHER-1)"


def test_it_asks_its_own_questions_under_its_own_conditions() -> None:
    items = _by_id(questionnaire(OTHERS, URL))
    assert {link: item["type"] for link, item in items.items() if item["type"] not in ("group", "display")} == {
        "T.1.team": "boolean",
        "T.2.why": "choice",
        "T.2.worn": "boolean",
        "T.2.days": "integer",
        "D.I.E": "boolean",
    }
    conditions = {link: item["enableWhen"] for link, item in items.items() if "enableWhen" in item}
    assert conditions == {"T.2.days": [{"question": "T.2.worn", "operator": "=", "answerBoolean": True}]}
    assert {link for link, item in items.items() if item.get("required")} == {"T.1.team", "T.2.why"}


def test_its_choices_are_a_list_of_its_own() -> None:
    values, codes = (
        next(r for r in served_resources(OTHERS, URL) if r["resourceType"] == kind)
        for kind in ("ValueSet", "CodeSystem")
    )
    assert (values["id"], values["name"]) == ("other-1-pump-reason", "PumpReasonSet")
    assert (codes["id"], codes["name"], codes["title"]) == ("other-1-pump-reason", "PumpReason", "Reasons for a pump")
    assert {c["code"]: c["display"] for c in codes["concept"]} == REASONS
    assert values["expansion"]["contains"][0]["system"] == codes["url"]
    assert _by_id(questionnaire(OTHERS, URL))["T.2.why"]["answerValueSet"] == f"{values['url']}|2.0.0"


def test_without_logic_it_has_no_library_and_nothing_is_prefilled() -> None:
    kinds = [entry["resource"]["resourceType"] for entry in package(OTHERS, URL)["entry"]]
    assert kinds == ["Questionnaire", "ValueSet"]
    text = json.dumps(package(OTHERS, URL))
    assert "initialExpression" not in text
    assert "cqf-library" not in text


def test_nothing_of_the_first_policy_is_in_it() -> None:
    text = json.dumps([served_resources(OTHERS, URL), package(OTHERS, URL)]).lower()
    assert not any(name in text for name in ("caresource", "1316", "d.iii"))


def _response(answers: dict[str, Any]) -> JSON:
    return questionnaire_response(
        OTHERS,
        answers,
        public_url=URL,
        patient="Patient/p1",
        author="Practitioner/d1",
        authored=datetime(2026, 11, 20, 14, 30, tzinfo=UTC),
        about=["DeviceRequest/pump-1"],
    )


def test_its_response_names_its_questionnaire_and_its_codes() -> None:
    response = _response({"T.1.team": True, "T.2.why": "lows", "T.2.worn": True, "T.2.days": 14})
    assert response["questionnaire"] == f"{URL}/fhir/Questionnaire/other-1|2.0.0"
    given = {link: item["answer"][0] for link, item in _by_id(response).items() if "answer" in item}
    assert given["T.2.why"]["valueCoding"] == {
        "system": f"{URL}/fhir/CodeSystem/other-1-pump-reason",
        "version": "2.0.0",
        "code": "lows",
        "display": "Lows in spite of injections",
    }
    assert given["T.2.days"]["valueInteger"] == 14


@pytest.mark.parametrize(
    ("answers", "fault"),
    [
        ({"D.I.C": True}, "does not ask D.I.C"),
        ({"T.2.worn": True}, "needed beside the other answers: T.2.why"),
        ({"T.2.why": "lows", "T.2.days": 14}, "needed beside the other answers: T.2.worn"),
        ({"T.2.why": "lows", "T.2.worn": False, "T.2.days": 14}, "not asked beside the other answers: T.2.days"),
        ({"T.2.why": "worn-out"}, "no such choice"),
        ({"T.2.why": "lows", "T.2.worn": True, "T.2.days": 91}, "lies from 1 to 90"),
        ({"T.2.why": "lows", "T.2.worn": True, "T.2.days": Decimal("1.5")}, "not answered with a Decimal"),
    ],
    ids=str,
)
def test_what_is_no_response_to_it_is_refused(answers: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        _response(answers)


def test_all_of_it_is_fhir() -> None:
    draft = draft_response(OTHERS, URL, "d1", "Patient/p1", datetime(2026, 11, 20, 14, tzinfo=UTC), [])
    for resource in (*served_resources(OTHERS, URL), package(OTHERS, URL, None, draft), _response({"T.1.team": True})):
        get_fhir_model_class(resource["resourceType"]).model_validate(copy.deepcopy(resource))


# ---------------------------------------------------------------- another day

LATER = date(2027, 5, 1)
CHANGED = changed(POLICY, {"self_test_window_days": 14}, LATER)


def _average(day: date) -> JSON:
    (extension, *_) = _by_id(questionnaire(CHANGED.on(day), URL))["D.I.G.average"]["extension"]
    told: JSON = extension["valueExpression"]
    return told


def _search(day: date) -> str:
    (variable,) = variables(CHANGED.on(day), "D.I.G")
    return str(variable["valueExpression"]["expression"])


def test_fhirpath_and_searches_have_the_numbers_of_the_day() -> None:
    before, after = _average(date(2027, 4, 30)), _average(LATER)
    assert before["language"] == "text/cql"
    assert "$this * 10 / 30)" in before["extension"][0]["valueExpression"]["expression"]
    assert "today() - 30 days" in _search(date(2027, 4, 30))
    # The CQL was written for 30 days: from the change on only the FHIRPath is right.
    assert after["language"] == "text/fhirpath"
    assert "extension" not in after
    assert "$this * 10 / 14)" in after["expression"]
    assert "today() - 14 days" in _search(LATER)


def test_what_does_not_rest_on_the_number_stays_in_cql() -> None:
    (extension,) = _by_id(questionnaire(CHANGED.on(LATER), URL))["D.I.D.date"]["extension"]
    assert extension["valueExpression"]["language"] == "text/cql"
    assert len(libraries(CHANGED.on(LATER), URL)) == 2


@pytest.mark.parametrize("code_system", ["hcpcs", "loinc"])
def test_a_search_without_codes_is_an_error(code_system: str) -> None:
    """An empty `code=` finds everything, or nothing, by the server."""
    search = ChartSearch("T.1", "tests", "Observation?code={codes}", "hba1c", code_system)
    policy = replace(OTHER, prepopulation=Prepopulation((), (search,), {})).on(DAY)
    if code_system == "loinc":
        (variable,) = variables(policy, "T.1")
        assert "4548-4" in variable["valueExpression"]["expression"]
    else:
        with pytest.raises(ValueError, match="hba1c holds no code of hcpcs"):
            list(variables(policy, "T.1"))
