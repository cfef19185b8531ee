"""SMART App Launch 2.x from the app's side: discovery, the authorization URL, the code for a token.

OAuth itself is Authlib's. Authlib is slow to import, so it is imported where it is used.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import requests

from cds_service.ehr.transport import CONNECT_SECONDS, NoAnswer, Transport, restrict_connections
from cds_service.trust.registrations import Registration
from cds_service.trust.servers import ServerRule, is_loopback_url, is_safe_url
from fhir_mappings.json.edge_numbers import DecodeError

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session

log = logging.getLogger(__name__)

_LONGEST_DESCRIPTION = 200
_BROKEN_OFF = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
_SECONDS, _MOST_BYTES = 5.0, 2_000_000
_ASSERTION_SECONDS = 240  # SMART allows five minutes
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_members = msgspec.json.Decoder(dict[str, Any])
# What Authlib raises over JSON of another shape: no object, or a life that is no number.
_NO_TOKEN_RESPONSE = (ValueError, TypeError, OverflowError, RecursionError)


class SmartFault(Exception):
    """The EHR's answers do not allow a launch; the message says why, for the person who sees the page."""


@dataclass(frozen=True, slots=True)
class SmartServer:
    """What a FHIR server says about authorization. `issuer`, `jwks_uri`: of its identity tokens; None where missing."""

    iss: str
    authorization_endpoint: str
    token_endpoint: str
    issuer: str | None = None
    jwks_uri: str | None = None
    capabilities: frozenset[str] = frozenset()

    @property
    def supports_v2_scopes(self) -> bool:
        """Whether scopes are requested in SMART 2's syntax; servers that do not declare it get SMART 1's."""
        return "permission-v2" in self.capabilities


def discover(iss: str, rule: ServerRule) -> SmartServer:
    """Reads smart-configuration, else the OAuth addresses in the CapabilityStatement; SmartFault without either."""
    transport = Transport(iss.rstrip("/") + "/", "", _SECONDS, rule, _MOST_BYTES)
    failures: list[int] = []
    try:
        configuration = _read(transport, f"{iss}/.well-known/smart-configuration", failures)
        if not configuration.get("token_endpoint"):
            configuration = _oauth_uris(_read(transport, f"{iss}/metadata", failures))
            if failures and not _has_endpoints(configuration):
                why = f"did not answer properly when it was asked how to sign in (HTTP {failures[0]}): try again later"
                raise SmartFault(f"The EHR's FHIR server {why}")
        if configuration.get("authorization_endpoint") and not configuration.get("jwks_uri"):
            openid = _read(transport, f"{iss}/.well-known/openid-configuration", [])
            configuration |= {name: openid[name] for name in ("issuer", "jwks_uri") if name in openid}
    finally:
        transport.close()
    return _checked(iss, configuration)


def _read(transport: Transport, url: str, failures: list[int]) -> dict[str, Any]:
    """A JSON object; empty when the server has none there. Statuses that leave that open are added to `failures`."""
    try:
        answer = transport.get(url)
        if answer.status >= 500 or answer.status == 429:
            failures.append(answer.status)
        return _members.decode(answer.body) if answer.status == 200 else {}
    except NoAnswer as error:
        raise SmartFault(f"The EHR's FHIR server could not be asked how to sign in: {error}") from None
    except DecodeError:
        return {}


def _has_endpoints(configuration: Mapping[str, Any]) -> bool:
    return bool(configuration.get("authorization_endpoint") and configuration.get("token_endpoint"))


def _oauth_uris(statement: Mapping[str, Any]) -> dict[str, Any]:
    """The addresses as SMART 1 wrote them into the CapabilityStatement."""
    parts = [
        part
        for rest in _list(statement.get("rest"))
        for outer in _list(_dict(rest.get("security")).get("extension"))
        if outer.get("url") == _OAUTH_URIS
        for part in _list(outer.get("extension"))
    ]
    uris = {part.get("url"): part.get("valueUri") for part in parts}
    return {"authorization_endpoint": uris.get("authorize"), "token_endpoint": uris.get("token")}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _checked(iss: str, configuration: Mapping[str, Any]) -> SmartServer:
    """The server, after a check that each address in its configuration may be called or visited."""
    urls = {name: configuration.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    if not _has_endpoints(configuration):
        raise SmartFault("The EHR's FHIR server does not offer SMART App Launch: ask its administrators")
    for name, url in urls.items():
        if url is not None and not (isinstance(url, str) and _usable(url, iss)):
            raise SmartFault(f"The EHR's FHIR server names a {name} that is not reached by https")
    methods = configuration.get("code_challenge_methods_supported")
    if isinstance(methods, list) and methods and "S256" not in methods:
        raise SmartFault("The EHR's FHIR server does not accept PKCE with S256, which this app always uses")
    issuer = configuration.get("issuer")
    capabilities = configuration.get("capabilities")
    return SmartServer(
        iss,
        str(urls["authorization_endpoint"]),
        str(urls["token_endpoint"]),
        issuer if isinstance(issuer, str) else None,
        urls["jwks_uri"],
        frozenset(c for c in capabilities if isinstance(c, str)) if isinstance(capabilities, list) else frozenset(),
    )


def _usable(url: str, iss: str) -> bool:
    """https anywhere; this machine only for a FHIR server on this machine."""
    return is_safe_url(url) and (not is_loopback_url(url) or is_loopback_url(iss))


# ---------------------------------------------------------------- OAuth


def authorization_url(
    server: SmartServer,
    registered: Registration,
    redirect_uri: str,
    *,
    scope: str,
    state: str,
    verifier: str,
    nonce: str,
    launch: str | None,
) -> str:
    """The URL at which the user signs in. `verifier`: PKCE's; `launch`: the EHR's, None in a standalone launch."""
    extra = {"aud": server.iss, "nonce": nonce} | ({"launch": launch} if launch else {})
    with _session(registered, redirect_uri) as session:
        url, _ = session.create_authorization_url(
            server.authorization_endpoint, state=state, code_verifier=verifier, scope=scope, **extra
        )
    return str(url)


def exchange(
    server: SmartServer, registered: Registration, redirect_uri: str, *, code: str, verifier: str
) -> dict[str, Any]:
    """The token response for a code. SmartFault when the EHR refuses the code, or answers with no token response."""
    from authlib.common.errors import AuthlibBaseError

    rule = ServerRule(listed=(server.token_endpoint,))  # a trusted server names it, wherever it lies
    answers: list[requests.Response] = []
    secrets = (code, verifier, registered.secret)
    with _session(registered, redirect_uri) as session:
        restrict_connections(session, server.token_endpoint, rule, [])
        session.register_compliance_hook("access_token_response", partial(_record_answer, answers))
        try:
            answer = session.fetch_token(
                server.token_endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
                redirect_uri=redirect_uri,
                timeout=(CONNECT_SECONDS, _SECONDS),
                allow_redirects=False,
            )
            token = dict(answer)
        except AuthlibBaseError as error:
            log.warning("an EHR refused a code: %s", refusal_for_log(error.error, error.description, secrets))
            raise SmartFault("The EHR did not accept the sign-in: open the page from the EHR again") from None
        except (requests.RequestException, OSError, *_NO_TOKEN_RESPONSE) as error:
            raise _fault_without_token(error, answers, secrets) from None
    return _checked_token(token)


def _session(registered: Registration, redirect_uri: str) -> OAuth2Session:
    from authlib.integrations.requests_client import OAuth2Session
    from authlib.oauth2.rfc7523 import PrivateKeyJWT

    method = "private_key_jwt" if registered.key else "client_secret_basic" if registered.secret else "none"
    session = OAuth2Session(
        registered.client_id,
        registered.key or registered.secret or None,
        token_endpoint_auth_method=method,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
    )
    if registered.key is not None:
        claims = {"exp": int(time.time()) + _ASSERTION_SECONDS}
        headers = {"kid": registered.key.kid, "typ": "JWT"}
        session.register_client_auth_method(PrivateKeyJWT(claims=claims, headers=headers, alg=registered.algorithm))
    return session


def _record_answer(answers: list[requests.Response], answer: requests.Response) -> requests.Response:
    answers.append(answer)
    return answer


def _fault_without_token(error: Exception, answers: list[requests.Response], secrets: Iterable[str]) -> SmartFault:
    """Why there is no token response: the server answered with something else, broke off, or did not answer."""
    if answers:
        status, error_members = answers[0].status_code, _error_in(answers[0].content)
        log.warning("a token endpoint answered %d: %s", status, refusal_for_log(*error_members, secrets))
        return SmartFault(
            f"The EHR's sign-in answered, but with no token (HTTP {status}): try again; if it stays so, ask its "
            "administrators"
        )
    log.warning("a token endpoint could not be used: %s", type(error).__name__)
    if isinstance(error, _BROKEN_OFF):
        return SmartFault("The EHR's sign-in broke off its answer: try again")
    if isinstance(error, requests.Timeout) and not isinstance(error, requests.ConnectTimeout):
        return SmartFault("The EHR's sign-in did not answer in time: try again")
    return SmartFault("The EHR's sign-in could not be reached: try again")


def _error_in(body: bytes) -> tuple[object, object]:
    """OAuth's error and its description in an answer; None for each that is missing."""
    try:
        members = _members.decode(body)
    except DecodeError:
        return None, None
    return members.get("error"), members.get("error_description")


def refusal_for_log(error: object, description: object, secrets: Iterable[str] = ()) -> str:
    """An OAuth error for the log: its code, and the server's description on one line, shortened, without `secrets`."""
    text = description if isinstance(description, str) else ""
    for secret in filter(None, secrets):
        text = text.replace(secret, "...")
    text = text[:_LONGEST_DESCRIPTION].encode("unicode_escape").decode()
    return f"{_code(error)} ({text})" if text else _code(error)


def _code(error: object) -> str:
    """An OAuth error code; anything else becomes `unknown error`."""
    text = str(error)
    return text if text.isascii() and text.replace("_", "").isalnum() and len(text) < 60 else "unknown error"


def _is_text(node: Any) -> bool:
    """Whether every string can be encoded: JSON may hold half of a surrogate pair."""
    try:
        json.dumps(node, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def _checked_token(token: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(token.get("access_token"), str) or not token["access_token"]:
        raise SmartFault("The EHR's sign-in gave no token: open the page from the EHR again")
    if str(token.get("token_type", "Bearer")).casefold() != "bearer":
        raise SmartFault("The EHR's sign-in gave a token of a kind that this app does not know")
    if not _is_text(token):
        raise SmartFault("The EHR's sign-in gave a token response with characters that no text has")
    return token
