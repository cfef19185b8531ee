"""Every resource that leaves the service against base R4, by the HL7 validator; and that the validator sees faults."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cds_service.errors import BadRequest
from cds_service.hooks.discovery import SERVICES
from cds_service.hooks.messages import as_json
from cds_service.services.answer_hook import answer
from cds_service.settings import Settings
from cds_service.web import create_app
from fhir_mappings.output.crd_versions import VERSIONS
from tests import support
from tests.cases.crd import answer_to, crd_request, services_of
from tests.cases.runner import PUBLIC_URL, CaseFile, all_cases
from tests.conformance.hl7_validator import JSON, resources_sent, validate, why_not
from tests.conformance.samples import FORM_TASK, ORDER, TEST_ORDER
from tests.services.crd import crd_call, information

pytestmark = pytest.mark.real
VALUE_SETS = Path(__file__).parents[2] / "fhir_mappings" / "valuesets"
HL7 = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"


@pytest.fixture(autouse=True, scope="module")
def validator() -> None:
    if reason := why_not():
        pytest.skip(reason)


def _with(**members: Any) -> JSON:
    return {**ORDER, **members}


GOOD = [
    ORDER,
    FORM_TASK,
    TEST_ORDER,
    _with(extension=[{"url": HL7, "extension": [{"url": "covered", "valueCode": "covered"}]}]),
    _with(extension=[{"url": "http://example.invalid/unknown", "valueString": "x"}]),
    _with(codeCodeableConcept={"coding": [{"system": "http://example.invalid/unknown", "code": "x"}]}),
]
BROKEN = {
    "a required element is missing": {k: v for k, v in ORDER.items() if k != "intent"},
    "no code at all": {k: v for k, v in ORDER.items() if k != "codeCodeableConcept"},
    "a code outside the binding": _with(status="drafty"),
    "a string for an object": _with(subject="Patient/p1"),
    "a string for a boolean": _with(reasonCode=[{"coding": [{"userSelected": "yes"}]}]),
    "an element that FHIR lacks": _with(zork=1),
    "two of a choice": _with(codeReference={"reference": "Device/d"}),
    "a date that is none": _with(authoredOn="20 November"),
    "an extension without url": _with(extension=[{"valueString": "x"}]),
    "an extension with value and parts": _with(
        extension=[{"url": HL7, "valueString": "x", "extension": [{"url": "covered", "valueCode": "covered"}]}]
    ),
    "an extension with nothing in it": _with(extension=[{"url": HL7}]),
    "an empty list": _with(note=[]),
    "a null": _with(note=None),
    "an id that is too long": _with(id="x" * 65),
    "a code with a blank in front": _with(
        extension=[{"url": HL7, "extension": [{"url": "covered", "valueCode": " covered"}]}]
    ),
    # The type that a reference states is checked; the one that its text implies is not.
    "a reference that states a wrong type": _with(subject={"reference": "Medication/m", "type": "Medication"}),
    "a canonical that is no address": {**FORM_TASK, "instantiatesCanonical": "no address"},
    "an extension whose address is relative": _with(extension=[{"url": "covered", "valueCode": "covered"}]),
    "no such type": {"resourceType": "Pump", "id": "x"},
}


def test_good_resources_have_no_errors() -> None:
    assert validate(GOOD) == [[]] * len(GOOD)


def test_every_fault_is_seen() -> None:
    found = dict(zip(BROKEN, validate(list(BROKEN.values())), strict=True))
    assert [name for name, errors in found.items() if not errors] == []


def test_the_projects_value_sets() -> None:
    sets = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(VALUE_SETS.glob("*.json"))]
    assert len(sets) > 40
    faults = {each["id"]: errors for each, errors in zip(sets, validate(sets), strict=True) if errors}
    assert faults == {}


# ---------------------------------------------------------------- what answers carry


def _answers(case: CaseFile, version: str) -> list[JSON]:
    """The plain and the CRD service's answers in one version; a call that is refused has none."""
    settings = Settings(public_url=PUBLIC_URL, crd_version=version, payer_phone="1-833-230-2099")
    found = []
    for service in services_of(case):
        try:
            found.append(answer_to(case, crd_request(case), service, settings))
        except BadRequest:
            continue
    return found


def _came_in(case: CaseFile) -> dict[str, JSON]:
    entries = json.loads(case.request.decode("utf-8-sig"))["context"]["draftOrders"].get("entry", [])
    resources = [entry["resource"] for entry in entries if isinstance(entry.get("resource"), dict)]
    return {f"{r.get('resourceType')}/{r.get('id')}": r for r in resources}


def _new_faults(sent: list[tuple[str, JSON, JSON | None]]) -> dict[str, set[str]]:
    """Errors by case, without those that the client's own order had when it came in."""
    before = validate([came if came is not None else went for _, went, came in sent])
    after = validate([went for _, went, _ in sent])
    faults: dict[str, set[str]] = {}
    for (name, _, came), was, now in zip(sent, before, after, strict=True):
        new = set(now) - (set(was) if came is not None else set())
        if new:
            faults.setdefault(name, set()).update(new)
    return faults


def test_everything_that_any_case_sends() -> None:
    sent: list[tuple[str, JSON, JSON | None]] = []
    carried = 0
    for case in all_cases():
        came = _came_in(case)
        for version in VERSIONS:
            for response in _answers(case, version.name):
                for resource in resources_sent(response):
                    reference = f"{resource['resourceType']}/{resource.get('id')}"
                    sent.append((case.name, resource, came.get(reference)))
                    carried += reference in came
    assert carried > 1000
    assert _new_faults(sent) == {}


def test_every_shape_of_coverage_information() -> None:
    """Each outcome in each version, as the settings can widen it."""
    issuing = dataclasses.replace(support.SETTINGS, issue_authorization_numbers=True, payer_phone="1-833-230-2099")
    broken = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    changes: list[JSON] = [{}, {"education": None}, {"glucose": broken}]
    changes.append({"conditions": support.bundle(support.condition("c1", "E10.65"), support.condition("c2", "Z99.2"))})
    shapes = []
    for version in VERSIONS:
        settings = dataclasses.replace(issuing, crd_version=version.name)
        for change in changes:
            body = json.dumps(crd_call(support.order(), support.order("sets-1", code="A4230"), **change)).encode()
            found = answer(body, SERVICES["crd-order-sign"], settings, support.NOON, None)
            response = json.loads(as_json(found))
            assert information(response)
            shapes += list(resources_sent(response))
    # Beside the two orders a reminder may suggest one, which is validated, too.
    orders = [shape for shape in shapes if shape["resourceType"] == "DeviceRequest"]
    assert len(orders) == 2 * len(VERSIONS) * len(changes)
    assert [errors for errors in validate(shapes) if errors] == []


CALLS: list[Callable[[Any], Any]] = [
    lambda client: client.get("/nowhere"),
    lambda client: client.get("/cds-services/crd-order-sign"),
    lambda client: client.post("/cds-services/crd-order-sign", data="{", content_type="application/json"),
    lambda client: client.post("/cds-services/crd-order-sign", data="{}", content_type="text/plain"),
    lambda client: client.post("/cds-services/crd-order-sign", json={}),
    lambda client: client.post("/cds-services/crd-order-sign", json=crd_call(coverage=None)),
    lambda client: client.post("/crd-2.0/cds-services/crd-order-sign", json=crd_call(coverage=None)),
    lambda client: client.post("/cds-services/crd-order-sign", json=_without_coverage()),
]


def _without_coverage() -> JSON:
    request = copy.deepcopy(crd_call())
    del request["prefetch"]["coverage"]
    return request


def test_operation_outcomes_of_errors() -> None:
    client = create_app(Settings()).test_client()
    replies = [call(client) for call in CALLS]
    assert {reply.status_code for reply in replies} == {400, 404, 405, 412, 415, 422}
    assert validate([reply.get_json() for reply in replies]) == [[]] * len(CALLS)
