"""Versions of the guide, and what a client may switch (sections C, J and U)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.services.crd import SELECT, SIGN, answered, crd_call, information, refused
from tests.support import JSON, SETTINGS, order

PLAIN = "insulin-pump-order-sign"
TOPICS = {
    "2.0.1": "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp",
    "2.1": "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp",
    "2.2": "http://terminology.hl7.org/CodeSystem/cdshooks-card-type",
}
# Education missing: an instructions card and a reference card.
MISSING: dict[str, Any] = {"education": None}


def asking(version: Any = None, **configuration: Any) -> JSON:
    extension: dict[str, Any] = {}
    if version is not None:
        extension["davinci-crd.requestedVersion"] = version
    if configuration:
        extension["davinci-crd.configuration"] = {k.replace("_", "-"): v for k, v in configuration.items()}
    return crd_call(extension=extension or None, **MISSING)


def shape(response: JSON) -> str:
    """Which version an answer is shaped for, by what only that version has."""
    found = information(response)
    if "doc-purpose" in found:
        return "2.0.1"
    (detail,) = found["detail"]
    return "2.2" if any(part["url"] == "category" for part in detail) else "2.1"


@pytest.mark.parametrize(("asked", "given"), [("2.0.1", "2.0.1"), ("2.0", "2.0.1"), ("2.1", "2.1"), ("2.2.1", "2.2")])
@pytest.mark.parametrize("service", [SIGN, PLAIN])
def test_the_version_that_is_asked_for(service: str, asked: str, given: str) -> None:
    """Requirement 53."""
    response = answered(asking(asked), service)
    assert shape(response) == given
    if service == SIGN:
        assert {card["source"]["topic"]["system"] for card in response["cards"]} == {TOPICS[given]}


def test_without_a_word_it_is_2_2_or_what_the_setting_says() -> None:
    assert shape(answered(asking())) == "2.2"
    assert shape(answered(asking(), settings=dataclasses.replace(SETTINGS, crd_version="2.1"))) == "2.1"
    assert shape(answered(asking("2.2"), settings=dataclasses.replace(SETTINGS, crd_version="2.1"))) == "2.2"


@pytest.mark.parametrize("asked", ["9.9", "two", "", 2.2, ["2.2"], {"v": 1}])
def test_a_version_that_is_not_served_is_422_and_named(asked: Any) -> None:
    error = refused(asking(asked))
    assert (error.status, error.field) == (422, "extension.davinci-crd.requestedVersion")
    assert "2.0.1, 2.1, 2.2" in error.message
    assert shape(answered(asking(asked), PLAIN)) == "2.2", "a plain client is answered all the same"


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({"hookInstance": "abc"}, "hookInstance"),
        ({"context": []}, "context"),
        ({"fhirServer": 5}, "fhirServer"),
    ],
)
def test_faults_of_the_envelope_are_400_and_422_in_2_0_1(broken: JSON, field: str) -> None:
    """Requirement 102 and section U."""
    for version, status in (("2.0.1", 422), ("2.1", 400), ("2.2", 400)):
        error = refused({**asking(version), **broken})
        assert (error.status, error.field) == (status, field)


# ---------------------------------------------------------------- configuration


def topics(response: JSON) -> list[str]:
    return [card["source"]["topic"]["code"] for card in response["cards"]]


def test_everything_is_on_by_default() -> None:
    """Requirements 55, 175."""
    response = answered(asking())
    assert topics(response) == ["clinical-reminder", "guideline"]
    assert len(response["systemActions"]) == 1


@pytest.mark.parametrize(
    ("configuration", "left", "actions"),
    [
        ({"coverage_info": False}, ["clinical-reminder", "guideline"], 0),
        ({"guideline": False}, ["clinical-reminder"], 1),
        ({"clinical_reminder": False}, ["guideline"], 1),
        ({"guideline": False, "clinical_reminder": False}, [], 1),
        ({"max_cards": 0}, [], 1),
        ({"max_cards": 1}, ["clinical-reminder"], 1),
        ({"max_cards": 50}, ["clinical-reminder", "guideline"], 1),
    ],
)
def test_every_switch_is_obeyed(configuration: JSON, left: list[str], actions: int) -> None:
    """Requirement 171."""
    response = answered(asking(**configuration))
    assert topics(response) == left
    assert len(response["systemActions"]) == actions


@pytest.mark.parametrize(
    "configuration",
    [
        {"alt_drug": True},
        {"coverage_info": "maybe"},
        {"coverage_info": None},
        {"coverage_info": 0},
        {"max_cards": -3},
        {"max_cards": True},
        {"max_cards": 1.5},
        {"max_cards": "1"},
        {"guideline": []},
    ],
)
def test_what_makes_no_sense_changes_nothing(configuration: JSON) -> None:
    """Requirements 172, 173."""
    response = answered(asking(**configuration))
    assert topics(response) == ["clinical-reminder", "guideline"]
    assert len(response["systemActions"]) == 1


@pytest.mark.parametrize("configuration", [None, [], "all", 5, True, {}])
def test_a_configuration_of_another_shape_never_makes_a_call_fail(configuration: Any) -> None:
    request = crd_call(extension={"davinci-crd.configuration": configuration}, **MISSING)
    assert len(answered(request)["cards"]) == 2


def test_a_plain_client_can_switch_too() -> None:
    off = answered(asking(coverage_info=False), PLAIN)
    assert (off["cards"], off["systemActions"]) == ([], [])
    assert len(off["extension"]["com.insulin-pump-cds.determinations"]) == 1
    assert answered(asking(max_cards=0), PLAIN)["cards"] == []


# ---------------------------------------------------------------- cards (sections G and H)


def test_a_reference_card_links_to_the_sections_and_says_what_they_ask() -> None:
    """Requirements 138, 139, 156."""
    (card,) = (c for c in answered(asking())["cards"] if c["source"]["topic"]["code"] == "guideline")
    assert [(link["type"], link["url"]) for link in card["links"]] == [
        ("absolute", "https://cds.example.invalid/policy/MP-MM-1316#D.I.D")
    ]
    assert "comprehensive diabetes education program" in card["detail"]
    assert "E0784" in card["detail"]
    assert not card.keys() & {"suggestions", "overrideReasons"}
    assert card["extension"] == {"davinci-crd.associated-resource": [{"reference": "DeviceRequest/pump-1"}]}


def offers(response: JSON) -> list[JSON]:
    """What the cards of an answer suggest, but for the ids of suggestions, which are new in each answer."""
    found = [offer for card in response["cards"] for offer in card.get("suggestions", ())]
    return [{name: value for name, value in offer.items() if name != "uuid"} for offer in found]


def reminder(response: JSON) -> JSON:
    """The reminder of an answer."""
    (card,) = (c for c in response["cards"] if c["source"]["topic"]["code"] == "clinical-reminder")
    found: JSON = card
    return found


@pytest.mark.parametrize("gaps", [MISSING, {"hba1c": None}, {"albuminCreatinine": None, **MISSING}], ids=str)
@pytest.mark.parametrize("version", ["2.1", "2.2"])
def test_a_reminder_offers_what_the_plain_card_offers(version: str, gaps: JSON) -> None:
    request = crd_call(extension={"davinci-crd.requestedVersion": version}, **gaps)
    response = answered(request)
    plain = offers(answered(request, PLAIN))
    assert offers(response) == plain != []
    card = reminder(response)
    assert card["selectionBehavior"] == "any"
    assert not card.keys() & {"links", "overrideReasons"}
    assert all(offer["label"] in card["detail"] for offer in plain), "as before, the words say it too"
    for offer in plain:
        (action,) = offer["actions"]
        assert action["type"] == "create"
        assert action["resource"]["authoredOn"] == "2026-11-20", "the guide's profile requires it: the day of the call"
        assert action["resource"]["requester"] == {"reference": "Practitioner/d1"}


def test_a_reminder_in_2_0_1_is_instructions_in_words_alone() -> None:
    """Requirement 157; the public test kit counts a card as instructions only when nothing can be clicked."""
    card = reminder(answered(asking("2.0.1")))
    assert "diabetes self-management education" in card["detail"]
    assert not card.keys() & {"links", "suggestions", "overrideReasons", "selectionBehavior"}


@pytest.mark.parametrize("version", ["2.0.1", "2.2"])
def test_a_reminder_that_only_has_a_note_offers_nothing(version: str) -> None:
    uncoded = order(codeCodeableConcept={"text": "External insulin pump"})
    card = reminder(answered(crd_call(uncoded, extension={"davinci-crd.requestedVersion": version})))
    assert "no HCPCS code" in card["detail"]
    assert not card.keys() & {"links", "suggestions", "selectionBehavior"}


def test_where_nothing_is_missing_there_is_no_card() -> None:
    """Requirement 140: nothing that only repeats the system action."""
    assert answered(crd_call())["cards"] == []


def test_education_that_is_already_ordered_is_not_due() -> None:
    class_order = {
        "resourceType": "ServiceRequest",
        "id": "class",
        "status": "draft",
        "intent": "order",
        "code": {"coding": [{"system": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "G0108"}]},
        "subject": {"reference": "Patient/p1"},
    }
    response = answered(crd_call(order(), class_order, **MISSING))
    assert topics(response) == ["guideline"]


def test_with_two_orders_each_card_names_its_own() -> None:
    response = answered(crd_call(order("pump-1"), order("pump-2", code="A9274"), **MISSING))
    for card in response["cards"]:
        (resource,) = card["extension"]["davinci-crd.associated-resource"]
        code = {"DeviceRequest/pump-1": "E0784", "DeviceRequest/pump-2": "A9274"}[resource["reference"]]
        assert code in card["detail"]


def test_an_excluded_order_gets_the_section_to_read() -> None:
    response = answered(crd_call(order(code="E0783")))
    assert topics(response) == ["guideline"]
    assert response["cards"][0]["links"][0]["url"].endswith("#D.II.B.2")
    assert information(response)["covered"] == ["not-covered"]


def test_at_selection_cards_are_the_same() -> None:
    request = asking()
    request["context"]["selections"] = ["DeviceRequest/pump-1"]
    assert topics(answered(request, SELECT)) == ["clinical-reminder", "guideline"]
