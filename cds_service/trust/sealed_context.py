"""Encrypted data in links that an EHR hands back later, each bound to what it is about."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class LinkSeal:
    """Encrypts (AES-256-GCM) with the first of its keys, and decrypts with any."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys`: secrets of any form, at least one."""
        self._ciphers = [AESGCM(sha256(f"link|{key}".encode()).digest()) for key in keys]

    def encrypt(self, data: bytes, about: str) -> str:
        """The encrypted data as URL-safe text; `about` is authenticated with it and must be the same to decrypt it."""
        nonce = os.urandom(_NONCE_BYTES)
        return urlsafe_b64encode(nonce + self._ciphers[0].encrypt(nonce, data, about.encode())).decode()

    def decrypt(self, text: str, about: str) -> bytes | None:
        """The decrypted data; None when no key fits, or when `about` is another."""
        try:
            whole = urlsafe_b64decode(text)
        except ValueError:
            return None
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(whole[:_NONCE_BYTES], whole[_NONCE_BYTES:], about.encode())
            except (InvalidTag, ValueError):
                continue
        return None
