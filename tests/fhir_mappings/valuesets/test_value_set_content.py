"""What codes say of kidneys, other organs and sensors: one line a code, the traps beside what they look like."""

from __future__ import annotations

import pytest

from cds_service.concepts import Concept
from fhir_mappings.common.terminology import concepts_of
from tests.fhir_mappings.builders import CPT, SNOMED
from tests.support import HCPCS, ICD

PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
ICD9 = "http://hl7.org/fhir/sid/icd-9-cm"

END_STAGE = {Concept.END_STAGE_RENAL_DISEASE}
REVIEW = {Concept.KIDNEY_FAILURE_FOR_REVIEW}
TRANSPLANT = {Concept.KIDNEY_TRANSPLANT}
MILD = {Concept.CHRONIC_KIDNEY_DISEASE}
ACUTE = {Concept.ACUTE_KIDNEY_INJURY}
CHRONIC_SESSION = {Concept.CHRONIC_DIALYSIS}
SESSION = {Concept.DIALYSIS}
SESSION_FOR_REVIEW = {Concept.DIALYSIS_FOR_REVIEW}
OTHER_ORGAN = {Concept.OTHER_ORGAN_FAILURE}
KIDNEYS = END_STAGE | REVIEW | TRANSPLANT | MILD | ACUTE | CHRONIC_SESSION | SESSION | SESSION_FOR_REVIEW | OTHER_ORGAN


@pytest.mark.parametrize(
    ("system", "code", "says"),
    [
        # End-stage disease or dependence on dialysis, in every wording.
        (SNOMED, "46177005", END_STAGE),
        (SNOMED, "714152005", END_STAGE),
        (SNOMED, "428982002", END_STAGE),
        (SNOMED, "428937001", END_STAGE),
        (SNOMED, "429075005", END_STAGE),
        (SNOMED, "443143006", END_STAGE),
        (SNOMED, "443596009", END_STAGE),
        (SNOMED, "127991000119101", END_STAGE),
        (SNOMED, "128001000119105", END_STAGE),
        (SNOMED, "286371000119107", END_STAGE),
        (SNOMED, "285841000119104", END_STAGE),
        (SNOMED, "111411000119103", END_STAGE),
        (SNOMED, "96701000119107", END_STAGE),
        (SNOMED, "707324008", END_STAGE),
        (SNOMED, "153891000119101", END_STAGE),
        (SNOMED, "704667004", END_STAGE),
        (SNOMED, "11000731000119102", END_STAGE),
        # Stage 5 without a word about dialysis, and what else a person has to place.
        (SNOMED, "433146000", REVIEW),
        (SNOMED, "285011000119108", REVIEW),
        (SNOMED, "153851000119106", REVIEW),
        (SNOMED, "129161000119100", REVIEW),
        (SNOMED, "711000119100", REVIEW),
        (SNOMED, "90761000119106", REVIEW),
        (SNOMED, "140101000119109", REVIEW),
        (SNOMED, "96711000119105", REVIEW),
        (SNOMED, "161693006", REVIEW),  # dialysis in the past
        (SNOMED, "236436003", REVIEW),
        (ICD, "Z91.15", REVIEW),
        (ICD, "Z49.01", REVIEW),
        # Stage 5 in the name, transplanted, not dialyzed.
        (SNOMED, "714153000", REVIEW | TRANSPLANT),
        (SNOMED, "161665007", TRANSPLANT),
        (SNOMED, "737295003", TRANSPLANT),
        (ICD, "T86.11", TRANSPLANT),
        (ICD, "T86.12", REVIEW),
        # Looks by its number like the two of stage 5 beside it.
        (SNOMED, "96731000119100", MILD),
        (SNOMED, "431857002", MILD),
        (SNOMED, "721000119107", MILD),
        (SNOMED, "14669001", ACUTE),
        (HCPCS, "G0491", ACUTE),
        (HCPCS, "G0492", ACUTE),
        # Dialysis as a procedure.
        (HCPCS, "G0257", CHRONIC_SESSION),
        (HCPCS, "S9339", CHRONIC_SESSION),
        (HCPCS, "S9335", CHRONIC_SESSION),
        (SNOMED, "708931003", CHRONIC_SESSION),
        (SNOMED, "225230008", CHRONIC_SESSION),
        (PCS, "5A1D70Z", SESSION),
        (PCS, "5A1D00Z", SESSION),
        (PCS, "5A1D60Z", SESSION),
        (PCS, "3E1M39Z", SESSION),
        (ICD9, "39.95", SESSION),
        (SNOMED, "233575001", SESSION),
        (PCS, "5A1D80Z", SESSION_FOR_REVIEW),
        (PCS, "5A1D90Z", SESSION_FOR_REVIEW),
        (SNOMED, "233578004", SESSION_FOR_REVIEW),
        # Other organs: only what says end stage.
        (ICD, "I50.84", OTHER_ORGAN),
        (ICD, "K72.10", OTHER_ORGAN),
        (ICD, "K72.11", OTHER_ORGAN),
        (SNOMED, "708248004", OTHER_ORGAN),
        (SNOMED, "471880001", OTHER_ORGAN),
        *((ICD, code, set()) for code in ("I50.9", "I50.22", "K74.60", "K70.30", "K76.7", "J96.11", "Z99.81")),
        # Education about dialysis is no dialysis; one source alone is not enough to refuse a patient.
        (SNOMED, "28812006", set()),
        (SNOMED, "430901000124109", set()),
        (CPT, "4052F", set()),
    ],
)
def test_kidneys_and_other_organs(system: str, code: str, says: set[Concept]) -> None:
    assert concepts_of(system, code) & KIDNEYS == says


SENSOR_CODES = ("A4238", "A4239", "E2102", "E2103", "A9276", "A9277", "A9278", "K0553", "K0554", "S1035")


@pytest.mark.parametrize("code", SENSOR_CODES)
def test_a_sensor_is_a_sensor_and_no_pump(code: str) -> None:
    assert {Concept.CGM_DEVICE, Concept.NOT_A_PUMP} <= concepts_of(HCPCS, code)


@pytest.mark.parametrize("code", ["E0607", "A4253", "A4271", "E2104", "E0784"])
def test_what_belongs_to_a_meter_or_pump_is_no_sensor(code: str) -> None:
    assert Concept.CGM_DEVICE not in concepts_of(HCPCS, code)


def test_a_subcutaneous_sensor_in_snomed_and_a_meter_beside_it() -> None:
    assert Concept.CGM_DEVICE in concepts_of(SNOMED, "701750003")
    assert Concept.CGM_DEVICE not in concepts_of(SNOMED, "337414009")


def test_monitoring_of_tissue_fluid_is_a_sensors() -> None:
    assert Concept.CGM_READING in concepts_of(SNOMED, "439926003")
