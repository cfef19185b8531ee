"""Observation.referenceRange → the laboratory's own ranges that may be this patient's, in the unit of the value.

Epic and Oracle Health send low and high as quantities and repeat them as text; many laboratories send text alone, with
one range for each sex or each finding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from msgspec import Raw, Struct

from cds_service.facts import Person, RangeProblem, ReferenceRange, Sex, When
from fhir_mappings.common import terminology, units
from fhir_mappings.common.datatypes import CodeableConcept, Quantity, Range, Several
from fhir_mappings.common.range_text import printed_ranges
from fhir_mappings.json.raw_elements import entries

# A figure in some unit, in the unit of the value; None where the unit is another one.
Convert = Callable[[Decimal, str], Decimal | None]
_NORMAL = frozenset({"normal"})
_DAYS = {"a": 365.25, "mo": 30.44, "wk": 7.0, "d": 1.0, "h": 1 / 24}
_AGE_UNITS = {"year": "a", "yr": "a", "y": "a", "month": "mo", "week": "wk", "day": "d", "hour": "h"}
_SEXES = {
    Sex.FEMALE: re.compile(r"\b(?:females?|women|woman|248152002|f)\b"),
    Sex.MALE: re.compile(r"\b(?:males?|men|man|248153007|m)\b"),
}
_NOT_NEGATIVE = re.compile(
    r"\b(?:pos|positive|equivocal|indeterminate|borderline|weak(?:ly)?|high|abnormal|reactive)\b"
)
_NEGATIVE = re.compile(r"\b(?:neg|negative|not detected|no antibod\w+ detected|non-?reactive|normal)\b")


class FhirRange(Struct, gc=False):
    """One entry of Observation.referenceRange."""

    low: Quantity | None = None
    high: Quantity | None = None
    type: CodeableConcept | None = None
    appliesTo: Several[CodeableConcept] | None = None
    age: Range | None = None
    text: str | None = None


def read_ranges(
    raw: Raw, convert: Convert, person: Person, when: When | None
) -> tuple[tuple[ReferenceRange, ...], RangeProblem | None]:
    """The ranges that apply to a patient of this sex and age; when there is none, the reason.

    A range whose sex or age cannot be compared with the patient's is kept: then all ranges have to agree.
    """
    given = entries(raw, FhirRange)
    if not given:
        return (), RangeProblem.MISSING
    normal = [each for each in given if is_normal(each)]
    if not normal:
        return (), RangeProblem.NOT_NORMAL
    own = [each for each in normal if _may_apply_to(each, person, when)]
    if not own:
        return (), RangeProblem.NOT_THIS_PATIENT
    found: list[ReferenceRange] = []
    problems: list[RangeProblem] = []
    for each in own:
        for one in _limits(each, convert, person.sex):
            (problems if isinstance(one, RangeProblem) else found).append(one)  # type: ignore[arg-type]
    # A range that cannot be read may be the one that counts.
    return (
        (tuple(dict.fromkeys(found)), None) if found and not problems else ((), (problems or [RangeProblem.UNREAD])[0])
    )


def is_normal(given: FhirRange) -> bool:
    """Whether a range says what is normal: no target, no treatment range, no critical limit."""
    codes = {(coding.code or "").strip().casefold() for coding in terminology.codings(given.type)}
    text = ((given.type.text if given.type else None) or "").strip().casefold()
    return (not codes - {""} and not text) or bool(codes & _NORMAL) or "normal" in text or "reference" in text


def _may_apply_to(given: FhirRange, person: Person, when: When | None) -> bool:
    """Whether a range is not for patients of the other sex or another age."""
    words = " ".join(_words_of(given.appliesTo or ())).casefold()
    if not _may_name_sex(words, person.sex):
        return False
    age = _age_in_days(person, when)
    low, high = (given.age.low, given.age.high) if given.age is not None else (None, None)
    least, most = _days(low), _days(high)
    if age is None:
        return True
    return not (
        (least is not None and age[1] < least) or (most is not None and age[0] > most + _days_to_next_unit(high))
    )


def _may_name_sex(words: str, sex: Sex) -> bool:
    """Whether words that may name a sex leave it open or name this one."""
    named = {each for each, pattern in _SEXES.items() if pattern.search(words)}
    return len(named) != 1 or sex not in _SEXES or sex in named


def _words_of(concepts: Iterable[CodeableConcept]) -> Iterator[str]:
    for concept in concepts:
        yield from (text for coding in concept.coding or () for text in (coding.code, coding.display) if text)
        if concept.text:
            yield concept.text


def _age_in_days(person: Person, when: When | None) -> tuple[int, int] | None:
    """The youngest and the oldest that the patient may have been at a time."""
    if person.born is None or when is None:
        return None
    return (when.first - person.born.last).days, (when.last - person.born.first).days


def _days(quantity: Quantity | None) -> float | None:
    value = units.number(quantity.value) if quantity is not None else None
    if quantity is None or value is None:
        return None
    return float(value) * _DAYS.get(_age_unit(quantity), 365.25)


def _days_to_next_unit(quantity: Quantity | None) -> float:
    """Days until the age has the next unit: a patient counts as 60 years old until the next birthday."""
    return _DAYS.get(_age_unit(quantity), 365.25) if quantity is not None else 0.0


def _age_unit(quantity: Quantity) -> str:
    unit = units.unit_of(quantity).rstrip("s")
    return _AGE_UNITS.get(unit, unit)


def _limits(given: FhirRange, convert: Convert, sex: Sex) -> list[ReferenceRange | RangeProblem]:
    """The range by its quantities, else by its text; both where they differ: then nobody knows which is right."""
    figures = _by_quantities(given, convert)
    printed = list(_by_text(given.text, convert, sex)) if given.text else []
    if figures is None:
        return printed or [RangeProblem.UNREAD]
    read = [each for each in printed if isinstance(each, ReferenceRange) and each.low is not None]
    if isinstance(figures, RangeProblem) or not read:
        return [figures]
    if figures.low is None:
        return list(read)
    return [figures, *(each for each in read if each.low != figures.low)]


def _by_quantities(given: FhirRange, convert: Convert) -> ReferenceRange | RangeProblem | None:
    low = units.number(given.low.value) if given.low is not None else None
    high = units.number(given.high.value) if given.high is not None else None
    if low is None and high is None:
        return None
    unit_low, unit_high = (units.unit_of(each) if each is not None else "" for each in (given.low, given.high))
    own_low = convert(low, unit_low or unit_high) if low is not None else None
    own_high = convert(high, unit_high or unit_low) if high is not None else None
    if (low is not None and own_low is None) or (high is not None and own_high is None):
        return RangeProblem.OTHER_UNIT
    shown = "-".join(units.shown(each) for each in (given.low, given.high) if each is not None)
    return ReferenceRange(_float(own_low), _float(own_high), shown[:80])


def _by_text(text: str, convert: Convert, sex: Sex) -> Iterator[ReferenceRange | RangeProblem]:
    """The ranges of a text that say what is normal for this sex."""
    printed = printed_ranges(text)
    if not printed:
        yield RangeProblem.UNREAD
    for each in printed:
        if (_NOT_NEGATIVE.search(each.label) and not _NEGATIVE.search(each.label)) or not _may_name_sex(
            each.label, sex
        ):
            continue
        low, high = (convert(Decimal(repr(n)), each.unit) if n is not None else None for n in (each.low, each.high))
        if (each.low is not None and low is None) or (each.high is not None and high is None):
            yield RangeProblem.OTHER_UNIT
        else:
            shown, limits = text.strip()[:80], (_float(low), _float(high))
            yield ReferenceRange(*limits, shown, each.low_excluded, each.high_excluded)


def _float(number: Decimal | None) -> float | None:
    return float(number) if number is not None else None
