"""Writes one resource to the EHR's FHIR server, without any retry."""

from __future__ import annotations

import logging
import re
from typing import Any

import msgspec
import requests
from urllib3.exceptions import NewConnectionError

from cds_service.ehr.transport import CONNECT_SECONDS, is_internal_address, restrict_connections
from cds_service.trust.servers import ServerRule
from fhir_mappings.common.references import local
from fhir_mappings.json.edge_numbers import DecodeError

log = logging.getLogger(__name__)

_SECONDS = 10.0
_LOCATION = re.compile(r"(?:^|/)([A-Z][A-Za-z]+/[A-Za-z0-9.\-_]{1,128})(?:/_history/[^/]+)?/?\Z")
_LONGEST_SERVER_TEXT = 300
_BROKEN_OFF = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
# Raised before anything is sent: malformed headers and addresses.
_NEVER_SENT = (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, UnicodeEncodeError)
_members = msgspec.json.Decoder(dict[str, Any])
_WHY = {
    401: "the session with the EHR has ended",
    403: "the EHR does not let this app write it",
    404: "the FHIR server takes no QuestionnaireResponse",
    405: "the FHIR server takes no QuestionnaireResponse",
    413: "it is too large for the FHIR server",
    429: "the FHIR server is busy",
}


class NotWritten(Exception):
    """The server did not take the resource; the message says why, for the person who sent it.

    `status`: the server's, None when it did not answer. `server_text`: the server's own explanation, for that person
    only. `uncertain`: the server may have stored it all the same.
    """

    def __init__(
        self, message: str, status: int | None = None, server_text: str = "", *, uncertain: bool = False
    ) -> None:
        """See the class."""
        super().__init__(message)
        self.status = status
        self.server_text = server_text
        self.uncertain = uncertain


def create(server: str, token: str, kind: str, body: bytes, rule: ServerRule) -> str | None:
    """Creates a resource and returns its reference, `Type/id`; None when the server does not name it.

    NotWritten when it was not created.
    """
    refusal = rule.why_not(server)
    if refusal is not None:
        raise NotWritten(refusal)
    headers = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with requests.Session() as session:
        restrict_connections(session, server, rule, [])
        try:
            answer = session.post(
                f"{server.rstrip('/')}/{kind}",
                data=body,
                headers=headers,
                timeout=(CONNECT_SECONDS, _SECONDS),
                allow_redirects=False,
            )
        except (requests.RequestException, OSError, ValueError) as error:
            log.warning("a %s could not be written: %s", kind, type(error).__name__)
            raise _no_answer(error) from None
    if not 200 <= answer.status_code < 300:
        log.warning("a FHIR server refused a %s: %d", kind, answer.status_code)
        why = _WHY.get(answer.status_code, "the FHIR server refused it")
        raise NotWritten(why, answer.status_code, _diagnostics(answer.content))
    return _reference(answer, kind)


def _no_answer(error: Exception) -> NotWritten:
    if is_internal_address(error):
        return NotWritten("the FHIR server's name leads inside this network")
    if isinstance(error, _NEVER_SENT):
        return NotWritten("no request can be made of the FHIR server's address and the session's token")
    broke_off = isinstance(error, _BROKEN_OFF)
    why = "the FHIR server broke off its answer" if broke_off else "the FHIR server did not answer"
    return NotWritten(why, uncertain=_was_sent(error))


def _was_sent(error: Exception) -> bool:
    """Whether the server may have the resource all the same: everything but a connection that was never made."""
    return not isinstance(error, requests.ConnectTimeout) and not (
        isinstance(error, requests.ConnectionError) and isinstance(_cause(error), NewConnectionError)
    )


def _cause(error: Exception) -> object:
    """The error of urllib3 behind one of requests."""
    outer = error.args[0] if error.args else None
    return getattr(outer, "reason", outer)


def _reference(answer: requests.Response, kind: str) -> str | None:
    location = _LOCATION.search(answer.headers.get("Location", ""))
    if location is not None and location[1].startswith(f"{kind}/"):
        return local(location[1], None)
    try:
        created = _members.decode(answer.content)
    except DecodeError:
        return None
    identity = created.get("id")
    # Some servers answer with an OperationOutcome, whose id is another's.
    known = created.get("resourceType") == kind and isinstance(identity, str)
    return local(f"{kind}/{identity}", None) if known else None


def _diagnostics(body: bytes) -> str:
    """The text of an OperationOutcome's first issue, shortened."""
    try:
        issues = _members.decode(body).get("issue")
    except DecodeError:
        return ""
    first = issues[0] if isinstance(issues, list) and issues and isinstance(issues[0], dict) else {}
    details = first.get("details")
    text = first.get("diagnostics") or (details.get("text") if isinstance(details, dict) else None)
    return text[:_LONGEST_SERVER_TEXT] if isinstance(text, str) else ""
