"""What codes say of the type of diabetes and of its complications, one line a code, the traps beside."""

from __future__ import annotations

import pytest

from cds_service.concepts import Concept
from fhir_mappings.common.terminology import concepts_of, read_code
from tests.fhir_mappings.builders import SNOMED
from tests.support import ICD

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


@pytest.mark.parametrize(
    ("code", "early"),
    [
        ("420789003", True),
        ("422034002", True),
        ("789542009", True),
        ("713702000", True),
        ("420514000", True),
        ("90741000119107", True),
        ("4855003", True),
        ("127013003", True),
        ("31321000119102", False),  # without retinopathy
        ("18521000119106", False),  # moderately increased albuminuria: a sign of its own
        ("90771000119100", False),  # end stage
        ("420825003", False),  # gangrene
    ],
)
def test_early_signs_of_complications(code: str, early: bool) -> None:
    assert (Concept.EARLY_COMPLICATION in concepts_of(SNOMED, code)) is early
