"""The demo's own EHR: a small SMART on FHIR authorization server, and a gateway in front of the real FHIR server.

There are no accounts: every user counts as signed in. It is for sample charts on this machine only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from authlib.oauth2.rfc6749 import OAuth2Error
from flask import Blueprint, Response, g, jsonify, make_response, render_template, request

from cds_service.demo.ehr.endpoints import Endpoints, openid_configuration, smart_configuration
from cds_service.demo.ehr.fhir_servers import FhirServer, FhirServers
from cds_service.demo.ehr.gateway import FHIR_JSON, Gateway, Refused
from cds_service.demo.ehr.grants import Context, Grants
from cds_service.demo.ehr.oauth import EhrServer
from cds_service.demo.ehr.options import EhrClient, EhrOptions
from cds_service.demo.ehr.scopes import needs_patient, scope_sentences
from cds_service.ehr.forwarding import Forwarder, NotForwarded
from cds_service.errors import BadRequest
from cds_service.hooks.messages import as_json
from cds_service.web.http.errors import operation_outcome
from cds_service.web.http.security_headers import apply_security_headers

__all__ = ["DemoEhr", "EhrClient", "EhrOptions"]

_PAGE_OF_PATIENTS = 200
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_CONSENT_FIELDS = ("decision", "patient")


class DemoEhr:
    """An EHR before a FHIR server on this machine. Used from several threads; it stores nothing on disk."""

    def __init__(
        self,
        servers: str | FhirServers,
        public_path: str = "/demo/ehr",
        options: EhrOptions | None = None,
        *,
        base_url: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`servers`: the base URL of a real server, on loopback, else ValueError; or what answers in its place.

        `public_path`: the path of `blueprint`.

        `base_url`: the external URL of the whole service; None takes the request's host. `clock`: epoch seconds.
        """
        self.options = options or EhrOptions()
        self._path = public_path.rstrip("/")
        self._base_url = base_url
        self._grants = Grants(clock)
        self._servers = _always(Forwarder(servers)) if isinstance(servers, str) else servers
        self._server = EhrServer(self._grants, self.options, self.endpoints)
        self._gateway = Gateway(self._servers, self._grants, self.options, self.endpoints)
        self.blueprint = self._make_blueprint()

    def endpoints(self) -> Endpoints:
        """The EHR's URLs. Without a base URL only within a request."""
        return Endpoints(f"{(self._base_url or request.host_url).rstrip('/')}{self._path}")

    def iss(self) -> str:
        """The FHIR base URL for apps. Without a base URL only within a request."""
        return self.endpoints().iss

    def begin_launch(self, patient_id: str, user: str, app_context: str | None = None) -> str:
        """A launch id, valid for one sign-in within an hour. `user`: a reference such as Practitioner/…."""
        return self._grants.launches.put(Context(user, patient_id, app_context))

    def _make_blueprint(self) -> Blueprint:
        blueprint = Blueprint("demo_ehr", __name__, url_prefix=self._path, template_folder="templates")
        rules: dict[str, tuple[Callable[..., Any], list[str]]] = {
            "/fhir/.well-known/smart-configuration": (self._smart_configuration, ["GET"]),
            "/fhir/.well-known/openid-configuration": (self._openid_configuration, ["GET"]),
            "/keys": (self._keys, ["GET"]),
            "/authorize": (self.authorize, ["GET", "POST"]),
            "/token": (self.token, ["POST"]),
            "/fhir/metadata": (self._gateway.metadata, ["GET"]),
            "/fhir/<path:path>": (self._gateway.answer, _METHODS),
        }
        for rule, (view, methods) in rules.items():
            blueprint.add_url_rule(rule, view.__name__.strip("_"), view, methods=methods)
        blueprint.register_error_handler(BadRequest, _outcome)
        blueprint.after_request(_add_headers)
        return blueprint

    def _smart_configuration(self) -> Response:
        if not self.options.well_known:
            raise Refused(404, "this server names its endpoints in /metadata", "not-found")
        return jsonify(smart_configuration(self.endpoints(), self.options))

    def _openid_configuration(self) -> Response:
        return jsonify(openid_configuration(self.endpoints(), self.options))

    def _keys(self) -> Response:
        return jsonify({"keys": [self._server.key.as_dict(private=False)]})

    def token(self) -> Response:
        """The token endpoint."""
        return self._server.token_response()

    def authorize(self) -> Response:
        """The authorization endpoint: shows the consent page, then handles its answer."""
        standalone = Context(self.options.standalone_user)
        try:
            grant = self._server.get_consent_grant(end_user=standalone)
        except OAuth2Error as error:
            return self._refused(error)
        except ValueError:  # Authlib's own, of characters that its messages cannot hold
            return _page("demo_ehr_refused.html", 400, why="the request holds characters that do not belong there")
        g.redirect_uri = grant.redirect_uri
        launched = self._server.context_of(grant.request)
        asks_patient = launched is None and needs_patient(grant.request.scope)
        patients = self._patients() if asks_patient else {}
        decision, chosen = request.form.get("decision"), request.form.get("patient", "")
        if decision == "deny":
            return self._finish(grant, None)
        if launched is not None and not self.options.asks_at_launch:
            return self._finish(grant, launched)
        if decision == "allow" and (not asks_patient or chosen in patients):
            return self._finish(grant, launched or Context(standalone.user, chosen if asks_patient else None))
        return self._consent_page(grant, launched or standalone, patients if asks_patient else None)

    def _finish(self, grant: Any, context: Context | None) -> Response:
        """Redirects to the app, with a code or, without a context, with a refusal. Either uses up the launch."""
        answer: Response = self._server.create_authorization_response(request, grant_user=context, grant=grant)
        if context is None:
            self._grants.launches.pop(grant.request.payload.data.get("launch", ""))
        return answer

    def _refused(self, error: OAuth2Error) -> Response:
        """Redirects to the app where that is safe, else shows a page."""
        if error.redirect_uri:
            answer: Response = self._server.handle_error_response(None, error)
            return answer
        return _page("demo_ehr_refused.html", 400, why=error.get_error_description() or error.error)

    def _consent_page(self, grant: Any, context: Context, patients: dict[str, str] | None) -> Response:
        """The consent page. `patients`: to choose from; None when the launch names the patient."""
        names = self.options.patient_names
        return _page(
            "demo_ehr_consent.html",
            app=grant.request.client.label,
            origin=_origin(grant.redirect_uri),
            user=context.user,
            patient=names.get(context.patient, context.patient) if context.patient else None,
            patients=patients,
            unchosen=request.form.get("decision") == "allow",
            wants=scope_sentences(grant.request.scope),
            scope=grant.request.scope,
            fields=[row for row in request.values.items(multi=True) if row[0] not in _CONSENT_FIELDS],
        )

    def _patients(self) -> dict[str, str]:
        """The names of the real server's patients, by id: its first page."""
        try:
            answer = self._servers(None).send("GET", "Patient", f"_count={_PAGE_OF_PATIENTS}")
            bundle = _patient_bundle.decode(answer.body)
        except (NotForwarded, msgspec.MsgspecError):
            raise Refused(502, "the patients could not be read from the FHIR server", "transient") from None
        patients = [entry.resource for entry in bundle.entry if entry.resource.resourceType == "Patient"]
        names = {patient.id: self.options.patient_names.get(patient.id) or patient.label() for patient in patients}
        return dict(sorted(names.items(), key=lambda row: row[1]))


def _always(server: FhirServer) -> FhirServers:
    return lambda _patient: server


class _HumanName(msgspec.Struct):
    text: str = ""
    family: str = ""
    given: list[str] = []


class _Patient(msgspec.Struct):
    resourceType: str = ""
    id: str = ""
    name: list[_HumanName] = []

    def label(self) -> str:
        """The first name that is not empty, else the id."""
        names = (name.text or " ".join([*name.given, name.family]).strip() for name in self.name)
        return next(filter(None, names), self.id)


class _PatientEntry(msgspec.Struct):
    resource: _Patient


class _PatientBundle(msgspec.Struct):
    entry: list[_PatientEntry] = []


_patient_bundle = msgspec.json.Decoder(_PatientBundle)


def _page(template: str, status: int = 200, **values: Any) -> Response:
    return make_response(render_template(template, **values), status)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _outcome(error: BadRequest) -> Response:
    reply = Response(as_json(operation_outcome(error.message, error.code, error.field)), error.status)
    reply.content_type = FHIR_JSON
    for name, value in getattr(error, "headers", {}).items():
        if value:
            reply.headers[name] = value
    return reply


def _add_headers(response: Response) -> Response:
    """Security headers of all pages; the consent form may also be redirected to the app that asked."""
    redirect_uri = g.get("redirect_uri")
    response = apply_security_headers(response, forms=[_origin(redirect_uri)] if redirect_uri else [])
    response.headers["Cache-Control"] = "no-store"
    return response
