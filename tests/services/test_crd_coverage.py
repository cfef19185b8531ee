"""The coverage of a CRD call: what is refused, with which status, and what is an answer (sections F and Q)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cds_service.errors import BadSetting
from cds_service.services.member_roster import Roster, load_roster
from tests.services.crd import SELECT, SIGN, answered, coverage, crd_call, determination, information, refused
from tests.support import JSON, bundle, order

PLAIN = "insulin-pump-order-sign"
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
ACME = {"display": "Acme Health Plan", "identifier": {"value": "99999"}}
ORGANIZATION = {"resourceType": "Organization", "id": "o1", "name": "CareSource"}


def _without(*keys: str) -> JSON:
    request = crd_call()
    for key in keys:
        del request["prefetch"][key]
    return request


REFUSED: list[Any] = [
    pytest.param(crd_call(coverage=None), 400, "no Coverage", id="null"),
    pytest.param(crd_call(coverage=bundle()), 400, "no Coverage", id="empty searchset"),
    pytest.param(
        crd_call(coverage=bundle(coverage(beneficiary={"reference": "Patient/p2"}))),
        400,
        "no Coverage",
        id="of another patient",
    ),
    pytest.param(
        crd_call(coverage=bundle(coverage(status="entered-in-error"))), 400, "no Coverage", id="entered in error"
    ),
    pytest.param(crd_call(coverage=bundle(coverage("v1"), coverage("v2"))), 400, "several", id="two"),
    pytest.param(
        crd_call(coverage=bundle(coverage("v1", order=1), coverage("v2", order=1))), 400, "several", id="two primary"
    ),
    pytest.param(crd_call(coverage=bundle(coverage(payor=[ACME]))), 400, "not known as one of", id="another payer"),
    pytest.param(
        crd_call(coverage=bundle(coverage(payor=[{"identifier": {"value": "1"}}], **{"class": []}))),
        400,
        "not known as one of",
        id="a payer that nobody knows",
    ),
    pytest.param(
        crd_call(coverage=bundle(coverage(payor=[{"display": "CareSource"}]))), 400, "no identifier", id="only a name"
    ),
    pytest.param(
        crd_call(coverage=bundle(coverage(payor=[{"identifier": {"system": "urn:x"}}]))),
        400,
        "no identifier",
        id="identifier without a value",
    ),
    pytest.param(
        crd_call(coverage=bundle(coverage(payor=[{"reference": "Organization/o1"}]), ORGANIZATION)),
        400,
        "no identifier",
        id="organization without an identifier",
    ),
    pytest.param(
        crd_call(coverage=bundle(coverage(payor=[{"reference": "Patient/p1"}]))), 400, "no identifier", id="self-pay"
    ),
    pytest.param(
        crd_call(coverage=bundle({k: v for k, v in coverage().items() if k != "id"})), 400, "no id", id="no id"
    ),
    pytest.param(
        crd_call(coverage=bundle(coverage(status="cancelled", payor=[ACME]))),
        400,
        "not known as one of",
        id="another payer's, and over",
    ),
    pytest.param(_without("coverage"), 412, "could not be read", id="not sent, and no server"),
    pytest.param(crd_call(coverage=OUTCOME), 412, "could not be read", id="the EHR failed"),
    pytest.param(crd_call(coverage="zork"), 412, "could not be read", id="rubbish"),
    pytest.param(
        crd_call(coverage=bundle(coverage(payor=[{"reference": "Organization/o1"}]))),
        412,
        "payor",
        id="payer out of reach",
    ),
]


@pytest.mark.parametrize(("request_", "status", "words"), REFUSED)
def test_refused(request_: JSON, status: int, words: str) -> None:
    """Requirements 85, 103, 109."""
    error = refused(request_)
    assert (error.status, error.field) == (status, "prefetch.coverage")
    assert words in error.message


@pytest.mark.parametrize(("request_", "status", "words"), REFUSED)
def test_a_plain_client_is_answered_all_the_same(request_: JSON, status: int, words: str) -> None:
    assert determination(answered(request_, PLAIN))["outcome"] in ("likely-approved", "not-applicable")


@pytest.mark.parametrize(("request_", "status", "words"), REFUSED)
def test_other_orders_are_none_of_the_coverages_business(request_: JSON, status: int, words: str) -> None:
    """A service that is asked about an order that it does not judge says nothing, and stops nobody from signing."""
    entry = request_["context"]["draftOrders"]["entry"]
    other = {**request_, "context": {**request_["context"], "draftOrders": {"resourceType": "Bundle", "entry": entry}}}
    other["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": order(code="E0607")}]}
    response = answered(other)
    assert (response["cards"], response["systemActions"]) == ([], [])


@pytest.mark.parametrize("request_", [crd_call(coverage=None), crd_call(coverage=bundle(coverage(payor=[ACME])))])
def test_crd_2_0_1_has_another_status_for_it(request_: JSON) -> None:
    """Section U: before 2.1 everything but unparsable JSON is 422."""
    request_ = {**request_, "extension": {"davinci-crd.requestedVersion": "2.0.1"}}
    assert refused(request_).status == 422
    assert refused({**request_, "extension": {"davinci-crd.requestedVersion": "2.1"}}).status == 400


ACCEPTED = [
    pytest.param(bundle(coverage("v1", order=1), coverage("v2", order=2, payor=[ACME])), "v1", id="a second payer"),
    pytest.param(
        bundle(coverage("v2"), coverage("v1", period={"end": "2025-12-31"})), "v2", id="last year's beside it"
    ),
    pytest.param(bundle(coverage("v1"), coverage("v1")), "v1", id="the same twice"),
    pytest.param(coverage("v1"), "v1", id="a Coverage without a Bundle"),
    pytest.param(
        bundle(
            coverage(payor=[{"reference": "Organization/o1"}]), {**ORGANIZATION, "identifier": [{"value": "31114"}]}
        ),
        "v1",
        id="an organization with an identifier",
    ),
    pytest.param(
        bundle(
            coverage(
                payor=[{"reference": "#o1"}],
                contained=[{**ORGANIZATION, "identifier": [{"value": "31114"}]}],
            )
        ),
        "v1",
        id="a contained organization",
    ),
]


@pytest.mark.parametrize(("given", "name"), ACCEPTED)
def test_accepted(given: JSON, name: str) -> None:
    found = information(answered(crd_call(coverage=given)))
    assert found["coverage"] == [{"reference": f"Coverage/{name}"}]
    assert found["covered"] == ["covered"]


def test_a_coverage_under_a_key_of_the_clients_own_counts() -> None:
    request = _without("coverage")
    request["prefetch"]["coverageBundle"] = bundle(coverage())
    assert information(answered(request))["covered"] == ["covered"]


@pytest.mark.parametrize("members", [{"period": {"end": "2026-10-31"}}, {"status": "cancelled"}])
@pytest.mark.parametrize("service", [SIGN, PLAIN])
def test_a_coverage_that_is_not_active_is_an_answer(service: str, members: JSON) -> None:
    """Requirement 195."""
    response = answered(crd_call(coverage=bundle(coverage(**members))), service)
    found = information(response)
    assert found["covered"] == ["not-covered"]
    assert found["reason"][0]["coding"][0]["code"] == "no-active-coverage"
    assert found["coverage-assertion-id"] == [determination(response)["assertionId"]]


def test_an_ended_coverage_needs_no_identifier_of_its_payer() -> None:
    """The name says whose it was; there is nothing left to verify."""
    ended = coverage(payor=[{"display": "CareSource"}], period={"end": "2026-10-31"})
    found = information(answered(crd_call(coverage=bundle(ended))))
    assert found["reason"][0]["coding"][0]["code"] == "no-active-coverage"


def test_of_two_that_agree_the_one_with_an_id_is_written_on() -> None:
    for members in ({}, {"period": {"end": "2026-10-31"}}):
        nameless = {k: v for k, v in coverage(**members).items() if k != "id"}
        response = answered(crd_call(coverage=bundle(nameless, coverage("v9", **members))), PLAIN)
        assert information(response)["coverage"] == [{"reference": "Coverage/v9"}]


def test_another_payers_coverage_on_half_a_list_is_not_yet_the_primary_one() -> None:
    """The page that may hold the payer's own was not read: that is another matter than another payer's coverage."""
    half = bundle(coverage(payor=[ACME], **{"class": []})) | {
        "link": [{"relation": "next", "url": "https://e/x?page=2"}]
    }
    error = refused(crd_call(coverage=half))
    assert (error.status, error.field) == (412, "prefetch.coverage")
    ours = bundle(coverage()) | {"link": half["link"]}
    assert information(answered(crd_call(coverage=ours)))["covered"] == ["conditional"]


def test_a_list_of_members_says_nothing_of_an_unknown_payers_coverage() -> None:
    unknown = coverage(payor=[{"identifier": {"value": "1"}}], subscriberId="M-3", **{"class": []})
    judged = determination(answered(crd_call(coverage=bundle(unknown)), PLAIN, roster=ROSTER))
    assert (judged["coverage"], judged["outcome"]) == ("unverified", "likely-approved")


def test_without_an_id_an_order_cannot_be_answered() -> None:
    """Requirement 65: a CRD client is told which one; a plain client gets its card."""
    request = crd_call()
    entry = request["context"]["draftOrders"]["entry"][0]
    del entry["resource"]["id"]
    error = refused(request)
    assert (error.status, error.field) == (400, "context.draftOrders.entry[0].resource.id")
    response = answered(request, PLAIN)
    assert response["systemActions"] == []
    assert len(response["cards"]) == 1


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"subject": None}, "subject"),
        ({"status": "pending"}, "status"),
        ({"priority": "very"}, "priority"),
        ({"extension": {"url": "x"}}, "extension"),
        ({"extension": []}, "extension"),
        ({"extension": [{"valueString": "x"}]}, "extension"),
        ({"authoredOn": "20 November", "note": [{"text": 5}]}, ""),
        ({"contained": [{"resourceType": "Zork"}]}, ""),
    ],
)
def test_an_order_that_is_no_fhir_is_refused_by_its_field(changes: JSON, path: str) -> None:
    """Requirement 102; a plain client is told in the notes, and gets no broken order back."""
    request = crd_call(order(**changes))
    error = refused(request)
    assert error.status == 400
    assert (error.field or "").startswith(f"context.draftOrders.entry[0].resource{'.' if path else ''}{path}")
    if "note" not in changes:
        response = answered(request, PLAIN)
        assert response["systemActions"] == []
        assert any("No coverage-information was put" in note for note in determination(response)["notes"])


def test_at_selection_the_same_rules_hold() -> None:
    request = crd_call(coverage=None)
    request["context"]["selections"] = ["DeviceRequest/pump-1"]
    assert refused(request, SELECT).status == 400


# ---------------------------------------------------------------- the plan's own list of members

ROSTER = Roster({"M-1": ((date(2026, 1, 1), date(2026, 12, 31)),), "M-2": ((date(2025, 1, 1), date(2025, 12, 31)),)})


def _of(member: str) -> JSON:
    return crd_call(coverage=bundle(coverage(subscriberId=member)))


def test_a_member_of_the_list_is_answered_until_the_membership_ends() -> None:
    found = information(answered(_of("M-1"), roster=ROSTER))
    assert (found["covered"], found["expiry-date"]) == (["covered"], ["2026-12-31"])


def test_an_identifier_counts_as_the_members_number() -> None:
    request = crd_call(coverage=bundle(coverage(identifier=[{"system": "urn:m", "value": "M-1"}])))
    assert information(answered(request, roster=ROSTER))["covered"] == ["covered"]


@pytest.mark.parametrize(
    ("member", "code"), [("M-3", "no-member-found"), ("", "no-member-found"), ("M-2", "no-active-coverage")]
)
@pytest.mark.parametrize("service", [SIGN, PLAIN])
def test_who_is_no_member_is_not_covered(service: str, member: str, code: str) -> None:
    """Requirements 194, 195."""
    response = answered(_of(member), service, roster=ROSTER)
    found = information(response)
    assert found["covered"] == ["not-covered"]
    assert found["reason"][0]["coding"][0]["code"] == code
    if code == "no-member-found":
        assert determination(response)["coverage"] == "unverified"


def test_a_list_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "members.csv"
    path.write_text("member_id,start,end\nM-1,2026-01-01,2026-12-31\nM-1,2027-01-01,\n", encoding="utf-8-sig")
    roster = load_roster(path)
    assert roster.knows({"M-1"})
    assert not roster.knows({"M-9"})
    assert roster.span_on({"M-1"}, date(2026, 12, 31)) == (date(2026, 1, 1), date(2026, 12, 31))
    assert roster.span_on({"M-1"}, date(2027, 1, 1)) == (date(2027, 1, 1), None)
    assert roster.span_on({"M-1"}, date(2025, 12, 31)) is None
    assert "M-1" not in repr(roster)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("member,start\nM-1,2026-01-01\n", "columns"),
        ("member_id,start,end\nM-1,soon,\n", "line 2"),
        ("member_id,start,end\nM-1,2026-01-01,2026-12-31\n,2026-01-01,\n", "line 3"),
        ("", "columns"),
    ],
)
def test_a_list_at_fault_is_named_by_its_line_and_never_quoted(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "members.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadSetting) as caught:
        load_roster(path)
    assert words in str(caught.value)
    assert "M-1" not in str(caught.value)
    with pytest.raises(BadSetting, match="cannot be read"):
        load_roster(tmp_path / "nobody.csv")
