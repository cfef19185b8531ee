"""The coverage-information extension per version, and the order that carries it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.engine.coverage_assertion import CoverageAssertion, Covered, PriorAuthorization, Reason
from fhir_mappings.output.coverage_information import CARRIERS, URL, coverage_information, with_coverage_information
from fhir_mappings.output.crd_versions import DECLARED, V2_0, V2_1, V2_2, VERSIONS, CrdVersion, version_named

BASE = CoverageAssertion(
    order="DeviceRequest/pump-1",
    coverage="Coverage/v1",
    assertion_id="a-1",
    covered=Covered.COVERED,
    made_on=date(2026, 11, 20),
    policy_link="https://cds.example.invalid/policy/MP-MM-1316",
    reasons=(Reason("Prior authorization: shown"),),
    prior_authorization=PriorAuthorization.NEEDED,
    billing_codes=("E0784",),
)
ASKING = replace(BASE, questionnaire="https://cds.example.invalid/fhir/Questionnaire/mp-mm-1316|1.0.0")
UNREAD = replace(
    BASE,
    covered=Covered.INDETERMINATE,
    prior_authorization=PriorAuthorization.INDETERMINATE,
    reasons=(Reason("Coverage: the EHR did not answer", "technical"),),
)
EVERY_VERSION = pytest.mark.parametrize("version", VERSIONS, ids=lambda v: v.name)


def parts(assertion: CoverageAssertion, version: CrdVersion) -> dict[str, list[Any]]:
    """Values of the extension by the url of their part; of a complex part its own parts."""
    found: dict[str, list[Any]] = {}
    for part in coverage_information(assertion, version)["extension"]:
        value = next(value for name, value in part.items() if name != "url")
        found.setdefault(part["url"], []).append(value)
    return found


# ---------------------------------------------------------------- what differs between versions (section U)


@EVERY_VERSION
def test_every_version_names_coverage_date_and_id_once(version: CrdVersion) -> None:
    found = parts(BASE, version)
    assert found["coverage"] == [{"reference": "Coverage/v1"}]
    assert found["date"] == ["2026-11-20"]
    assert found["coverage-assertion-id"] == ["a-1"]
    assert found["billingCode"][0]["code"] == "E0784"


def test_a_technical_failure_has_a_code_in_2_2_and_is_conditional_with_a_reason_before() -> None:
    now = parts(UNREAD, V2_2)
    assert (now["covered"], now["pa-needed"]) == (["indeterminate"], ["indeterminate"])
    assert now["reason"][0]["coding"][0]["code"] == "technical"
    assert "info-needed" not in now
    for version in (V2_0, V2_1):
        before = parts(UNREAD, version)
        assert (before["covered"], before["pa-needed"]) == (["conditional"], ["conditional"])
        assert before["info-needed"] == ["OTH"]
        assert before["reason"] == [{"text": "Coverage: the EHR did not answer"}]


@pytest.mark.parametrize("code", ["no-member-found", "no-active-coverage"])
def test_member_codes_are_of_2_2(code: str) -> None:
    refused = replace(
        BASE, covered=Covered.NOT_COVERED, prior_authorization=None, reasons=(Reason("Coverage: no", code),)
    )
    assert parts(refused, V2_2)["reason"][0]["coding"] == [
        {"system": "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp", "code": code}
    ]
    for version in (V2_0, V2_1):
        assert parts(refused, version)["reason"] == [{"text": "Coverage: no"}]
    assert all("pa-needed" not in parts(refused, version) for version in VERSIONS)


def test_the_purpose_of_documents_is_said_where_the_literal_invariant_lets_it() -> None:
    """crd-ci-q4 of 2.1 and 2.2 comes out empty for auth-needed with withpa; doc-purpose may be left out."""
    assert parts(ASKING, V2_0)["doc-purpose"] == ["withpa"]
    for version in (V2_1, V2_2):
        assert "doc-purpose" not in parts(ASKING, version)
        assert parts(ASKING, version)["doc-needed"] == ["clinical"]


@EVERY_VERSION
def test_a_questionnaire_comes_with_doc_needed_only(version: CrdVersion) -> None:
    assert parts(ASKING, version)["questionnaire"] == [ASKING.questionnaire]
    assert not parts(BASE, version).keys() & {"questionnaire", "doc-needed", "doc-purpose"}


def test_a_purpose_is_never_given_beside_a_conditional_authorization() -> None:
    unsure = replace(ASKING, covered=Covered.CONDITIONAL, prior_authorization=PriorAuthorization.CONDITIONAL)
    assert "doc-purpose" not in parts(unsure, V2_0)


@EVERY_VERSION
@pytest.mark.parametrize("covered", [Covered.COVERED, Covered.CONDITIONAL])
def test_what_is_conditional_says_that_information_is_needed(version: CrdVersion, covered: Covered) -> None:
    """crd-ci-q3: info-needed exactly when something is conditional, be it the authorization alone."""
    unsure = replace(ASKING, covered=covered, prior_authorization=PriorAuthorization.CONDITIONAL)
    assert parts(unsure, version)["info-needed"] == ["OTH"]
    assert "info-needed" not in parts(ASKING, version)


def _detail(version: CrdVersion) -> dict[str, Any]:
    (detail,) = parts(BASE, version)["detail"]
    return {part["url"]: {k: v for k, v in part.items() if k != "url"} for part in detail}


def test_the_policy_link_has_a_category_from_2_2_a_code_from_2_1_and_is_text_before() -> None:
    link = BASE.policy_link
    assert _detail(V2_0)["value"] == {"valueString": link}
    assert "coding" not in _detail(V2_0)["code"]["valueCodeableConcept"]
    for version, system in (
        (V2_1, "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"),
        (V2_2, "http://terminology.hl7.org/CodeSystem/crd-coverage-detail"),
    ):
        assert _detail(version)["value"] == {"valueUrl": link}
        assert _detail(version)["code"]["valueCodeableConcept"]["coding"] == [{"system": system, "code": "policy-link"}]
    assert [("category" in _detail(version)) for version in VERSIONS] == [False, False, True]


def test_expiry_from_2_1_and_contact_detail_from_2_2() -> None:
    known = replace(BASE, expires=date(2026, 12, 31), contact="1-800-555-0100")
    assert "expiry-date" not in parts(known, V2_0)
    assert parts(known, V2_1)["expiry-date"] == parts(known, V2_2)["expiry-date"] == ["2026-12-31"]
    phone = {"system": "phone", "value": "1-800-555-0100"}
    assert parts(known, V2_0)["contact"] == parts(known, V2_1)["contact"] == [phone]
    assert parts(known, V2_2)["contact"] == [{"telecom": [phone]}]


def test_versions_are_known_by_the_names_that_clients_write() -> None:
    assert {name: version_named(name) for name in ("2.0", "2.0.1", "2.1", "2.1.0", "2.2", "2.2.0", "2.2.1")} == {
        **dict.fromkeys(("2.0", "2.0.1"), V2_0),
        **dict.fromkeys(("2.1", "2.1.0"), V2_1),
        **dict.fromkeys(("2.2", "2.2.0", "2.2.1"), V2_2),
    }
    assert version_named("9.9") is None
    assert DECLARED == ("2.1", "2.2")


# ---------------------------------------------------------------- the order that carries it

ORDER = (
    b'{ "resourceType":"DeviceRequest", "id":"pump-1","zork":[{"a":1.10}],"status":"draft","intent":"order",'
    b'"subject":{"reference":"Patient/p1"},"parameter":[{"valueQuantity":{"value":1E2,"unit":"\\u00b5"}}],'
    b'"extension":[{"url":"http://a","valueDecimal":1.000},{"url":"http://b","valueString":"x"}],'
    b'"contained":[{"resourceType":"Device","id":"d","x_y":null}] }'
)


def carried(order: bytes, assertion: CoverageAssertion = BASE, version: CrdVersion = V2_2) -> bytes | None:
    found = with_coverage_information(order, assertion, version, "https://ehr.example.invalid/r4")
    return None if found is None else bytes(found)


def test_only_our_extension_is_added_and_every_other_byte_stays() -> None:
    out = carried(ORDER)
    ours = msgspec.json.encode(coverage_information(BASE, V2_2))
    compact = msgspec.json.format(ORDER, indent=-1)
    assert out == compact.replace(b'"valueString":"x"}]', b'"valueString":"x"},' + ours + b"]")
    assert b"1.10" in out
    assert b"1.000" in out
    assert b"1E2" in out
    assert b"\\u00b5" in out


def test_an_order_without_extensions_gets_the_member_behind_its_own() -> None:
    out = json.loads(carried(b'{"resourceType":"DeviceRequest","id":"pump-1"}') or b"")
    assert list(out) == ["resourceType", "id", "extension"]


def test_the_answer_sent_back_in_makes_no_action() -> None:
    first = carried(ORDER)
    assert first is not None
    assert carried(first) is None
    assert carried(first, replace(BASE, made_on=date(2026, 12, 24))) is None, "a later date alone is nothing new"


def test_parts_in_another_order_are_nothing_new() -> None:
    out = json.loads(carried(ORDER) or b"")
    out["extension"][-1]["extension"].reverse()
    assert carried(json.dumps(out).encode()) is None


def test_a_changed_finding_replaces_ours_where_it_stands() -> None:
    out = json.loads(carried(ORDER) or b"")
    out["extension"] = [out["extension"][2], *out["extension"][:2]]
    again = json.loads(carried(json.dumps(out).encode(), ASKING) or b"")
    assert [e["url"] for e in again["extension"]] == [URL, "http://a", "http://b"]
    assert {"url": "doc-needed", "valueCode": "clinical"} in again["extension"][0]["extension"]


def test_of_two_repetitions_of_ours_one_is_left() -> None:
    out = json.loads(carried(ORDER) or b"")
    out["extension"].append(out["extension"][-1])
    again = json.loads(carried(json.dumps(out).encode()) or b"")
    assert [e["url"] for e in again["extension"]].count(URL) == 1


@pytest.mark.parametrize(
    "coverage", ["Coverage/v1", "https://ehr.example.invalid/r4/Coverage/v1", "Coverage/v1/_history/2"]
)
def test_our_repetition_is_known_however_its_coverage_is_written(coverage: str) -> None:
    out = json.loads(carried(ORDER) or b"")
    out["extension"][-1]["extension"][0]["valueReference"]["reference"] = coverage
    again = json.loads(carried(json.dumps(out).encode(), ASKING) or b"")
    assert [e["url"] for e in again["extension"]].count(URL) == 1


@pytest.mark.parametrize(("part", "value"), [("coverage-assertion-id", "theirs"), ("coverage", "Coverage/v2")])
def test_repetitions_of_others_stay(part: str, value: str) -> None:
    out = json.loads(carried(ORDER) or b"")
    theirs = out["extension"][-1]
    for each in theirs["extension"]:
        if each["url"] == part:
            each.update({"valueReference": {"reference": value}} if part == "coverage" else {"valueString": value})
    again = json.loads(carried(json.dumps(out).encode()) or b"")
    assert again["extension"][-2] == theirs
    assert again["extension"][-1] == coverage_information(BASE, V2_2)


def test_a_malformed_repetition_is_left_alone() -> None:
    odd = [{"url": URL}, {"url": URL, "extension": "x"}, {"url": URL, "extension": [1, {"url": 2}]}, {"url": 3}]
    order = {"resourceType": "DeviceRequest", "id": "pump-1", "extension": odd}
    assert json.loads(carried(json.dumps(order).encode()) or b"")["extension"][:-1] == odd


ANY_JSON = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=6).filter(lambda name: name != "extension"), ANY_JSON, max_size=5),
    st.lists(st.dictionaries(st.text(max_size=5), ANY_JSON, max_size=3), max_size=4),
)
def test_whatever_an_order_holds_stays(members: dict[str, Any], extensions: list[dict[str, Any]]) -> None:
    order = {**members, "extension": extensions, "status": "draft"}
    out = json.loads(carried(json.dumps(order).encode()) or b"")
    assert list(out) == list(order)
    assert out["extension"][-1] == coverage_information(BASE, V2_2)
    assert {**out, "extension": out["extension"][:-1]} == order


def test_the_guide_names_where_the_extension_may_stand() -> None:
    assert "DeviceRequest" in CARRIERS
    assert "SupplyRequest" not in CARRIERS
