"""Keys, clients' files and tokens of tests, good ones and forged ones."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

ISSUER, NAME = "https://ehr.example.invalid", "hospital"
PUBLIC_URL = "https://cds.example.invalid"
DISCOVERY = f"{PUBLIC_URL}/cds-services"
EC = ECKey.generate_key("P-384", {"kid": "ec-1", "use": "sig"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
STRANGER = ECKey.generate_key("P-384", {"kid": "ec-1", "use": "sig"})


def key_set(*keys: Any) -> dict[str, Any]:
    """The public parts of keys as a key set."""
    return {"keys": [key.as_dict(private=False) for key in keys or (EC, RSA)]}


def clients_file(folder: Path, keys: Any = None, **members: Any) -> Path:
    """A file with one trusted client, whose keys lie beside it."""
    (folder / "keys.json").write_text(json.dumps(keys if keys is not None else key_set()), encoding="utf-8")
    row: dict[str, Any] = {"name": NAME, "issuer": ISSUER, "jwks_file": "keys.json"} | members
    lines = [f"{name} = {json.dumps(value)}" for name, value in row.items() if value is not None]
    path = folder / "clients.toml"
    path.write_text("[[client]]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def claims(audience: Any = DISCOVERY, **changes: Any) -> dict[str, Any]:
    """Claims that are in order; a change to `...` takes one away."""
    now = int(time.time())
    base = {"iss": ISSUER, "aud": audience, "iat": now, "exp": now + 300, "jti": str(uuid4())}
    return {name: value for name, value in (base | changes).items() if value is not ...}


def header(**changes: Any) -> dict[str, Any]:
    """A header that is in order; a change to `...` takes a member away."""
    base = {"alg": "ES384", "kid": "ec-1", "typ": "JWT"}
    return {name: value for name, value in (base | changes).items() if value is not ...}


def signed(audience: Any = DISCOVERY, key: Any = EC, head: dict[str, Any] | None = None, **changes: Any) -> str:
    """A token; `changes` are changes of its claims."""
    head = head if head is not None else header(alg="RS384", kid="rsa-1") if key is RSA else header()
    algorithms = [head["alg"]] if head.get("alg") in ("ES384", "RS384", "HS384", "HS256", "RS256", "ES256") else None
    return jwt.encode(head, claims(audience, **changes), key, algorithms=algorithms)


def signed_bytes(payload: bytes, key: Any = EC) -> str:
    """A token with this payload, which need not be what a library writes."""
    return jws.serialize_compact(header(), payload, key, algorithms=["ES384"])


def forged(head: dict[str, Any], body: Any, signature: bytes = b"") -> str:
    """A token put together by hand."""
    parts = [json.dumps(head).encode(), body if isinstance(body, bytes) else json.dumps(body).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def hmac_signed(secret: bytes, algorithm: str) -> str:
    """A token that takes something public for a shared secret: algorithm confusion."""
    unsigned = forged(header(alg=algorithm), claims()).rsplit(".", 1)[0]
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384}[algorithm]
    signature = hmac.new(secret, unsigned.encode(), digest).digest()
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
