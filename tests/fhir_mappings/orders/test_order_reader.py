"""Draft orders → what each of them is to this policy."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from cds_service.concepts import Concept
from cds_service.errors import BadRequest
from cds_service.facts import Credential, DeviceOrder, Scope
from cds_service.policies.registry import is_governed_kind
from fhir_mappings.chart.providers import Providers
from fhir_mappings.json.views import RawEntry
from fhir_mappings.orders.order_reader import classify, draft_orders, may_be_for_pump
from tests.fhir_mappings.builders import CPT, JSON, NDC, SNOMED, chart_context, view
from tests.support import HCPCS, PATIENT, concept
from tests.support import order as device_request

BILLING = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-billing-options"

DO_NOT_PERFORM = "http://hl7.org/fhir/StructureDefinition/request-doNotPerform"


def entries(*orders: Any) -> list[RawEntry]:
    """Entries of a draft bundle."""
    return msgspec.json.decode(json.dumps([{"resource": order} for order in orders]), type=list[RawEntry])


def classified(order: JSON, *beside: JSON, user: str | None = None) -> DeviceOrder:
    """What one order is, with resources beside it that it may refer to."""
    context = chart_context(*beside)
    roles = [view(r) for r in beside if r["resourceType"] == "PractitionerRole"]
    (draft,) = draft_orders(entries(order))
    found = classify(draft, context, Providers(roles, context), user)  # type: ignore[arg-type]
    # What is judged in the end was never passed over at first sight.
    assert may_be_for_pump(draft) or not is_governed_kind(found)
    return found


def order(**members: Any) -> JSON:
    """A DeviceRequest for E0784, with members replaced; None takes one away."""
    return {key: value for key, value in device_request(**members).items() if value is not None}


def other(kind: str, **members: Any) -> JSON:
    """An order of another type."""
    return {"resourceType": kind, "id": "x1", "status": "draft", "intent": "order", "subject": PATIENT, **members}


# ---------------------------------------------------------------- scope

PUMPS = {
    **{code: order(code=code) for code in ("E0784", "E0787", "A9274", "S1034", "e0784", "E0784-RA")},
    "ServiceRequest": other("ServiceRequest", code=concept(HCPCS, "E0784")),
    "MedicationRequest": other("MedicationRequest", medicationCodeableConcept=concept(NDC, "08508-3000-21")),
    "MedicationRequest by name": other("MedicationRequest", medicationCodeableConcept={"text": "Omnipod 5 pods"}),
    "SupplyRequest": other("SupplyRequest", itemCodeableConcept=concept(HCPCS, "E0784")),
    "second coding": order(
        codeCodeableConcept={"coding": [{"system": SNOMED, "code": "1"}, {"system": HCPCS, "code": "E0784"}]}
    ),
    "billing option": order(
        codeCodeableConcept={"text": "pump"},
        extension=[{"url": BILLING, "extension": [{"url": "code", "valueCoding": {"system": HCPCS, "code": "E0784"}}]}],
    ),
    "contained device": order(
        codeCodeableConcept=None,
        codeReference={"reference": "#d"},
        contained=[{"resourceType": "Device", "id": "d", "type": concept(HCPCS, "E0784")}],
    ),
}


@pytest.mark.parametrize("made", PUMPS.values(), ids=PUMPS.keys())
def test_a_pump_by_its_code_or_product(made: JSON) -> None:
    found = classified(made)
    assert (found.scope, found.coded, found.out_of_scope) == (Scope.PUMP, True, None)


def test_a_device_beside_the_order() -> None:
    made = order(codeCodeableConcept=None, codeReference={"reference": "Device/d1"})
    device = {"resourceType": "Device", "id": "d1", "type": concept(HCPCS, "E0787")}
    assert classified(made, device).scope is Scope.PUMP
    assert classified(made).scope is Scope.OTHER


def test_words_alone_are_in_scope_and_ask_for_the_code() -> None:
    found = classified(order(codeCodeableConcept={"text": "insulin pump"}))
    assert (found.scope, found.coded, found.out_of_scope) == (Scope.PUMP, False, None)
    assert any("code" in note for note in found.notes)


EXCLUDED = {
    **dict.fromkeys(("E0782", "E0783", "E0785", "E0786", "C1772", "C1891", "C2626", "A4220"), Concept.IMPLANTED_DEVICE),
    "A4210": Concept.JET_DEVICE,
    "G9147": Concept.INTRAVENOUS_INSULIN_THERAPY,
}  # fmt: skip


@pytest.mark.parametrize(("code", "kind"), EXCLUDED.items(), ids=EXCLUDED.keys())
def test_excluded_devices(code: str, kind: Concept) -> None:
    found = classified(order(code=code))
    assert (found.scope, found.out_of_scope) == (Scope.EXCLUDED_DEVICE, None)
    assert kind in found.concepts


SUPPLIES = ["A4224", "A4225", "A4226", "A4230", "A4231", "A4232", "K0601", "K0602", "K0603", "K0604", "K0605"]


@pytest.mark.parametrize("code", SUPPLIES)
def test_supplies(code: str) -> None:
    assert classified(order(code=code)).scope is Scope.SUPPLIES


OTHERS = {
    **{code: order(code=code) for code in ("E2102", "E2103", "A4238", "A4239", "E0779", "E0780", "E0781", "E0791")},
    **{code: order(code=code) for code in ("S9145", "J1817", "K0552", "A4221", "E0607")},
    "letter O": order(code="EO784"),
    "CPT": order(codeCodeableConcept=concept(CPT, "71046")),
    "no code": order(codeCodeableConcept=None),
    "supplies in words": order(codeCodeableConcept={"text": "insulin pump supplies"}),
    "training in words": order(codeCodeableConcept={"text": "insulin pump training"}),
    "insulin for a pump": other("MedicationRequest", medicationCodeableConcept={"text": "lispro for insulin pump"}),
    "feeding pump in words": order(codeCodeableConcept={"text": "enteral feeding pump"}),
    "breast pump in words": order(codeCodeableConcept={"text": "breast pump"}),
}  # fmt: skip


@pytest.mark.parametrize("made", OTHERS.values(), ids=OTHERS.keys())
def test_something_else(made: JSON) -> None:
    found = classified(made)
    assert found.scope is Scope.OTHER
    assert found.out_of_scope


def test_a_letter_o_for_a_zero_is_noted() -> None:
    assert any("EO784" in note for note in classified(order(code="EO784")).notes)


def test_an_unknown_system_with_a_right_looking_code_is_noted() -> None:
    # In scope like an order in words, and the card asks for the code: a pump order is never passed over in silence.
    found = classified(order(codeCodeableConcept=concept("http://local.example.invalid", "E0784")))
    assert (found.scope, found.coded) == (Scope.PUMP, False)
    assert any("E0784" in note for note in found.notes)


NO_ORDER = {
    "not to be done": other("ServiceRequest", code=concept(HCPCS, "E0784"), doNotPerform=True),
    "not to be done, as a DeviceRequest of R5 says it": order(doNotPerform=True),
    "not to be done, as R4 says it of a DeviceRequest": order(
        modifierExtension=[{"url": DO_NOT_PERFORM, "valueBoolean": True}]
    ),
    "proposal": order(intent="proposal"),
    "plan": order(intent="plan"),
    "entered in error": order(status="entered-in-error"),
    "revoked": order(status="revoked"),
    "completed": order(status="completed"),
    "cancelled": other("SupplyRequest", itemCodeableConcept=concept(HCPCS, "E0784")) | {"status": "cancelled"},
    "for another patient": order(subject={"reference": "Patient/p2"}),
}


@pytest.mark.parametrize("made", NO_ORDER.values(), ids=NO_ORDER.keys())
def test_no_order_to_judge(made: JSON) -> None:
    assert classified(made).out_of_scope


@pytest.mark.parametrize("members", [{"status": "active"}, {"intent": "original-order"}, {"status": "on-hold"}])
def test_an_order_that_is_signed_again_is_judged(members: JSON) -> None:
    assert classified(order(**members)).out_of_scope is None


# ---------------------------------------------------------------- replacement

SIGNS = {
    "modifier behind the code": order(code="E0784-RA"),
    "modifier RB behind the code": order(code="E0784:RB"),
    "modifier as a coding": order(
        codeCodeableConcept={"coding": [{"system": HCPCS, "code": "E0784"}, {"system": HCPCS, "code": "RA"}]}
    ),
    "modifier as a parameter": order(parameter=[{"valueCodeableConcept": concept(HCPCS, "RA")}]),
    "modifier as a parameter in words": order(parameter=[{"valueCodeableConcept": {"text": "modifier RA"}}]),
    "modifier in a note": order(note=[{"text": "HCPCS modifier RA"}]),
    "modifier in orderDetail": other(
        "ServiceRequest", code=concept(HCPCS, "E0784"), orderDetail=[concept(HCPCS, "RA")]
    ),
    "replaces": other("ServiceRequest", code=concept(HCPCS, "E0784"), replaces=[{"reference": "ServiceRequest/0"}]),
    "priorRequest": order(priorRequest=[{"reference": "DeviceRequest/0"}]),
    "repair": order(codeCodeableConcept=concept(HCPCS, "K0739") | {"text": "insulin pump repair"}),
}


@pytest.mark.parametrize("made", SIGNS.values(), ids=SIGNS.keys())
def test_an_order_says_that_it_replaces(made: JSON) -> None:
    assert classified(made).replacement_sign


NO_SIGNS = {
    "nothing": order(),
    "a note on injections": order(note=[{"text": "Pump replaces multiple daily injections"}]),
    "rheumatoid arthritis": order(note=[{"text": "Comorbid RA on methotrexate"}]),
    "another modifier": order(code="E0784-NU"),
    "an empty note": order(note=[{}]),
}


@pytest.mark.parametrize("made", NO_SIGNS.values(), ids=NO_SIGNS.keys())
def test_an_order_that_does_not_say_that_it_replaces(made: JSON) -> None:
    # The path is taken for modifier RA or RB, replaces or priorRequest, and a repair code; other words are no sign.
    assert classified(made).replacement_sign is None


NAME_OF_RA = "Replacement of a dme, orthotic or prosthetic item"
UNSURE_SIGNS = {
    "a local code": {"coding": [{"system": HCPCS, "code": "E0784"}, {"code": "LOCAL-1", "display": NAME_OF_RA}]},
    "the text of the code": concept(HCPCS, "E0784") | {"text": "Insulin pump replacement"},
}


@pytest.mark.parametrize("code", UNSURE_SIGNS.values(), ids=UNSURE_SIGNS.keys())
def test_words_of_a_code_say_unsurely_that_an_order_replaces(code: JSON) -> None:
    made = classified(order(codeCodeableConcept=code))
    assert made.unsure_replacement_sign
    assert made.replacement_sign is None


@pytest.mark.parametrize("where", ["parameter", "orderDetail"])
def test_words_beside_the_code_say_unsurely_that_an_order_replaces(where: str) -> None:
    local = {"coding": [{"system": "urn:oid:1.2.3", "code": "LOCAL-1", "display": NAME_OF_RA}]}
    made = order(parameter=[{"valueCodeableConcept": local}])
    if where == "orderDetail":
        made = other("ServiceRequest", code=concept(HCPCS, "E0784"), orderDetail=[local])
    assert classified(made).unsure_replacement_sign == "Replacement of a dme"


@pytest.mark.parametrize("made", NO_SIGNS.values(), ids=NO_SIGNS.keys())
def test_other_words_are_no_unsure_sign(made: JSON) -> None:
    assert classified(made).unsure_replacement_sign is None


def test_modifier_ey() -> None:
    assert classified(order(code="E0784-EY")).no_order_modifier
    assert not classified(order(code="E0784-RA")).no_order_modifier


# ---------------------------------------------------------------- who orders

NUCC, DEGREE = "http://nucc.org/provider-taxonomy", "http://terminology.hl7.org/CodeSystem/v2-0360"


def person(code: JSON | None) -> JSON:
    """Practitioner d1 with a qualification."""
    return {"resourceType": "Practitioner", "id": "d1", "qualification": [{"code": code}] if code else []}


CREDENTIALS = {
    "physician": (concept(DEGREE, "MD"), Credential.MAY_ORDER),
    "nurse practitioner by taxonomy": (concept(NUCC, "363L00000X"), Credential.MAY_ORDER),
    "nurse": (concept(DEGREE, "RN"), Credential.MAY_NOT_ORDER),
    "supplier": (concept(NUCC, "332B00000X"), Credential.SUPPLIER),
    "unreadable": ({"text": "Sr. Consultant"}, Credential.UNREAD),
    "nothing": (None, Credential.UNREAD),
}


@pytest.mark.parametrize(("code", "credential"), CREDENTIALS.values(), ids=CREDENTIALS.keys())
def test_credential_of_the_requester(code: JSON | None, credential: Credential) -> None:
    orderer = classified(order(), person(code)).orderer
    assert orderer is not None
    assert orderer.credential is credential


def test_a_role_says_what_the_practitioner_does() -> None:
    role = {"resourceType": "PractitionerRole", "id": "r1", "practitioner": {"reference": "Practitioner/d1"},
            "specialty": [concept(NUCC, "207RE0101X")]}  # fmt: skip
    orderer = classified(order(), person(None), role).orderer
    assert orderer is not None
    assert (orderer.credential, orderer.endocrinology) == (Credential.MAY_ORDER, True)


def test_the_requester_counts_before_the_user() -> None:
    user = {"resourceType": "Practitioner", "id": "u1", "qualification": [{"code": concept(DEGREE, "RN")}]}
    found = classified(order(), person(concept(DEGREE, "MD")), user, user="Practitioner/u1").orderer
    assert found is not None
    assert found.credential is Credential.MAY_ORDER
    found = classified(order(requester=None), user, user="Practitioner/u1").orderer
    assert found is not None
    assert found.credential is Credential.MAY_NOT_ORDER
    assert classified(order(requester=None)).orderer is None


# ---------------------------------------------------------------- the bundle


def test_orders_keep_their_order_and_name() -> None:
    several = [order(name="b"), other("MedicationRequest"), order(name="a"), {"resourceType": "Basic", "id": "c"}]
    names = [draft.reference for draft in draft_orders(entries(*several))]
    assert names == ["DeviceRequest/b", "MedicationRequest/x1", "DeviceRequest/a", "Basic/c"]


@pytest.mark.parametrize(
    "broken", [order() | {"subject": "Patient/p1"}, order(id=None), {"id": "x"}, 7, "x", []], ids=repr
)
def test_a_pump_order_that_cannot_be_read_or_named_is_refused_by_its_place(broken: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        list(draft_orders(entries(order(), broken)))
    assert refused.value.field is not None
    assert refused.value.field.startswith("context.draftOrders.entry[1].resource")


def test_another_order_that_cannot_be_read_costs_nothing() -> None:
    broken = other("MedicationRequest", medicationCodeableConcept={"text": "lisinopril"}) | {"subject": 7}
    assert len(list(draft_orders(entries(order(), broken)))) == 2
