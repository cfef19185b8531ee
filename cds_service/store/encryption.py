"""Responses at rest: sealed with a key from the environment, else not kept."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from cds_service.errors import BadSetting


class Seal:
    """Seals and opens; without a key nothing is kept."""

    def __init__(self, key: str) -> None:
        """`key`: 32 bytes in URL-safe base64, several separated by commas: the first seals, all open."""
        keys = [each.strip() for each in key.split(",") if each.strip()]
        try:
            self._fernet = MultiFernet([Fernet(each) for each in keys]) if keys else None
        except ValueError:
            raise BadSetting(
                "PUMP_CDS_STORE_KEY must be 32 bytes in URL-safe base64: openssl rand -base64 32 | tr +/ -_"
            ) from None

    def sealed(self, data: bytes) -> str | None:
        """The data, sealed; None without a key."""
        return self._fernet.encrypt(data).decode() if self._fernet is not None else None

    def opened(self, data: bytes) -> bytes | None:
        """The data as it was; None when no key opens it."""
        try:
            return self._fernet.decrypt(data) if self._fernet is not None else None
        except InvalidToken:
            return None
