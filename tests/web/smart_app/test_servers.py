"""At which FHIR servers the app may be started, and as whom: open mode, and trusted clients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from cds_service.errors import BadSetting
from cds_service.settings import Settings
from cds_service.trust.clients import TrustedClient, TrustedClients, load_clients
from cds_service.trust.registrations import Registration
from cds_service.web.smart_app.servers import SmartServers
from tests.trust.tokens import clients_file

EHR, OTHER = "https://ehr.example.invalid/r4", "https://other.example.invalid/r4"
HERE = ["http://127.0.0.1:8090/fhir", "http://localhost:8090/fhir", "https://[::1]:8090/fhir"]
PUBLIC = "https://cds.example.invalid"
USUAL = Registration("insulin-pump-cds")


def opened(**members: Any) -> SmartServers:
    """Open mode: nobody has to be known."""
    return SmartServers(Settings(auth="open", **members), TrustedClients())


def guarded(*clients: TrustedClient, **members: Any) -> SmartServers:
    """Callers have to be known."""
    known = TrustedClients({client.issuer: client for client in clients})
    return SmartServers(Settings(auth="required", trusted_clients="there", **members), known)


def client(number: int, *servers: str, **members: Any) -> TrustedClient:
    return TrustedClient(
        f"client {number}", f"https://issuer-{number}.example.invalid", fhir_servers=servers, **members
    )


# ---------------------------------------------------------------- open mode


@pytest.mark.parametrize("server", HERE)
def test_open_on_loopback_this_machines_servers_are_trusted(server: str) -> None:
    servers = opened(public_url="http://127.0.0.1:8080")
    assert servers.registration(server) == USUAL
    assert servers.may_launch(server)


@pytest.mark.parametrize("server", HERE)
def test_open_elsewhere_they_are_not(server: str) -> None:
    """Whoever calls would choose what this machine asks itself."""
    servers = opened(public_url=PUBLIC)
    assert servers.registration(server) is None
    assert not servers.may_launch(server)


@pytest.mark.parametrize("url", [PUBLIC, "http://127.0.0.1:8080"])
def test_open_mode_trusts_no_server_that_is_not_listed(url: str) -> None:
    servers = opened(public_url=url, fhir_servers=OTHER)
    for stranger in (EHR, f"{OTHER}/more", "https://127.0.0.1.evil.invalid/fhir", "http://10.0.0.5/r4", "", "nonsense"):
        assert servers.registration(stranger) is None
        assert not servers.may_launch(stranger)


def test_open_mode_trusts_the_listed_ones_wherever_they_lie() -> None:
    inside = "http://10.0.0.5/r4"
    servers = opened(public_url=PUBLIC, fhir_servers=f" {EHR} , {inside},", smart_client_id="app-1")
    for server in (EHR, f"{EHR}/", EHR.replace("ehr", "EHR"), inside):
        assert servers.registration(server) == Registration("app-1")
        assert servers.may_launch(server)


def test_open_mode_an_ehr_that_names_no_server_may_have_one() -> None:
    assert opened().may_launch(None)
    assert opened(public_url=PUBLIC).may_launch(None)


# ---------------------------------------------------------------- trusted clients


def test_a_clients_servers_know_the_app_by_the_clients_registration() -> None:
    own = Registration("app-7", "s3cret")
    servers = guarded(client(1, EHR, smart=own), client(2, OTHER), smart_client_id="app-1")
    assert servers.registration(f"{EHR}/") == own
    assert servers.registration(OTHER) == Registration("app-1")


def test_with_trusted_clients_nothing_else_is_trusted() -> None:
    """Neither the list of open mode nor this machine."""
    servers = guarded(client(1, EHR), fhir_servers=OTHER, public_url="http://127.0.0.1:8080")
    for stranger in (OTHER, f"{EHR}/more", *HERE, ""):
        assert servers.registration(stranger) is None
        assert not servers.may_launch(stranger)
    assert servers.may_launch(EHR)


def test_an_ehr_that_names_no_server_may_launch_where_any_client_has_one() -> None:
    assert guarded(client(1), client(2, EHR)).may_launch(None)
    assert not guarded(client(1), client(2)).may_launch(None)


def test_a_session_reaches_its_own_server_only() -> None:
    rule = guarded(client(1, EHR), client(2, OTHER)).rule(EHR)
    assert rule.why_not(EHR) is None
    for other in (OTHER, "https://public.example.invalid/r4", *HERE):
        assert rule.why_not(other) is not None


def test_pages_of_a_clients_ehr_may_show_the_app() -> None:
    servers = guarded(client(1, EHR, cors_origins=("https://ehr.example.invalid",)), client(2, OTHER))
    assert servers.origins(EHR) == ("https://ehr.example.invalid",)
    assert servers.origins(OTHER) == ()
    assert servers.origins("https://stranger.example.invalid") == ()
    assert opened(fhir_servers=EHR).origins(EHR) == ()


# ---------------------------------------------------------------- secrets and keys


def key(name: str, kind: Any = ECKey) -> Any:
    return kind.generate_key("P-384" if kind is ECKey else 2048, {"kid": name})


def test_the_public_keys_of_all_registrations_are_told_once(tmp_path: Path) -> None:
    usual, shared = key("k-usual", RSAKey), key("k-shared")
    path = tmp_path / "app.key"
    path.write_text(json.dumps(usual.as_dict(private=True)), encoding="utf-8")
    servers = guarded(
        client(1, smart=Registration("a", key=shared)),
        client(2, smart=Registration("b", key=shared)),
        client(3, smart=Registration("c", "s3cret")),
        client(4),
        smart_private_key_file=str(path),
    )
    found = servers.public_keys()
    assert sorted((each["kid"], each["alg"], each["use"]) for each in found) == [
        ("k-shared", "ES384", "sig"),
        ("k-usual", "RS384", "sig"),
    ]
    assert not {"d", "p", "q", "dp", "dq", "qi"} & {name for each in found for name in each}
    assert "s3cret" not in json.dumps(found)


def test_without_keys_there_is_nothing_to_tell() -> None:
    assert opened().public_keys() == []
    assert guarded(client(1, EHR, smart=Registration("a", "s3cret"))).public_keys() == []


def test_the_apps_own_secret_and_key_come_from_the_settings(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n", encoding="utf-8")
    (tmp_path / "app.key").write_bytes(key("k-1").as_pem(private=True))
    by_secret = opened(smart_client_secret_file=str(tmp_path / "secret"))
    found = by_secret.registration(HERE[0])
    assert found is not None
    assert (found.client_id, found.secret, found.key) == ("insulin-pump-cds", "s3cret", None)
    by_key = opened(smart_private_key_file=str(tmp_path / "app.key")).registration(HERE[0])
    assert by_key is not None
    assert (by_key.secret, by_key.algorithm) == ("", "ES384")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"smart_client_secret_file": "/nowhere/secret"}, "cannot be read"),
        ({"smart_private_key_file": "/nowhere/app.key"}, "cannot be read"),
        ({"smart_client_secret_file": "a", "smart_private_key_file": "b"}, "not both"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(members: dict[str, str], words: str) -> None:
    with pytest.raises(BadSetting, match="PUMP_CDS_SMART_CLIENT_SECRET_FILE") as caught:
        opened(**members)
    assert words in str(caught.value)


def test_a_file_of_clients_and_its_servers(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret", encoding="utf-8")
    members = {"fhir_servers": [EHR], "smart_client_id": "app-7", "smart_client_secret_file": "secret"}
    path = clients_file(tmp_path, **members)
    servers = SmartServers(Settings(trusted_clients=str(path)), load_clients(path))
    assert servers.registration(EHR) == Registration("app-7", "s3cret")
    assert servers.registration(OTHER) is None
