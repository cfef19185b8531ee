"""The FHIR endpoint of the demo's own EHR: checks each request's token and patient, then forwards it to the server."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn
from urllib.parse import parse_qsl, quote, urlencode

from flask import Response, request

from cds_service.demo.ehr.compartment import (
    OtherPatient,
    ResourceOwner,
    in_patient_compartment,
    is_of,
    limited_to_patient,
    owner_in,
    visible_part,
)
from cds_service.demo.ehr.endpoints import Endpoints, with_security
from cds_service.demo.ehr.fhir_servers import FhirServers
from cds_service.demo.ehr.grants import Grants, Token
from cds_service.demo.ehr.options import EhrOptions
from cds_service.demo.ehr.scopes import Level, Right, level
from cds_service.ehr.forwarding import Forwarded, NotForwarded
from cds_service.errors import BadRequest
from cds_service.web.http.request_body import read_body, refuse_shape

FHIR_JSON = "application/fhir+json"
WRITABLE = "QuestionnaireResponse"
_ID = r"(?!\.+(?:/|$))[A-Za-z0-9._\-]{1,128}"
_PATH = re.compile(rf"([A-Z][A-Za-z]{{1,63}})(?:/({_ID})(/_history/{_ID})?)?")
_MOST_BODY, _MOST_DEPTH = 1_000_000, 100
_PASSED_ON = ("If-Match", "Prefer")


class Refused(BadRequest):
    """A request is not forwarded. `challenge`: for WWW-Authenticate; empty for none."""

    def __init__(self, status: int, message: str, code: str, challenge: str = "", allow: str = "") -> None:
        """`code`: one of FHIR's issue types. `allow`: the methods that would be served."""
        super().__init__(message, code=code)
        self.status = status
        self.headers = {"WWW-Authenticate": challenge, "Allow": allow}


class Gateway:
    """Answers requests below the FHIR base."""

    def __init__(
        self, servers: FhirServers, grants: Grants, options: EhrOptions, endpoints: Callable[[], Endpoints]
    ) -> None:
        """`servers`: what answers. `endpoints`: the EHR's URLs, by the host of the present request."""
        self._servers = servers
        self._base = servers(None).base
        self._grants = grants
        self._options = options
        self._endpoints = endpoints

    def metadata(self) -> Response:
        """The real server's CapabilityStatement, with the endpoints named in it; for everyone."""
        answer = self._send(None, "GET", "metadata")
        if answer.status != 200:
            return self._reply(answer)
        try:
            return self._reply(answer, with_security(answer.body, self._endpoints()))
        except ValueError:
            _refuse_unreadable()

    def answer(self, path: str) -> Response:
        """The answer to the present request for `path`, relative to the base."""
        token = self._token()
        match = _PATH.fullmatch(path)
        if match is None:
            raise Refused(404, "only Type and Type/id are served here", "not-found")
        kind, identity, version = match.groups()
        if request.method in ("GET", "HEAD"):
            return self._search(token, kind) if identity is None else self._read(token, kind, identity, path)
        if kind != WRITABLE or version is not None or request.method != ("POST" if identity is None else "PUT"):
            allowed = "GET" if kind != WRITABLE or version else "GET, POST" if identity is None else "GET, PUT"
            raise Refused(405, f"this is not served here: use {allowed}", "not-supported", allow=allowed)
        return self._write(token, kind, identity)

    def _token(self) -> Token:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.casefold() != "bearer" or not value.strip():
            raise Refused(401, "send an access token as bearer", "login", "Bearer")
        token = self._grants.tokens.get(value.strip())
        if token is None:
            challenge = 'Bearer error="invalid_token"'
            raise Refused(401, "the access token is not known or has expired", "login", challenge)
        return token

    def _search(self, token: Token, kind: str) -> Response:
        granted = _granted_level(token, kind, "s")
        parameters = parse_qsl(request.query_string.decode("utf-8", "replace"), keep_blank_values=True)
        rows = [
            (name, self._with_server_url(value.encode()).decode()) for name, value in parameters if name != "_format"
        ]
        if granted == "patient":
            try:
                rows = limited_to_patient(kind, rows, token.context.patient or "")
            except OtherPatient:
                _refuse_other_patient()
        answer = self._send(token, "GET", kind, urlencode(rows, quote_via=quote))
        if answer.status != 200:
            return self._reply(answer)
        try:
            return self._reply(answer, visible_part(answer.body, lambda resource: _may_see(token, resource, "s")))
        except ValueError:
            _refuse_unreadable()

    def _read(self, token: Token, kind: str, identity: str, path: str) -> Response:
        granted = _granted_level(token, kind, "r")
        if granted == "patient" and kind == "Patient" and identity != token.context.patient:
            _refuse_other_patient()
        answer = self._send(token, "GET", path)
        try:
            if answer.status == 200 and not _may_see(token, owner_in(answer.body), "r"):
                _refuse_other_patient()
        except ValueError:
            _refuse_unreadable()
        return self._reply(answer)

    def _write(self, token: Token, kind: str, identity: str | None) -> Response:
        right: Right = "c" if identity is None else "u"
        granted = _granted_level(token, kind, right)
        if self._options.refuse_writes:
            raise Refused(self._options.refuse_writes, "this server takes nothing at the moment", "processing")
        body = self._with_server_url(read_body(request, _MOST_BODY))
        refuse_shape(body, _MOST_DEPTH)
        try:
            sent = owner_in(body)
        except ValueError:
            raise Refused(400, "the body is no FHIR resource in JSON", "structure") from None
        if sent.resourceType != kind or sent.id != identity:
            raise Refused(400, "the body's resourceType or id is not that of the address", "invalid")
        path = kind if identity is None else f"{kind}/{identity}"
        if granted == "patient":
            self._check_patient(token, sent, path if identity else None)
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        return self._reply(
            self._send(token, request.method, path, body=body, headers=headers | {"Content-Type": FHIR_JSON})
        )

    def _check_patient(self, token: Token, sent: ResourceOwner, stored_path: str | None) -> None:
        """Neither what is sent nor what it would replace may be of another patient."""
        patient = token.context.patient or ""
        if not is_of(sent, patient):
            _refuse_other_patient()
        if stored_path is None:
            return
        stored = self._send(token, "GET", stored_path)
        try:
            if stored.status == 200 and not is_of(owner_in(stored.body), patient):
                _refuse_other_patient()
        except ValueError:
            _refuse_unreadable()

    def _send(
        self,
        token: Token | None,
        method: str,
        path: str,
        query: str = "",
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Forwarded:
        try:
            server = self._servers(token.context.patient if token is not None else None)
            return server.send(method, path, query, body=body, headers=headers or {})
        except NotForwarded as error:
            raise Refused(502, str(error), "transient") from None

    def _reply(self, answer: Forwarded, body: bytes | None = None) -> Response:
        headers = {name: self._with_public_url(value.encode()).decode() for name, value in answer.headers.items()}
        public_body = self._with_public_url(answer.body if body is None else body)
        response = Response(public_body, status=answer.status, headers=headers)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _with_public_url(self, value: bytes) -> bytes:
        """The value with the EHR's URL in place of the FHIR server's."""
        return value.replace(self._base.encode(), self._endpoints().iss.encode())

    def _with_server_url(self, value: bytes) -> bytes:
        """The value with the FHIR server's URL in place of the EHR's."""
        return value.replace(self._endpoints().iss.encode(), self._base.encode())


def _granted_level(token: Token, kind: str, right: Right) -> Level:
    """The level, patient or user, of a token's right on a type; Refused when it has none."""
    granted = level(token.scope, kind, right)
    if granted is None:
        _refuse_scope(f"the token's scopes do not grant this on {kind}")
    if granted == "patient" and not in_patient_compartment(kind):
        _refuse_scope(f"{kind} belongs to no patient's chart: it needs a user/ scope")
    return granted


def _may_see(token: Token, resource: ResourceOwner, right: Right) -> bool:
    kind = resource.resourceType if isinstance(resource.resourceType, str) else ""
    granted = level(token.scope, kind, right)
    return granted == "user" or (granted == "patient" and is_of(resource, token.context.patient or ""))


def _refuse_scope(message: str) -> NoReturn:
    raise Refused(403, message, "forbidden", 'Bearer error="insufficient_scope"')


def _refuse_other_patient() -> NoReturn:
    _refuse_scope("this is not of the patient whose chart is open")


def _refuse_unreadable() -> NoReturn:
    raise Refused(502, "the FHIR server's answer could not be read", "transient")
