"""The questionnaire, its packages and responses to it, by the HL7 validator and by fhir.resources.

Responses are validated against the questionnaire itself, and broken ones show that this sees faults.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds_service.engine.open_questions import required_answers
from cds_service.engine.policy import Policy, PolicyOnDay
from cds_service.engine.statements import FIGURE_SOURCES
from cds_service.errors import BadRequest
from cds_service.hooks.cards import OVERRIDES
from cds_service.policies.registry import POLICIES
from cds_service.services.package_questionnaire import questionnaire_package
from cds_service.settings import Settings
from fhir_mappings.output.questionnaire_responses import questionnaire_response
from fhir_mappings.output.questionnaires import code_systems, override_reasons, package, questionnaire, value_sets
from tests.cases.crd import answer_to, crd_request, services_of
from tests.cases.runner import all_cases, determinations
from tests.conformance.hl7_validator import validate, why_not
from tests.support import JSON, order

URL = "https://cds.example.invalid"
EVERY_POLICY = [policy.on(date(2026, 11, 20)) for policy in POLICIES]
POLICY = EVERY_POLICY[0]
CODES = f"{URL}/fhir/CodeSystem/mp-mm-1316-replacement-reason"
KNOWN = [questionnaire(POLICY, URL), *value_sets(POLICY, URL), *code_systems(POLICY, URL)]
REPLACES = "D.III.replacement"
REASONS = POLICY.question("D.III.reason").choices
NEW_PUMP: dict[str, dict[str, Any]] = {
    "D.I.C": {"D.I.C": True},
    "D.I.D": {"D.I.D.date": date(2026, 6, 1), "D.I.D.educator": "A. Educator, RN, CDCES"},
    "D.I.E": {"D.I.E": False},
    "D.I.F": {"D.I.F.injections": 4, "D.I.F.since": date(2026, 1, 5), "D.I.F.adjusts": True},
    "D.I.G": {
        "D.I.G.average": Decimal("3.9"),
        "D.I.G.source": "meter-download",
        "D.I.G.through": date(2026, 11, 18),
    },
    "D.I.H": {"D.I.H.2": True},
    "D.I.I": {f"D.I.I.{n}": n % 2 == 0 for n in range(2, 7)},
    "D.II": {"D.II.A.2": True, "D.II.B.1": False},
}
EVERYTHING = {link: value for answers in NEW_PUMP.values() for link, value in answers.items()}
GOOD: dict[str, dict[str, Any]] = {
    **NEW_PUMP,
    "no replacement": {REPLACES: False},
    "all, nothing said of a replacement": EVERYTHING,
    "all, no replacement": {REPLACES: False, **EVERYTHING},
    "one symptom": {"D.I.I.4": True},
    "a round average": {"D.I.G.average": 4},
    **{f"a figure of a {source}": {"D.I.G.average": 4, "D.I.G.source": source} for source in FIGURE_SOURCES},
    "a replacement with everything": {
        REPLACES: True,
        "D.III.reason": "not-repairable",
        "D.III.assessment": True,
        **NEW_PUMP["D.II"],
    },
    **{f"replaced: {reason}": {REPLACES: True, "D.III.reason": reason} for reason in REASONS},
}


@pytest.fixture(scope="module")
def validator() -> None:
    if reason := why_not():
        pytest.skip(reason)


def _response(answers: dict[str, Any], author: str = "Practitioner/d1", **more: Any) -> JSON:
    return questionnaire_response(
        POLICY,
        answers,
        public_url=URL,
        patient="Patient/p1",
        author=author,
        authored=datetime(2026, 11, 20, 14, 30, tzinfo=UTC),
        about=["DeviceRequest/pump-1", "Coverage/v1"],
        **more,
    )


def _responses() -> dict[str, JSON]:
    made = {name: _response(answers) for name, answers in GOOD.items()}
    shown = {"D.I.G.average": 3.9, "D.I.C": False}
    made["some of it from the chart"] = _response(EVERYTHING, prefilled=shown)
    made["by a role"] = _response(EVERYTHING, author="PractitionerRole/r1")
    return made


# ---------------------------------------------------------------- packages


def _determined() -> Iterator[tuple[str, JSON]]:
    """Every determination that the cases lead to at the CRD service, with the policies that are in use."""
    for case in all_cases():
        try:
            answer = answer_to(case, crd_request(case), services_of(case)[1])
        except BadRequest:
            continue
        yield from ((case.policies, found) for found in determinations(answer).values())


@cache
def _packages() -> list[JSON]:
    """The package by canonical, and one of each that the gaps of the cases lead to."""
    in_use = ",".join(policy.id for policy in POLICIES)
    by_canonical = [(in_use, _canonical(policy), {}) for policy in POLICIES]
    by_context = {"name": "context", "valueString": "an assertion"}
    calls = [*by_canonical, *((policies, by_context, found) for policies, found in _determined())]
    made = {}
    for policies, parameter, found in calls:
        body = json.dumps({"resourceType": "Parameters", "parameter": [parameter]}).encode()
        settings = Settings(public_url=URL, policies=policies)
        answer = questionnaire_package(body, settings, lambda _, found=found: found)  # type: ignore[misc]
        made.setdefault(json.dumps(answer), answer)
    return list(made.values())


def _canonical(policy: Policy) -> JSON:
    return {"name": "questionnaire", "valueCanonical": f"{URL}/fhir/Questionnaire/{policy.questionnaire.id}"}


def _known() -> list[JSON]:
    """Questionnaires, value sets and code systems of every policy."""
    made = (made for p in EVERY_POLICY for made in (questionnaire(p, URL), *value_sets(p, URL), *code_systems(p, URL)))
    return list({resource["url"]: resource for resource in made}.values())


def _resources() -> list[JSON]:
    found = [*_known(), override_reasons(URL, dict(OVERRIDES))]
    for policy in EVERY_POLICY:
        found += [package(policy, URL), package(policy, URL, frozenset())]
        found += [package(policy, URL, required_answers({q.section}, policy)) for q in policy.questions]
    return [*found, *_packages(), _with_draft()]


def _with_draft() -> JSON:
    """The package for an order with its coverage, which brings the response to begin with."""
    coverage = {"resourceType": "Coverage", "id": "c1", "beneficiary": {"reference": "Patient/p1"}}
    parameters = [{"name": "order", "resource": order()}, {"name": "coverage", "resource": coverage}]
    body = json.dumps({"resourceType": "Parameters", "parameter": parameters}).encode()
    return questionnaire_package(body, Settings(public_url=URL), lambda _: None, datetime(2026, 9, 15, 14, tzinfo=UTC))


def _asked(parameters: JSON) -> JSON:
    found: JSON = parameters["parameter"][0]["resource"]["entry"][0]["resource"]
    return found


def _required(asked: JSON) -> set[str]:
    return {item["linkId"] for group in asked["item"] for item in group["item"] if item.get("required")}


@pytest.mark.parametrize("policy", EVERY_POLICY, ids=lambda policy: policy.id)
def test_the_cases_lead_to_a_package_for_each_gap_that_a_question_closes(policy: PolicyOnDay) -> None:
    url = f"{URL}/fhir/Questionnaire/{policy.policy.questionnaire.id}"
    asked = [_asked(each) for each in _packages() if _asked(each)["url"] == url]
    required = [_required(each) for each in asked]
    assert {link for links in required for link in links} == {q.link_id for q in policy.questions if q.required}
    assert set() in required
    variants = {(each["version"], each["date"], frozenset(links)) for each, links in zip(asked, required, strict=True)}
    assert len(variants) == len(required) > 2
    if policy is POLICY:
        assert {"D.III.reason"} in required


def test_all_of_it_is_fhir() -> None:
    for resource in [*_resources(), *_responses().values()]:
        get_fhir_model_class(resource["resourceType"]).model_validate(copy.deepcopy(resource))


@pytest.mark.real
@pytest.mark.usefixtures("validator")
def test_all_of_it_is_base_r4_to_the_hl7_validator() -> None:
    assert [errors for errors in validate(_resources(), _known()) if errors] == []


# ---------------------------------------------------------------- responses


@pytest.mark.real
@pytest.mark.usefixtures("validator")
def test_what_is_written_answers_the_questionnaire() -> None:
    made = _responses()
    found = dict(zip(made, validate(list(made.values()), KNOWN), strict=True))
    assert {name: errors for name, errors in found.items() if errors} == {}


@pytest.mark.real
@pytest.mark.usefixtures("validator")
def test_what_is_written_answers_a_package_that_asks_for_as_much_or_less() -> None:
    variant = [questionnaire(POLICY, URL, frozenset({"D.I.D.date", "D.I.D.educator"})), *KNOWN[1:]]
    made = list(_responses().values())
    assert [errors for errors in validate(made, variant) if errors] == []


def _raw(*groups: tuple[str, Sequence[JSON]]) -> JSON:
    """A response as anybody might write it."""
    items = [{"linkId": f"{section}.group", "item": list(answers)} for section, answers in groups]
    return {**_response({"D.I.C": True}), "item": items}


def _said(link: str, **value: Any) -> JSON:
    return {"linkId": link, "answer": [value]}


YES = {"valueBoolean": True}
REPLACED = [_said(REPLACES, **YES), _said("D.III.reason", valueCoding={"system": CODES, "code": "worn-out"})]


def _reason(**coding: Any) -> list[JSON]:
    return [_said(REPLACES, **YES), _said("D.III.reason", valueCoding=coding)]


DATE = _said("D.I.D.date", valueDate="2026-06-01")
BROKEN: dict[str, tuple[JSON, str]] = {
    "an unknown linkId": (_raw(("D.I.C", [_said("D.I.C", **YES), _said("D.I.Z", **YES)])), "'D.I.Z' not found"),
    "a string for a boolean": (_raw(("D.I.C", [_said("D.I.C", valueString="yes")])), "type boolean"),
    "a dateTime for a date": (
        _raw(("D.I.D", [_said("D.I.D.date", valueDateTime="2026-06-01"), _said("D.I.D.educator", valueString="RN")])),
        "type date",
    ),
    "a decimal for an integer": (_raw(("D.I.F", [_said("D.I.F.injections", valueDecimal=4.5)])), "type integer"),
    "no date beside the educator": (_raw(("D.I.D", [_said("D.I.D.educator", valueString="RN")])), "'D.I.D.date'"),
    "no reason for a replacement": (_raw(("D.III", [_said(REPLACES, **YES)])), "'D.III.reason'"),
    "a criterion on a replacement": (_raw(("D.III", REPLACED), ("D.I.C", [_said("D.I.C", **YES)])), "not enabled"),
    "a reason, though nothing is replaced": (
        _raw(("D.III", [_said(REPLACES, valueBoolean=False), REPLACED[1]])),
        "not enabled",
    ),
    "a reason, and nobody said that it is replaced": (_raw(("D.III", REPLACED[1:])), "not enabled"),
    "a code that is none of the reasons": (_raw(("D.III", _reason(system=CODES, code="bored"))), "'bored'"),
    "a reason of a foreign code system": (
        _raw(("D.III", _reason(system="http://example.invalid/reasons", code="worn-out"))),
        "not in the options value set",
    ),
    "a question outside its group": ({**_raw(), "item": [_said("D.I.C", **YES)]}, "wrong place"),
    "groups out of order": (_raw(("D.I.E", [_said("D.I.E", **YES)]), ("D.I.C", [_said("D.I.C", **YES)])), "order"),
    "two answers to one question": (
        _raw(("D.I.C", [{"linkId": "D.I.C", "answer": [YES, {"valueBoolean": False}]}])),
        "Only one",
    ),
    "more tests than the most": (_raw(("D.I.G", [_said("D.I.G.average", valueDecimal=51)])), "maximum of 50"),
    "a text that is too long": (
        _raw(("D.I.D", [DATE, _said("D.I.D.educator", valueString="x" * 201)])),
        "maximum length of 200",
    ),
    "other words for a question": (_raw(("D.I.C", [{**_said("D.I.C", **YES), "text": "Well?"}])), "must match"),
}


@pytest.mark.real
@pytest.mark.usefixtures("validator")
def test_every_fault_of_a_response_is_seen() -> None:
    broken = {name: response for name, (response, _) in BROKEN.items()}
    found = dict(zip(broken, validate(list(broken.values()), KNOWN), strict=True))
    unseen = [name for name, errors in found.items() if not any(BROKEN[name][1] in error for error in errors)]
    assert unseen == []


@pytest.mark.real
@pytest.mark.usefixtures("validator")
def test_a_group_that_is_on_only_for_an_answer_other_than_true_would_be_seen() -> None:
    """R4's `!=` does not hold for a question without an answer: such a questionnaire asks nothing of a new pump."""
    other = copy.deepcopy(KNOWN[0])
    for group in other["item"]:
        if "enableWhen" in group:
            group["enableWhen"] = [{"question": REPLACES, "operator": "!=", "answerBoolean": True}]
            del group["enableBehavior"]
    (errors,) = validate([_response({"D.I.C": True})], [other, *KNOWN[1:]])
    assert any("not enabled" in error for error in errors)
