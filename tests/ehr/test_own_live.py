"""Reading what only one policy asks for from the FHIR server: for its members, and for nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.hooks.discovery import ORDER_SIGN
from tests import support
from tests.ehr.hostile_server import HostileServer, chart, refuse
from tests.ehr.test_crd_live import answer, signed
from tests.services.crd import coverage, determination
from tests.support import JSON, LOINC, PATIENT, bundle

PLAIN = ORDER_SIGN.id
OWN = {"1986-9", "56540-8", "29463-7", "2160-0"}


def medicare() -> JSON:
    """Part B, as an EHR files it."""
    part_b = {"type": {"coding": [{"code": "plan"}]}, "value": "Part B", "name": "Medicare Part B"}
    return coverage() | {"payor": [{"display": "Medicare"}], "class": [part_b]}


def lab(name: str, loinc: str, value: float, unit: str, when: str, **members: Any) -> JSON:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": loinc}]},
        "subject": PATIENT,
        "effectiveDateTime": when,
        "valueQuantity": {"value": value, "unit": unit, "code": unit},
        **members,
    }


# Twelve years before the order: 0.5 ng/mL is below 110 % of 1.1, which is 1.21.
OLD = "2014-03-01T08:00:00-05:00"
C_PEPTIDE = lab("cp", "1986-9", 0.5, "ng/mL", OLD, referenceRange=[{"low": {"value": 1.1, "unit": "ng/mL"}}])
GLUCOSE = lab("g", "1558-6", 180, "mg/dL", OLD)


@pytest.fixture
def ehr() -> Iterator[HostileServer]:
    with HostileServer(*chart(coverage=bundle(medicare())), C_PEPTIDE, GLUCOSE) as server:
        yield server


def codes_asked(server: HostileServer) -> set[str]:
    return {code for asked in server.asked for value in asked.params.get("code", []) for code in value.split(",")}


def criterion(body: JSON, section: str) -> JSON:
    found: JSON = next(each for each in determination(body)["criteria"] if each["id"] == section)
    return found


def c_peptide_of(body: JSON) -> JSON:
    (policy,) = [determination(body)["policy"]["id"]]
    assert policy == "L33794"
    parts = [determination(body)["criteria"]]
    flat = [each for group in parts for each in group] + [p for each in parts[0] for p in each.get("parts", ())]
    found: JSON = next(each for each in flat if each["id"] == "IV.A")
    return found


def test_a_c_peptide_of_twelve_years_ago_is_read_with_its_glucose(ehr: HostileServer) -> None:
    found = c_peptide_of(answer(signed(ehr), PLAIN))
    assert found["truth"] == "met", found
    assert {each["reference"] for each in found["evidence"]} == {"Observation/cp", "Observation/g"}
    assert codes_asked(ehr) >= OWN
    assert ehr.asked_for("Encounter")


def test_a_search_that_fails_is_not_read_and_not_nothing(ehr: HostileServer) -> None:
    ehr.on("Observation", refuse(500), when=lambda asked: "1986-9" in "".join(asked.params.get("code", [])))
    found = c_peptide_of(answer(signed(ehr), PLAIN))
    assert (found["truth"], found["gap"]) == ("unknown", "not-retrieved")
    assert "C-peptide results" in found["explanation"]


def test_of_a_member_of_another_plan_nothing_of_it_is_read() -> None:
    """The coverage came with the call: what Medicare alone asks for is none of this payer's business."""
    with HostileServer(*chart(coverage=bundle(coverage())), C_PEPTIDE, GLUCOSE) as server:
        held = support.call()["prefetch"]
        answer(signed(server, prefetch={"coverage": bundle(coverage()), "patient": held["patient"]}), PLAIN)
        assert server.asked_for("Observation")
        assert not codes_asked(server) & OWN


def test_where_the_coverage_is_not_known_yet_all_is_read_at_once() -> None:
    with HostileServer(*chart(coverage=bundle(coverage()))) as server:
        answer(signed(server), PLAIN)
        assert codes_asked(server) >= OWN


def test_with_one_policy_in_use_nothing_of_the_other_is_read() -> None:
    with HostileServer(*chart(coverage=bundle(coverage()))) as server:
        answer(signed(server), PLAIN, policies="MP-MM-1316")
        assert server.asked_for("Observation")
        assert not codes_asked(server) & OWN


def test_a_payer_that_is_read_only_now_may_lead_to_the_other_policy() -> None:
    """The coverage came with a payer that only points: what its policy asks for is read all the same."""
    payer = {"resourceType": "Organization", "id": "cms", "name": "Medicare"}
    pointing = medicare() | {"payor": [{"reference": "Organization/cms"}]}
    with HostileServer(*chart(coverage=bundle(pointing)), payer, C_PEPTIDE, GLUCOSE) as server:
        body = answer(signed(server, prefetch={"coverage": bundle(pointing)}), PLAIN)
        assert c_peptide_of(body)["truth"] == "met"
