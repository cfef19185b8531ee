"""The scopes of the SMART app are what its reading needs, no less and no more; and what lets it write."""

from __future__ import annotations

import inspect
import re

import pytest

from cds_service.ehr.scopes import Granted, parse
from cds_service.ehr.search_plan import PLAN, reads_for
from cds_service.ehr.smart import SmartServer
from cds_service.facts import ChartSection
from cds_service.services import document_order
from cds_service.web.smart_app.scopes import STATEMENT, may_write, scope_for
from fhir_mappings.chart import unresolved_references
from fhir_mappings.orders import order_reader

V1 = SmartServer("https://ehr.example.invalid/r4", "https://a.invalid", "https://t.invalid")
V2 = SmartServer(
    "https://ehr.example.invalid/r4",
    "https://a.invalid",
    "https://t.invalid",
    capabilities=frozenset({"permission-v2"}),
)
SERVERS = [V1, V2]
# What an _include brings along.
INCLUDED = {"Coverage:payor": "Organization", "MedicationRequest:medication": "Medication"}
# Of nobody's compartment, or of several patients: SMART has them under user/.
NOBODYS = {"Device", "Medication", "Organization", "Practitioner", "PractitionerRole"}


def _linked_types() -> set[str]:
    """The types that are read because something refers to them."""
    return {wanted.__name__ for links in unresolved_references.NEEDED.values() for wanted, _ in links}


def _ordered_types() -> set[str]:
    """What an order's device or drug is looked for as."""
    return set(re.findall(r"context\.resolve\(reference, (\w+)\)", inspect.getsource(order_reader.unresolved_items)))


def _needed() -> set[str]:
    """Every type that the app reads."""
    searches = [search for each in PLAN.values() for search in each]
    forms = [row for s in searches for rows in (s.parameters, *(v.put for v in s.variations)) for row in rows]
    included = {value for name, value in forms if name in ("_include", "_revinclude")}
    people = [f"{kind}/x" for kind in ("Practitioner", "PractitionerRole", "Organization", "Patient", "RelatedPerson")]
    read = {read.type for section in ChartSection for read in reads_for(section, "p1", people)}
    found = {search.type for search in searches} | {INCLUDED[value] for value in included} | read
    return found | _linked_types() | _ordered_types() | set(document_order._SEARCHES) | {STATEMENT}


def _clauses(server: SmartServer, *, from_ehr: bool = True) -> dict[str, set[str]]:
    """Types by what stands before the slash, of the clauses that let read."""
    found: dict[str, set[str]] = {"patient": set(), "user": set()}
    for word in scope_for(server, from_ehr=from_ehr).split():
        matched = re.fullmatch(r"(patient|user)/([A-Za-z]+)\.(read|c?rs)", word)
        if matched:
            found[matched[1]].add(matched[2])
    return found


def test_the_needs_are_seen() -> None:
    """So that the tests below hold something."""
    assert _linked_types() >= {"Medication", "Organization", "Practitioner", "Device"}
    assert _ordered_types() == {"Device", "Medication"}
    assert _needed() >= {"Patient", "Practitioner", "PractitionerRole", "Observation", "DeviceRequest", STATEMENT}


@pytest.mark.parametrize("server", SERVERS, ids=["v1", "v2"])
@pytest.mark.parametrize("from_ehr", [True, False])
def test_every_type_that_is_read_is_asked_for_and_no_other(server: SmartServer, from_ehr: bool) -> None:
    clauses = _clauses(server, from_ehr=from_ehr)
    assert clauses["patient"] | clauses["user"] == _needed()
    assert clauses["user"] == _needed() & NOBODYS
    assert clauses["patient"] >= _needed() - NOBODYS


@pytest.mark.parametrize("server", SERVERS, ids=["v1", "v2"])
def test_the_words_grant_by_smarts_own_grammar_what_is_needed(server: SmartServer) -> None:
    granted = parse(scope_for(server, from_ehr=True))
    assert granted.understood
    assert all(granted.granted(kind) is Granted.ALL for kind in _needed())
    assert granted.granted("AllergyIntolerance") is Granted.NOTHING


@pytest.mark.parametrize(("from_ehr", "word"), [(True, "launch"), (False, "launch/patient")])
@pytest.mark.parametrize("server", SERVERS, ids=["v1", "v2"])
def test_who_signs_in_and_for_whom(server: SmartServer, from_ehr: bool, word: str) -> None:
    words = scope_for(server, from_ehr=from_ehr).split()
    assert words[:3] == ["openid", "fhirUser", word]
    assert len(set(words)) == len(words)
    assert not {"offline_access", "online_access"} & set(words)
    assert not any("*" in each for each in words)


def test_a_server_of_version_1_is_asked_in_its_words() -> None:
    words = scope_for(V1, from_ehr=True).split()
    writes = [word for word in words if not word.endswith(".read") and "/" in word]
    assert writes == [f"patient/{STATEMENT}.write"]
    assert f"patient/{STATEMENT}.read" in words


def test_a_server_of_version_2_is_asked_in_its_words() -> None:
    """The rights of one type stand in one clause, in the order c, r, u, d, s."""
    words = [word for word in scope_for(V2, from_ehr=True).split() if "/" in word]
    assert [word for word in words if not word.endswith(".rs")] == [f"patient/{STATEMENT}.crs"]
    types = [word.split(".")[0] for word in words]
    assert len(set(types)) == len(types)


@pytest.mark.parametrize("server", SERVERS, ids=["v1", "v2"])
def test_what_is_asked_for_lets_write_when_it_is_granted(server: SmartServer) -> None:
    assert may_write(scope_for(server, from_ehr=True))


READ = "patient/Patient.read"


@pytest.mark.parametrize(
    "scope",
    [
        f"{READ} patient/{STATEMENT}.write",
        f"{READ} user/{STATEMENT}.write",
        f"{READ} patient/{STATEMENT}.*",
        f"{READ} patient/*.write",
        f"{READ} user/*.*",
        f"patient/{STATEMENT}.c",
        f"patient/{STATEMENT}.crs",
        f"patient/{STATEMENT}.cruds",
        f"patient/{STATEMENT}.cud",
        "user/*.cruds",
        f"patient/{STATEMENT}.c?status=completed",
    ],
)
def test_scopes_that_let_write(scope: str) -> None:
    assert may_write(scope)
    assert may_write(f"openid fhirUser launch/patient {scope} offline_access")


@pytest.mark.parametrize(
    "scope",
    [
        READ,
        f"{READ} patient/{STATEMENT}.read",
        f"patient/{STATEMENT}.rs",
        f"patient/{STATEMENT}.ruds",
        f"patient/{STATEMENT}.u",
        f"patient/{STATEMENT}.",
        "patient/*.read",
        "user/*.rs",
        "patient/Observation.write",
        "patient/Questionnaire.cruds",
        f"patient/{STATEMENT}X.write",
        f"patient/x{STATEMENT}.write",
        f"system/{STATEMENT}.write",
        f"patient/{STATEMENT}.writer",
        f"patient/{STATEMENT}.read?x=patient/{STATEMENT}.write",
    ],
)
def test_scopes_that_do_not(scope: str) -> None:
    assert not may_write(scope)
    assert not may_write(f"openid fhirUser launch/patient {scope} offline_access")


@pytest.mark.parametrize(
    "scope",
    [None, "", "openid fhirUser", "launch launch/patient openid", "fhir.write", "smart/orchestrate_launch openid"],
)
def test_a_server_that_does_not_say_what_it_granted_may_be_tried(scope: str | None) -> None:
    """It answers for itself when the statement is sent."""
    assert may_write(scope)
