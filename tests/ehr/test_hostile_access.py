"""What the token allows, where it goes, and servers that ask for none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.ehr.hostile_server import SIGN, TOKEN, HostileServer, Reply, call, chart, judge, refuse, say
from tests.support import JSON

CRITERIA = [f"D.I.{letter}" for letter in "ABCDEFGHI"]
# The types that this chart holds, so that nothing else is needed for a whole answer.
HELD = sorted({r["resourceType"] for r in chart()})


@pytest.fixture
def ehr() -> Iterator[HostileServer]:
    with HostileServer(*chart()) as server:
        yield server


def _authorized(server: HostileServer, missing: Any = None, **members: Any) -> JSON:
    """A call with some members of fhirAuthorization replaced; `...` takes one away."""
    request = call(server, missing)
    access = request["fhirAuthorization"] | members
    request["fhirAuthorization"] = {name: value for name, value in access.items() if value is not ...}
    return request


def _all_met(server: HostileServer, request: JSON) -> None:
    found = judge(request)
    assert [found.truth(name) for name in CRITERIA] == ["met"] * 9
    assert found.determination["outcome"] == "likely-approved"


def _tokens(server: HostileServer) -> set[str | None]:
    return {asked.headers.get("authorization") for asked in server.asked}


# ---------------------------------------------------------------- the header


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
def test_the_token_is_sent_as_a_bearer(ehr: HostileServer, kind: str) -> None:
    """bug-log 27; requirement 91: every request, in the spelling that servers know."""
    _all_met(ehr, _authorized(ehr, token_type=kind))
    assert _tokens(ehr) == {f"Bearer {TOKEN}"}


def test_a_machines_own_logins_do_not_replace_the_token(
    ehr: HostileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Requirement 91: a netrc file that knows the host changes nothing."""
    logins = tmp_path / "netrc"
    logins.write_text("machine 127.0.0.1 login somebody password else\n")
    logins.chmod(0o600)
    monkeypatch.setenv("NETRC", str(logins))
    judge(call(ehr, ["hba1c"]))
    assert _tokens(ehr) == {f"Bearer {TOKEN}"}


def test_an_open_server_is_asked_without_a_token(ehr: HostileServer) -> None:
    """bug-log 28: `fhirServer` only: no header."""
    _all_met(ehr, call(ehr, None, fhirAuthorization=...))
    assert _tokens(ehr) == {None}


def test_an_open_server_that_is_not_open(ehr: HostileServer) -> None:
    """bug-log 28: 401 without a token leads to unknown, and the answer is a 200."""
    ehr.on("*", refuse(401, "login"), when=lambda asked: "authorization" not in asked.headers)
    found = judge(call(ehr, ["hba1c", "conditions"], fhirAuthorization=...))
    assert found.truth("D.I.I.1") == found.truth("D.I.A") == "not-retrieved"


@pytest.mark.parametrize("scope", ["", "patient/Condition.read", "launch"])
def test_an_empty_token_is_no_token_and_its_scope_binds_nothing(ehr: HostileServer, scope: str) -> None:
    """Rule 6: the sandbox of CDS Hooks sends an empty one."""
    _all_met(ehr, _authorized(ehr, access_token="", scope=scope))
    assert _tokens(ehr) == {None}


def test_no_scope_is_no_limit(ehr: HostileServer) -> None:
    """Rule 6: a token without `scope`: the server decides."""
    _all_met(ehr, _authorized(ehr, scope=...))


# ---------------------------------------------------------------- scopes


@pytest.mark.parametrize(
    "scope",
    [
        "patient/*.read",
        "user/*.read",
        "system/*.read",
        "user/*.*",
        "user/*.rs",
        "patient/*.cruds",
        "launch openid fhirUser user/*.rs offline_access",
        " ".join(f"patient/{kind}.read" for kind in HELD),
        " ".join(f"patient/{kind}.rs" for kind in HELD),
        " ".join(f"user/{kind}.cruds" for kind in HELD),
        "\n".join(f"user/{kind}.*" for kind in HELD),
    ],
)
def test_scopes_that_grant_everything(ehr: HostileServer, scope: str) -> None:
    """Rule 6; requirement 229: both syntaxes, one type at a time or all at once."""
    found = judge(_authorized(ehr, scope=scope, patient="p1"))
    for section in ("D.I.A", "D.I.B", "D.I.D", "D.I.F", "D.I.G", "D.I.H.1", "D.I.I.1"):
        assert found.truth(section) == "met", section


@pytest.mark.parametrize(
    "scope",
    [
        "user/Condition.read user/MedicationRequest.read",
        "patient/Condition.rs patient/MedicationRequest.rs",
        "user/Condition.rs user/MedicationRequest.rs user/Observation.write",
        "user/Condition.rs user/MedicationRequest.rs user/Observation.cud",
        "user/Condition.rs user/MedicationRequest.rs user/ObservationDefinition.rs",
    ],
)
def test_a_type_that_is_not_granted_is_not_asked_for(ehr: HostileServer, scope: str) -> None:
    """bug-log 30; rule 6; requirement 230: labs are not visible, which is not "no labs"."""
    found = judge(_authorized(ehr, ["conditions", "insulin", "hba1c", "glucose", "albuminCreatinine"], scope=scope))
    assert ehr.asked_for("Observation") == []
    for section in ("D.I.G", "D.I.H.1", "D.I.I.1"):
        assert found.truth(section) == "not-retrieved"
    assert (found.truth("D.I.A"), found.truth("D.I.F")) == ("met", "met")


def test_words_that_are_not_understood_may_grant_the_rest(ehr: HostileServer) -> None:
    """Such words stand among SMART's in Epic's tokens: everything is asked for, and the server refuses what it will."""
    found = judge(_authorized(ehr, scope="launch patient/Condition.read EPIC.FHIR.R4.SERVICES.Observation.Search"))
    assert found.truth("D.I.I.1") == found.truth("D.I.A") == "met"


def test_types_that_a_server_leaves_out_in_silence(ehr: HostileServer) -> None:
    """bug-log 30: the server answers what the scope lacks with an empty searchset; nobody asks it."""
    ehr.on("Observation", say(Reply(body=support.bundle())))
    found = judge(_authorized(ehr, scope="user/Condition.rs user/Patient.rs"))
    assert found.truth("D.I.I.1") == "not-retrieved"


def test_a_scope_that_grants_nothing_asks_nothing(ehr: HostileServer) -> None:
    """Rule 6: no resource scope among the granted ones."""
    found = judge(_authorized(ehr, scope="openid fhirUser launch"))
    assert ehr.asked == []
    assert {"D.I.A", "D.I.F", "D.I.G", "D.I.I"} <= found.unread


def test_what_was_given_counts_whatever_the_scope(ehr: HostileServer) -> None:
    """Rules 1 and 6: prefetch needs no scope."""
    _all_met(ehr, _authorized(ehr, (), scope="openid"))


@pytest.mark.parametrize("suffix", ["?category=laboratory", "?category=http://loinc.org|x", "?status=final"])
def test_a_scope_with_a_condition_grants_only_a_part(ehr: HostileServer, suffix: str) -> None:
    """Rule 6; requirement 229: SMART v2 can narrow a type; what is found counts, what is not may lie outside."""
    ehr.held = [r for r in ehr.held if r["id"] != "g0"]
    found = judge(_authorized(ehr, scope=f"user/Observation.rs{suffix}"))
    assert found.truth("D.I.G") == "not-retrieved"
    # HbA1c is a laboratory result: that category is all of it.
    assert found.truth("D.I.I.1") == ("met" if suffix.endswith("laboratory") else "not-retrieved")


# ---------------------------------------------------------------- another patient


def _status(request: JSON) -> tuple[int, JSON]:
    reply = create_app(Settings()).test_client().post(SIGN, json=request)
    return reply.status_code, reply.get_json()


@pytest.mark.parametrize("scope", ["patient/*.read", "patient/Observation.rs", "launch patient/Condition.cruds"])
def test_a_token_for_another_patient_is_refused(ehr: HostileServer, scope: str) -> None:
    """Rule 6; requirement 228: patient-level scopes of another chart: nothing is asked, and nothing is leaked."""
    status, body = _status(_authorized(ehr, scope=scope, patient="somebody-else"))
    assert (status, body["resourceType"]) == (400, "OperationOutcome")
    assert "fhirAuthorization.patient" in json.dumps(body)
    assert TOKEN not in json.dumps(body)
    assert ehr.asked == []


@pytest.mark.parametrize("members", [{"patient": "p1", "scope": "patient/*.read"}, {"scope": "patient/*.read"}])
def test_a_token_for_this_patient_is_used(ehr: HostileServer, members: JSON) -> None:
    """Rule 6: the same patient, or none named."""
    _all_met(ehr, _authorized(ehr, **members))


def test_user_level_scopes_are_not_bound_to_a_patient(ehr: HostileServer) -> None:
    """Rule 6: only patient-level scopes are."""
    _all_met(ehr, _authorized(ehr, scope="user/*.read", patient="somebody-else"))


# ---------------------------------------------------------------- base URL, redirects


@pytest.mark.parametrize("end", ["", "/"])
@pytest.mark.parametrize("base", ["/r4", "", "/a/b-c/r4", "/r4/tenant-1"])
def test_the_base_is_kept_and_joined_with_one_slash(base: str, end: str) -> None:
    """bug-log 42: with and without a slash, with a path and without one."""
    with HostileServer(*chart(), base=base) as server:
        _all_met(server, call(server.url + end))
        assert all(asked.target.startswith(f"{base}/") for asked in server.asked)
        assert not [asked for asked in server.asked if "//" in asked.target.split("?")[0]]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_token_does_not_follow_a_redirect_to_another_host(ehr: HostileServer, status: int) -> None:
    """Rules 3 and 4; requirement 234: the other host is not asked, with the token or without."""
    with HostileServer(*chart()) as other:
        away = Reply(status, headers={"Location": f"{other.url}/Observation?patient=p1"})
        ehr.on("Observation", say(away))
        found = judge(call(ehr))
        assert other.asked == []
    assert found.truth("D.I.I.1") == "not-retrieved"
    assert found.truth("D.I.A") == "met"


def test_a_redirect_on_the_same_host_ends_well_or_not_retrieved(ehr: HostileServer) -> None:
    """Rule 3: a redirect within the origin may be followed; a circle of them ends."""
    ehr.on("Condition", lambda asked, answer: Reply(307, headers={"Location": asked.target}))
    moved = Reply(308, headers={"Location": "/r4/Observation?patient=p1&code=4548-4&moved=1"})
    ehr.on("Observation", say(moved), when=lambda a: "moved" not in a.params and "4548-4" in a.values("code"))
    found = judge(call(ehr, ["hba1c", "conditions"]))
    assert found.truth("D.I.A") == "not-retrieved"
    assert found.truth("D.I.I.1") in ("met", "not-retrieved")
    assert len(ehr.asked_for("Condition")) <= 30
    assert _tokens(ehr) == {f"Bearer {TOKEN}"}
