"""The endpoints of the demo's own EHR, and its SMART, OpenID and CapabilityStatement metadata."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cds_service.demo.ehr.options import CODE_GRANT, EhrOptions
from cds_service.demo.ehr.scopes import examples
from cds_service.trust.tokens import ALGORITHMS

SIGNATURES = list(ALGORITHMS)
AUTH_METHODS = ["none", "client_secret_basic", "private_key_jwt"]
IDENTITY_SIGNATURE = "RS256"
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_CAPABILITIES = (
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-ehr-patient",
    "context-standalone-patient",
    "permission-patient",
    "permission-user",
)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The EHR's URLs. `root` has no final slash."""

    root: str

    @property
    def iss(self) -> str:
        """The FHIR base URL, which is the issuer as well."""
        return f"{self.root}/fhir"

    @property
    def authorize(self) -> str:
        """The authorization endpoint."""
        return f"{self.root}/authorize"

    @property
    def token(self) -> str:
        """The token endpoint."""
        return f"{self.root}/token"

    @property
    def keys(self) -> str:
        """The key set for its identity tokens."""
        return f"{self.root}/keys"


def smart_configuration(endpoints: Endpoints, options: EhrOptions) -> dict[str, Any]:
    """/.well-known/smart-configuration as SMART App Launch 2.2 has it."""
    versions = ("v1", "v2") if options.scopes == "both" else (options.scopes,)
    return _endpoints(endpoints, options) | {
        "capabilities": [*_CAPABILITIES, *(f"permission-{version}" for version in versions)],
    }


def openid_configuration(endpoints: Endpoints, options: EhrOptions) -> dict[str, Any]:
    """/.well-known/openid-configuration."""
    return _endpoints(endpoints, options) | {
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [IDENTITY_SIGNATURE],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "fhirUser", "profile"],
    }


def _endpoints(endpoints: Endpoints, options: EhrOptions) -> dict[str, Any]:
    return {
        "issuer": endpoints.iss,
        "jwks_uri": endpoints.keys,
        "authorization_endpoint": endpoints.authorize,
        "token_endpoint": endpoints.token,
        "response_types_supported": ["code"],
        "grant_types_supported": [CODE_GRANT],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": AUTH_METHODS,
        "token_endpoint_auth_signing_alg_values_supported": SIGNATURES,
        "scopes_supported": examples(options.scopes),
    }


def with_security(statement: bytes, endpoints: Endpoints) -> bytes:
    """A CapabilityStatement with the OAuth endpoints, as in SMART 1; ValueError when it is no CapabilityStatement."""
    document = json.loads(statement)
    if not isinstance(document, dict) or not isinstance(document.get("rest"), list):
        raise ValueError("no CapabilityStatement")
    uris = [{"url": "authorize", "valueUri": endpoints.authorize}, {"url": "token", "valueUri": endpoints.token}]
    service = {"system": _SECURITY_SERVICE, "code": "SMART-on-FHIR", "display": "SMART-on-FHIR"}
    for rest in document["rest"]:
        rest["security"] = {
            "extension": [{"url": _OAUTH_URIS, "extension": uris}],
            "service": [
                {"coding": [service], "text": "OAuth2 using SMART-on-FHIR profile (see http://docs.smarthealthit.org)"}
            ],
        }
    return json.dumps(document).encode()
