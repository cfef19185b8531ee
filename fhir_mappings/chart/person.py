"""Patient → birth date and sex, as far as a value is computed from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from cds_service.facts import Person, Sex
from fhir_mappings.common.dates import Calendar
from fhir_mappings.json.clinical_views import Patient
from fhir_mappings.json.fhir_json import plain
from fhir_mappings.json.raw_elements import element

# US Core's extensions, and the code systems' spellings: HL7 administrative gender, SNOMED CT, v3 null flavors.
_BIRTH_SEX = ("us-core-birthsex", "us-core-sex", "patient-birthsex", "individual-recordedsexorgender")
_SEXES = {
    **dict.fromkeys(("f", "female", "248152002"), Sex.FEMALE),
    **dict.fromkeys(("m", "male", "248153007"), Sex.MALE),
    **dict.fromkeys(("oth", "other", "x", "184115007", "32570691000036108"), Sex.OTHER),
}


def read_person(patients: Iterable[Patient], calendar: Calendar) -> Person:
    """Who the patient is. Sex at birth outweighs a missing or unknown gender, and never one that says otherwise."""
    for patient in patients:
        born = calendar.when(element(patient.birthDate, str))
        gender = _sex(element(patient.gender, str))
        birth = next((sex for value in _at_birth(plain(patient.extension)) if (sex := _sex(value))), None)
        return Person(born, _combined_sex(gender, birth))
    return Person()


def _combined_sex(gender: Sex | None, birth: Sex | None) -> Sex:
    """One sex of two statements: DIFFERS where both name one and not the same."""
    if gender is None or birth is None:
        return gender or birth or Sex.UNSTATED
    if gender is birth:
        return gender
    certain = {gender, birth} - {Sex.OTHER}
    return certain.pop() if len(certain) == 1 and gender is not Sex.OTHER else Sex.DIFFERS


def _sex(value: str | None) -> Sex | None:
    return _SEXES.get(value.strip().casefold()) if value else None


def _at_birth(extensions: Any) -> Iterator[str]:
    for extension in extensions if isinstance(extensions, list) else ():
        url = extension.get("url") if isinstance(extension, dict) else None
        if isinstance(url, str) and url.rsplit("/", 1)[-1].casefold() in _BIRTH_SEX:
            coding = extension.get("valueCoding")
            for value in (extension.get("valueCode"), coding.get("code") if isinstance(coding, dict) else None):
                if isinstance(value, str):
                    yield value
