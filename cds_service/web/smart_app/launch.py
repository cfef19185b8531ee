"""SMART App Launch: sign-in from the EHR or standalone, which leads to the documentation page."""

from __future__ import annotations

import logging
import secrets
import time
from typing import Any

from flask import Blueprint, Response, current_app, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from cds_service.ehr.key_sets import fetch_key_set
from cds_service.ehr.smart import (
    SmartFault,
    SmartServer,
    authorization_url,
    discover,
    exchange,
    refusal_for_log,
)
from cds_service.errors import BadRequest, NoAccess
from cds_service.hooks.messages import as_json
from cds_service.trust.id_token import UnknownUser, fhir_user
from cds_service.trust.keys import KeysUnavailable
from cds_service.trust.registrations import Registration
from cds_service.web.http import metrics
from cds_service.web.smart_app import sessions
from cds_service.web.smart_app.scopes import scope_for
from cds_service.web.smart_app.servers import SmartServers
from cds_service.web.smart_app.sessions import Launch, SignedIn
from fhir_mappings.common.references import local

log = logging.getLogger(__name__)
blueprint = Blueprint("smart", __name__, url_prefix="/smart")
_AGAIN = "open the page from the EHR again"


def _servers() -> SmartServers:
    servers: SmartServers = current_app.config["SMART_SERVERS"]
    return servers


def _callback_url() -> str:
    return f"{current_app.config['SETTINGS'].public_url}/smart/callback"


@blueprint.after_request
def uncached(response: Response) -> Response:
    """Browsers may not cache sign-ins or refusals, but may cache the app's public keys."""
    if request.endpoint != "smart.keys":
        response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/launch")
def launch() -> AnyResponse:
    """Starts a sign-in at the FHIR server in `iss`: with the EHR's `launch`, else standalone."""
    iss = request.args.get("iss", "").rstrip("/")
    if not iss:
        raise BadRequest("iss is missing: the EHR adds it; to start without an EHR give ?iss=FHIR base URL", "iss")
    registered, iss = _registered(iss), _servers().base(iss)
    try:
        server = discover(iss, _servers().rule(iss))
    except SmartFault as fault:
        metrics.LAUNCHES.labels("no-smart").inc()
        raise NoAccess(str(fault), status=502) from None
    sign_in = Launch(
        iss,
        state=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        nonce=secrets.token_urlsafe(32),
        authorization_endpoint=server.authorization_endpoint,
        token_endpoint=server.token_endpoint,
        issuer=server.issuer,
        jwks_uri=server.jwks_uri,
    )
    ehr_launch = request.args.get("launch") or None
    url = authorization_url(
        server,
        registered,
        _callback_url(),
        scope=scope_for(server, from_ehr=ehr_launch is not None),
        state=sign_in.state,
        verifier=sign_in.verifier,
        nonce=sign_in.nonce,
        launch=ehr_launch,
    )
    return sessions.begin_launch(current_app.make_response(redirect(url)), sign_in)


def _registered(iss: str) -> Registration:
    registered = _servers().registration(iss)
    if registered is None:
        metrics.LAUNCHES.labels("untrusted").inc()
        raise NoAccess(
            "iss is not a FHIR server that this service trusts: list it for the client in PUMP_CDS_TRUSTED_CLIENTS, "
            "or in PUMP_CDS_FHIR_SERVERS",
            "iss",
        )
    return registered


@blueprint.get("/callback")
def callback() -> AnyResponse:
    """Receives the EHR's answer to a sign-in: a code, or an error."""
    sign_in = sessions.take_launch(request.args.get("state", ""))
    if sign_in is None:
        if sessions.signed_in() is not None:  # the browser's Back button leads here a second time
            return redirect(url_for("documentation.page"), 303)
        metrics.LAUNCHES.labels("wrong-state").inc()
        raise BadRequest(f"state does not belong to a sign-in that is under way in this browser: {_AGAIN}", "state")
    if "error" in request.args:
        raise _denied(request.args["error"])
    if request.args.get("iss") not in (None, sign_in.issuer, sign_in.iss):  # RFC 9207
        raise BadRequest(f"iss is another server than the one that was asked: {_AGAIN}", "iss")
    code = request.args.get("code")
    if not code:
        raise BadRequest(f"code is missing: {_AGAIN}", "code")
    session = _signed_in(sign_in, code)
    metrics.LAUNCHES.labels("signed-in").inc()
    return sessions.begin(current_app.make_response(redirect(url_for("documentation.page"), 303)), session)


def _denied(error: str) -> NoAccess:
    metrics.LAUNCHES.labels("denied").inc()
    log.warning("an EHR refused a sign-in: %s", refusal_for_log(error, request.args.get("error_description")))
    if error == "access_denied":
        return NoAccess(f"Access was not granted, so nothing was read and nothing was written. To try again, {_AGAIN}")
    return NoAccess(f"The EHR refused the sign-in. To try again, {_AGAIN}; if it stays so, ask its administrators")


def _signed_in(sign_in: Launch, code: str) -> SignedIn:
    registered = _registered(sign_in.iss)
    server = SmartServer(
        sign_in.iss,
        sign_in.authorization_endpoint,
        sign_in.token_endpoint,
        sign_in.issuer,
        sign_in.jwks_uri,
    )
    try:
        token = exchange(server, registered, _callback_url(), code=code, verifier=sign_in.verifier)
        user = _user(token, sign_in, registered)
    except SmartFault as fault:
        metrics.LAUNCHES.labels("refused").inc()
        raise NoAccess(str(fault), status=502) from None
    patient = token.get("patient")
    if not isinstance(patient, str) or not patient:
        raise NoAccess(f"The EHR did not say which patient this is about: choose a patient there, then {_AGAIN}")
    patient = patient.removeprefix("Patient/")
    scope = token.get("scope")
    session = SignedIn(
        sign_in.iss,
        patient,
        token["access_token"],
        time.time() + _seconds(token.get("expires_in")),
        user,
        scope if isinstance(scope, str) else None,
        token.get("need_patient_banner") is not False,
    )
    return _with_order(session, token.get("appContext"))


def _seconds(expires_in: Any) -> float:
    """The session's duration: the token's, limited by the setting."""
    most: float = current_app.config["SETTINGS"].session_seconds
    try:
        stated = float(expires_in) if not isinstance(expires_in, bool | None) else 0.0
    except (TypeError, ValueError, OverflowError):  # no number, or an infinite one
        return most
    return min(most, stated) if stated > 0 else most


def _with_order(session: SignedIn, app_context: Any) -> SignedIn:
    """The session, with the order of the card that it was launched from."""
    links = current_app.config["APP_LINKS"]
    launched = links.launched(app_context, session.patient) if isinstance(app_context, str) else None
    if launched is not None:
        session.order = session.launched_order = launched.order
        session.entries = as_json(list(launched.entries)).decode()
        session.foreign_link = launched.foreign
        session.policy = launched.policy
    return session


def _user(token: dict[str, Any], sign_in: Launch, registered: Registration) -> str | None:
    """The reference of the user; None when the EHR does not name one. SmartFault when its token cannot be verified."""
    id_token, scope = token.get("id_token"), token.get("scope")
    withheld = isinstance(scope, str) and not {"fhirUser", "profile"}.intersection(scope.split())
    if id_token is None or withheld:
        return None
    if not isinstance(id_token, str) or sign_in.jwks_uri is None:
        raise SmartFault("The EHR sent an identity token that cannot be verified: it names no jwks_uri")
    try:
        keys = fetch_key_set(sign_in.jwks_uri)
        user = fhir_user(id_token, keys, client_id=registered.client_id, issuer=sign_in.issuer, nonce=sign_in.nonce)
    except (UnknownUser, KeysUnavailable) as error:
        log.warning("an identity token was refused: %s", error)
        raise SmartFault(f"The EHR's word on who has signed in could not be verified: {_AGAIN}") from None
    return local(user, sign_in.iss) or user


@blueprint.get("/jwks.json")
def keys() -> Response:
    """The app's public keys, for EHRs where it authenticates with one."""
    return Response(as_json({"keys": _servers().public_keys()}), mimetype="application/json")
