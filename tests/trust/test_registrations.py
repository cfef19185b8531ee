"""As whom the SMART app is registered: public, by secret, by private key; what is wrong is named, secrets are not."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from cds_service.errors import BadSetting
from cds_service.trust.clients import load_clients
from cds_service.trust.registrations import Registration, registration
from tests.trust.tokens import clients_file

PLACE = "PUMP_CDS_SOMETHING"
SECRET = "s3cret-of-the-app"
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth"}
EC_KEY, RSA_KEY = ECKey.generate_key("P-384"), RSAKey.generate_key(2048)
# Which coordinates make the thumbprint of RFC 7638.
THUMBED = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}


def registered(folder: Path, secret: str = "", key: str = "") -> Registration:
    return registration("app-1", secret, key, place=PLACE, folder=folder)


def put(folder: Path, name: str, text: str | bytes) -> str:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return name


def as_pem(key: Any) -> str:
    return key.as_pem(private=True).decode()


def as_jwk(key: Any) -> str:
    return json.dumps(key.as_dict(private=True))


def test_a_public_client_has_nothing_to_prove_itself_with(tmp_path: Path) -> None:
    found = registered(tmp_path)
    assert (found.client_id, found.secret, found.key, found.public_key()) == ("app-1", "", None, None)


def test_a_secret_is_read_without_its_line_end(tmp_path: Path) -> None:
    assert registered(tmp_path, put(tmp_path, "secret", f"{SECRET}\n")).secret == SECRET


@pytest.mark.parametrize("text", ["", "\n", "  \t\n"])
def test_an_empty_secret_is_no_secret(tmp_path: Path, text: str) -> None:
    """Else a file that was not filled in would make the app a public client without a word."""
    with pytest.raises(BadSetting, match=rf"{PLACE}: secret .*empty"):
        registered(tmp_path, put(tmp_path, "secret", text))


@pytest.mark.parametrize("written", [as_pem, as_jwk])
@pytest.mark.parametrize(("key", "algorithm"), [(EC_KEY, "ES384"), (RSA_KEY, "RS384")], ids=["EC", "RSA"])
def test_a_private_key_as_pem_or_jwk(tmp_path: Path, key: Any, algorithm: str, written: Callable[[Any], str]) -> None:
    """SMART's asymmetric clients: ES384 and RS384; the public half verifies what the private one signs."""
    found = registered(tmp_path, key=put(tmp_path, "key", written(key)))
    assert found.key is not None
    public = found.public_key()
    assert public is not None
    assert (found.algorithm, public["alg"], public["use"], found.secret) == (algorithm, algorithm, "sig", "")
    assert not PRIVATE & set(public)
    signed = jws.serialize_compact({"alg": algorithm}, b"words", found.key, algorithms=[algorithm])
    opener = type(key).import_key(dict(public))
    assert not opener.is_private
    assert jws.deserialize_compact(signed, opener, algorithms=[algorithm]).payload == b"words"


@pytest.mark.parametrize("key", [EC_KEY, RSA_KEY], ids=["EC", "RSA"])
def test_a_key_without_a_name_is_named_by_its_thumbprint(tmp_path: Path, key: Any) -> None:
    found = registered(tmp_path, key=put(tmp_path, "key", as_pem(key))).public_key()
    assert found is not None
    members = {name: found[name] for name in THUMBED[found["kty"]]}
    digest = hashlib.sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).digest()
    assert found["kid"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def test_a_key_keeps_its_own_name(tmp_path: Path) -> None:
    text = json.dumps({**EC_KEY.as_dict(private=True), "kid": "pump-2026"})
    found = registered(tmp_path, key=put(tmp_path, "key", text))
    public = found.public_key()
    assert found.key is not None
    assert public is not None
    assert found.key.kid == public["kid"] == "pump-2026"


def test_the_public_half_does_not_say_that_it_signs(tmp_path: Path) -> None:
    """RFC 7517: key_ops of a private key are none of its public key, which only verifies."""
    text = json.dumps({**EC_KEY.as_dict(private=True), "key_ops": ["sign"], "ext": True})
    public = registered(tmp_path, key=put(tmp_path, "key", text)).public_key()
    assert public is not None
    assert public.get("key_ops", ["verify"]) == ["verify"]


def _unusable() -> dict[str, str | bytes]:
    rsa, ed = RSA_KEY.private_key, Ed25519PrivateKey.generate()
    assert rsa is not None
    locked = rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw"))
    return {
        "public pem": EC_KEY.as_pem(private=False),
        "public rsa": RSA_KEY.as_pem(private=False),
        "public jwk": json.dumps(EC_KEY.as_dict(private=False)),
        "P-256 pem": as_pem(ECKey.generate_key("P-256")),
        "P-256 jwk": as_jwk(ECKey.generate_key("P-256")),
        "P-521": as_pem(ECKey.generate_key("P-521")),
        "Ed25519": ed.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "locked": locked,
        "shared": '{"kty": "oct", "k": "c2VjcmV0LW9mLXRoZS1hcHA"}',
        "a set": json.dumps({"keys": [EC_KEY.as_dict(private=True)]}),
        "half": '{"kty": "EC", "crv": "P-384", "d": "c2VjcmV0"}',
        "empty": "",
        "number": "5",
        "null": "null",
        "list": "[]",
        "words": SECRET,
        "hollow pem": "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
        "no text": b"\xff\xfe\x00",
    }


@pytest.mark.parametrize("kind", list(_unusable()))
def test_what_is_no_usable_private_key_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    text = _unusable()[kind]
    with pytest.raises(BadSetting) as caught:
        registered(tmp_path, key=put(tmp_path, "app.key", text))
    words = str(caught.value)
    assert words.startswith(f"{PLACE}: app.key ")
    lines = (text if isinstance(text, str) else text.decode(errors="replace")).split()
    assert not [line for line in lines if len(line) > 4 and line in words]


def test_a_deeply_nested_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"app\.key"):
        registered(tmp_path, key=put(tmp_path, "app.key", "[" * 100_000))


def test_a_secret_and_a_key_are_not_both_given(tmp_path: Path) -> None:
    secret, key = put(tmp_path, "secret", SECRET), put(tmp_path, "key", as_pem(EC_KEY))
    with pytest.raises(BadSetting, match=f"{PLACE}: .*not both"):
        registered(tmp_path, secret, key)


@pytest.mark.parametrize("members", [("nobody", ""), ("", "nobody"), (".", ""), ("", ".")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, members: tuple[str, str]) -> None:
    with pytest.raises(BadSetting, match=f"{PLACE}: .*cannot be read"):
        registered(tmp_path, *members)


def test_an_absolute_name_is_taken_as_it_is(tmp_path: Path) -> None:
    put(tmp_path, "secret", SECRET)
    assert registered(Path("/nowhere"), str(tmp_path / "secret")).secret == SECRET


def test_a_registration_shows_neither_secret_nor_key(tmp_path: Path) -> None:
    by_secret = registered(tmp_path, put(tmp_path, "secret", SECRET))
    by_key = registered(tmp_path, key=put(tmp_path, "key", as_pem(EC_KEY)))
    assert SECRET not in repr(by_secret)
    assert repr(by_key) == "Registration(client_id='app-1')"


# ---------------------------------------------------------------- the members of a trusted client


def only_client(path: Path) -> Registration | None:
    (client,) = load_clients(path).by_issuer.values()
    return client.smart


def test_a_client_without_members_has_no_registration_of_its_own(tmp_path: Path) -> None:
    assert only_client(clients_file(tmp_path)) is None


def test_a_clients_own_names_are_relative_to_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere, there = tmp_path / "elsewhere", tmp_path / "there"
    for folder, secret in ((elsewhere, "wrong"), (there, SECRET)):
        folder.mkdir()
        put(folder, "secret", secret)
    monkeypatch.chdir(elsewhere)
    path = clients_file(there, smart_client_id="app-7", smart_client_secret_file="secret")
    assert only_client(path) == Registration("app-7", SECRET)


def test_a_client_with_an_id_alone_is_public(tmp_path: Path) -> None:
    assert only_client(clients_file(tmp_path, smart_client_id="app-7")) == Registration("app-7")


def test_a_client_with_a_key(tmp_path: Path) -> None:
    put(tmp_path, "app.key", as_jwk(RSA_KEY))
    found = only_client(clients_file(tmp_path, smart_client_id="app-7", smart_private_key_file="app.key"))
    assert found is not None
    assert (found.client_id, found.algorithm) == ("app-7", "RS384")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"smart_client_secret_file": "secret"}, "smart_client_id is required"),
        ({"smart_private_key_file": "app.key"}, "smart_client_id is required"),
        ({"smart_client_id": 5}, "smart_client_id must be a string"),
        ({"smart_client_id": "a", "smart_client_secret_file": "nobody"}, "nobody cannot be read"),
        ({"smart_client_id": "a", "smart_client_secret_file": "secret", "smart_private_key_file": "app.key"}, "both"),
        ({"smart_client_id": "a", "smart_private_key_file": "secret"}, "secret is no private key"),
        ({"smart_secret": "x"}, "unknown member smart_secret"),
    ],
    ids=str,
)
def test_a_client_at_fault_is_named_and_its_secret_is_not(tmp_path: Path, members: dict[str, Any], words: str) -> None:
    put(tmp_path, "secret", SECRET)
    put(tmp_path, "app.key", as_pem(EC_KEY))
    with pytest.raises(BadSetting) as caught:
        load_clients(clients_file(tmp_path, **members))
    assert "client 1: " in str(caught.value)
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)
