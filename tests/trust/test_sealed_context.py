"""Sealed links: opened by any of the keys, with their own patient and order only."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from cds_service.trust.sealed_context import LinkSeal

DATA = b'[{"resource": {"resourceType": "DeviceRequest", "id": "pump-1"}}]'
ABOUT = "p1|DeviceRequest/pump-1"
SEAL = LinkSeal(["first key"])


def test_what_was_sealed_opens_as_it_was() -> None:
    assert SEAL.decrypt(SEAL.encrypt(DATA, ABOUT), ABOUT) == DATA
    assert SEAL.decrypt(SEAL.encrypt(b"", ABOUT), ABOUT) == b""


@pytest.mark.parametrize(
    "about", ["p2|DeviceRequest/pump-1", "p1|DeviceRequest/pump-2", "p1|DeviceRequest/pump-1 ", "", "\ud800"]
)
def test_another_patient_or_order_opens_nothing(about: str) -> None:
    assert SEAL.decrypt(SEAL.encrypt(DATA, ABOUT), about) is None


def test_keys_are_rotated_without_breaking_links() -> None:
    """The first key seals; links that an older key sealed open as long as that key is on the list."""
    old = SEAL.encrypt(DATA, ABOUT)
    rotated = LinkSeal(["second key", "first key"])
    assert rotated.decrypt(old, ABOUT) == DATA
    new = rotated.encrypt(DATA, ABOUT)
    assert LinkSeal(["second key"]).decrypt(new, ABOUT) == DATA
    assert SEAL.decrypt(new, ABOUT) is None
    assert LinkSeal(["second key"]).decrypt(old, ABOUT) is None


def test_every_changed_byte_is_noticed() -> None:
    whole = urlsafe_b64decode(SEAL.encrypt(DATA, ABOUT))
    for place in range(len(whole)):
        changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        assert SEAL.decrypt(urlsafe_b64encode(changed).decode(), ABOUT) is None
    for length in range(len(whole)):
        assert SEAL.decrypt(urlsafe_b64encode(whole[:length]).decode(), ABOUT) is None


@pytest.mark.parametrize("text", ["", "x", "AAAA", "not base64 at all", "é", "\ud800", "=" * 40, "A" * 100_000])
def test_rubbish_opens_nothing(text: str) -> None:
    assert SEAL.decrypt(text, ABOUT) is None


def test_a_link_is_safe_in_a_url_tells_nothing_and_is_never_the_same_twice() -> None:
    texts = {SEAL.encrypt(DATA, ABOUT) for _ in range(20)}
    assert len(texts) == 20
    for text in texts:
        assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")
        assert b"pump-1" not in urlsafe_b64decode(text)
