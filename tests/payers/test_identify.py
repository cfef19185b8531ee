"""Who pays: names are compared word by word, neither by equal text nor by letters that they contain."""

from __future__ import annotations

import pytest

from cds_service.concepts import Product
from cds_service.facts import Coverage
from cds_service.payers.identify import Identity, identify, payer_named, words_of

CARESOURCE = payer_named("caresource")


def _coverage(*names: str, plans: tuple[str, ...] = (), groups: tuple[str, ...] = (), **members: object) -> Coverage:
    return Coverage(
        reference="Coverage/v1",
        status="active",
        period=(None, None),
        order=None,
        payer_identifiers=frozenset({"31114"}),
        payer_names=names,
        plan_ids=plans,
        plan_texts=plans,
        other_texts=groups,
        **members,  # type: ignore[arg-type]
    )


def _said(*names: str, **members: object) -> Identity:
    return identify(_coverage(*names, **members), CARESOURCE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    [
        "CareSource",
        "caresource",
        "CARESOURCE",
        " CareSource ",
        "CareSource, Inc.",
        "CareSource®",
        "CareSource Ohio Inc",
        "Caresource of Indiana",
        "CARESOURCE GEORGIA",
        "OHIO CARESOURCE",
        "CareSource Management Group Co.",
        "HAP CareSource",
        "Humana CareSource",
        "CareSource (Common Ground Healthcare)",
        "Common Ground Healthcare is now CareSource",
        "Care Source",
        "CARE-SOURCE",
        "Care_Source",
        "West Virginia Care Source",
        "OH Care Source",
        "Medicaid Care Source",
        "".join(chr(ord(letter) + 0xFEE0) for letter in "CareSource"),
    ],
)
def test_a_name_of_the_payer(name: str) -> None:
    assert _said(name).payer is True


@pytest.mark.parametrize(
    "name",
    [
        "CareOregon",
        "PacificSource",
        "PacificSource Community Solutions",
        "HealthcareSource",
        "Healthcare Source",
        "Health Care Source",
        "Home Care Source LLC",
        "Primary Care Source",
        "Caresource Health Plan of Oregon",
        "CARESOURCE HEALTH PLAN OF OREGON",
        "CareSourceful",
        "MyCareSourceRx",
        "Care First Source",
        "Source Care",
        "CareFirst BlueCross BlueShield",
        "Acme Health Plan",
        "Not CareSource",
    ],
)
def test_a_name_of_somebody_else(name: str) -> None:
    assert _said(name).payer is False


def test_where_nothing_names_a_payer_nobody_knows() -> None:
    assert _said().payer is None
    assert _said("Unknown").payer is None
    assert _said("N/A").payer is None


def test_configured_identifiers_name_the_payer() -> None:
    assert identify(_coverage("CSOH"), CARESOURCE, ("31114",)).payer is True
    assert identify(_coverage("CSOH"), CARESOURCE, ("99999",)).payer is False


def test_a_plan_id_of_the_payer_names_it_unless_a_name_contradicts() -> None:
    assert _said(plans=("77552OH0010222-01",)).payer is True
    assert _said("Acme", plans=("77552OH0010222-01",)).payer is None
    assert _said("Acme", plans=("99001OH0010001-01",)).payer is False
    assert _said(plans=("99001OH0010001-01",)).payer is None


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("77552OH0010222-01", "OH"),
        ("77552oh0010222", "OH"),
        ("50328WV001002104", "WV"),
        ("id 72001GA0010001-36 gold", "GA"),
        ("977552OH0010222", None),
        ("77552OH00102221", None),
        ("77552OH001022", None),
        ("CareSource Georgia Co.", "GA"),
        ("CareSource West Virginia Co.", "WV"),
        ("Marketplace ACA OH", "OH"),
        ("Marketplace IN", "IN"),
        ("CareSource IN Marketplace", "IN"),
        ("MARKETPLACE IN NETWORK", None),
        ("Silver in Ohio", "OH"),
        ("CareSource Ohio and Indiana", None),
        ("CareSource Virginia", None),
    ],
)
def test_the_state_of_a_plan(text: str, state: str | None) -> None:
    assert _said("CareSource", plans=(text,)).state == state


def test_a_groups_state_is_its_own() -> None:
    assert _said("CareSource", groups=("Kentucky Fried Chicken",)).state is None


def test_every_listed_name_says_its_product_in_any_case() -> None:
    payer = CARESOURCE
    assert len(payer.product_names) > 60
    for name, (product, _) in payer.product_names:
        for text in (" ".join(name), "-".join(name).upper(), f"CareSource {' '.join(name).title()} 2026"):
            assert product in _said("CareSource", plans=(text,)).products, text


@pytest.mark.parametrize(
    ("text", "product"),
    [
        ("CareSource Marketplace Low Premium Silver", Product.MARKETPLACE),
        ("CareSource Diabetes Gold HDHP", Product.MARKETPLACE),
        ("H8390-015", Product.MEDICARE),
        ("Medicaid Gold", Product.MEDICAID),
        ("TRICARE Prime Demo", Product.TRICARE),
        ("MI Health Link", Product.DUAL),
    ],
)
def test_a_product_in_words(text: str, product: Product) -> None:
    assert _said("CareSource", plans=(text,)).products == {product}


@pytest.mark.parametrize("text", ["Chips and Dips", "Hippocampus", "Silverado", "Goldman", "H12345", "not Medicaid"])
def test_a_word_that_only_holds_a_products_letters_says_nothing(text: str) -> None:
    assert _said("CareSource", plans=(text,)).products == frozenset()


def test_words_of_a_very_long_name_are_read_in_linear_time() -> None:
    assert len(words_of("a " * 100_000)) == 1_000
