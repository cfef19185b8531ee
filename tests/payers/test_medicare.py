"""Medicare in a coverage: a program that is told by what the coverage names, whoever the payer is."""

from __future__ import annotations

import pytest

from cds_service.concepts import Product
from cds_service.facts import Coverage
from cds_service.payers.identify import Identity, identify, payer_named

MEDICARE = payer_named("medicare")
PART_A, PART_D, SUPPLEMENT = Product.MEDICARE_PART_A, Product.MEDICARE_PART_D, Product.MEDICARE_SUPPLEMENT


def coverage(*names: str, plans: tuple[str, ...] = (), others: tuple[str, ...] = (), **members: object) -> Coverage:
    """A coverage with these names of payers, texts of the plan, and other texts."""
    members = {"payer_identifiers": frozenset(), **members}
    return Coverage(
        reference="Coverage/v1",
        status="active",
        period=(None, None),
        order=None,
        payer_names=names,
        plan_ids=plans,
        plan_texts=plans,
        other_texts=others,
        **members,  # type: ignore[arg-type]
    )


def said(*names: str, **members: object) -> Identity:
    return identify(coverage(*names, **members), MEDICARE)  # type: ignore[arg-type]


# Payer's names, texts of the plan, other texts.
GOVERNED = [
    (("Medicare",), (), ()),
    (("MEDICARE PART A AND B",), (), ()),
    (("Medicare",), ("Part B",), ()),
    (("Medicare", "Noridian Healthcare Solutions"), ("Medicare Part B",), ()),
    (("Centers for Medicare & Medicaid Services (CMS)",), ("Part B",), ("Medicare",)),
    (("Centers for Medicare and Medicaid Services",), (), ()),
    (("Railroad Medicare",), (), ()),
    (("Humana",), ("Humana Gold Plus H1036-044 (HMO)",), ()),
    (("Aetna",), ("Aetna Medicare Premier (PPO)",), ()),
    (("UnitedHealthcare",), ("AARP Medicare Advantage",), ()),
    (("Anthem Blue Cross",), ("MediBlue Plus",), ()),
    (("Acme Health",), ("H5521-012",), ()),
    (("CareSource",), ("CareSource Advantage Ohio H6396",), ()),
    (("CareSource",), ("CareSource Dual Advantage (HMO D-SNP)",), ()),
    (("UnitedHealthcare",), ("Dual Complete Medicare Medicaid Plan",), ()),
    (("Acme Health",), ("Medicare Advantage with Part D (MAPD)",), ()),
]


@pytest.mark.parametrize(("names", "plans", "others"), GOVERNED, ids=lambda texts: " / ".join(texts))
def test_a_coverage_of_medicare(names: tuple[str, ...], plans: tuple[str, ...], others: tuple[str, ...]) -> None:
    found = said(*names, plans=plans, others=others)
    assert found.payer is True
    assert found.products in ({Product.MEDICARE}, {Product.DUAL})
    assert not found.pays_after


@pytest.mark.parametrize(
    ("names", "plans", "others"),
    [
        (("Aetna",), ("Choice POS II",), ()),
        (("CareSource",), ("77552OH0010222-01",), ()),
        (("Ohio Medicaid",), (), ()),
        (("Acme Health",), ("Non-Medicare retirees",), ()),
        (("Acme Health",), ("Pre-Medicare PPO",), ()),
        # A group's number is of the shape of a contract's, and a contract without its plan may be anything.
        (("Acme Health",), ("Choice",), ("H1234",)),
        (("Acme Health",), ("H1234",), ()),
    ],
)
def test_a_coverage_of_somebody_else(names: tuple[str, ...], plans: tuple[str, ...], others: tuple[str, ...]) -> None:
    assert said(*names, plans=plans, others=others).payer is False


@pytest.mark.parametrize(
    ("names", "plans", "product"),
    [
        (("Medicare",), ("Part A",), PART_A),
        (("Centers for Medicare & Medicaid Services (CMS)",), ("Part A",), PART_A),
        (("Medicare",), ("Part D",), PART_D),
        (("SilverScript",), ("SilverScript Choice S5601-014",), PART_D),
        (("AARP by UnitedHealthcare",), ("Medicare Supplement Plan G",), SUPPLEMENT),
        (("Mutual of Omaha",), ("Medigap Plan N",), SUPPLEMENT),
        (("Medicare Part B",), ("Medicare Part B Supplement Plan G",), SUPPLEMENT),
        (("TRICARE",), ("TRICARE For Life",), SUPPLEMENT),
    ],
)
def test_what_stands_beside_medicare_is_not_medicare(
    names: tuple[str, ...], plans: tuple[str, ...], product: Product
) -> None:
    found = said(*names, plans=plans)
    assert (found.payer, found.products, found.pays_after, found.implies) == (None, {product}, True, True)


def test_a_code_that_says_the_program_says_it_of_its_parts() -> None:
    found = said("Medicare", plans=("Part A",), products=frozenset({Product.MEDICARE}))
    assert (found.payer, found.products) == (None, {PART_A})


def test_medicaid_pays_after_medicare_and_implies_none() -> None:
    found = said("Ohio Medicaid", products=frozenset({Product.MEDICAID}))
    assert (found.payer, found.pays_after, found.implies) == (False, True, False)


@pytest.mark.parametrize("members", [{"pays_second": True}, {"plans": ("Medicare Secondary (MSP)",)}])
def test_medicare_as_secondary_payer_pays_after(members: dict[str, object]) -> None:
    found = said("Medicare", **members)
    assert (found.payer, found.pays_after) == (True, True)


def test_the_agencys_name_as_an_identifier_and_a_contractors_name_are_its_own_without_a_product() -> None:
    identifier = frozenset({"Centers for Medicare and Medicaid Services"})
    for found in (said(payer_identifiers=identifier), said("Noridian Healthcare Solutions")):
        assert (found.payer, found.products) == (True, frozenset())


def test_nothing_named_says_nothing() -> None:
    assert said().payer is None


def test_every_listed_name_says_its_product() -> None:
    for name, (product, _) in MEDICARE.product_names:
        assert product in said("Acme", plans=(" ".join(name),)).products, name
