"""The FHIR front door of the demo's own EHR: who may ask, for what, of whose chart; then the real server answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn
from urllib.parse import parse_qsl, quote, urlencode

from flask import Response, request

from cds_service.demo.ehr.compartment import (
    Named,
    OtherPatient,
    in_patient_compartment,
    is_of,
    named,
    narrowed,
    visible,
)
from cds_service.demo.ehr.endpoints import Endpoints, with_security
from cds_service.demo.ehr.grants import Grants, Token
from cds_service.demo.ehr.options import EhrOptions
from cds_service.demo.ehr.scopes import Level, Right, level
from cds_service.ehr.forwarding import Forwarded, Forwarder, NotForwarded
from cds_service.errors import BadRequest
from cds_service.web.http.request_body import read_body, refuse_shape

FHIR_JSON = "application/fhir+json"
WRITABLE = "QuestionnaireResponse"
_ID = r"(?!\.+(?:/|$))[A-Za-z0-9._\-]{1,128}"
_PATH = re.compile(rf"([A-Z][A-Za-z]{{1,63}})(?:/({_ID})(/_history/{_ID})?)?")
_MOST_BODY, _MOST_DEPTH = 1_000_000, 100
_PASSED_ON = ("If-Match", "Prefer")


class Refused(BadRequest):
    """The front door does not let a request through. `challenge`: for WWW-Authenticate; empty for none."""

    def __init__(self, status: int, message: str, code: str, challenge: str = "", allow: str = "") -> None:
        """`code`: one of FHIR's issue types. `allow`: the methods that would be served."""
        super().__init__(message, code=code)
        self.status = status
        self.headers = {"WWW-Authenticate": challenge, "Allow": allow}


class Gateway:
    """Answers requests below the FHIR base."""

    def __init__(
        self, forwarder: Forwarder, memory: Grants, options: EhrOptions, places: Callable[[], Endpoints]
    ) -> None:
        """`places`: where the EHR is, as the present request sees it."""
        self._forwarder = forwarder
        self._memory = memory
        self._options = options
        self._places = places

    def metadata(self) -> Response:
        """The real server's CapabilityStatement, with the endpoints named in it; for everyone."""
        got = self._send("GET", "metadata")
        if got.status != 200:
            return self._reply(got)
        try:
            return self._reply(got, with_security(got.body, self._places()))
        except ValueError:
            _unreadable()

    def answer(self, path: str) -> Response:
        """The answer to the present request for `path`, relative to the base."""
        token = self._token()
        found = _PATH.fullmatch(path)
        if found is None:
            raise Refused(404, "this front door knows Type and Type/id only", "not-found")
        kind, identity, version = found.groups()
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
        token = self._memory.tokens.look(value.strip())
        if token is None:
            challenge = 'Bearer error="invalid_token"'
            raise Refused(401, "the access token is not known or has expired", "login", challenge)
        return token

    def _search(self, token: Token, kind: str) -> Response:
        reach = _reach(token, kind, "s")
        asked = parse_qsl(request.query_string.decode("utf-8", "replace"), keep_blank_values=True)
        rows = [(name, self._inside(value.encode()).decode()) for name, value in asked if name != "_format"]
        if reach == "patient":
            try:
                rows = narrowed(kind, rows, token.context.patient or "")
            except OtherPatient:
                _of_another()
        got = self._send("GET", kind, urlencode(rows, quote_via=quote))
        if got.status != 200:
            return self._reply(got)
        try:
            return self._reply(got, visible(got.body, lambda resource: _may_see(token, resource, "s")))
        except ValueError:
            _unreadable()

    def _read(self, token: Token, kind: str, identity: str, path: str) -> Response:
        reach = _reach(token, kind, "r")
        if reach == "patient" and kind == "Patient" and identity != token.context.patient:
            _of_another()
        got = self._send("GET", path)
        try:
            if got.status == 200 and not _may_see(token, named(got.body), "r"):
                _of_another()
        except ValueError:
            _unreadable()
        return self._reply(got)

    def _write(self, token: Token, kind: str, identity: str | None) -> Response:
        right: Right = "c" if identity is None else "u"
        reach = _reach(token, kind, right)
        if self._options.refuse_writes:
            raise Refused(self._options.refuse_writes, "this server takes nothing at the moment", "processing")
        body = self._inside(read_body(request, _MOST_BODY))
        refuse_shape(body, _MOST_DEPTH)
        try:
            sent = named(body)
        except ValueError:
            raise Refused(400, "the body is no FHIR resource in JSON", "structure") from None
        if sent.resourceType != kind or sent.id != identity:
            raise Refused(400, "the body's resourceType or id is not that of the address", "invalid")
        path = kind if identity is None else f"{kind}/{identity}"
        if reach == "patient":
            self._refuse_foreign(token, sent, path if identity else None)
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        return self._reply(self._send(request.method, path, body=body, headers=headers | {"Content-Type": FHIR_JSON}))

    def _refuse_foreign(self, token: Token, sent: Named, held: str | None) -> None:
        """Neither what is sent nor what it would replace may be of another patient."""
        patient = token.context.patient or ""
        if not is_of(sent, patient):
            _of_another()
        if held is None:
            return
        there = self._send("GET", held)
        try:
            if there.status == 200 and not is_of(named(there.body), patient):
                _of_another()
        except ValueError:
            _unreadable()

    def _send(
        self,
        method: str,
        path: str,
        query: str = "",
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Forwarded:
        try:
            return self._forwarder.send(method, path, query, body=body, headers=headers or {})
        except NotForwarded as error:
            raise Refused(502, str(error), "transient") from None

    def _reply(self, got: Forwarded, body: bytes | None = None) -> Response:
        told = {name: self._outside(value.encode()).decode() for name, value in got.headers.items()}
        response = Response(self._outside(got.body if body is None else body), status=got.status, headers=told)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _outside(self, value: bytes) -> bytes:
        """The real server's address as callers know it."""
        return value.replace(self._forwarder.base.encode(), self._places().iss.encode())

    def _inside(self, value: bytes) -> bytes:
        """The EHR's address as the real server knows it."""
        return value.replace(self._places().iss.encode(), self._forwarder.base.encode())


def _reach(token: Token, kind: str, right: Right) -> Level:
    """How far a token's right on a type goes; Refused when it has none."""
    found = level(token.scope, kind, right)
    if found is None:
        _out_of_scope(f"the token's scopes do not grant this on {kind}")
    if found == "patient" and not in_patient_compartment(kind):
        _out_of_scope(f"{kind} belongs to no patient's chart: it needs a user/ scope")
    return found


def _may_see(token: Token, resource: Named, right: Right) -> bool:
    kind = resource.resourceType if isinstance(resource.resourceType, str) else ""
    found = level(token.scope, kind, right)
    return found == "user" or (found == "patient" and is_of(resource, token.context.patient or ""))


def _out_of_scope(message: str) -> NoReturn:
    raise Refused(403, message, "forbidden", 'Bearer error="insufficient_scope"')


def _of_another() -> NoReturn:
    _out_of_scope("this is not of the patient whose chart is open")


def _unreadable() -> NoReturn:
    raise Refused(502, "the FHIR server's answer could not be read", "transient")
