"""Medication resources → orders of injected insulin: which count, and of which insulin."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.facts import InsulinAction
from fhir_mappings.chart.insulin_names import drugs_in, insulin_named
from fhir_mappings.chart.medications import read_insulin
from tests.fhir_mappings.builders import JSON, NDC, chart_context, located
from tests.fhir_mappings.drugs import coded, notes, only, orders, request
from tests.fhir_mappings.valuesets.test_valuesets import FILES, rows
from tests.support import RXNORM, concept


def drug(text: str) -> JSON:
    """The order, for a drug in words alone."""
    return request(medicationCodeableConcept={"text": text})


# ---------------------------------------------------------------- a scale in the name


def test_a_drug_named_after_its_scale_shows_adjusting_and_counts_by_its_timing() -> None:
    order = only(drug("Insulin lispro sliding scale"))
    assert (order.certain, order.possible, order.no_ceiling) == (3, 3, 0)
    assert order.adjusts


def test_a_drug_named_after_its_scale_without_a_timing_is_only_possible() -> None:
    order = only(drug("Insulin lispro sliding scale") | {"dosageInstruction": [{"text": "as directed"}]})
    assert (order.certain, order.possible, order.no_ceiling) == (0, 0, 1)
    assert order.adjusts


@pytest.mark.parametrize(("code", "shown"), [("86009", "as-needed doses"), ("274783", None)], ids=["bolus", "basal"])
def test_a_bolus_as_needed_shows_adjusting_and_a_basal_does_not(code: str, shown: str | None) -> None:
    line = {"text": "8 units three times a day", "asNeededBoolean": True}
    assert only(coded(code, dosageInstruction=[line])).adjusts == shown


# ---------------------------------------------------------------- status, intent, category


def test_orders_that_run_count() -> None:
    assert only(request(status="active")).live is True


@pytest.mark.parametrize("status", ["on-hold", "stopped"])
def test_orders_that_ended_are_kept_but_do_not_run(status: str) -> None:
    assert only(request(status=status)).live is False


@pytest.mark.parametrize("status", ["entered-in-error", "draft", "unknown", "cancelled", None])
def test_orders_of_other_statuses_are_ignored_and_listed(status: str | None) -> None:
    assert orders(request(status=status)) == []
    assert "m1" in notes(request(status=status))


@pytest.mark.parametrize("intent", ["order", "original-order", "reflex-order", "filler-order", "instance-order"])
def test_intents_that_are_orders(intent: str) -> None:
    assert only(request(intent=intent)).certain == 3


@pytest.mark.parametrize("intent", ["plan", "proposal", "option"])
def test_other_intents_are_context_only(intent: str) -> None:
    assert orders(request(intent=intent)) == []
    assert "context only" in notes(request(intent=intent))


def test_what_is_not_to_be_taken_does_not_count() -> None:
    assert orders(request(doNotPerform=True)) == []


@pytest.mark.parametrize("shape", [lambda c: [c], lambda c: c], ids=["list", "object"])
def test_inpatient_insulin_is_no_regimen_of_the_members_own(shape: Any) -> None:
    system = "http://terminology.hl7.org/CodeSystem/medicationrequest-category"
    assert orders(request(category=shape(concept(system, "inpatient")))) == []
    assert only(request(category=shape(concept(system, "community")))).certain == 3


def test_another_patients_insulin_is_set_aside_and_named() -> None:
    other = request(subject={"reference": "Patient/p2"})
    assert orders(other) == []
    assert "another patient" in notes(other)


def test_insulin_without_subject_is_used_with_a_note() -> None:
    assert only(request(subject=None)).certain == 3
    assert "m1" in notes(request(subject=None))


# ---------------------------------------------------------------- which drug

NAMED = {
    "Humalog KwikPen": ("lispro", InsulinAction.RAPID),
    "NovoLog FlexPen": ("aspart", InsulinAction.RAPID),
    "Fiasp": ("aspart", InsulinAction.RAPID),
    "insulin glulisine (Apidra)": ("glulisine", InsulinAction.RAPID),
    "insulin regular human": ("regular", InsulinAction.SHORT),
    "Humulin N": ("isophane", InsulinAction.INTERMEDIATE),
    "NPH insulin": ("isophane", InsulinAction.INTERMEDIATE),
    "Lantus SoloStar": ("glargine", InsulinAction.LONG),
    "Basaglar": ("glargine", InsulinAction.LONG),
    "Levemir": ("detemir", InsulinAction.LONG),
    "Tresiba U-200": ("degludec", InsulinAction.LONG),
    "Humulin 70/30": ("premix", InsulinAction.PREMIX),
    "Humalog Mix 75/25": ("premix", InsulinAction.PREMIX),
    "Soliqua": ("basal with GLP-1", InsulinAction.COMBINED),
    "Xultophy": ("basal with GLP-1", InsulinAction.COMBINED),
    "Merilog SoloStar": ("aspart", InsulinAction.RAPID),
    "Kirsty": ("aspart", InsulinAction.RAPID),
    "insulin aspart-szjj 100 unit/mL": ("aspart", InsulinAction.RAPID),
    "insulin aspart-xjhz pen": ("aspart", InsulinAction.RAPID),
    "Lyumjev (insulin lispro-aabc)": ("lispro", InsulinAction.RAPID),
    "Semglee (insulin glargine-yfgn)": ("glargine", InsulinAction.LONG),
    "Rezvoglar KwikPen": ("glargine", InsulinAction.LONG),
    "insulin icodec": ("icodec", InsulinAction.LONG),
    "Ryzodeg 70/30": ("premix", InsulinAction.PREMIX),
    "insulin NPH-insulin regular (HumuLIN) 100 unit/mL (70-30) suspension": ("premix", InsulinAction.PREMIX),
    "Humulin R U-500 KwikPen": ("regular", InsulinAction.SHORT),
    "Actrapid": ("regular", InsulinAction.SHORT),
    "Insulatard": ("isophane", InsulinAction.INTERMEDIATE),
    "HumaLOG vial for insulin pump": ("lispro", InsulinAction.RAPID),
    "insulin": ("insulin", InsulinAction.UNSTATED),
}


@pytest.mark.parametrize(("text", "expected"), NAMED.items(), ids=NAMED.keys())
def test_a_drug_in_words_counts_as_read_from_text(text: str, expected: tuple[str, InsulinAction]) -> None:
    found = only(drug(text))
    assert (found.ingredient, found.action, found.from_text) == (*expected, True)


NO_INJECTION = [
    "Myxredlin",
    "Vetsulin",
    "ProZinc insulin",
    "insulin, regular, pork",
    "Afrezza",
    "insulin human inhalation powder",
    "metformin 500 mg",
    "Ozempic",
    "liraglutide",
    "Mounjaro",
]
SUPPLIES = ["insulin syringe 1 mL", "pen needles for insulin", "insulin pump reservoir", "sharps container, insulin"]


@pytest.mark.parametrize("text", [*NO_INJECTION, *SUPPLIES])
def test_what_is_named_and_is_no_insulin_injection(text: str) -> None:
    assert orders(drug(text)) == []


def test_a_glp1_agonist_by_name_is_no_insulin() -> None:
    # "GLP-1 agonists are 0": Victoza is liraglutide alone, without any insulin.
    assert orders(drug("liraglutide 18 mg/3 mL pen (Victoza)")) == []


KINDS = {
    "insulin-rapid": {"lispro", "aspart", "glulisine"},
    "insulin-short": {"regular"},
    "insulin-intermediate": {"isophane"},
    "insulin-long": {"glargine", "detemir", "degludec"},
    "insulin-premix": {"premix"},
    "insulin-with-glp1": {"basal with GLP-1"},
}
SINGLE = {"lispro", "aspart", "glulisine", "regular", "isophane", "glargine", "detemir", "degludec"}


@pytest.mark.parametrize("kind", KINDS)
def test_brand_and_generic_are_one_ingredient(kind: str) -> None:
    # Two live orders for one ingredient are a renewal: take the larger, not the sum.
    for system, row in rows(FILES[kind]):
        if system == RXNORM and " / " not in row["display"] and "lente" not in row["display"]:
            assert only(coded(row["code"])).ingredient in KINDS[kind], row


@pytest.mark.parametrize("kind", KINDS)
def test_a_combination_is_another_ingredient_than_its_components(kind: str) -> None:
    # Distinct insulins add: 70/30 twice a day and NPH at bedtime are three injections.
    wrong = {
        row["display"]: only(coded(row["code"])).ingredient
        for system, row in rows(FILES[kind])
        if system == RXNORM and " / " in row["display"] and only(coded(row["code"])).ingredient in SINGLE
    }
    assert wrong == {}


@pytest.mark.parametrize(
    "kind", ["insulin-inhaled", "insulin-intravenous", "insulin-animal", "antidiabetic-injection-not-insulin"]
)
def test_no_code_of_these_is_an_insulin_injection(kind: str) -> None:
    for system, row in rows(FILES[kind]):
        assert orders(request(medicationCodeableConcept=concept(system, row["code"]))) == [], row


ACTIONS = {
    "insulin-rapid": InsulinAction.RAPID,
    "insulin-short": InsulinAction.SHORT,
    "insulin-intermediate": InsulinAction.INTERMEDIATE,
    "insulin-long": InsulinAction.LONG,
    "insulin-premix": InsulinAction.PREMIX,
    "insulin-with-glp1": InsulinAction.COMBINED,
}


# A premix by its name, which the list files under its longer part; and a bag whose name alone does not say so.
NAMED_OTHERWISE = ("insulin aspart, human / insulin degludec Injectable Product", "insulin, regular, human Injection")


@pytest.mark.parametrize("kind", [*ACTIONS, "insulin-inhaled", "insulin-intravenous", "insulin-animal"])
def test_the_name_alone_says_what_the_code_says(kind: str) -> None:
    # A code whose system is not known leaves its display: it is the same insulin, or none.
    wrong = {}
    for system, row in rows(FILES[kind]):
        if system != RXNORM or "lente" in row["display"] or row["display"] in NAMED_OTHERWISE:
            continue
        named = insulin_named(row["display"])
        if (named[1] if named else None) is not ACTIONS.get(kind):
            wrong[row["display"]] = named
    assert wrong == {}


def test_the_code_counts_where_its_name_in_the_chart_says_another_insulin() -> None:
    mislabelled = coded("86009", "insulin aspart")
    assert only(mislabelled).ingredient == "lispro"
    assert "lispro" in notes(mislabelled)
    assert "aspart" in notes(mislabelled)


def test_a_coded_insulin_is_not_read_from_text() -> None:
    assert only(request()).from_text is False


# ---------------------------------------------------------------- references to a Medication

LISPRO = {"resourceType": "Medication", "id": "m9", "code": concept(RXNORM, "86009")}
UUID = "urn:uuid:3d0e3d3c-0c4b-4f55-9a4e-1f0c9f6a2b11"


def referring(reference: str, **members: Any) -> JSON:
    """The order, for a Medication that a reference names."""
    return request(medicationCodeableConcept=None, medicationReference={"reference": reference}, **members)


def test_a_contained_medication() -> None:
    assert only(referring("#m1", contained=[LISPRO | {"id": "m1"}])).ingredient == "lispro"


@pytest.mark.parametrize("reference", ["Medication/m9", "Medication/m9/_history/2"])
def test_a_medication_beside_it(reference: str) -> None:
    assert only(referring(reference), beside=(LISPRO,)).ingredient == "lispro"


def test_a_medication_by_its_full_url() -> None:
    assert only(referring(UUID), beside=(LISPRO | {"fullUrl": UUID},)).ingredient == "lispro"


def test_a_medication_that_nothing_resolves_is_noted() -> None:
    assert orders(referring("Medication/9")) == []
    assert "could not be resolved" in notes(referring("Medication/9"))


def unresolved(*drugs: JSON) -> int:
    """How many medications leave open whether they are insulin."""
    context = chart_context()
    read_insulin(located(*drugs), context)
    return context.unresolved_drugs


@pytest.mark.parametrize("display", ["lisinopril 10 mg tablet", "Ozempic", "metFORMIN (GLUCOPHAGE) 500 MG tablet"])
def test_a_medication_that_nothing_resolves_and_that_is_named_as_another_drug_is_no_insulin(display: str) -> None:
    named = request(
        medicationCodeableConcept=None, medicationReference={"reference": "Medication/9", "display": display}
    )
    assert (orders(named), unresolved(named)) == ([], 0)


UNREADABLE_NAMES = {
    "no display": {"medicationReference": {"reference": "Medication/9"}},
    "unknown": {"medicationReference": {"reference": "Medication/9", "display": "Unknown medication"}},
    "only a strength": {"medicationReference": {"reference": "Medication/9", "display": "100 UNT/ML pen"}},
    "a local code alone": {"medicationCodeableConcept": concept("urn:oid:1.2.3.4", "4711")},
    "an NDC that is not known": {"medicationCodeableConcept": concept(NDC, "00000-0000-00")},
    "nothing at all": {},
}


@pytest.mark.parametrize("drug", UNREADABLE_NAMES.values(), ids=UNREADABLE_NAMES.keys())
def test_only_an_unreadable_name_leaves_the_list_open(drug: JSON) -> None:
    order = request(**{"medicationCodeableConcept": None} | drug)
    assert (orders(order), unresolved(order)) == ([], 1)
    for closed in ({"status": "stopped"}, {"intent": "proposal"}, {"subject": {"reference": "Patient/p2"}}):
        assert unresolved(order | closed) == 0


def test_a_code_of_a_system_that_is_listed_whole_is_another_drug() -> None:
    assert unresolved(request(medicationCodeableConcept=concept(RXNORM, "617311"))) == 0


def test_a_medication_that_nothing_resolves_but_the_reference_names() -> None:
    named = request(
        medicationCodeableConcept=None, medicationReference={"reference": "Medication/9", "display": "Lantus"}
    )
    assert (only(named).ingredient, only(named).from_text) == ("glargine", True)


def test_a_stray_r5_medication_beside_the_r4_element_is_no_matter() -> None:
    assert only(request(medication={"concept": {"text": "Lantus"}})).ingredient == "lispro"


# ---------------------------------------------------------------- a product known by its one ingredient


def product(*ingredients: str, code: JSON | None = None) -> JSON:
    """A Medication of some ingredients by RxNorm code."""
    parts = [{"itemCodeableConcept": concept(RXNORM, each)} for each in ingredients]
    return {"resourceType": "Medication", "id": "m9", "ingredient": parts} | ({"code": code} if code else {})


PRODUCTS = {
    "no code, one ingredient": (product("86009"), 1),
    "a code of the pharmacy, one ingredient": (product("86009", code=concept("urn:pharmacy", "X1")), 1),
    "words, one ingredient": (product("86009", code={"text": "House pen"}), 1),
    "a code, no ingredient": (product(code=concept(RXNORM, "86009")), 1),
    "no code, two ingredients": (product("86009", "274783"), 0),
    "no code, another drug": (product("6809"), 0),
}


@pytest.mark.parametrize(("held", "count"), PRODUCTS.values(), ids=PRODUCTS.keys())
def test_a_product_is_its_code_or_its_one_ingredient(held: JSON, count: int) -> None:
    found = orders(referring("Medication/m9"), beside=(held,))
    assert [each.ingredient for each in found] == ["lispro"] * count


def test_what_does_not_count_holds_up_nothing_after_it() -> None:
    ignored = [
        request(id="m0", subject={"reference": "Patient/p2"}),
        request(id="m0", status="draft"),
        request(id="m0", medicationCodeableConcept=concept(RXNORM, "6809")),
    ]
    for each in ignored:
        assert [found.reference for found in orders(each, request())] == ["MedicationRequest/m1"]


def test_directions_begin_to_speak_of_another_insulin_where_they_name_it() -> None:
    assert [name for _, name in drugs_in("10 units of lispro, then glargine at bedtime")] == ["lispro", "glargine"]
