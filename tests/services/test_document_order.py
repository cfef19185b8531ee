"""The order that the documentation page is about: where it is read from, which one is chosen, as of which day."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from cds_service.engine.determination import Outcome
from cds_service.errors import BadRequest
from cds_service.facts import ChartSection, When
from cds_service.hooks.messages import FhirAccess
from cds_service.services.document_order import OrderPage, PageRequest, document_order
from fhir_mappings.json.fhir_json import read
from fhir_mappings.json.search_result import SearchResult, failed
from fhir_mappings.json.views import RawEntry
from tests.support import DAY, JSON, NO, NOON, SETTINGS, YES, attestation, bundle, call, order

EHR = "https://ehr.example.invalid/r4"
USER = "Practitioner/d1"
PERSON: JSON = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"family": "Example", "given": ["Pat"]}],
    "birthDate": "1990-02-03",
    "gender": "female",
    "address": [{"use": "home", "state": "OH"}],
}


@dataclass
class Server:
    """A FHIR server by its answers: sections as the hook would be sent them, single resources and searches by URL."""

    sections: JSON
    held: dict[str, JSON] = field(default_factory=dict)
    people: tuple[str, ...] = ()
    as_of: date = DAY
    log: list[Any] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    opened: list[tuple[Any, ...]] = field(default_factory=list)
    closed: bool = False

    def fetch(
        self, sections: Sequence[ChartSection], pages: Mapping[ChartSection, str]
    ) -> Mapping[ChartSection, SearchResult]:
        """The whole chart."""
        return {section: _reading(self.sections.get(str(section))) for section in sections}

    unfinished: frozenset[ChartSection] = frozenset()

    def rest(self, *, waiting: bool) -> Mapping[ChartSection, SearchResult]:
        """Nothing."""
        return {}

    def read_references(self, references: Sequence[str]) -> list[SearchResult]:
        """What is held, and a failure for each that is not."""
        self.asked += references
        return [_reading(self.held[each]) if each in self.held else failed("not there") for each in references]

    def raw(self, reference: str) -> bytes | None:
        """Only what was asked for, as with a real server."""
        there = reference in self.held and (reference in self.asked or reference == "Patient/p1")
        return json.dumps(self.held[reference]).encode() if there else None

    def close(self) -> None:
        """Is noted."""
        self.closed = True

    def open(self, *call_: Any) -> Server:
        """As `ChartSourceFactory`."""
        self.opened.append(call_)
        return self


def _reading(value: JSON | None) -> SearchResult:
    return read(json.dumps(value).encode()).checked()


def server(*on_server: JSON, **sections: Any) -> Server:
    """A server with a chart in which everything is met, but for what only a person can state."""
    chart = call(**({"attestations": None, "patient": PERSON} | sections))["prefetch"]
    held: dict[str, JSON] = {"Patient/p1": PERSON, USER: {"resourceType": "Practitioner", "id": "d1"}}
    for kind in ("DeviceRequest", "ServiceRequest", "MedicationRequest"):
        held[f"{kind}?patient=p1&_count=200"] = bundle(*(r for r in on_server if r["resourceType"] == kind))
    held |= {f"{each['resourceType']}/{each['id']}": each for each in on_server}
    return Server(chart, held)


def documented(at: Server, **wanted: Any) -> OrderPage:
    """What the page is given at noon of DAY."""
    access = FhirAccess(EHR, "token", 300.0, "patient/*.rs")
    return document_order(PageRequest(access, "p1", USER, **wanted), SETTINGS, NOON, at.open, None)


def entries(*resources: JSON) -> tuple[RawEntry, ...]:
    """As they come with a card's link."""
    return tuple(RawEntry(resource=msgspec.Raw(json.dumps(each).encode())) for each in resources)


def truth(found: OrderPage, section: str) -> str:
    """What was found under a section."""
    assert found.determination is not None
    (finding,) = [each for each in found.determination.criteria if each.id == section]
    return finding.truth.value


# ---------------------------------------------------------------- where the order is from


def test_the_order_that_came_with_the_link_is_judged_with_the_whole_chart() -> None:
    at = server()
    found = documented(at, order="DeviceRequest/pump-1", entries=entries(order()))
    assert found.order is not None
    assert found.determination is not None
    assert (found.order.reference, found.determination.outcome) == ("DeviceRequest/pump-1", Outcome.NEEDS_DOCUMENTATION)
    # The base chart documents or supports everything but what only a person can state.
    assert {f.id for f in found.determination.criteria if f.truth.value != "met"} == {"D.I.C", "D.I.E"}
    assert found.questions is not None
    assert {name for name, each in found.questions.items() if each.open} == {"D.I.C", "D.I.E"}
    assert found.prefilled == {"D.I.D.date": date(2026, 6, 1), **_regimen()}
    assert [each for each in at.asked if "DeviceRequest" in each] == [], "a draft is not looked for on the server"
    assert at.closed


def _regimen() -> JSON:
    """The base chart: 3 of one insulin and 1 of another since 5 January, with a carb ratio."""
    return {"D.I.F.injections": 4, "D.I.F.since": date(2026, 1, 5), "D.I.F.adjusts": True}


def test_the_server_is_opened_with_the_session_and_no_longer_than_the_page_waits() -> None:
    at = server()
    documented(at, entries=entries(order()))
    ((base, token, patient, day, seconds, scope),) = at.opened
    assert (base, token, patient, day, scope) == (EHR, "token", "p1", DAY, "patient/*.rs")
    assert 0 < seconds <= SETTINGS.page_seconds


def test_an_order_that_is_named_and_not_there_gives_way_to_the_patients_own() -> None:
    found = documented(server(order("own")), order="DeviceRequest/gone")
    assert found.order is not None
    assert found.order.reference == "DeviceRequest/own"


def test_an_order_on_the_server_that_is_no_fhir_costs_only_itself() -> None:
    found = documented(server(order("own"), order("broken", authoredOn={"year": 2026})))
    assert found.order is not None
    assert found.order.reference == "DeviceRequest/own"


def test_an_order_that_is_named_is_read_from_the_server() -> None:
    at = server(order("pump-7"), order("pump-8"))
    found = documented(at, order="DeviceRequest/pump-7")
    assert found.order is not None
    assert found.order.reference == "DeviceRequest/pump-7"
    assert [reference for reference, _ in found.others] == ["DeviceRequest/pump-8"]


def test_an_order_that_names_its_device_is_judged_by_it() -> None:
    device = {"resourceType": "Device", "id": "new", "type": order()["codeCodeableConcept"]}
    made = order("pump-7", codeCodeableConcept=None, codeReference={"reference": "Device/new"})
    for found in (
        documented(server(made, device), order="DeviceRequest/pump-7"),
        documented(server(), order="DeviceRequest/pump-7", entries=entries(made, device)),
    ):
        assert found.determination is not None
        assert found.determination.outcome is Outcome.NEEDS_DOCUMENTATION


def test_without_a_name_the_newest_pump_order_is_chosen_and_the_others_are_listed() -> None:
    orders = (
        order("old", authoredOn="2026-09-01"),
        order("newest", authoredOn="2026-11-10"),
        order("walker", code="E0143", authoredOn="2026-11-19"),
        order("older", authoredOn="2026-10-01"),
    )
    found = documented(server(*orders))
    assert found.order is not None
    assert found.order.reference == "DeviceRequest/newest"
    assert sorted(reference for reference, _ in found.others) == ["DeviceRequest/old", "DeviceRequest/older"]
    assert all(label for _, label in found.others)


@pytest.mark.parametrize("status", ["completed", "revoked", "entered-in-error"])
def test_an_order_that_is_over_is_not_chosen(status: str) -> None:
    over = order("over", authoredOn="2026-11-19", status=status)
    found = documented(server(over, order("open", authoredOn="2026-11-01")))
    assert found.order is not None
    assert found.order.reference == "DeviceRequest/open"
    assert found.others == ()


@pytest.mark.parametrize("on_server", [(), (order("walker", code="E0143"),)], ids=["no order", "no pump"])
def test_without_a_pump_order_nothing_is_judged_and_no_chart_is_read(on_server: tuple[JSON, ...]) -> None:
    at = server(*on_server)
    found = documented(at)
    assert (found.order, found.determination, found.questions, found.prefilled) == (None, None, None, None)
    assert found.banner.name == "Pat Example", "whose chart it is, is shown all the same"
    assert found.today == DAY
    assert at.closed


def test_a_named_order_that_is_not_there_is_not_judged() -> None:
    assert documented(server(), order="DeviceRequest/gone").order is None


@pytest.mark.parametrize("came", [True, False], ids=["with the link", "on the server"])
def test_an_order_of_another_patient_is_not_judged(came: bool) -> None:
    foreign = order("pump-9", subject={"reference": "Patient/p2"})
    found = documented(server(foreign), order="DeviceRequest/pump-9", entries=entries(foreign) if came else ())
    assert found.determination is None


def test_connections_are_let_go_when_an_order_cannot_be_read() -> None:
    at = server()
    with pytest.raises(BadRequest, match="wrong type"):
        documented(at, entries=entries(order(codeCodeableConcept="E0784")))
    assert at.closed


# ---------------------------------------------------------------- as of which day


def test_an_older_order_is_judged_as_if_it_were_signed_today() -> None:
    at = server(attestations=bundle(attestation(authored=f"{DAY}T09:00:00-05:00", D_I_C=YES, D_I_E=YES)))
    found = documented(at, entries=entries(order(authoredOn="2026-10-01")))
    assert found.determination is not None
    assert (found.dated, found.determination.as_of) == (date(2026, 10, 1), DAY)
    assert found.order is not None
    assert found.order.authored == When(DAY, DAY)
    # A statement of today says nothing of an order of October; of one that is signed today it does.
    assert found.determination.outcome is Outcome.LIKELY_APPROVED


@pytest.mark.parametrize("authored", [DAY.isoformat(), f"{DAY}T11:00:00-05:00", None])
def test_an_order_of_today_or_of_no_day_has_no_other_day(authored: str | None) -> None:
    found = documented(server(), entries=entries(order(authoredOn=authored)))
    assert found.dated is None
    assert found.determination is not None
    assert found.determination.as_of == DAY


def test_an_order_of_tomorrow_tells_its_day() -> None:
    tomorrow = DAY + timedelta(days=1)
    assert documented(server(), entries=entries(order(authoredOn=tomorrow.isoformat()))).dated == tomorrow


# ---------------------------------------------------------------- statements that were just written


def _statement(**answers: JSON) -> JSON:
    return attestation("new", f"{DAY}T11:59:00-05:00", **answers)


def test_a_statement_that_the_search_does_not_find_yet_is_read_by_its_reference() -> None:
    at = server(_statement(D_I_C=YES, D_I_E=YES))
    before = documented(at, entries=entries(order()))
    after = documented(at, entries=entries(order()), written=("QuestionnaireResponse/new",))
    assert [truth(before, section) for section in ("D.I.C", "D.I.E")] == ["unknown", "unknown"]
    assert [truth(after, section) for section in ("D.I.C", "D.I.E")] == ["met", "met"]
    assert after.determination is not None
    assert after.determination.outcome is Outcome.LIKELY_APPROVED


def test_a_statement_that_the_search_finds_too_counts_once() -> None:
    new = _statement(D_I_C=NO)
    at = server(new, attestations=bundle(attestation("old", "2026-11-01", D_I_C=YES), new))
    found = documented(at, entries=entries(order()), written=("QuestionnaireResponse/new",))
    assert truth(found, "D.I.C") == "not-met", "the newest statement wins"
    assert found.chart.answers["D.I.C"][0].reference != found.chart.answers["D.I.C"][1].reference
    assert len(found.chart.answers["D.I.C"]) == 2


def test_a_statement_about_another_patient_does_not_count_though_it_is_named() -> None:
    foreign = _statement(D_I_C=YES) | {"subject": {"reference": "Patient/p2"}}
    found = documented(server(foreign), entries=entries(order()), written=("QuestionnaireResponse/new",))
    assert truth(found, "D.I.C") == "unknown"


def test_a_statement_that_cannot_be_read_costs_nothing_else() -> None:
    found = documented(server(), entries=entries(order()), written=("QuestionnaireResponse/new",))
    assert truth(found, "D.I.C") == "unknown"
    assert truth(found, "D.I.G") == "met"


# ---------------------------------------------------------------- whom it is about, and who signs


def test_patient_and_signer_are_named_for_the_page() -> None:
    at = server()
    at.held[USER] = {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Sample", "prefix": ["Dr"]}]}
    at.asked.append(USER)  # read with the chart
    found = documented(at, entries=entries(order()))
    assert (found.banner.read, found.banner.name, found.banner.birth_date) == (True, "Pat Example", "1990-02-03")
    assert "Sample" in found.signer


def test_who_signs_is_unnamed_when_it_cannot_be_read() -> None:
    assert documented(server(), entries=entries(order())).signer == ""
