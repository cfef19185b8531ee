"""IV.E, IV.S, IV.X and IV.G.1: what the codes of an order and its practitioner say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.concepts import Concept
from cds_service.engine.finding import Basis, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth
from cds_service.facts import ChartSection, Credential, DeviceOrder, Provider, Scope
from cds_service.policies.medicare_l33794.practitioner import manages_pump_patients
from cds_service.policies.medicare_l33794.pump_codes import (
    covered_code,
    disposable,
    implanted,
    pump_in_use,
    replaced_too_early,
    supply_codes,
)
from tests.policies.medicare_l33794.facts import ORDER, case, pump_since, stated

SUPPLIES = DeviceOrder("DeviceRequest/s", "DeviceRequest", "supplies", Scope.REFILL)


def ordered(*codes: str, **members: object) -> DeviceOrder:
    return replace(ORDER, billing_codes=codes, **members)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("codes", "truth"),
    [(("E0784",), MET), (("E0784", "E2103"), MET), (("E0787",), NOT_MET), (("S1034",), NOT_MET), ((), UNKNOWN)],
)
def test_only_e0784_is_covered(codes: tuple[str, ...], truth: Truth) -> None:
    assert covered_code(case(ordered(*codes, coded=bool(codes)))).truth is truth


@pytest.mark.parametrize(
    ("codes", "truth"),
    [
        (("A4224",), MET),
        (("A4225",), MET),
        (("A4224", "A4221"), NOT_MET),
        (("A4222",), NOT_MET),
        (("K0552",), NOT_MET),
        (("A4230",), NOT_MET),
        (("A4232",), NOT_MET),
        (("A4226",), UNKNOWN),
    ],
)
def test_codes_of_supplies(codes: tuple[str, ...], truth: Truth) -> None:
    assert supply_codes(case(replace(SUPPLIES, billing_codes=codes))).truth is truth


@pytest.mark.parametrize(
    ("order", "truth"),
    [
        (ordered("A9274"), MET),
        (ordered("E0784"), NOT_MET),
        (ordered(concepts=frozenset({Concept.INSULIN_PUMP_PRODUCT})), UNKNOWN),
        (ordered("E0784", concepts=frozenset({Concept.INSULIN_PUMP_PRODUCT})), NOT_MET),
        (ordered(review=frozenset({Concept.INSULIN_PUMP_PRODUCT})), UNKNOWN),
    ],
)
def test_disposable_pumps_are_excluded_by_code_and_looked_at_by_name(order: DeviceOrder, truth: Truth) -> None:
    found = disposable(case(order))
    assert found.truth is truth
    assert truth is not MET or found.basis is Basis.DOCUMENTED
    assert truth is not UNKNOWN or found.gap is Gap.NEEDS_REVIEW


def test_implanted_pumps_are_excluded_by_code() -> None:
    assert implanted(case(ordered("E0783", concepts=frozenset({Concept.IMPLANTED_DEVICE})))).truth is MET
    assert implanted(case()).truth is NOT_MET


@pytest.mark.parametrize(
    ("since", "sign", "truth"),
    [
        ("2021-11-20", "RA", NOT_MET),
        ("2021-11-21", "RA", UNKNOWN),
        (None, "RA", UNKNOWN),
        ("2026-01-01", None, NOT_MET),
    ],
)
def test_a_replacement_within_five_years_is_asked_why_and_never_excluded(
    since: str | None, sign: str | None, truth: Truth
) -> None:
    found = replaced_too_early(case(ordered("E0784", replacement_sign=sign), pumps=(pump_since(since),)))
    assert found.truth is truth
    assert truth is not UNKNOWN or found.gap is Gap.NEEDS_REVIEW


def test_supplies_need_a_pump_in_use() -> None:
    assert pump_in_use(case(SUPPLIES, pumps=(pump_since("2026-01-01"),))).basis is Basis.DOCUMENTED
    assert pump_in_use(case(SUPPLIES)).gap is Gap.NOT_DOCUMENTED
    assert pump_in_use(case(SUPPLIES, unread={"devices": "no answer"})).gap is Gap.NOT_RETRIEVED


class TestPractitioner:
    """IV.G.1."""

    @staticmethod
    def order(credential: Credential = Credential.MAY_ORDER, endocrinology: bool = False) -> DeviceOrder:
        return replace(ORDER, orderer=Provider("Practitioner/1", credential, endocrinology=endocrinology))

    def test_a_statement_decides(self) -> None:
        assert manages_pump_patients(case(self.order(), answers=stated("IV.G.1", True))).basis is Basis.ATTESTED
        assert manages_pump_patients(case(self.order(), answers=stated("IV.G.1", False))).truth is NOT_MET
        assert manages_pump_patients(case(self.order())).gap is Gap.NEEDS_ATTESTATION

    def test_an_orderer_who_could_not_be_read_is_asked_too(self) -> None:
        """The statement closes the gap, and reading again would not."""
        found = manages_pump_patients(
            case(self.order(), unread={ChartSection.REQUESTER: "the FHIR server answered 404"})
        )
        assert found.gap is Gap.NEEDS_ATTESTATION

    def test_an_endocrinologist_who_orders_supports_it(self) -> None:
        assert manages_pump_patients(case(self.order(endocrinology=True))).basis is Basis.SUPPORTED

    def test_who_may_not_order_comes_first(self) -> None:
        statement = stated("IV.G.1", True)
        assert manages_pump_patients(case(self.order(Credential.SUPPLIER), answers=statement)).truth is NOT_MET
        assert manages_pump_patients(case(self.order(Credential.MAY_NOT_ORDER), answers=statement)).truth is UNKNOWN
        assert manages_pump_patients(case(answers=statement)).gap is Gap.NOT_DOCUMENTED


def test_words_that_seem_to_say_that_a_pump_is_replaced_are_for_a_reviewer() -> None:
    found = replaced_too_early(case(ordered("E0784", unsure_replacement_sign="Replacement of a dme")))
    assert found.gap is Gap.NEEDS_REVIEW
    assert found.explanation.startswith("The order seems to replace a pump of unknown age")
