"""The file of trusted clients: what is wrong with it is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cds_service import settings as settings_module
from cds_service.errors import BadSetting
from cds_service.settings import Settings, guard_exposure
from cds_service.trust.clients import load_clients
from cds_service.web import create_app
from tests.trust.tokens import ISSUER, NAME, clients_file, key_set

GOOD = {
    "tenants": ["north"],
    "jku": ["https://ehr.example.invalid/jwks.json", "http://127.0.0.1:9000/jwks.json"],
    "fhir_servers": ["https://ehr.example.invalid/r4", "http://localhost:8090/fhir"],
    "cors_origins": ["https://ehr.example.invalid"],
    "crd_version": "2.1",
    "repeated_jti": True,
}


def test_a_good_file(tmp_path: Path) -> None:
    (client,) = load_clients(clients_file(tmp_path, **GOOD)).by_issuer.values()
    assert (client.name, client.crd_version, client.repeated_jti) == ("hospital", "2.1", True)
    assert client.owns("https://EHR.example.invalid:443/r4/")
    assert not client.owns("https://ehr.example.invalid/r4/other")
    assert not client.owns("https://ehr.example.invalid.evil.invalid/r4")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"issuer": None}, "issuer"),
        ({"name": None}, "name"),
        ({"issuer": 5}, "issuer"),
        ({"jwks_file": None}, "jwks_file"),
        ({"jwks_file": "nobody.json"}, "nobody.json"),
        ({"jku": "https://a.example.invalid"}, "jku"),
        ({"jku": ["http://a.example.invalid/jwks.json"]}, "https"),
        ({"jku": ["ftp://a.example.invalid/jwks.json"]}, "https"),
        ({"fhir_servers": ["http://10.0.0.5/r4"]}, "https"),
        ({"fhir_servers": ["https://user@ehr.example.invalid/r4"]}, "https"),
        ({"tenants": [5]}, "tenants"),
        ({"crd_version": "3.0"}, "crd_version"),
        ({"repeated_jti": "yes"}, "repeated_jti"),
        ({"isuer": "https://x"}, "isuer"),
    ],
)
def test_a_member_at_fault_is_named(tmp_path: Path, members: dict[str, Any], words: str) -> None:
    with pytest.raises(BadSetting) as caught:
        load_clients(clients_file(tmp_path, **members))
    assert "client 1" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["", "client = 5", "[[client]", "[client]\nname = 'x'"])
def test_a_file_of_another_shape(tmp_path: Path, text: str) -> None:
    path = tmp_path / "clients.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadSetting, match="PUMP_CDS_TRUSTED_CLIENTS"):
        load_clients(path)


def test_two_clients_share_nothing(tmp_path: Path) -> None:
    path = clients_file(tmp_path)
    path.write_text(path.read_text(encoding="utf-8") * 2, encoding="utf-8")
    with pytest.raises(BadSetting, match="share"):
        load_clients(path)


@pytest.mark.parametrize("keys", [{}, {"keys": []}, [], "x", {"keys": 5}])
def test_a_key_file_without_keys(tmp_path: Path, keys: Any) -> None:
    with pytest.raises(BadSetting, match="jwks_file"):
        load_clients(clients_file(tmp_path, keys=keys))


def test_a_missing_file_stops_the_service(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="cannot be read"):
        create_app(Settings(trusted_clients=str(tmp_path / "nobody.toml"), database_url="off"))


def test_who_may_serve_what(tmp_path: Path) -> None:
    """`open` on loopback or by flag; `required` anywhere, and never without clients."""
    trusted = Settings(trusted_clients=str(clients_file(tmp_path)))
    guard_exposure(trusted, "0.0.0.0", False)
    guard_exposure(Settings(), "127.0.0.1", False)
    guard_exposure(Settings(), "0.0.0.0", True)
    for settings in (Settings(), Settings(auth="open", trusted_clients=trusted.trusted_clients)):
        with pytest.raises(BadSetting, match="without authentication"):
            guard_exposure(settings, "0.0.0.0", False)
    with pytest.raises(BadSetting, match="TRUSTED_CLIENTS"):
        settings_module.load({"PUMP_CDS_AUTH": "required"})
    assert settings_module.load({"PUMP_CDS_TRUSTED_CLIENTS": trusted.trusted_clients}).authenticates


def test_a_key_set_may_hold_kinds_that_nobody_needs(tmp_path: Path) -> None:
    keys = key_set()
    keys["keys"].append({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    path = clients_file(tmp_path, keys=keys)
    assert len(json.loads((tmp_path / "keys.json").read_text(encoding="utf-8"))["keys"]) == 3
    assert len(load_clients(path).by_issuer) == 1


def test_two_clients_share_no_client_id(tmp_path: Path) -> None:
    """One that is named by another's issuer would take its place at the token endpoint."""
    path = clients_file(tmp_path)
    other = path.read_text(encoding="utf-8").replace(ISSUER, "https://clinic.example.invalid").replace(NAME, "clinic")
    path.write_text(f'{path.read_text(encoding="utf-8")}{other}backend_client_id = "{ISSUER}"\n', encoding="utf-8")
    with pytest.raises(BadSetting, match="share their client_id"):
        load_clients(path)


def test_no_name_is_longer_than_the_store_holds(tmp_path: Path) -> None:
    """PostgreSQL would take none of its client's records, and let none of its tokens in."""
    assert len(load_clients(clients_file(tmp_path, name="n" * 150)).by_issuer) == 1
    with pytest.raises(BadSetting, match="150 characters"):
        load_clients(clients_file(tmp_path, name="n" * 151))
