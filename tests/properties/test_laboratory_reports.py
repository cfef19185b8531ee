"""Whatever a laboratory prints: a range that is read says what stands there, and no malformed part costs a result."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.engine.laboratory import at_most_share_of_low
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.facts import Fasting, TestOutcome
from fhir_mappings.chart.fasting import stated_in
from fhir_mappings.chart.findings import outcome_in
from fhir_mappings.common.range_text import printed_ranges
from tests.fhir_mappings.builders import JSON
from tests.fhir_mappings.own_results import antibody, c_peptide, lab, read_all, read_one, report_of

FEW = settings(max_examples=60, deadline=None)
FIGURES = st.decimals(min_value="0.01", max_value="90", places=2)
UNITS = st.sampled_from(["", " ng/mL", " ng/ml", " \u00b5g/L", "ng/mL"])
FORMS = st.sampled_from(
    ["{low}-{high}{unit}", "{low} \u2013 {high}{unit}", "{low} to {high}{unit}", "({low}-{high}{unit})"]
)
LABELS = st.sampled_from(["", "Normal: ", "Reference range: ", "Normal Range: ", "Adult: "])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["low", "text", "code", "x"]), inner),
    max_leaves=6,
)


@FEW
@given(low=FIGURES, more=FIGURES, unit=UNITS, form=FORMS, label=LABELS)
def test_a_printed_range_is_read_as_it_stands(low: Decimal, more: Decimal, unit: str, form: str, label: str) -> None:
    text = label + form.format(low=low, high=low + more, unit=unit)
    (found,) = printed_ranges(text)
    assert (found.low, found.high) == (float(low), float(low + more))


@FEW
@given(value=FIGURES, low=FIGURES, share=st.sampled_from([1.1, 2.0]), thousandfold=st.booleans())
def test_the_share_of_the_limit_is_exact_in_every_unit(
    value: Decimal, low: Decimal, share: float, thousandfold: bool
) -> None:
    """The same draw in ng/mL and, a thousand times the figures, in pg/mL; plausible are values up to 60 ng/mL."""
    factor, unit = (1000, "pg/mL") if thousandfold else (1, "ng/mL")
    quantity: JSON = {"unit": unit, "code": unit}
    ranges = [{"low": {"value": float(low * factor), **quantity}}]
    result = read_one("cPeptide", c_peptide(float(value * factor), quantity, referenceRange=ranges))
    expected = MET if value <= low * Decimal(str(share)) else NOT_MET
    assert at_most_share_of_low(result, share).truth is (UNKNOWN if value > 60 else expected)


@FEW
@given(value=FIGURES, high=FIGURES, sign=st.sampled_from(["", "<", ">"]))
def test_no_antibody_within_its_range_is_positive(value: Decimal, high: Decimal, sign: str) -> None:
    quantity = {"value": float(value), "unit": "U/mL", **({"comparator": sign} if sign else {})}
    ranges = [{"high": {"value": float(high), "unit": "U/mL"}}]
    outcome = report_of(read_one("antibodies", antibody(valueQuantity=quantity, referenceRange=ranges))).outcome
    surely_above = (value > high and sign != "<") or (value == high and sign == ">")
    surely_within = value <= high and sign != ">"
    assert (outcome is TestOutcome.POSITIVE) == surely_above
    assert (outcome is TestOutcome.NEGATIVE) == surely_within


@FEW
@given(
    part=st.sampled_from(
        ["referenceRange", "interpretation", "note", "specimen", "component", "hasMember", "valueRatio"]
    ),
    junk=JUNK,
)
def test_a_malformed_part_costs_no_result(part: str, junk: Any) -> None:
    results = read_all(c_peptide(**{part: junk}), antibody(valueString="Positive", **{part: junk}))[0]
    assert [result.value for result in results["cPeptide"]] == [0.9]
    assert len(results["antibodies"]) == 1


@FEW
@given(st.text(max_size=60))
def test_texts_never_break_the_reading(text: str) -> None:
    assert stated_in(text) in Fasting
    assert outcome_in(text) is None or outcome_in(text) in TestOutcome
    assert all(each.low is None or each.high is None or each.low < each.high for each in printed_ranges(text))


@FEW
@given(st.permutations(["cp", "g", "f", "s"]))
def test_the_order_of_arrival_changes_nothing(order: list[str]) -> None:
    resources = {
        "cp": c_peptide(),
        "g": lab("g", "2345-7", valueQuantity={"value": 180, "unit": "mg/dL"}),
        "f": lab("f", "49541-6", valueString="Yes"),
        "s": lab("late", "2345-7", valueQuantity={"value": 90, "unit": "mg/dL"}, effectiveDateTime="2026-10-01"),
    }
    results = read_all(*(resources[name] for name in order))[0]
    assert report_of(results["cPeptide"][0]).fasting is Fasting.FASTING
    by_name = {result.reference: report_of(result).fasting for result in results["glucoseOfDraw"]}
    assert by_name == {"Observation/g": Fasting.FASTING, "Observation/late": Fasting.UNSTATED}
