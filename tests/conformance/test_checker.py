"""The checker lets good documents pass and names the requirement that a broken one breaks."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.breaking import Case, add, broken, case, drop, numbers, put
from tests.conformance.checker import (
    REQUIREMENTS,
    Violation,
    check_discovery,
    check_error,
    check_response,
)
from tests.conformance.samples import (
    CARD,
    DISCOVERY,
    ERROR,
    ORDER,
    REQUEST,
    RESPONSE,
    SECOND_CARD,
    TEST_ORDER,
    fresh,
)

JSON = "application/json"
FIRST = "cards/0/suggestions/0"
SWAP = "cards/0/suggestions/2/actions"
UPDATE = "systemActions/0"
FORM = "cards/0/suggestions/1/actions/0/resource"
TEMPLATE = "services/0/prefetch/coverage"
PATIENT = "patient={{context.patientId}}"


def template(number: int, text: str, sentence: str, also: tuple[int, ...] = ()) -> Any:
    return case(number, sentence, put(TEMPLATE, text), also=also)


DISCOVERY_CASES = [
    case(2, "services is missing", drop("services")),
    case(2, "services is an object", put("services", {"a": 1})),
    case(2, "a service is a string", add("services", "pump")),
    case(4, "hook is missing", drop("services/0/hook")),
    case(4, "hook is no published one", put("services/0/hook", "order-signed")),
    case(4, "hook is a number", put("services/0/hook", 7)),
    case(5, "id is missing", drop("services/0/id")),
    case(5, "id has a slash", put("services/0/id", "a/b")),
    case(6, "description is missing", drop("services/0/description")),
    case(6, "description is blank", put("services/0/description", " "), also=(15,)),
    case(7, "title is missing", drop("services/0/title")),
    case(8, "prefetch is an array", put("services/0/prefetch", ["Patient/{{context.patientId}}"])),
    case(8, "a template is an object", put(TEMPLATE, {"query": "Coverage"})),
    case(9, "usage requirements are an array", put("services/0/usageRequirements", ["none"])),
    case(10, "version has two parts", put("services/0/version", "2.0")),
    case(10, "version is a number", put("services/0/version", 2)),
    case(11, "hookVersion of order-sign was never published", put("services/0/hookVersion", "9.9")),
    case(11, "hookVersion is a word", put("services/0/hookVersion", "latest")),
    case(12, "id is listed twice for one hook", put("services/1/hook", "order-sign")),
    case(13, "a service has a member of its own", put("services/0/payer", "CareSource")),
    case(13, "the document has a member of its own", put("count", 2)),
    case(13, "extension is an array", put("services/0/extension", ["x.y"])),
    case(13, "an extension name has no dot", put("services/0/extension", {"policy": "x"})),
    case(15, "a null in an extension", put("services/0/extension/a.b", None)),
    case(15, "prefetch is empty", put("services/0/prefetch", {})),
    case(15, "usage requirements are an empty string", put("services/0/usageRequirements", "")),
    template(31, f"Patient/$everything?{PATIENT}", "an operation"),
    template(31, "Patient/{{context.patientId}}/_history", "the history of an instance"),
    template(31, "Patient/123", "a read without a token"),
    template(31, "Coverage", "a type alone"),
    template(31, f"Coverage?{PATIENT}&status", "a parameter without a value"),
    template(31, f"Insurance?{PATIENT}", "no FHIR type"),
    template(31, "Coverage/{{context.patientId}}", "a read with the id of another type"),
    template(31, "Practitioner/{{context.userId}}", "a read with a token that is a reference already"),
    template(32, f"Coverage?{PATIENT}&status:not=cancelled", "the modifier not"),
    template(32, f"Condition?{PATIENT}&code:text=diabetes", "the modifier text"),
    template(32, f"Observation?{PATIENT}&code=http://loinc.org|4548-4", "a bare pipe"),
    template(33, f"Observation?{PATIENT}&date=sa2025-01-01", "the prefix sa"),
    template(33, f"Observation?{PATIENT}&date=ne2025-01-01", "the prefix ne"),
    template(33, f"Observation?{PATIENT}&status=gt2025-01-01", "a prefix on a code"),
    template(34, f"Coverage?{PATIENT}&_include=Coverage:payor", "an include"),
    template(34, f"Patient?{PATIENT.replace('patient', '_id', 1)}&_has:Coverage:patient:status=x", "a has"),
    template(34, "Coverage?beneficiary.name={{context.patientId}}", "a chained parameter"),
    template(34, f"Coverage?{PATIENT}&_summary=true", "a summary"),
    template(34, f"Coverage?{PATIENT}&_count=all", "a count that is no number"),
    template(35, "Observation?subject={{context.patientId}}", "an uncommon parameter"),
    template(36, "Patient/{context.patientId}", "single braces", also=(31,)),
    template(36, "Patient/{{Patient.id}}", "a token from before 1.0"),
    template(36, "Patient/{{ context.patientId }}", "white space in a token"),
    case(36, "a field that the hook lacks", put("services/1/prefetch/a", "Encounter/{{context.encounterId}}")),
    template(37, "DeviceRequest?_id={{context.draftOrders.entry.resource.id}}", "a walk into the orders"),
    template(37, "DeviceRequest?_id={{context.draftOrders}}", "a field that is an object"),
    template(37, f"Observation?{PATIENT}&date=ge{{{{today()}}}}", "a computed date"),
    template(37, "Organization/{{%patient.managingOrganization.resolve().id}}", "an earlier prefetch"),
    template(38, "Device?_id={{context.draftOrders.entry.where(a.exists()).id}}", "a where"),
    template(38, "Device?_id={{context.draftOrders.entry[0].id}}", "an index"),
    template(39, "Device?_id={{%labs.entry.resource.id}}", "a later prefetch"),
    template(39, "Device?_id={{%nothing.id}}", "a prefetch that does not exist"),
    template(40, "DeviceRequest?_id={{context.draftOrders.DeviceRequest.id}}", "the form of CRD 2.0"),
    template(40, "Patient/{{%context.patientId}}", "the form of CRD 2.1"),
]

RESPONSE_CASES = [
    case(13, "a card has a member of its own", put("cards/0/priority", 1)),
    case(13, "an action has a member of its own", put(f"{UPDATE}/reason", "x")),
    case(13, "a suggestion has a member of its own", put(f"{FIRST}/id", "1")),
    case(13, "a source has a member of its own", put("cards/0/source/name", "x")),
    case(13, "a link has a member of its own", put("cards/0/links/0/href", "x")),
    case(13, "the extension of the response is an array", put("extension", [{"url": "x"}])),
    case(13, "an extension name has no dot", put("cards/1/extension", {"decision": "met"})),
    case(112, "cards is missing", drop("cards")),
    case(112, "cards is null", put("cards", None), also=(114,)),
    case(112, "a card is a string", add("cards", "no pump")),
    case(113, "systemActions is null", put("systemActions", None), also=(114,)),
    case(113, "systemActions is an object", put("systemActions", {"type": "update"})),
    case(114, "links is empty", put("cards/1/links", [])),
    case(114, "detail is null", put("cards/1/detail", None), also=(119,)),
    case(114, "an element of the order is null", put(f"{UPDATE}/resource/occurrenceDateTime", None)),
    case(114, "an element of the order is empty", put(f"{UPDATE}/resource/note", [])),
    case(114, "the extension is empty", put("extension", {})),
    case(115, "the order lacks its subject", drop(f"{UPDATE}/resource/subject"), also=(147,)),
    case(115, "the order has an element that FHIR lacks", put(f"{UPDATE}/resource/colour", "blue")),
    case(115, "the status is no code of the type", put(f"{UPDATE}/resource/status", "signed")),
    case(115, "a date is written wrong", put(f"{UPDATE}/resource/authoredOn", "15.01.2026")),
    case(115, "an element is there in two forms", put(f"{UPDATE}/resource/codeReference", {"display": "x"})),
    case(115, "a contained type is unknown", put(f"{UPDATE}/resource/contained", [{"resourceType": "Pump"}])),
    case(116, "card uuid is missing", drop("cards/0/uuid")),
    case(116, "card uuid has a prefix", put("cards/0/uuid", f"urn:uuid:{CARD['uuid']}")),
    case(116, "two cards share a uuid", put("cards/1/uuid", CARD["uuid"].upper())),
    case(117, "summary is missing", drop("cards/0/summary")),
    case(117, "summary has 140 characters", put("cards/0/summary", "x" * 140)),
    case(117, "summary has two lines", put("cards/0/summary", "Pump\nnot covered")),
    case(117, "summary is a number", put("cards/0/summary", 12)),
    case(119, "detail is an array", put("cards/1/detail", ["text"])),
    case(119, "detail has a tag", put("cards/1/detail", "very <b>important</b>")),
    case(119, "detail has a script", put("cards/1/detail", "<script>alert(1)</script>")),
    case(119, "detail has a line break tag", put("cards/1/detail", "one<br/>two")),
    case(121, "a link of the detail is not repeated", drop("cards/0/links/0")),
    case(121, "a bare address is not repeated", put("cards/1/detail", "see https://payer.example/x.")),
    case(121, "an autolink is not repeated", put("cards/1/detail", "see <https://payer.example/x>")),
    case(121, "a reference link is not repeated", put("cards/1/detail", "see [x]\n\n[x]: https://a.example/x")),
    case(121, "a script address in the detail", put("cards/1/detail", "see [x](javascript:alert(1))")),
    case(122, "indicator is missing", drop("cards/0/indicator")),
    case(122, "indicator is hard-stop", put("cards/0/indicator", "hard-stop")),
    case(123, "a coverage card is critical", put("cards/0/indicator", "critical")),
    case(124, "source is missing", drop("cards/0/source")),
    case(124, "source has no label", drop("cards/0/source/label")),
    case(126, "source address is relative", put("cards/0/source/url", "/policies")),
    case(126, "icon address has no scheme", put("cards/0/source/icon", "payer.example/icon.png")),
    case(127, "topic is missing", drop("cards/0/source/topic")),
    case(127, "topic has no code", drop("cards/0/source/topic/code")),
    case(127, "topic has no system", drop("cards/0/source/topic/system")),
    case(128, "a published code has a system of its own", put("cards/1/source/topic/code", "guideline")),
    case(128, "the published system has no such code", put("cards/0/source/topic/code", "pump")),
    case(129, "selectionBehavior is missing", drop("cards/0/selectionBehavior")),
    case(129, "selectionBehavior is all", put("cards/0/selectionBehavior", "all")),
    case(
        130,
        "two recommendations where one may be chosen",
        put("cards/0/selectionBehavior", "at-most-one"),
        put("cards/0/suggestions/1/isRecommended", True),
    ),
    case(130, "isRecommended is a word", put(f"{FIRST}/isRecommended", "yes")),
    case(131, "suggestions is an object", put("cards/1/suggestions", {"label": "x"})),
    case(131, "suggestion has no label", drop(f"{FIRST}/label")),
    case(131, "suggestion has no uuid", drop(f"{FIRST}/uuid")),
    case(131, "suggestion uuid is a name", put(f"{FIRST}/uuid", "s1")),
    case(131, "two suggestions share a uuid", put(f"{FIRST}/uuid", CARD["suggestions"][1]["uuid"])),
    case(132, "actions is empty", put(f"{FIRST}/actions", []), also=(114,)),
    case(132, "actions is an object", put(f"{FIRST}/actions", {"type": "create"})),
    case(133, "actionSelectionBehavior is sent", put(f"{FIRST}/actionSelectionBehavior", "any")),
    case(134, "override reason has no display", drop("cards/0/overrideReasons/0/display")),
    case(134, "override reason has no code", drop("cards/0/overrideReasons/0/code")),
    case(134, "override reason has a system that is no URI", put("cards/0/overrideReasons/0/system", "own")),
    case(134, "override reasons are strings", put("cards/0/overrideReasons", ["no"])),
    case(135, "links are strings", put("cards/1/links", ["https://payer.example"])),
    case(135, "link has no label", drop("cards/0/links/1/label")),
    case(135, "link has no type", drop("cards/0/links/0/type")),
    case(135, "link address is relative", put("cards/0/links/1/url", "/launch")),
    case(135, "link address has no host", put("cards/0/links/1/url", "https:///launch")),
    case(135, "link address is a script", put("cards/0/links/1/url", "javascript:alert(1)")),
    case(136, "absolute link has an app context", put("cards/0/links/0/appContext", "x")),
    case(136, "app context is an object", put("cards/0/links/1/appContext", {"order": "x"})),
    case(137, "autolaunchable is a word", put("cards/0/links/1/autolaunchable", "no")),
    case(
        139,
        "associated resources are strings",
        put("cards/0/extension/davinci-crd.associated-resource", ["DeviceRequest/pump-1"]),
    ),
    case(145, "action has no type", drop(f"{UPDATE}/type")),
    case(145, "action type is replace", put(f"{FIRST}/actions/0/type", "replace")),
    case(146, "system action has no description", drop(f"{UPDATE}/description")),
    case(146, "suggested action has no description", drop(f"{FIRST}/actions/0/description")),
    case(147, "create has no resource", drop(f"{FIRST}/actions/0/resource")),
    case(147, "resource has no type", drop(f"{FIRST}/actions/0/resource/resourceType")),
    case(147, "update has no id", drop(f"{UPDATE}/resource/id")),
    case(147, "update holds only part of the order", drop(f"{UPDATE}/resource/requester")),
    case(148, "delete has no resourceId", drop(f"{SWAP}/0/resourceId")),
    case(148, "delete names an absolute address", put(f"{SWAP}/0/resourceId", "https://a.b/DeviceRequest/1")),
    case(148, "delete carries a resource", put(f"{SWAP}/0/resource", ORDER)),
    case(150, "update of an order that was not sent", put(f"{UPDATE}/resource/id", "pump-9")),
    case(150, "delete of an order that was not sent", put(f"{SWAP}/0/resourceId", "DeviceRequest/pump-9")),
    case(150, "the replacement is of another type", put(f"{SWAP}/1/resource", TEST_ORDER)),
    case(151, "create has a resourceId", put(f"{FIRST}/actions/0/resourceId", "ServiceRequest/1")),
    case(151, "created type is unknown", put(f"{FIRST}/actions/0/resource/resourceType", "Pump"), also=(115,)),
    case(
        151,
        "created type is abstract",
        put(f"{FIRST}/actions/0/resource/resourceType", "Resource"),
        also=(115,),
    ),
    case(151, "created order has no intent", drop(f"{FIRST}/actions/0/resource/intent"), also=(115,)),
    case(152, "form task has no patient", drop(f"{FORM}/for")),
    case(152, "form task is a draft", put(f"{FORM}/status", "draft")),
    case(152, "form task names no questionnaire", drop(f"{FORM}/input")),
    case(152, "form task has a focus", put(f"{FORM}/focus", {"reference": "DeviceRequest/pump-1"})),
]

ISSUE = "issue/0"
ERROR_CASES = [
    case(110, "body is no outcome", put("resourceType", "Bundle")),
    case(110, "body has no type", drop("resourceType")),
    case(110, "no issue", put("issue", [])),
    case(110, "issue is an object", put("issue", {"severity": "error"})),
    case(110, "severity is missing", drop(f"{ISSUE}/severity")),
    case(110, "severity is not in the list", put(f"{ISSUE}/severity", "critical")),
    case(110, "code is not in the list", put(f"{ISSUE}/code", "bad-request")),
    case(110, "issue has an element that FHIR lacks", put(f"{ISSUE}/message", "x")),
    case(111, "diagnostics is missing", drop(f"{ISSUE}/diagnostics")),
    case(111, "diagnostics is blank", put(f"{ISSUE}/diagnostics", " ")),
    case(111, "diagnostics is a stack trace", put(f"{ISSUE}/diagnostics", "Traceback (most recent call last)")),
    case(111, "details name a source file", put(f"{ISSUE}/details", {"text": 'File "/srv/app.py", line 3'})),
]

ERROR_HEADS = [
    pytest.param(108, 200, JSON, ERROR, id="108: success status"),
    pytest.param(108, 302, JSON, ERROR, id="108: redirect status"),
    pytest.param(108, 415, "text/html; charset=utf-8", ERROR, id="108: HTML content type"),
    pytest.param(108, 404, "", ERROR, id="108: no content type"),
    pytest.param(109, 412, JSON, {"error": "no coverage"}, id="109: 412 without an outcome"),
    pytest.param(110, 500, JSON, "Internal Server Error", id="110: text for a body"),
    pytest.param(110, 400, JSON, None, id="110: no body"),
]


def test_good_documents_have_no_violations():
    assert check_discovery(fresh(DISCOVERY)) == []
    assert check_response(fresh(RESPONSE), REQUEST) == []
    assert check_error(400, JSON, fresh(ERROR)) == []


@pytest.mark.parametrize("changed", DISCOVERY_CASES)
def test_broken_discovery(changed: Case):
    found = check_discovery(broken(DISCOVERY, changed))
    assert numbers(found) == {changed.number} | changed.also, found


@pytest.mark.parametrize("changed", RESPONSE_CASES)
def test_broken_response(changed: Case):
    found = check_response(broken(RESPONSE, changed), REQUEST)
    assert numbers(found) == {changed.number} | changed.also, found


@pytest.mark.parametrize("changed", ERROR_CASES)
def test_broken_error(changed: Case):
    found = check_error(400, "application/fhir+json; charset=utf-8", broken(ERROR, changed))
    assert numbers(found) == {changed.number}, found


@pytest.mark.parametrize(("number", "status", "content_type", "body"), ERROR_HEADS)
def test_broken_error_head(number: int, status: int, content_type: str, body: Any):
    assert numbers(check_error(status, content_type, body)) == {number}


def test_every_requirement_has_a_mutation():
    cases = [*DISCOVERY_CASES, *RESPONSE_CASES, *ERROR_CASES]
    tried = {param.values[0].number for param in cases} | {param.values[0] for param in ERROR_HEADS}
    assert tried == set(REQUIREMENTS)
    assert len(cases) + len(ERROR_HEADS) >= 60


@pytest.mark.parametrize("body", [None, [], {}, "cards", 3])
def test_bodies_that_are_no_objects(body: Any):
    assert numbers(check_discovery(body)) == {2}
    assert numbers(check_response(body, REQUEST)) == {112}


@pytest.mark.parametrize(
    "body",
    [
        {"cards": []},
        {"cards": [], "systemActions": []},
        {"cards": [], "extension": {"example.payer.trace": {"id": "1"}}},
        {"cards": [{**SECOND_CARD, "summary": "x" * 139}]},
        {"cards": [{**SECOND_CARD, "detail": "HbA1c <7 and >5, `<b>` and\n\n```\n<script>\n```"}]},
        {"cards": [{**SECOND_CARD, "suggestions": [], "links": []}]},
    ],
)
def test_answers_that_stay_legal(body: Any):
    expected = {114} if any(card.get("links") == [] for card in body["cards"]) else set()
    assert numbers(check_response(body, REQUEST)) == expected


def test_critical_is_for_harm():
    body = fresh({"cards": [CARD]})
    body["cards"][0]["indicator"] = "critical"
    body["cards"][0]["source"]["topic"]["code"] = "contraindication"
    assert check_response(body, REQUEST) == []


def test_null_that_fhir_pairs_is_let_pass():
    given = {"given": [None, "Ann"], "_given": [{"id": "a"}, None], "family": "Lee"}
    contained = [{"resourceType": "Patient", "id": "x", "name": [given]}]
    body = fresh(RESPONSE)
    body["systemActions"][0]["resource"]["contained"] = contained
    assert check_response(body, REQUEST) == []
    given.pop("_given")
    assert numbers(check_response(body, REQUEST)) == {114}


def test_dispatched_orders_count_as_orders():
    request = {"context": {"patientId": "p1", "dispatchedOrders": ["DeviceRequest/pump-1"]}}
    assert check_response(RESPONSE, request) == []
    assert numbers(check_response(RESPONSE, {})) == {150}


def test_empty_discovery_is_legal():
    assert check_discovery({"services": []}) == []


def test_violations_name_the_place():
    body = fresh(RESPONSE)
    del body["cards"][0]["suggestions"][2]["actions"][1]["description"]
    (violation,) = check_response(body, REQUEST)
    assert violation == Violation(146, "$.cards[0].suggestions[2].actions[1].description", "must be a non-empty string")


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def paths(document: Any) -> list[str]:
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    found = []
    for name, value in pairs:
        found.append(str(name))
        if isinstance(value, dict | list):
            found += [f"{name}/{path}" for path in paths(value)]
    return found


@settings(max_examples=200, deadline=None, database=None)
@given(st.data(), ANY_JSON)
def test_no_input_breaks_the_checker(data: st.DataObject, value: Any):
    for document, check in (
        (DISCOVERY, check_discovery),
        (RESPONSE, lambda body: check_response(body, REQUEST)),
        (RESPONSE, lambda body: check_response(RESPONSE, body)),
        (ERROR, lambda body: check_error(500, JSON, body)),
    ):
        check(value)
        body = fresh(document)
        put(data.draw(st.sampled_from(paths(document))), value)(body)
        assert all(violation.where.startswith("$") for violation in check(body))
