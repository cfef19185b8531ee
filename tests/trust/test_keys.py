"""Key sets from addresses: fetched from listed ones only, kept, rotated, never in a storm."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey

from cds_service.ehr.key_sets import fetch_key_set
from cds_service.settings import Settings
from cds_service.trust.keys import KeyRing, KeysUnavailable
from cds_service.web import create_app
from tests.trust import tokens
from tests.trust.tokens import EC, PUBLIC_URL, header, key_set, signed
from tests.trust.web import Site, redirecting, serving


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(serving(key_set())) as started:
        yield started


def made(folder: Path, *urls: str) -> FlaskClient:
    """A service whose one client has its keys at these addresses."""
    path = tokens.clients_file(folder, jwks_file=None, jku=list(urls))
    return create_app(Settings(public_url=PUBLIC_URL, trusted_clients=str(path), database_url="off")).test_client()


def discover(client: FlaskClient, token: str) -> int:
    return client.get("/cds-services", headers={"Authorization": f"Bearer {token}"}).status_code


def test_the_listed_address_is_fetched_once(tmp_path: Path, site: Site) -> None:
    """Requirements 219 to 221: named by jku, or the one that the client has."""
    url = f"{site.url}/jwks.json"
    client = made(tmp_path, url)
    assert discover(client, signed(head=header(jku=url))) == 200
    assert discover(client, signed()) == 200
    assert len(site.asked) == 1
    assert "Authorization" not in site.asked[0][1]


@pytest.mark.parametrize("path", ["/other.json", "/jwks.json?x=1", "/jwks.json#x", "/../jwks.json"])
def test_an_address_that_is_not_listed_is_never_fetched(tmp_path: Path, site: Site, path: str) -> None:
    """bug-log 44: a caller does not choose where keys come from."""
    client = made(tmp_path, f"{site.url}/jwks.json")
    assert discover(client, signed(head=header(jku=f"{site.url}{path}"))) == 401
    assert site.asked == []


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    with Site(serving(key_set())) as trap, Site(redirecting(f"{trap.url}/jwks.json")) as listed:
        assert discover(made(tmp_path, f"{listed.url}/jwks.json"), signed()) == 401
        assert trap.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: (404, {}, b"no"),
        lambda _: (200, {}, b"<html>"),
        lambda _: (200, {}, b"[]"),
        lambda _: (200, {}, b'{"keys": 5}'),
        lambda _: (200, {}, b'{"keys": [{"kty": "EC"}]}'),
        lambda _: (200, {}, b"[" * 5000),
        lambda _: (200, {}, b" " * 300_000),
        serving(key_set(), wait=1.5),
    ],
    ids=["404", "html", "list", "number", "half a key", "deep", "large", "slow"],
)
def test_what_is_no_key_set_opens_nothing(tmp_path: Path, answer: Any) -> None:
    with Site(answer) as site:
        client = made(tmp_path, f"{site.url}/jwks.json")
        assert discover(client, signed()) == 401
        assert client.get("/readyz").status_code == 503


def test_an_address_that_does_not_answer(tmp_path: Path) -> None:
    assert discover(made(tmp_path, "http://127.0.0.1:9/jwks.json"), signed()) == 401


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ring() -> Iterator[tuple[KeyRing, Clock, list[Any], Callable[[Any], None]]]:
    """A ring with a clock of its own, what it fetched, and a way to change what it will fetch."""
    clock, fetched, holds = Clock(), [], {"now": key_set()}

    def fetch(url: str) -> bytes:
        fetched.append(url)
        if holds["now"] is None:
            raise KeysUnavailable("away")
        return json.dumps(holds["now"]).encode()

    yield KeyRing(fetch, clock), clock, fetched, lambda keys: holds.update(now=keys)


def test_an_unknown_key_makes_the_set_be_fetched_again_but_not_in_a_storm(ring: Any) -> None:
    """Requirement 221; bug-log 47, bug-log 48."""
    keys, clock, fetched, become = ring
    assert keys.key_at("u", "ec-1", "ES384") is not None
    fresh = ECKey.generate_key("P-384", {"kid": "ec-2"})
    become(key_set(EC, fresh))
    assert keys.key_at("u", "ec-2", "ES384") is None, "a moment ago the set was fetched"
    clock.now += 11
    assert keys.key_at("u", "ec-2", "ES384") is not None
    for _ in range(50):
        assert keys.key_at("u", "ec-9", "ES384") is None
    clock.now += 11
    for _ in range(50):
        assert keys.key_at("u", "ec-9", "ES384") is None
    assert len(fetched) == 3


def test_a_key_that_was_taken_out_is_refused_within_minutes(ring: Any) -> None:
    keys, clock, _, become = ring
    assert keys.key_at("u", "ec-1", "ES384") is not None
    become(key_set(ECKey.generate_key("P-384", {"kid": "ec-2"})))
    clock.now += 301
    assert keys.key_at("u", "ec-1", "ES384") is None


def test_a_set_is_kept_while_its_address_is_away_but_not_for_ever(ring: Any) -> None:
    keys, clock, _, become = ring
    assert keys.key_at("u", "ec-1", "ES384") is not None
    become(None)
    clock.now += 301
    assert keys.key_at("u", "ec-1", "ES384") is not None
    clock.now += 301
    with pytest.raises(KeysUnavailable):
        keys.key_at("u", "ec-1", "ES384")
    become(key_set())
    clock.now += 11
    assert keys.key_at("u", "ec-1", "ES384") is not None


def test_an_address_that_never_answered_is_not_asked_in_a_storm(ring: Any) -> None:
    keys, _, fetched, become = ring
    become(None)
    for _ in range(20):
        with pytest.raises(KeysUnavailable):
            keys.key_at("u", "ec-1", "ES384")
    assert len(fetched) == 1


def test_the_fetcher_alone() -> None:
    with Site(serving({"keys": []})) as site:
        assert json.loads(fetch_key_set(site.url)) == {"keys": []}
