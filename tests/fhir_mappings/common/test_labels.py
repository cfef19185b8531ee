"""What a coded element is called in a sentence that a clinician reads."""

from __future__ import annotations

import pytest

from cds_service.concepts import Concept
from fhir_mappings.common import labels
from fhir_mappings.common.datatypes import CodeableConcept, Coding
from fhir_mappings.common.meaning import code_and_label, meaning_of

SNOMED = "http://snomed.info/sct"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"


def _label(*codings: Coding, text: str | None = None) -> str:
    concept = CodeableConcept(coding=list(codings), text=text)
    return code_and_label(concept, meaning_of(concept))[1]


def test_words_that_say_more_than_the_code_are_quoted() -> None:
    """A finding that rests on the words would otherwise name the code, which says nothing of it."""
    code = Coding(system=SNOMED, code="237599002", display="Insulin treated type 2 diabetes mellitus")
    text = "Type 2 diabetes mellitus with ESRD, on chronic dialysis"
    assert _label(code, text=text) == f'Insulin treated type 2 diabetes mellitus (charted as "{text}")'
    assert _label(code, text="Type 2 diabetes on insulin") == "Insulin treated type 2 diabetes mellitus"


def test_no_code_is_read_to_a_clinician() -> None:
    assert _label(Coding(system=SNOMED, code="46177005", display="End-stage renal disease (disorder)")) == (
        "End-stage renal disease"
    )
    assert _label(Coding(system=ICD, code="N18.6", display="End stage renal disease")) == "End stage renal disease"
    assert _label(Coding(system=ICD, code="N18.6")) == "End stage renal disease"
    assert _label(Coding(system=HCPCS, code="G0109")) != "G0109"
    # What nobody names goes by its code: there is nothing else to tell it from others.
    assert _label(Coding(system=ICD, code="Z99.99")) == "Z99.99"


def test_what_is_ordered_shows_its_code() -> None:
    pump = CodeableConcept(coding=[Coding(system=HCPCS, code="e0784", display="Insulin pump")])
    assert labels.label_with_code(pump) == "E0784 Insulin pump"
    assert labels.label_with_code(CodeableConcept(text="Insulin pump")) == "Insulin pump"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("x" * 300, "xxxx"),
        (
            "Breakdown of insulin pump, " + "with a very long description of what was found, " * 4,
            "Breakdown of insulin pump, with a very long description of what was found",
        ),
    ],
)
def test_a_long_name_loses_whole_clauses(name: str, kept: str) -> None:
    label = labels.label(
        CodeableConcept(coding=[Coding(system=ICD, code="N18.6", display=name)]),
        frozenset({Concept.END_STAGE_RENAL_DISEASE}),
    )
    assert len(label) <= 120
    assert label.startswith(kept)
    assert not label.endswith((",", " ", "("))
