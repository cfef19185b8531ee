"""A hook request: bytes → HookRequest, or a BadRequest that names the field and the mend."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import msgspec

from cds_service.errors import BadRequest, NotJson
from cds_service.hooks.prefetch import Prefetch
from fhir_mappings.json.edge_numbers import DecodeError
from fhir_mappings.json.object_members import is_null, raw_members
from fhir_mappings.json.syntax_error import syntax_error
from fhir_mappings.json.views import RawEntry

T = TypeVar("T")

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_ID = re.compile(r"(?!\.+\Z)[A-Za-z0-9._\-]{1,128}")
_USER = re.compile(r"(?:Practitioner|PractitionerRole)/(?!\.+\Z)[A-Za-z0-9._\-]{1,128}")
_REFERENCE = re.compile(
    r"(?:https?://[^\s?#]+/)?[A-Z][A-Za-z]+/(?!\.+(?:/|\Z))[A-Za-z0-9._\-]{1,128}(?:/_history/[^/\s]+)?"
)


class _AnyObject(msgspec.Struct, gc=False):
    """A JSON object of which nothing is read."""


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
    """One call of a hook, checked.

    `selections`: at order-select the references of the orders that were chosen. `dispatched`: at order-dispatch those
    of the orders that are sent out; the orders themselves have to be read, and `entries` is empty.
    """

    hook: str
    hook_instance: str
    user_id: str | None
    patient_id: str
    entries: tuple[RawEntry, ...] = ()
    selections: tuple[str, ...] | None = None
    dispatched: tuple[str, ...] | None = None
    prefetch: Prefetch = field(default_factory=Prefetch)
    fhir: FhirAccess | None = None


def extension_in(root: Mapping[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """The call's own extensions by name."""
    return _members(dict(root), "extension", "extension") or {}


def request_in(root: dict[str, msgspec.Raw], hook: str) -> HookRequest:
    """Checks a request for one hook. Null optional members are absent ones; unknown ones are ignored."""
    named = _text(root, "hook", required=True)
    if named != hook:
        raise BadRequest(f"hook is not `{hook}`: this service answers `{hook}` only", "hook")
    instance = _text(root, "hookInstance", required=True)
    if not _UUID.fullmatch(instance or ""):
        raise BadRequest("hookInstance must be a UUID such as d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "hookInstance")
    context = _members(root, "context", "context", required=True) or {}
    patient = _text(context, "patientId", "context.patientId", required=True)
    if not _ID.fullmatch(patient or ""):
        raise BadRequest("context.patientId must be a plain id, without `Patient/`", "context.patientId")
    _text(context, "encounterId", "context.encounterId")
    extension_in(root)
    dispatches = hook == "order-dispatch"
    return HookRequest(
        hook=hook,
        hook_instance=instance or "",
        user_id=None if dispatches else _user(context),
        patient_id=patient or "",
        entries=() if dispatches else _draft_entries(context),
        selections=_selections(context) if hook == "order-select" else None,
        dispatched=_dispatched(context) if dispatches else None,
        prefetch=_prefetch(root),
        fhir=_fhir(root, patient or ""),
    )


def _prefetch(root: dict[str, msgspec.Raw]) -> Prefetch:
    """Its syntax was checked with the rest of the body; what it holds is read when it is needed."""
    raw = root.get("prefetch")
    if raw is None or is_null(raw):
        return Prefetch()
    if bytes(memoryview(raw)[:1]) != b"{":
        raise BadRequest("prefetch must be a JSON object", "prefetch")
    return Prefetch(raw)


def _user(context: dict[str, msgspec.Raw]) -> str | None:
    user = _text(context, "userId", "context.userId", required=True)
    if not _USER.fullmatch(user or ""):
        raise BadRequest("context.userId must be Practitioner/id or PractitionerRole/id", "context.userId")
    return user


def peek_hook(body: bytes) -> str | None:
    """The hook that a saved request names, for choosing the service; None when it names none."""
    try:
        return _text(read_root(body), "hook")
    except BadRequest:
        return None


def read_root(body: bytes) -> dict[str, msgspec.Raw]:
    """The members of a request's body, not looked at yet; NotJson when it is no JSON."""
    # RFC 8259 lets a reader ignore a byte-order mark.
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        return raw_members.decode(body, "")
    except msgspec.ValidationError:
        raise BadRequest("the body must be one JSON object", code="structure") from None
    except RecursionError:
        raise BadRequest("the body is nested too deep", code="structure") from None
    except DecodeError as error:
        where = syntax_error(body, error)
        raise NotJson(f"the body is no JSON ({where}): send a CDS Hooks request in UTF-8") from None


def names_server(root: Mapping[str, msgspec.Raw]) -> bool:
    """Whether a request names a FHIR server; whether it is one that can be asked is checked with the rest."""
    server = root.get("fhirServer")
    return server is not None and not is_null(server)


def _value(members: dict[str, msgspec.Raw], name: str, path: str, kind: type[T], what: str) -> T | None:
    raw = members.get(name)
    if raw is None or is_null(raw):
        return None
    try:
        found: T = _decoder(cast("Any", kind)).decode(raw)
    except DecodeError:
        raise BadRequest(f"{path} must be {what}", path) from None
    return found


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


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
    raw = root.get(name)
    if raw is None or is_null(raw):
        if required:
            raise BadRequest(f"{path} is missing: the hook requires it", path, "required")
        return None
    try:
        return raw_members.decode(raw, path)
    except DecodeError:
        raise BadRequest(f"{path} must be a JSON object", path) from None


def _draft_entries(context: dict[str, msgspec.Raw]) -> tuple[RawEntry, ...]:
    path = "context.draftOrders"
    bundle = _members(context, "draftOrders", path, required=True) or {}
    if _value(bundle, "resourceType", path, str, "a FHIR Bundle") != "Bundle":
        raise BadRequest(f"{path} must be a FHIR Bundle", path)
    raw = bundle.get("entry")
    if raw is None or is_null(raw):
        return ()
    try:
        return tuple(_entries.decode(raw))
    except DecodeError:
        raise BadRequest(f"{path}.entry must be a list of Bundle entries", f"{path}.entry") from None


def _selections(context: dict[str, msgspec.Raw]) -> tuple[str, ...]:
    path = "context.selections"
    found = _value(context, "selections", path, list[str], "a list of references such as DeviceRequest/1")
    if found is None:
        raise BadRequest(f"{path} is missing: the hook requires it", path, "required")
    return tuple(found)


def _dispatched(context: dict[str, msgspec.Raw]) -> tuple[str, ...]:
    """References of the dispatched orders: `dispatchedOrders`, or the single `order` of the hook's first version."""
    performer = _text(context, "performer", "context.performer", required=True)
    if not _REFERENCE.fullmatch(performer or ""):
        raise BadRequest("context.performer must be a reference such as Organization/1", "context.performer")
    _value(context, "fulfillmentTasks", "context.fulfillmentTasks", list[_AnyObject], "a list of Tasks")
    _members(context, "task", "context.task")
    path = "context.dispatchedOrders"
    found = _value(context, "dispatchedOrders", path, list[str], "a list of references such as DeviceRequest/1")
    if found is None and (single := _text(context, "order", "context.order")):
        path, found = "context.order", [single]
    if not found:
        raise BadRequest(f"{path} is missing: name the orders that are sent out", path, "required")
    for index, reference in enumerate(found):
        if not _REFERENCE.fullmatch(reference):
            field = path if path == "context.order" else f"{path}[{index}]"
            raise BadRequest(f"{field} must be a reference such as DeviceRequest/1", field)
    return tuple(dict.fromkeys(found))


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
