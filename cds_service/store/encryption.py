"""Encryption of stored responses with a key from the environment; without a key they are not stored."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from cds_service.errors import BadSetting


class Seal:
    """Encrypts and decrypts; without a key it does neither."""

    def __init__(self, key: str) -> None:
        """`key`: 32 bytes in URL-safe base64, or several with commas: the first encrypts, each may decrypt."""
        keys = [part.strip() for part in key.split(",") if part.strip()]
        try:
            self._fernet = MultiFernet(list(map(Fernet, keys))) if keys else None
        except ValueError:
            raise BadSetting(
                "PUMP_CDS_STORE_KEY must be 32 bytes in URL-safe base64: openssl rand -base64 32 | tr +/ -_"
            ) from None

    def encrypt(self, data: bytes) -> str | None:
        """The data, encrypted; None without a key."""
        return self._fernet.encrypt(data).decode() if self._fernet is not None else None

    def decrypt(self, data: bytes) -> bytes | None:
        """The data, decrypted; None when no key fits."""
        try:
            return self._fernet.decrypt(data) if self._fernet is not None else None
        except InvalidToken:
            return None
