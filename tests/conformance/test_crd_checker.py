"""CRD in discovery and errors; no requirement is without a document that breaks it, and no document breaks us."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.breaking import Case, broken, case, drop, numbers, put
from tests.conformance.crd.checker import (
    check_crd_discovery,
    check_crd_error,
    check_crd_response,
    check_legacy_discovery,
)
from tests.conformance.crd.samples import CALL, DISCOVERY, answer
from tests.conformance.crd.standard import standard_of
from tests.conformance.crd.test_crd_rules import BROKEN, SWITCHED
from tests.conformance.crd.test_kit import KIT_BROKEN
from tests.conformance.crd.test_parts import PARTS_BROKEN
from tests.conformance.rulebook import CRD_REQUIREMENTS
from tests.conformance.samples import ERROR
from tests.conformance.test_checker import ANY_JSON, paths

SERVICE = "services/0"
PREFETCH = f"{SERVICE}/prefetch"
OPTIONS = f"{SERVICE}/extension/davinci-crd.configuration-options"


DISCOVERY_BROKEN = [
    case(16, "no versions", drop(f"{SERVICE}/extension/davinci-crd.version")),
    case(16, "a version that the pattern cannot say", put(f"{SERVICE}/extension/davinci-crd.version/0", "2.0")),
    case(17, "no options", put(OPTIONS, {}), also=(15, 18, 22)),
    case(17, "an option without default", drop(f"{OPTIONS}/0/default"), also=(21,)),
    case(17, "a default of another type", put(f"{OPTIONS}/4/default", True), also=(21,)),
    case(
        17,
        "a limit that is a switch",
        put(f"{OPTIONS}/4/type", "boolean"),
        put(f"{OPTIONS}/4/default", True),
        also=(21,),
    ),
    case(
        17,
        "a type of answer that is counted",
        put(f"{OPTIONS}/0/type", "integer"),
        put(f"{OPTIONS}/0/default", 1),
        also=(18, 21),
    ),
    case(18, "a type that cannot be switched", drop(f"{OPTIONS}/2")),
    case(19, "a code of our own", put(f"{OPTIONS}/2/code", "policy"), also=(18,)),
    case(20, "one name twice", put(f"{OPTIONS}/1/name", "Switch coverage-info"), also=(21,)),
    case(21, "other words for one option", put(f"{OPTIONS}/0/description", "Something else.")),
    case(22, "no way to refuse a number", drop(f"{OPTIONS}/1")),
    case(
        22,
        "numbers counted, not refused",
        put(f"{OPTIONS}/1/type", "integer"),
        put(f"{OPTIONS}/1/default", 1),
        also=(17, 21),
    ),
    case(
        27,
        "clinical data prefetched",
        put(f"{SERVICE}/prefetch/labs", "Observation?patient={{context.patientId}}"),
        also=(26,),
    ),
    case(
        28,
        "another expression",
        put(f"{SERVICE}/prefetch/devices", "Device?_id={{context.draftOrders.entry.resource.code.resolve().id}}"),
    ),
    case(29, "no prefetch", drop(f"{SERVICE}/prefetch"), also=(30,)),
    case(29, "no word on what is needed", drop(f"{SERVICE}/usageRequirements")),
    case(
        30, "every coverage", put(f"{SERVICE}/prefetch/coverage", "Coverage?patient={{context.patientId}}"), also=(28,)
    ),
    case(
        38,
        "more than simple FHIRPath",
        put(f"{SERVICE}/prefetch/devices", "Device?_id={{context.draftOrders.entry.resource.where(id='x').id}}"),
        also=(28,),
    ),
    case(
        39,
        "a reference to a later key",
        put(f"{SERVICE}/prefetch/practitionerRoles", "PractitionerRole?_id={{%practitioners.id}}"),
        also=(28,),
    ),
]


@pytest.mark.parametrize("changed", DISCOVERY_BROKEN)
def test_broken_discovery_is_found(changed: Case) -> None:
    found = numbers(check_crd_discovery(broken(DISCOVERY, changed)))
    assert found == {changed.number} | changed.also


def test_good_discovery_has_no_violations() -> None:
    assert check_crd_discovery(DISCOVERY) == []


def template(number: int, text: str, sentence: str, also: tuple[int, ...] = (26,)) -> Any:
    return case(number, sentence, put(f"{PREFETCH}/own", text), also=also)


PERSON = "%encounter.participant.individual.resolve().id"
TOKENS_BROKEN = [
    case(10, "no version of CDS Hooks", drop(f"{SERVICE}/version")),
    case(10, "a version whose clients cannot walk", put(f"{SERVICE}/version", "2.0.1")),
    case(17, "an option without a name in words", put(f"{OPTIONS}/0/name", 7), also=(21,)),
    case(17, "an option of another type", put(f"{OPTIONS}/0/type", "string"), also=(18, 21)),
    template(26, f"Practitioner?_id={{{{{PERSON}}}}}", "an element of our own", ()),
    template(27, "Observation?category=laboratory&patient={{context.patientId}}", "results, the patient last"),
    template(27, "Encounter?patient={{context.patientId}}", "encounters for every order"),
    template(27, "Condition?patient:in={{context.patientId}}", "conditions, by a list of patients"),
    template(36, f"Practitioner?_id={{{{{PERSON}|Patient.id}}}}", "a second path that begins nowhere"),
    template(36, "Practitioner?_id={{context.selections.resolve().id}}", "a field of another hook"),
    template(38, "Practitioner?_id={{%encounter.participant.where(x='a').id}}", "a filter after a key"),
    template(38, f"Practitioner?_id={{{{{PERSON}|context.draftOrders.entry[0].id}}}}", "an index in a second path"),
    template(39, f"Practitioner?_id={{{{{PERSON}|%later.entry.resource.id}}}}", "a later key in a second path"),
    template(40, f"Practitioner?_id={{{{{PERSON}|context.draftOrders.DeviceRequest.id}}}}", "a superseded second path"),
]


@pytest.mark.parametrize("changed", TOKENS_BROKEN)
def test_a_broken_service_is_found(changed: Case) -> None:
    found = numbers(check_crd_discovery(broken(DISCOVERY, changed)))
    assert found == {changed.number} | changed.also


@pytest.mark.parametrize(
    "text",
    [
        f"Practitioner?_id={{{{{PERSON}}}}}",
        "Practitioner/{{userPractitionerId}}",
        "Claim?created=ge{{today() - 30 days}}",
        "Device?_id={{context.draftOrders.entry.resource.ofType(DeviceRequest).id|%devices.entry.resource.id}}",
    ],
)
def test_tokens_of_the_simple_subset_are_taken(text: str) -> None:
    body = copy.deepcopy(DISCOVERY)
    body["services"][0]["prefetch"]["own"] = text
    assert numbers(check_crd_discovery(body)) == {26}


def test_a_legacy_document_is_of_a_version_for_plain_tokens() -> None:
    plain = copy.deepcopy(DISCOVERY)
    for service in plain["services"]:
        service["prefetch"] = {k: v for k, v in service["prefetch"].items() if k in ("patient", "coverage")}
        service["version"] = "2.0.1"
    assert check_legacy_discovery(plain) == []
    assert numbers(check_legacy_discovery(DISCOVERY)) == {36, 37}
    plain["services"][0]["prefetch"]["devices"] = standard_of("order-sign")["devices"]
    assert numbers(check_legacy_discovery(plain)) == {10, 37}


def test_every_service_of_a_legacy_document_is_a_crd_service() -> None:
    plain = copy.deepcopy(DISCOVERY)
    (service, *_) = plain["services"]
    service |= {"prefetch": {"coverage": service["prefetch"]["coverage"]}, "version": "2.0.1", "id": "order-sign"}
    plain["services"] = [service]
    assert check_legacy_discovery(plain) == []
    del service["extension"]
    assert numbers(check_legacy_discovery(plain)) == {16, 17, 18, 22}


# SHA-256 of the prefetch that the guide's CRDServices.json (2.2.1) gives each hook, as JSON in its order.
PRINTED = {
    "order-sign": "0f4e215fc1e09dfa0d5726eb841bc53f66f673b1bc65d409443249bbd26bf2a7",
    "order-select": "0f4e215fc1e09dfa0d5726eb841bc53f66f673b1bc65d409443249bbd26bf2a7",
    "order-dispatch": "5d92d9d7fbc871c3544e70d2b767503e30a22c5d87b59542a32741790c1b88f9",
}


@pytest.mark.parametrize("hook", PRINTED)
def test_the_standard_expressions_are_the_guides(hook: str) -> None:
    assert hashlib.sha256(json.dumps(standard_of(hook)).encode()).hexdigest() == PRINTED[hook]


@pytest.mark.parametrize("secret", ["Zoë", 'the "old" one', "zebulon-4711", "A-7"])
def test_a_secret_is_found_however_it_is_written(secret: str) -> None:
    told = {**ERROR, "issue": [{**ERROR["issue"][0], "diagnostics": 'Zoë Zebulon-4711, the "old" one, A-7'}]}
    assert numbers(check_crd_error(400, "application/json", told, (secret,))) == {111}
    assert check_crd_error(400, "application/json", ERROR, (secret, "")) == []


# ---------------------------------------------------------------- the checker itself


def test_every_crd_requirement_has_a_broken_document() -> None:
    lists = [*BROKEN, *DISCOVERY_BROKEN, *PARTS_BROKEN, *TOKENS_BROKEN]
    tried = {each.values[0].number for each in lists} | {number for number, *_ in SWITCHED}
    assert tried == set(CRD_REQUIREMENTS)
    assert len(lists) + len(KIT_BROKEN) >= 60


@settings(max_examples=150, deadline=None, database=None)
@given(st.data(), ANY_JSON)
def test_no_document_breaks_the_checker(data: st.DataObject, found: Any) -> None:
    def respond(body: Any, call: Any = CALL) -> Any:
        return check_crd_response(body, call, version="2.2", hook="order-sign", configuration={"guideline": False})

    for document, run in (
        (answer("2.2"), respond),
        (CALL, lambda call: respond(answer("2.2"), call)),
        (DISCOVERY, check_crd_discovery),
        (DISCOVERY, check_legacy_discovery),
    ):
        body = copy.deepcopy(document)
        put(data.draw(st.sampled_from(paths(document))), found)(body)
        assert all(violation.where.startswith("$") for violation in run(body))
