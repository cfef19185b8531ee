"""What an incomplete chart decides: only what the missing part could not change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import support
from tests.ehr.hostile_server import (
    Behaviour,
    HostileServer,
    badly,
    call,
    chart,
    judge,
    on_page,
    refuse,
    without_end,
)
from tests.support import JSON

FEW = {"max_pages": 3}


@pytest.fixture
def ehr() -> Iterator[HostileServer]:
    with HostileServer(*chart()) as server:
        yield server


def _readings(server: HostileServer, *instead: JSON) -> None:
    """Other readings in place of the chart's own."""
    server.held = [r for r in server.held if not r["id"].startswith("g")] + list(instead)


def test_enough_readings_are_enough_whatever_follows(ehr: HostileServer) -> None:
    """Rule 4: 120 self-tests in 30 days meet D.I.G; more can only add."""
    without_end(ehr, "Observation", "41653-7")
    assert judge(call(ehr), max_pages=4).truth("D.I.G") == "met"


def test_too_few_readings_in_an_incomplete_list_decide_nothing(ehr: HostileServer) -> None:
    """Rule 4: 119 self-tests are no "not met" when more may have been missed."""
    ehr.held = [r for r in ehr.held if r["id"] != "g0"]
    without_end(ehr, "Observation", "41653-7")
    assert judge(call(ehr), max_pages=4).truth("D.I.G") == "not-retrieved"


@pytest.mark.parametrize("gone", [set(), {"u2"}])
def test_a_count_of_results_in_an_incomplete_list(ehr: HostileServer, gone: set[str]) -> None:
    """Rule 4; D.I.H.1 looks at the three newest ratios: newer ones may be on a page that was not read."""
    ehr.held = [r for r in ehr.held if r["id"] not in gone]
    without_end(ehr, "Observation", "9318-7")
    assert judge(call(ehr), max_pages=4).truth("D.I.H.1") == "not-retrieved"


def test_a_diagnosis_found_stands_and_one_not_found_is_unknown(ehr: HostileServer) -> None:
    """Rule 4: E10.65 was read; that there is no end-stage disease was not."""
    without_end(ehr, "Condition")
    found = judge(call(ehr), max_pages=4)
    assert (found.truth("D.I.A"), found.truth("D.II.A.1")) == ("met", "not-retrieved")


# ---------------------------------------------------------------- lists with an end that was not reached


@pytest.mark.parametrize(("mornings", "truth"), [(8, "not-retrieved"), (16, "met")])
def test_a_share_of_mornings(ehr: HostileServer, mornings: int, truth: str) -> None:
    """Rule 4; D.I.I.4 wants half of the measured mornings of 30 days: eight high ones may be eight of thirty."""
    days = [f"2026-11-{day:02}" for day in range(4, 20)][:mornings]
    _readings(ehr, *(support.observation(f"d{day}", "41653-7", 250, "mg/dL", f"{day}T05:00:00-05:00") for day in days))
    without_end(ehr, "Observation", "41653-7")
    assert judge(call(ehr), **FEW).truth("D.I.I.4") == truth


def test_a_recorded_number_of_tests_that_may_not_be_the_newest(ehr: HostileServer) -> None:
    """Rule 4: five tests a day were recorded; a newer record may be on a page that was not read."""
    _readings(ehr, support.observation("n1", "41653-7", 5, "/d", "2026-11-10"))
    assert judge(call(ehr)).truth("D.I.G") == "met"
    without_end(ehr, "Observation", "41653-7")
    assert judge(call(ehr), **FEW).truth("D.I.G") == "not-retrieved"


def test_old_education_may_not_be_the_newest(ehr: HostileServer) -> None:
    """Rule 4: education of 2024 contradicts D.I.D only when nothing newer may have been missed."""
    ehr.held = [r for r in ehr.held if r["resourceType"] != "Procedure"] + [support.education("old", "2024-02-01")]
    assert judge(call(ehr)).truth("D.I.D") == "not-met"
    without_end(ehr, "Procedure")
    assert judge(call(ehr), **FEW).truth("D.I.D") == "not-retrieved"


def test_an_attestation_that_may_not_be_the_newest(ehr: HostileServer) -> None:
    """Rule 4: the newest answer counts, and the newer "no" is on a page that was not read."""
    ehr.held.append(support.attestation("qr-2", "2026-11-19", D_I_C=support.NO, D_I_E=support.YES))
    assert judge(call(ehr)).truth("D.I.C") == "not-met"
    ehr.page_size["QuestionnaireResponse"] = 1
    ehr.on("QuestionnaireResponse", refuse(401), when=on_page(2))
    assert judge(call(ehr)).truth("D.I.C") == "not-retrieved"


def test_a_coverage_that_may_not_be_the_primary_one(ehr: HostileServer) -> None:
    """Rule 4: the primary insurance, another payer's, is on a page that was not read."""
    _insure(ehr, ours=2, theirs=1)
    assert judge(call(ehr)).determination["coverage"] == "not-governed"
    ehr.page_size["Coverage"] = 1
    ehr.on("Coverage", refuse(401), when=on_page(2))
    assert judge(call(ehr)).determination["coverage"] == "unverified"


def test_another_payers_coverage_may_not_be_the_only_one(ehr: HostileServer) -> None:
    """Rule 4: the payer's own, primary one is on a page that was not read: the order must not go unheard."""
    _insure(ehr, ours=1, theirs=2)
    assert judge(call(ehr)).determination["coverage"] == "governed"
    ehr.held.reverse()
    ehr.page_size["Coverage"] = 1
    ehr.on("Coverage", refuse(401), when=on_page(2))
    found = judge(call(ehr))
    assert found.determination["coverage"] == "unverified"
    assert len(found.body["cards"]) == 1


def _insure(server: HostileServer, ours: int, theirs: int) -> None:
    """Two insurances with their order; the other payer's is held behind the payer's own."""
    own = next(r for r in server.held if r["resourceType"] == "Coverage")
    other = {
        "resourceType": "Coverage",
        "id": "v2",
        "status": "active",
        "beneficiary": support.PATIENT,
        "order": theirs,
    }
    own["order"] = ours
    server.held.append(other | {"payor": [{"display": "Some Other Health Plan"}]})


# ---------------------------------------------------------------- parts that did not come at all


@pytest.mark.parametrize("trouble", [refuse(403), badly(wait=30.0)], ids=["403", "slow"])
def test_attestations_that_were_not_read_are_not_missing(ehr: HostileServer, trouble: Behaviour) -> None:
    """Rule 3: D.I.C and D.I.E rest on attestations; that none came is not that none is there."""
    ehr.on("QuestionnaireResponse", trouble)
    found = judge(call(ehr), deadline_seconds=0.6)
    assert (found.truth("D.I.C"), found.truth("D.I.E")) == ("not-retrieved", "not-retrieved")


def test_stays_that_could_not_be_seen(ehr: HostileServer) -> None:
    """Rule 4: readings of a hospital stay are no self-tests, and the Encounter could not be read."""
    stay = {"resourceType": "Encounter", "id": "stay", "status": "finished", "subject": support.PATIENT}
    stay["class"] = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}
    inside = {"encounter": {"reference": "Encounter/stay"}}
    _readings(ehr, *(r | inside if int(r["id"][1:]) < 60 else r for r in support.readings()))
    ehr.held.append(stay)
    assert judge(call(ehr)).truth("D.I.G") != "met"  # 60 of 120 were taken on the ward
    ehr.on("Encounter", refuse(403))
    assert judge(call(ehr)).truth("D.I.G") == "not-retrieved"


def test_optional_types_that_a_server_does_not_have_cost_nothing(ehr: HostileServer) -> None:
    """Rule 3: no roles and no use statements on this server; the practitioner and the devices say enough."""
    for kind in ("PractitionerRole", "DeviceUseStatement", "MedicationStatement", "MedicationDispense", "ChargeItem"):
        ehr.on(kind, refuse(404, "not-supported"))
    assert judge(call(ehr)).unread == set()
