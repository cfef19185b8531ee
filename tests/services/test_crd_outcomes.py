"""What each outcome says in coverage-information (sections L, P and R of the CRD checklist)."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest

from tests.services.crd import SELECT, SIGN, answered, coverage, crd_call, determination, information, reasons
from tests.support import JSON, NO, SETTINGS, YES, attestation, bundle, condition, education, order

PLAIN = "insulin-pump-order-sign"
ISSUING = dataclasses.replace(SETTINGS, issue_authorization_numbers=True)
NO_EDUCATION: dict[str, Any] = {"education": None}
ON_DIALYSIS = {"conditions": bundle(condition("c1", "E10.65"), condition("c2", "Z99.2"))}
SERVICES = pytest.mark.parametrize("service", [SIGN, PLAIN])


@SERVICES
def test_likely_approved_is_covered_and_needs_authorization(service: str) -> None:
    """Requirements 176, 179, 189, 198."""
    response = answered(crd_call(), service)
    found = information(response)
    assert determination(response)["outcome"] == "likely-approved"
    assert (found["covered"], found["pa-needed"]) == (["covered"], ["auth-needed"])
    assert found["coverage"] == [{"reference": "Coverage/v1"}]
    assert found["billingCode"] == [
        {"system": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "E0784"}
    ]
    assert found["date"] == ["2026-11-20"]
    assert found["coverage-assertion-id"] == [determination(response)["assertionId"]]
    assert not found.keys() & {"doc-needed", "questionnaire", "info-needed", "satisfied-pa-id", "doc-purpose"}


@SERVICES
def test_needs_documentation_asks_for_it_with_questionnaire_and_a_reason_for_each_gap(service: str) -> None:
    """Requirements 190, 191."""
    response = answered(crd_call(**NO_EDUCATION, attestations=None), service)
    found = information(response)
    assert determination(response)["outcome"] == "needs-documentation"
    assert (found["covered"], found["pa-needed"]) == (["covered"], ["auth-needed"])
    assert found["doc-needed"] == ["clinical"]
    assert found["questionnaire"] == ["https://cds.example.invalid/fhir/Questionnaire/mp-mm-1316|1.0.0"]
    texts = [reason["text"] for reason in found["reason"]]
    assert [text.split(" ")[1] for text in texts] == ["D.I.C", "D.I.D", "D.I.E"]
    assert all(text.startswith("Documentation, ") and "To do: " in text for text in texts)


def test_what_the_chart_shows_otherwise_says_what_helps() -> None:
    old = {"education": bundle(education("e1", "2024-06-01"))}
    said = reasons(information(answered(crd_call(**old))))
    assert "To do: Add the date and educator of a newer program, or have one completed" in said


@SERVICES
def test_excluded_is_not_covered_by_the_section(service: str) -> None:
    found = information(answered(crd_call(**ON_DIALYSIS), service))
    assert found["covered"] == ["not-covered"]
    assert "pa-needed" not in found
    assert "D.II.A.1" in reasons(found)
    (detail,) = found["detail"]
    assert {"url": "value", "valueUrl": "https://cds.example.invalid/policy/MP-MM-1316#D.II.A.1"} in detail


def test_at_selection_nothing_is_asked_for() -> None:
    """Requirement 76: no documentation at a secondary hook; the sections are named."""
    request = crd_call(**NO_EDUCATION)
    request["context"]["selections"] = ["DeviceRequest/pump-1"]
    found = information(answered(request, SELECT))
    assert (found["covered"], found["pa-needed"]) == (["covered"], ["auth-needed"])
    assert not found.keys() & {"doc-needed", "doc-purpose", "questionnaire"}
    assert "D.I.D" in reasons(found)
    assert "To do: " not in reasons(found)


def test_at_selection_only_selected_orders_are_written_on() -> None:
    """Requirement 67."""
    request = crd_call(order("pump-1"), order("pump-2"))
    request["context"]["selections"] = ["DeviceRequest/pump-2"]
    response = answered(request, SELECT)
    assert [action["resource"]["id"] for action in response["systemActions"]] == ["pump-2"]


# ---------------------------------------------------------------- authorization numbers


def test_no_number_is_issued_unless_the_plan_lets_the_service() -> None:
    assert "satisfied-pa-id" not in information(answered(crd_call()))
    found = information(answered(crd_call(), settings=ISSUING))
    assert found["pa-needed"] == ["satisfied"]
    assert len(found["satisfied-pa-id"]) == 1


def test_no_number_against_the_clients_word() -> None:
    """Requirement 174."""
    request = crd_call(extension={"davinci-crd.configuration": {"unsolicited-determ": False}})
    found = information(answered(request, settings=ISSUING))
    assert found["pa-needed"] == ["auth-needed"]
    assert "satisfied-pa-id" not in found


def test_no_number_where_something_is_missing_or_the_order_is_only_selected() -> None:
    assert information(answered(crd_call(**NO_EDUCATION), settings=ISSUING))["pa-needed"] == ["auth-needed"]
    request = crd_call()
    request["context"]["selections"] = ["DeviceRequest/pump-1"]
    assert information(answered(request, SELECT, ISSUING))["pa-needed"] == ["auth-needed"]


def test_no_number_on_a_coverage_that_was_not_verified() -> None:
    unsure = bundle(coverage(**{"class": []}))
    assert information(answered(crd_call(coverage=unsure), settings=ISSUING))["pa-needed"] == ["conditional"]


def _number(**changes: Any) -> str:
    request = crd_call(order(changes.pop("order", "pump-1")), coverage=bundle(coverage(**changes.pop("coverage", {}))))
    request.update(changes)
    response = answered(request, settings=ISSUING)
    resource = response["systemActions"][0]["resource"]
    return information(response, f"DeviceRequest/{resource['id']}")["satisfied-pa-id"][0]


def test_numbers_are_stable_and_never_two_orders() -> None:
    """Requirement 208: the number is binding. Two EHRs may well use the same ids."""
    base = _number()
    assert base == _number()
    others = [
        _number(order="pump-2"),
        _number(coverage={"subscriberId": "M-2"}),
        _number(fhirServer="https://ehr.example.invalid/r4"),
        _number(fhirServer="https://other.example.invalid/r4"),
    ]
    assert len({base, *others}) == 5


# ---------------------------------------------------------------- assertion ids


def test_an_assertion_keeps_its_id_whatever_is_found() -> None:
    """Requirement 184."""
    ids = {
        information(answered(request, service))["coverage-assertion-id"][0]
        for request in (crd_call(), crd_call(**NO_EDUCATION), crd_call(**ON_DIALYSIS))
        for service in (SIGN, PLAIN)
    }
    assert len(ids) == 1


def test_other_orders_coverages_and_patients_have_other_ids() -> None:
    """Requirement 185."""
    two = answered(crd_call(order("pump-1"), order("pump-2")))
    other = crd_call(coverage=bundle(coverage("v2")))
    ids = [
        information(two)["coverage-assertion-id"][0],
        information(two, "DeviceRequest/pump-2")["coverage-assertion-id"][0],
        information(answered(other))["coverage-assertion-id"][0],
    ]
    assert len(set(ids)) == 3


def test_nothing_new_makes_no_action() -> None:
    """Requirement 182: the order that went out comes back in."""
    for service in (SIGN, PLAIN):
        first = answered(crd_call(**NO_EDUCATION), service)
        changed = first["systemActions"][0]["resource"]
        assert answered(crd_call(changed, **NO_EDUCATION), service)["systemActions"] == []
        again = answered(crd_call(changed), service)["systemActions"]
        assert len(again) == 1, "the finding has changed"
        assert len(again[0]["resource"]["extension"]) == 1


# ---------------------------------------------------------------- several orders, other orders


def test_every_judged_order_gets_an_action_and_no_other() -> None:
    """Requirement 177: an order that the policy does not speak about is left alone."""
    scan = {
        "resourceType": "ServiceRequest",
        "id": "scan",
        "status": "draft",
        "intent": "order",
        "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "71046"}]},
        "subject": {"reference": "Patient/p1"},
    }
    response = answered(crd_call(order("pump-1"), scan, order("pump-2")))
    assert [action["resource"]["id"] for action in response["systemActions"]] == ["pump-1", "pump-2"]
    only_scan = answered(crd_call(scan))
    assert (only_scan["cards"], only_scan["systemActions"]) == ([], [])


def test_supplies_say_that_they_depend_on_the_pump() -> None:
    response = answered(crd_call(order("pump-1"), order("sets-1", code="A4230")))
    found = information(response, "DeviceRequest/sets-1")
    assert found["dependency"] == [{"reference": "DeviceRequest/pump-1"}]
    assert found["billingCode"][0]["code"] == "A4230"
    assert "dependency" not in information(response)


@pytest.mark.parametrize(
    "members", [{"doNotPerform": True}, {"intent": "proposal"}, {"status": "revoked"}, {"status": "completed"}]
)
def test_what_is_no_order_gets_no_coverage_information(members: JSON) -> None:
    """Requirement 206."""
    assert answered(crd_call(order(**members)))["systemActions"] == []


def test_a_pump_filed_as_medication_or_service_carries_it_too() -> None:
    for kind in ("MedicationRequest", "ServiceRequest"):
        item = order(resourceType=kind)
        code = item.pop("codeCodeableConcept")
        item |= {"code": code} if kind == "ServiceRequest" else {"medicationCodeableConcept": code}
        response = answered(crd_call(item))
        assert information(response, f"{kind}/pump-1")["covered"] == ["covered"]


def test_a_supply_request_takes_no_extension_and_says_so() -> None:
    item = order(resourceType="SupplyRequest", quantity={"value": 1})
    item["itemCodeableConcept"] = item.pop("codeCodeableConcept")
    for name in ("intent", "subject"):
        item.pop(name)
    response = answered(crd_call(item))
    assert response["systemActions"] == []
    assert any("takes no coverage-information" in n for n in determination(response, "SupplyRequest/pump-1")["notes"])


# ---------------------------------------------------------------- what was not read, or is not known


def test_unread_data_that_decides_is_a_technical_failure() -> None:
    """Requirements 88, 196: the EHR's server did not give the glucose readings."""
    broken = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    response = answered(crd_call(glucose=broken))
    found = information(response)
    assert (found["covered"], found["pa-needed"]) == (["indeterminate"], ["indeterminate"])
    assert found["reason"][0]["coding"][0]["code"] == "technical"
    assert "D.I.G" in reasons(found)
    assert "info-needed" not in found


def test_statements_that_could_not_be_read_are_asked_for() -> None:
    """A client that grants no QuestionnaireResponse would else never be asked for one."""
    broken = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}
    found = information(answered(crd_call(attestations=broken)))
    assert (found["covered"], found["doc-needed"]) == (["covered"], ["clinical"])
    assert "D.I.C" in reasons(found)


@pytest.mark.parametrize("key", ["conditions", "hba1c", "glucose", "albuminCreatinine", "insulin", "education"])
def test_any_part_of_the_chart_that_decides_and_was_not_read(key: str) -> None:
    broken = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    assert information(answered(crd_call(**{key: broken})))["covered"] == ["indeterminate"]


def test_before_2_2_a_technical_failure_is_conditional() -> None:
    broken = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    for version in ("2.0.1", "2.1"):
        found = information(answered(crd_call(glucose=broken, extension={"davinci-crd.requestedVersion": version})))
        assert (found["covered"], found["info-needed"]) == (["conditional"], ["OTH"])
        assert "coding" not in found["reason"][0]


def test_an_exclusion_stands_though_something_could_not_be_read() -> None:
    broken = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    assert information(answered(crd_call(glucose=broken, **ON_DIALYSIS)))["covered"] == ["not-covered"]


def test_a_coverage_that_was_not_verified_makes_everything_conditional() -> None:
    """Nothing is promised or refused in the plan's name before it is known to be the plan's."""
    unsure = {"coverage": bundle(coverage(**{"class": []}))}
    for changes in ({}, NO_EDUCATION, ON_DIALYSIS):
        found = information(answered(crd_call(**{**unsure, **changes})))
        assert (found["covered"], found["pa-needed"], found["info-needed"]) == (
            ["conditional"],
            ["conditional"],
            ["OTH"],
        )
        assert "not verified" in reasons(found)
    assert information(answered(crd_call(**unsure, **NO_EDUCATION)))["doc-needed"] == ["clinical"]


def test_a_plan_that_the_policy_does_not_govern_is_conditional_for_crd_and_silent_for_plain_clients() -> None:
    medicaid = {"coverage": bundle(coverage(type={"text": "Medicaid managed care"}))}
    response = answered(crd_call(**medicaid))
    assert determination(response)["outcome"] == "not-applicable"
    assert response["cards"] == []
    found = information(response)
    assert (found["covered"], found["info-needed"]) == (["conditional"], ["OTH"])
    assert "is not the policy for this coverage" in reasons(found)
    plain = answered(crd_call(**medicaid), PLAIN)
    assert (plain["cards"], plain["systemActions"]) == ([], [])


def test_an_order_before_the_policy_is_conditional_with_the_reason() -> None:
    old = order(authoredOn="2026-04-20")
    for service in (SIGN, PLAIN):
        found = information(answered(crd_call(old), service))
        assert found["covered"] == ["conditional"]
        assert "Apr 20, 2026, before the first version of MP-MM-1316" in reasons(found)


def test_no_coverage_no_coverage_information() -> None:
    """Requirement 197, for a plain client; a CRD client is told to mend it."""
    response = answered(crd_call(coverage=None), PLAIN)
    assert response["systemActions"] == []
    assert len(response["cards"]) == 1


def test_the_end_of_the_coverage_is_when_the_word_expires() -> None:
    """Requirement 200."""
    ending = {"coverage": bundle(coverage(period={"start": "2026-01-01", "end": "2026-12-31"}))}
    assert information(answered(crd_call(**ending)))["expiry-date"] == ["2026-12-31"]
    assert "expiry-date" not in information(answered(crd_call()))


def test_a_number_for_questions_goes_along_when_the_plan_has_one() -> None:
    settings = dataclasses.replace(SETTINGS, payer_phone="1-833-230-2099")
    assert information(answered(crd_call(), settings=settings))["contact"] == [
        {"telecom": [{"system": "phone", "value": "1-833-230-2099"}]}
    ]


def test_everything_else_of_the_order_comes_back_as_it_went() -> None:
    """Requirements 147, 180."""
    item = order(
        extension=[{"url": "http://example.invalid/x", "valueString": "kept"}],
        contained=[{"resourceType": "Device", "id": "d1", "type": {"text": "pump"}}],
        zork={"kept": True},
    )
    (action,) = answered(crd_call(item))["systemActions"]
    resource = copy.deepcopy(action["resource"])
    assert resource["extension"].pop()["url"].endswith("ext-coverage-information")
    assert resource == item
    assert list(resource) == list(item)


def test_an_attested_exclusion_is_not_covered() -> None:
    convenience = {"attestations": bundle(attestation(D_I_C=YES, D_I_E=YES, D_II_B_1=YES))}
    assert information(answered(crd_call(**convenience)))["covered"] == ["not-covered"]
    nobody = {"attestations": bundle(attestation(D_I_C=YES, D_I_E=NO, D_II_A_2=NO))}
    assert information(answered(crd_call(**nobody)))["covered"] == ["not-covered"]
