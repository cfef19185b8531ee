"""SMART backend services as they are offered to DTR clients: addresses, scopes, and the CapabilityStatement's part."""

from __future__ import annotations

from typing import Any

GRANT = "client_credentials"
SCOPES = ("system/Questionnaire.rs", "system/ValueSet.rs", "system/Library.rs")
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def base_of(public_url: str) -> str:
    """The FHIR base that tokens are for."""
    return f"{public_url}/fhir"


def token_endpoint_of(public_url: str) -> str:
    """The token endpoint's URL, which is also the audience of client assertions."""
    return f"{public_url}/token"


def security(public_url: str) -> dict[str, Any]:
    """The security part of the CapabilityStatement."""
    service = {"system": _SECURITY_SERVICE, "code": "SMART-on-FHIR", "display": "SMART-on-FHIR"}
    token = {"url": "token", "valueUri": token_endpoint_of(public_url)}
    return {
        "extension": [{"url": _OAUTH_URIS, "extension": [token]}],
        "service": [{"coding": [service], "text": "SMART backend services (client_credentials, private_key_jwt)"}],
        "description": "Definitions are read by anybody. $questionnaire-package needs an access token of the token "
        "endpoint, or a CDS Hooks token, of a trusted client.",
    }
