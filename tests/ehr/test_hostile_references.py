"""Resources that others refer to: read once each, from here and not from elsewhere, where a rule needs them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import support
from tests.ehr.hostile_server import Behaviour, HostileServer, badly, call, chart, ignoring, judge, refuse
from tests.support import JSON

LISPRO = {"resourceType": "Medication", "id": "lispro", "code": support.concept(support.RXNORM, "86009")}
TAXONOMY = "http://nucc.org/provider-taxonomy"
LABORATORY = [support.concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")]


@pytest.fixture
def ehr() -> Iterator[HostileServer]:
    with HostileServer(*chart(), LISPRO) as server:
        yield server


def _pointing(reference: str, name: str = "m1") -> JSON:
    """The mealtime insulin of the chart, which names its drug by reference only."""
    drug = support.insulin(name, "86009", 3, "2026-01-05")
    del drug["medicationCodeableConcept"]
    return drug | {"medicationReference": {"reference": reference}}


def _insulin(*orders: JSON) -> JSON:
    """A prefetch with these insulin orders beside the basal insulin of the chart."""
    basal = support.insulin("m2", "274783", 1, "2026-01-05")
    prefetch: JSON = support.call(insulin=support.bundle(*orders, basal))["prefetch"]
    return prefetch


def _medications(server: HostileServer) -> int:
    return len(server.asked_for("Medication"))


# ---------------------------------------------------------------- Medication


def test_a_medication_is_read_for_an_order_in_prefetch(ehr: HostileServer) -> None:
    """bug-log 60; rule 5: the prefetched order names a Medication that is on the server."""
    found = judge(call(ehr, (), prefetch=_insulin(_pointing("Medication/lispro"))))
    assert found.truth("D.I.F") == "met"
    assert [asked.kind for asked in ehr.asked] == ["Medication"]


def test_a_medication_is_read_for_a_fetched_order(ehr: HostileServer) -> None:
    """bug-log 60; rule 5: the server ignores _include."""
    ehr.held = [_pointing("Medication/lispro") if r["id"] == "m1" else r for r in ehr.held]
    ehr.on("MedicationRequest", ignoring("_include"))
    assert judge(call(ehr)).truth("D.I.F") == "met"
    assert _medications(ehr) == 1


def test_a_medication_that_came_along_is_not_read_again(ehr: HostileServer) -> None:
    """Rule 5: the server heeds _include."""
    ehr.held = [_pointing("Medication/lispro") if r["id"] == "m1" else r for r in ehr.held]
    assert judge(call(ehr)).truth("D.I.F") == "met"
    assert _medications(ehr) == 0


def test_a_medication_is_read_once_for_many_orders(ehr: HostileServer) -> None:
    """Rule 5: thirty orders for one drug."""
    orders = [_pointing("Medication/lispro", f"m1-{n}") for n in range(30)]
    assert judge(call(ehr, (), prefetch=_insulin(*orders))).truth("D.I.F") == "met"
    assert _medications(ehr) == 1


def test_a_contained_medication_is_not_read(ehr: HostileServer) -> None:
    """bug-log 59; rule 5: contained ones come first."""
    order = _pointing("#inside") | {"contained": [LISPRO | {"id": "inside"}]}
    assert judge(call(ehr, (), prefetch=_insulin(order))).truth("D.I.F") == "met"
    assert ehr.asked == []


@pytest.mark.parametrize("name", ["Medication/lispro", "urn:uuid:2d7c4b6e-0c86-4f5e-a1a3-1f1b6b1f3a10"])
def test_a_bundled_medication_is_not_read(ehr: HostileServer, name: str) -> None:
    """bug-log 60; rule 5: in the same Bundle, by its id or by its fullUrl."""
    prefetch = _insulin(_pointing(name))
    prefetch["insulin"]["entry"].append({"fullUrl": name, "resource": LISPRO})
    assert judge(call(ehr, (), prefetch=prefetch)).truth("D.I.F") == "met"
    assert ehr.asked == []


def test_a_medication_that_is_not_there_leaves_the_regimen_open(ehr: HostileServer) -> None:
    """bug-log 60: `Medication/9` is nowhere: one injection a day is no "not met" beside an order of unknown drug."""
    found = judge(call(ehr, (), prefetch=_insulin(_pointing("Medication/9"))))
    assert found["D.I.F"]["truth"] == "unknown"
    assert _medications(ehr) == 1


@pytest.mark.parametrize("trouble", [refuse(403, "forbidden"), badly(wait=30.0)], ids=["403", "slow"])
def test_a_medication_that_cannot_be_read_leaves_the_regimen_open(ehr: HostileServer, trouble: Behaviour) -> None:
    """Rules 3 and 5: not retrieved, and never "not met"."""
    ehr.on("Medication", trouble)
    found = judge(call(ehr, (), prefetch=_insulin(_pointing("Medication/lispro"))), deadline_seconds=0.6)
    assert found.truth("D.I.F") == "not-retrieved"
    assert found.seconds < 1.8


def test_no_other_server_is_asked_for_a_medication(ehr: HostileServer) -> None:
    """Rule 5: an absolute reference to another server is not followed, nor read from ours under the same id."""
    with HostileServer(LISPRO) as other:
        found = judge(call(ehr, (), prefetch=_insulin(_pointing(f"{other.url}/Medication/lispro"))))
        assert other.asked == []
    assert ehr.asked == []
    assert found["D.I.F"]["truth"] == "unknown"


def test_an_absolute_reference_to_this_server_is_read(ehr: HostileServer) -> None:
    """Rule 5: absolute, and ours; with a version at its end too."""
    for literal in (f"{ehr.url}/Medication/lispro", f"{ehr.url}/Medication/lispro/_history/3"):
        ehr.asked.clear()
        assert judge(call(ehr, (), prefetch=_insulin(_pointing(literal)))).truth("D.I.F") == "met"
        assert _medications(ehr) == 1


@pytest.mark.parametrize(
    "literal",
    [
        "Medication/../Patient/p1",
        "Medication/a?b=c",
        "Medication/a#b",
        "Medication/..",
        "Medication/%2e%2e%2fmetadata",
        "//x/y",
        "..",
        " ",
    ],
)
def test_odd_references_do_no_harm(ehr: HostileServer, literal: str) -> None:
    """Rule 5: what is no reference of FHIR's is not followed out of its type."""
    found = judge(call(ehr, (), prefetch=_insulin(_pointing(literal))))
    assert found.truth("D.I.F") != "met"
    assert {asked.kind for asked in ehr.asked} <= {"Medication"}
    assert not [asked for asked in ehr.asked if ".." in asked.target or "?" in asked.target]


def test_a_drug_that_is_named_needs_no_reading(ehr: HostileServer) -> None:
    """Rule 5: only what a rule needs: a display that says insulin lispro is not needed again, if it is read at all."""
    order = _pointing("Medication/lispro")
    order["medicationReference"]["display"] = "Insulin lispro 100 UNT/ML"
    ehr.on("Medication", refuse(403))
    assert judge(call(ehr, (), prefetch=_insulin(order)))["D.I.F"]["truth"] in ("met", "unknown")
    assert _medications(ehr) <= 1


# ---------------------------------------------------------------- people, payers, devices


def _role(practitioner: str = "Practitioner/d7") -> JSON:
    specialty = [support.concept(TAXONOMY, "207RE0101X")]
    role = {"resourceType": "PractitionerRole", "id": "r1", "active": True, "specialty": specialty}
    return role | {"practitioner": {"reference": practitioner}}


def _doctor(name: str) -> JSON:
    degree = support.concept("http://terminology.hl7.org/CodeSystem/v2-0360", "MD")
    return {"resourceType": "Practitioner", "id": name, "qualification": [{"code": degree}]}


def _by_role(server: HostileServer, missing: tuple[str, ...], **prefetch: Any) -> JSON:
    order = support.order(requester={"reference": "PractitionerRole/r1"})
    request = call(server, missing, order)
    request["context"]["userId"] = "PractitionerRole/r1"
    request["prefetch"].update(prefetch)
    return request


def test_a_roles_practitioner_is_read(ehr: HostileServer) -> None:
    """Rule 5: the requester is a role; its practitioner's degree lets them order."""
    role = _role()
    del role["specialty"]
    ehr.held += [role, _doctor("d7")]
    found = judge(_by_role(ehr, ("requester",)))
    assert (found["D.I.B"]["truth"], found["D.I.B"]["basis"]) == ("met", "documented")
    assert len([a for a in ehr.asked if "d7" in a.target and a.kind == "Practitioner"]) == 1


def test_the_practitioner_of_a_prefetched_role_is_read(ehr: HostileServer) -> None:
    """Rule 5: the client sent the role alone."""
    role = _role()
    del role["specialty"]
    ehr.held += [role, _doctor("d7")]
    found = judge(_by_role(ehr, (), requester=role))
    assert (found["D.I.B"]["truth"], found["D.I.B"]["basis"]) == ("met", "documented")
    assert {asked.kind for asked in ehr.asked} <= {"Practitioner", "PractitionerRole"}


@pytest.mark.parametrize("literal", ["{url}/Practitioner/d7", "Practitioner/d7/_history/2"])
def test_a_requester_in_another_spelling_is_read(ehr: HostileServer, literal: str) -> None:
    """Rule 5: an absolute reference to this server, and one with a version."""
    ehr.held.append(_doctor("d7"))
    order = support.order(requester={"reference": literal.format(url=ehr.url)})
    found = judge(call(ehr, ["requester"], order))
    assert (found["D.I.B"]["truth"], found["D.I.B"]["basis"]) == ("met", "documented")
    assert len(ehr.asked_for("Practitioner/d7")) == 1


def test_a_requester_elsewhere_is_not_read(ehr: HostileServer) -> None:
    """Rule 5: the requester's record is on another server; ours has somebody else under the same id."""
    ehr.held.append(_doctor("d7"))
    with HostileServer(_doctor("d7")) as other:
        order = support.order(requester={"reference": f"{other.url}/Practitioner/d7"})
        found = judge(call(ehr, ["requester"], order))
        assert other.asked == []
    assert ehr.asked_for("Practitioner/d7") == []
    assert found["D.I.B"].get("basis") != "documented"


def test_an_order_whose_device_never_comes_is_answered_in_time(ehr: HostileServer) -> None:
    """Rules 3 and 5: what is ordered is read first, inside the same budget."""
    ehr.on("*", badly(wait=30.0))
    order = support.order(codeReference={"reference": "Device/new"})
    del order["codeCodeableConcept"]
    assert judge(call(ehr, None, order), deadline_seconds=0.6).seconds < 1.6


def test_a_payers_organization_is_read(ehr: HostileServer) -> None:
    """Rule 5: Coverage.payor names an Organization by reference only; it is CareSource."""
    coverage = next(r for r in ehr.held if r["resourceType"] == "Coverage")
    coverage["payor"] = [{"reference": "Organization/o1"}]
    coverage["class"] = [{"type": {"text": "plan"}, "value": "Marketplace Silver"}]
    ehr.held.append({"resourceType": "Organization", "id": "o1", "name": "CareSource"})
    found = judge(call(ehr, (), prefetch=support.call(coverage=support.bundle(coverage))["prefetch"]))
    assert found.determination["coverage"] == "governed"
    assert [asked.path for asked in ehr.asked] == ["Organization/o1"]


def test_another_payers_organization_is_read(ehr: HostileServer) -> None:
    """Rule 5; bug-log 22: the payer behind the reference is another one, so the policy does not govern."""
    coverage = next(r for r in ehr.held if r["resourceType"] == "Coverage")
    coverage["payor"] = [{"reference": "Organization/o1"}]
    coverage["class"] = []
    ehr.held.append({"resourceType": "Organization", "id": "o1", "name": "Some Other Health Plan"})
    ehr.on("Coverage", ignoring("_include"))
    assert judge(call(ehr)).determination["coverage"] == "not-governed"


def test_the_device_of_an_order_is_read(ehr: HostileServer) -> None:
    """Rule 5: DeviceRequest.codeReference: what is ordered stands in a Device."""
    ehr.held.append({"resourceType": "Device", "id": "new", "type": support.concept(support.HCPCS, "E0784")})
    order = support.order(codeReference={"reference": "Device/new"})
    del order["codeCodeableConcept"]
    found = judge(call(ehr, (), order))
    assert found.determination["outcome"] == "likely-approved"
    assert [asked.path for asked in ehr.asked] == ["Device/new"]


def test_the_device_of_an_order_that_came_with_the_call_is_not_asked_for(ehr: HostileServer) -> None:
    """Rules 1 and 5: under the guide's key or one of the client's own, it is there."""
    device = {"resourceType": "Device", "id": "new", "type": support.concept(support.HCPCS, "E0784")}
    order = support.order(codeReference={"reference": "Device/new"})
    del order["codeCodeableConcept"]
    sent = support.call()["prefetch"] | {"orderedDevices": support.bundle(device)}
    assert judge(call(ehr, (), order, prefetch=sent)).determination["outcome"] == "likely-approved"
    assert ehr.asked == []


def test_for_a_device_that_is_no_pump_nothing_more_is_asked(ehr: HostileServer) -> None:
    """Rule 5: what is ordered is read first, and says that the chart is nobody's business."""
    ehr.held.append({"resourceType": "Device", "id": "new", "type": support.concept(support.HCPCS, "E0601")})
    order = support.order(codeReference={"reference": "Device/new"})
    del order["codeCodeableConcept"]
    assert judge(call(ehr, None, order)).determination["outcome"] == "not-applicable"
    assert [asked.path for asked in ehr.asked] == ["Device/new"]


def test_the_device_of_many_readings_is_read_once(ehr: HostileServer) -> None:
    """Rule 5: 120 readings under a general code, filed as laboratory; their one Device is a home glucose meter."""
    shape = {"code": support.concept(support.LOINC, "2339-0"), "category": LABORATORY}
    readings = [r | shape | {"device": {"reference": "Device/meter"}} for r in support.readings()]
    meter = {
        "resourceType": "Device",
        "id": "meter",
        "deviceName": [{"name": "Home blood glucose meter", "type": "other"}],
    }
    ehr.held.append(meter)
    found = judge(call(ehr, (), prefetch=support.call(glucose=support.bundle(*readings))["prefetch"]))
    assert found.truth("D.I.G") == "met"
    assert [asked.path for asked in ehr.asked] == ["Device/meter"]
