"""Glycemic events and pump trouble: which words name them, and which codes mean what."""

from __future__ import annotations

import pytest

from cds_service.concepts import Concept
from fhir_mappings.common.datatypes import CodeableConcept, Coding
from fhir_mappings.common.meaning import meaning_of
from tests.support import ICD

LOW, SEVERE, STATE = Concept.HYPOGLYCEMIA_GENERIC, Concept.SEVERE_EXCURSION, Concept.HYPEROSMOLAR_STATE
BROKEN = Concept.PUMP_BREAKDOWN

WORDS = {
    "Severe hypoglycemia": {LOW, SEVERE},
    "Recurrent hypoglycemic episodes": {LOW},
    "Low blood sugar": {LOW},
    "Loss of hypoglycemic warning": {SEVERE},
    "Hypoglycemia unawareness": {SEVERE},
    "No hypoglycemia": set(),
    "At risk for hypoglycemia": set(),
    "Hyperosmolar hyperglycemic state": {STATE},
    "HHS": {STATE},
    "Hyperosmolality and hypernatremia": set(),
    "Insulin pump malfunction": {BROKEN},
    "Mechanical breakdown of insulin pump": {BROKEN},
    "Insulin pump is not working": {BROKEN},
    "Insulin pump site infection": set(),
    "Leakage of implanted insulin pump": set(),
    "No insulin pump failure": set(),
}


@pytest.mark.parametrize(("text", "concepts"), WORDS.items())
def test_words(text: str, concepts: set[Concept]) -> None:
    found = meaning_of(CodeableConcept(text=text))
    assert found.review & {LOW, SEVERE, STATE, BROKEN} == concepts
    assert not found.documented | found.supported


def test_a_level_code_is_no_episode_however_it_is_called() -> None:
    coding = Coding(ICD, "E16.A2", display="Hypoglycemia, level 2")
    found = meaning_of(CodeableConcept([coding]))
    assert found.documented == {Concept.HYPOGLYCEMIA_LEVEL}
    assert LOW not in found.all


CODES = {
    "T85.614A": {BROKEN},
    "t85614d": {BROKEN},
    "T85.633A": {BROKEN},
    "T85.694D": {BROKEN},
    "T85.614S": {BROKEN, Concept.PUMP_TROUBLE_SEQUELA},
    "T85.624A": {Concept.PUMP_DISPLACEMENT},
    "T85.624S": {Concept.PUMP_DISPLACEMENT, Concept.PUMP_TROUBLE_SEQUELA},
    "T85.72XA": set(),
    "T85.615A": set(),
}


@pytest.mark.parametrize(("code", "concepts"), CODES.items())
def test_codes_of_pump_trouble(code: str, concepts: set[Concept]) -> None:
    assert meaning_of(CodeableConcept([Coding(ICD, code)])).all == concepts
