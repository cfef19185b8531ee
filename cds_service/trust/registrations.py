"""The SMART app's registration at an EHR: public, with a secret, or with a private key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from cds_service.errors import BadSetting

# Members of a trusted client that make up its registration, in the order of `registration`.
SMART_MEMBERS = ("smart_client_id", "smart_client_secret_file", "smart_private_key_file")
PrivateKey = ECKey | RSAKey


@dataclass(frozen=True, slots=True)
class Registration:
    """A client id, and what proves it. With neither secret nor key the client is public, and PKCE alone protects it."""

    client_id: str
    secret: str = field(default="", repr=False)
    key: PrivateKey | None = field(default=None, repr=False)

    @property
    def algorithm(self) -> str:
        """The algorithm that its key signs with, one of SMART's two: ES384 or RS384."""
        return "ES384" if isinstance(self.key, ECKey) else "RS384"

    def public_key(self) -> Mapping[str, Any] | None:
        """The public half of its key as a JWK for the EHR; None when it has no key."""
        if self.key is None:
            return None
        # key_ops of the private key (sign) do not hold for the public one.
        public = {name: value for name, value in self.key.as_dict(private=False).items() if name != "key_ops"}
        return {**public, "kid": self.key.kid, "use": "sig", "alg": self.algorithm}


def registration(client_id: str, secret_file: str, key_file: str, *, place: str, folder: Path) -> Registration:
    """A registration from the texts of a setting. `place`: the setting, for BadSetting; `folder`: of relative names."""
    if secret_file and key_file:
        raise BadSetting(f"{place}: give a secret or a private key of the SMART app, not both")
    secret = _text(folder / secret_file, place).strip() if secret_file else ""
    if secret_file and not secret:
        raise BadSetting(f"{place}: {Path(secret_file).name} is empty")
    return Registration(client_id, secret, _key(folder / key_file, place) if key_file else None)


def _text(path: Path, place: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise BadSetting(f"{place}: {path.name} cannot be read") from None


def _key(path: Path, place: str) -> PrivateKey:
    text = _text(path, place)
    for kind in (ECKey, RSAKey):
        try:
            key = kind.import_key(text if "-----BEGIN" in text else _members(text))
        except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
            continue
        if key.is_private and (isinstance(key, RSAKey) or key.curve_name == "P-384"):
            key.ensure_kid()
            return key
    raise BadSetting(f"{place}: {path.name} is no private key: EC on P-384, or RSA, as PEM or JWK")


def _members(text: str) -> Any:
    return json.loads(text)
