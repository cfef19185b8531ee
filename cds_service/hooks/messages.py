"""A hook request: bytes → HookRequest, or a BadRequest that names the field and the mend."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from cds_service.errors import BadRequest
from fhir_mappings.reading import DecodeError
from fhir_mappings.views import RawEntry

T = TypeVar("T")

_UUID = re.compile(r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$")
_ID = re.compile(r"^(?!\.+$)[A-Za-z0-9._\-]{1,128}$")
_USER = re.compile(r"^(?:Practitioner|PractitionerRole)/(?!\.+$)[A-Za-z0-9._\-]{1,128}$")
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_entries = msgspec.json.Decoder(list[RawEntry])


@dataclass(frozen=True, slots=True)
class FhirAccess:
    """How to reach the EHR: base URL without a final slash, and the token, empty for open servers.

    `expires_in`: seconds that the token lives, None when the call does not say. `scope`: what the token grants.
    """

    server: str
    token: str = field(default="", repr=False)
    expires_in: float | None = None
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One call of a hook, checked."""

    hook: str
    hook_instance: str
    user_id: str | None
    patient_id: str
    entries: tuple[RawEntry, ...]
    selections: tuple[str, ...] | None
    prefetch: dict[str, msgspec.Raw] = field(default_factory=dict)
    fhir: FhirAccess | None = None


def parse_request(body: bytes, hook: str) -> HookRequest:
    """Reads and checks a request for one hook. Null optional members are absent ones; unknown ones are ignored."""
    root = _root(body)
    named = _text(root, "hook", required=True)
    if named != hook:
        raise BadRequest(f"hook is not `{hook}`: this service answers `{hook}` only", "hook")
    instance = _text(root, "hookInstance", required=True)
    if not _UUID.match(instance or ""):
        raise BadRequest("hookInstance must be a UUID such as d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "hookInstance")
    context = _members(root, "context", "context", required=True)
    patient = _text(context, "patientId", "context.patientId", required=True)
    if not _ID.match(patient or ""):
        raise BadRequest("context.patientId must be a plain id, without `Patient/`", "context.patientId")
    user = _text(context, "userId", "context.userId", required=True)
    if not _USER.match(user or ""):
        raise BadRequest("context.userId must be Practitioner/id or PractitionerRole/id", "context.userId")
    _text(context, "encounterId", "context.encounterId")
    _members(root, "extension", "extension")
    return HookRequest(
        hook=hook,
        hook_instance=instance or "",
        user_id=user,
        patient_id=patient or "",
        entries=_draft_entries(context),
        selections=_selections(context) if hook == "order-select" else None,
        prefetch=_members(root, "prefetch", "prefetch") or {},
        fhir=_fhir(root, patient or ""),
    )


def peek_hook(body: bytes) -> str | None:
    """The hook that a saved request names, for choosing the service; None when it names none."""
    try:
        return _text(_root(body), "hook")
    except BadRequest:
        return None


def _root(body: bytes) -> dict[str, msgspec.Raw]:
    # RFC 8259 lets a reader ignore a byte-order mark.
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        return _object.decode(body)
    except msgspec.ValidationError:
        raise BadRequest("the body must be one JSON object", code="structure") from None
    except DecodeError:
        raise BadRequest("the body is no JSON: send a CDS Hooks request in UTF-8", code="structure") from None


def _is_absent(raw: msgspec.Raw | None) -> bool:
    return raw is None or bytes(raw) == b"null"


def _value(members: dict[str, msgspec.Raw], name: str, path: str, kind: type[T], what: str) -> T | None:
    raw = members.get(name)
    if raw is None or _is_absent(raw):
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except DecodeError:
        raise BadRequest(f"{path} must be {what}", path) from None


def _text(
    members: dict[str, msgspec.Raw] | None, name: str, path: str | None = None, *, required: bool = False
) -> str | None:
    value = _value(members or {}, name, path or name, str, "a string")
    if required and not value:
        raise BadRequest(f"{path or name} is missing: the hook requires it", path or name, "required")
    return value


def _members(
    root: dict[str, msgspec.Raw], name: str, path: str, *, required: bool = False
) -> dict[str, msgspec.Raw] | None:
    value = _value(root, name, path, dict[str, msgspec.Raw], "a JSON object")
    if required and value is None:
        raise BadRequest(f"{path} is missing: the hook requires it", path, "required")
    return value


def _draft_entries(context: dict[str, msgspec.Raw] | None) -> tuple[RawEntry, ...]:
    path = "context.draftOrders"
    bundle = _members(context or {}, "draftOrders", path, required=True) or {}
    if _value(bundle, "resourceType", f"{path}.resourceType", object, "a string") != "Bundle":
        raise BadRequest(f"{path} must be a FHIR Bundle", path)
    raw = bundle.get("entry")
    if raw is None or _is_absent(raw):
        return ()
    try:
        return tuple(_entries.decode(raw))
    except DecodeError:
        raise BadRequest(f"{path}.entry must be a list of Bundle entries", f"{path}.entry") from None


def _selections(context: dict[str, msgspec.Raw] | None) -> tuple[str, ...]:
    path = "context.selections"
    found = _value(context or {}, "selections", path, list[str], "a list of references such as DeviceRequest/1")
    if found is None:
        raise BadRequest(f"{path} is missing: the hook requires it", path, "required")
    return tuple(found)


def _fhir(root: dict[str, msgspec.Raw], patient_id: str) -> FhirAccess | None:
    server = _text(root, "fhirServer")
    authorization = _members(root, "fhirAuthorization", "fhirAuthorization")
    if server is None:
        if authorization is not None:
            raise BadRequest("fhirServer is missing: fhirAuthorization needs it", "fhirServer", "required")
        return None
    try:
        parts = urlsplit(server)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        usable = False
    if not usable:
        raise BadRequest("fhirServer must be an absolute http or https URL", "fhirServer")
    return _access(server.rstrip("/"), authorization or {}, patient_id)


def _access(server: str, authorization: dict[str, msgspec.Raw], patient_id: str) -> FhirAccess:
    path = "fhirAuthorization"
    token = _text(authorization, "access_token", f"{path}.access_token") or ""
    if not token.isprintable() or not token.isascii():
        raise BadRequest(f"{path}.access_token holds characters that no token has", f"{path}.access_token")
    kind = _text(authorization, "token_type", f"{path}.token_type")
    if kind and kind.casefold() != "bearer":
        raise BadRequest(f"{path}.token_type must be Bearer", f"{path}.token_type")
    expires = _value(authorization, "expires_in", f"{path}.expires_in", float, "a number of seconds")
    scope = _text(authorization, "scope", f"{path}.scope")
    bound_to = _text(authorization, "patient", f"{path}.patient")
    patient_level = any(clause.startswith("patient/") for clause in (scope or "").split())
    if bound_to and patient_level and bound_to.removeprefix("Patient/") != patient_id:
        raise BadRequest(f"{path}.patient is another patient than context.patientId", f"{path}.patient")
    return FhirAccess(server, token, expires, scope)


def as_json(value: Any) -> bytes:
    """Compact JSON bytes of an answer."""
    return msgspec.json.encode(value)
