"""What each code says: one line a code, the traps beside what they look like."""

from __future__ import annotations

import pytest

from cds_service.concepts import Concept
from fhir_mappings.terminology import concepts_of, read_code
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


# ---------------------------------------------------------------- people

NUCC = "http://nucc.org/provider-taxonomy"
ROLE = "http://terminology.hl7.org/CodeSystem/practitioner-role"
DEGREE = "http://terminology.hl7.org/CodeSystem/v2-0360"
MAY, MAY_NOT = {Concept.MAY_ORDER}, {Concept.MAY_NOT_ORDER}
ENDOCRINE = {Concept.ENDOCRINOLOGY}


@pytest.mark.parametrize(
    ("system", "code", "says"),
    [
        # Taxonomies go by category, listed one by one or not.
        (NUCC, "207RE0101X", MAY | ENDOCRINE),
        (NUCC, "2080P0205X", MAY | ENDOCRINE),
        (NUCC, "207VE0102X", MAY),  # reproductive endocrinology is another field
        (NUCC, "163WR1000X", MAY_NOT),
        (NUCC, "207RC0000X", MAY),
        (NUCC, "2084N0400X", MAY),
        (NUCC, "208D00000X", MAY),
        (NUCC, "204F00000X", MAY),
        (NUCC, "202K00000X", MAY),
        (NUCC, "363LP2300X", MAY),
        (NUCC, "363AS0400X", MAY),
        (NUCC, "364SA2200X", MAY),
        (NUCC, "164W00000X", MAY_NOT),
        (NUCC, "164X00000X", MAY_NOT),
        (NUCC, "163WC0400X", MAY_NOT),
        (NUCC, "163WM0705X", MAY_NOT),
        (NUCC, "133VN1006X", MAY_NOT),
        (NUCC, "1835P0018X", MAY_NOT),
        (NUCC, "183700000X", MAY_NOT),
        (NUCC, "171M00000X", MAY_NOT),
        (NUCC, "231H00000X", MAY_NOT),
        (NUCC, "246QM0706X", MAY_NOT),
        (NUCC, "2471C1101X", MAY_NOT),
        (NUCC, "376K00000X", MAY_NOT),
        (NUCC, "213E00000X", MAY_NOT),
        (NUCC, "204E00000X", MAY_NOT),
        (NUCC, "367A00000X", MAY_NOT),
        (NUCC, "367500000X", MAY_NOT),
        # These say nothing of one person's license: student, group, organization.
        (NUCC, "390200000X", set()),
        (NUCC, "193400000X", set()),
        (NUCC, "261QE0700X", set()),
        (NUCC, "3336C0003X", set()),
        (NUCC, "2080E0001X", MAY),  # of a physician's category, yet no code of endocrinology: it does not exist
        # SNOMED CT occupations and specialties.
        (SNOMED, "394583002", ENDOCRINE),
        (SNOMED, "408475000", ENDOCRINE),
        (SNOMED, "419610006", ENDOCRINE),
        (SNOMED, "61894003", MAY | ENDOCRINE),
        (SNOMED, "309331005", MAY | ENDOCRINE),
        (SNOMED, "309353007", MAY),
        (SNOMED, "309343006", MAY),
        (SNOMED, "224571005", MAY),
        (SNOMED, "449161006", MAY),
        (SNOMED, "224535009", MAY_NOT),
        (SNOMED, "46255001", MAY_NOT),
        (SNOMED, "159033005", MAY_NOT),
        (SNOMED, "309453006", MAY_NOT),
        (SNOMED, "22515006", MAY_NOT),
        (SNOMED, "224543004", MAY_NOT),
        (ROLE, "doctor", MAY),
        (ROLE, "nurse", MAY_NOT),
        (ROLE, "pharmacist", MAY_NOT),
        (ROLE, "ict", set()),
        (DEGREE, "MD", MAY),
        (DEGREE, "EMTP", MAY_NOT),
        (DEGREE, "CNM", MAY_NOT),
        (DEGREE, "MBA", set()),
    ],
)
def test_who_may_order(system: str, code: str, says: set[Concept]) -> None:
    assert concepts_of(system, code) & (MAY | MAY_NOT | ENDOCRINE) == says


# ---------------------------------------------------------------- types of diabetes

TYPE_1, TYPE_2 = {Concept.TYPE_1_DIABETES}, {Concept.TYPE_2_DIABETES}
OTHER, UNCLEAR = {Concept.OTHER_DIABETES_TYPE}, {Concept.DIABETES_TYPE_UNCLEAR}
TYPES = TYPE_1 | TYPE_2 | OTHER
NOTHING: set[Concept] = set()


@pytest.mark.parametrize(
    ("system", "code", "documented", "supported"),
    [
        (SNOMED, "46635009", TYPE_1, NOTHING),
        (SNOMED, "609566000", TYPE_1, NOTHING),
        (SNOMED, "190372001", TYPE_1, NOTHING),  # "maturity onset" with type 1 is no MODY
        (ICD, "E10", TYPE_1, NOTHING),
        (ICD, "E10.6", TYPE_1, NOTHING),
        (ICD, "O24.013", TYPE_1, NOTHING),
        (ICD, "O24.01", TYPE_1, NOTHING),
        (ICD, "O24.02", TYPE_1, NOTHING),
        (ICD, "O24.03", TYPE_1, NOTHING),
        (SNOMED, "237627000", TYPE_2, NOTHING),
        (SNOMED, "443694000", TYPE_2, NOTHING),
        (SNOMED, "445353002", TYPE_2, NOTHING),
        (SNOMED, "164971000119101", TYPE_2, NOTHING),
        (ICD, "O24.112", TYPE_2, NOTHING),
        (ICD, "O24.12", TYPE_2, NOTHING),
        (ICD, "O24.13", TYPE_2, NOTHING),
        # A type that is named as a cause is supported.
        (SNOMED, "71701000119105", NOTHING, TYPE_1),
        (SNOMED, "420789003", NOTHING, TYPE_1),
        (SNOMED, "420868002", NOTHING, TYPE_1),
        (SNOMED, "16745411000119104", NOTHING, TYPE_1),
        (SNOMED, "128001000119105", NOTHING, TYPE_1),
        (SNOMED, "90771000119100", NOTHING, TYPE_1),
        (SNOMED, "420270002", NOTHING, TYPE_1),  # today's name: ketoacidosis due to type 1
        (SNOMED, "422034002", NOTHING, TYPE_2),
        (SNOMED, "127991000119101", NOTHING, TYPE_2),
        (SNOMED, "711000119100", NOTHING, TYPE_2),
        (SNOMED, "201000119106", NOTHING, TYPE_2),
        (SNOMED, "1491000119102", NOTHING, TYPE_2),
        # Known other types.
        (SNOMED, "426875007", OTHER, NOTHING),
        (SNOMED, "427089005", OTHER, NOTHING),
        (SNOMED, "51002006", OTHER, NOTHING),
        (SNOMED, "237604008", OTHER, NOTHING),  # the 2 is a number of MODY
        (SNOMED, "609562003", OTHER, NOTHING),
        (SNOMED, "609570008", OTHER, NOTHING),
        (SNOMED, "408540003", OTHER, NOTHING),
        (SNOMED, "49817004", OTHER, NOTHING),
        (SNOMED, "75524006", OTHER, NOTHING),
        (SNOMED, "75022004", OTHER, NOTHING),
        (SNOMED, "70694009", OTHER, NOTHING),  # Wolfram: insipidus and mellitus
        (ICD, "E08.22", OTHER, NOTHING),
        (ICD, "E09.65", OTHER, NOTHING),
        (ICD, "E13.9", OTHER, NOTHING),
        (ICD, "O24.414", OTHER, NOTHING),
        (ICD, "P70.2", OTHER, NOTHING),
        # No type: presymptomatic, in remission, unstated, of the past, labels of older maps.
        *((ICD, code, NOTHING, NOTHING) for code in ("E10.A2", "E11.A", "O24.319", "O24.819", "O24.919", "E23.2")),
        *((SNOMED, code, NOTHING, NOTHING) for code in ("73211009", "703137001", "703138006", "472970003")),
        *(
            (SNOMED, code, NOTHING, NOTHING)
            for code in (
                *("111552007", "11530004", "127013003", "199223000", "230577008", "237632004", "25093002"),
                *("268519009", "422088007", "422183001", "422275004", "43959009", "4855003", "49455004"),
            )
        ),
        (SNOMED, "15771004", NOTHING, NOTHING),
    ],
)
def test_types_of_diabetes(system: str, code: str, documented: set[Concept], supported: set[Concept]) -> None:
    reading = read_code(system, code)
    assert reading.documented & TYPES == documented
    assert reading.supported & TYPES == supported
    assert not reading.documented & {Concept.DUE_TO_TYPE_1_DIABETES, Concept.DUE_TO_TYPE_2_DIABETES}


@pytest.mark.parametrize(
    "code", ["73211009", "703137001", "703138006", "472970003", "4855003", "127013003", "268519009", "11530004"]
)
def test_diabetes_of_no_stated_type_is_seen(code: str) -> None:
    assert concepts_of(SNOMED, code) & (UNCLEAR | OTHER) == UNCLEAR


def test_a_code_may_document_a_disease_and_support_its_cause() -> None:
    reading = read_code(SNOMED, "90771000119100")
    assert Concept.END_STAGE_RENAL_DISEASE in reading.documented
    assert Concept.TYPE_1_DIABETES in reading.supported
