"""What codes say of people: who may order, and who is of endocrinology."""

from __future__ import annotations

import pytest

from cds_service.concepts import Concept
from fhir_mappings.common.terminology import concepts_of
from tests.fhir_mappings.builders import SNOMED

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
