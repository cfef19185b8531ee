"""What to make of one answer of a FHIR server: where its next page lies, how it went, how to tell it."""

from __future__ import annotations

from urllib.parse import parse_qsl, urljoin, urlsplit

from fhir_mappings.json.clinical_views import Observation, Resource
from fhir_mappings.json.fhir_json import read
from fhir_mappings.json.search_result import SearchNote, SearchResult, Status, Went, failed
from fhir_mappings.json.server_messages import Level, hear, worst

# Error pages may be long; an OperationOutcome that says why is not.
_LONGEST_REFUSAL = 200_000


def joined(page_url: str, next_url: str) -> str:
    """A next link on its page's URL; empty when it is no URL."""
    try:
        joined = urljoin(page_url, next_url)
        return joined if urlsplit(joined).netloc else ""
    except ValueError:
        return ""


def refusal(status: int, body: bytes) -> SearchResult:
    """What an answer with an error status says: with its own words where the vendor's code is known."""
    said = read(body[:_LONGEST_REFUSAL]) if b"OperationOutcome" in body[:_LONGEST_REFUSAL] else SearchResult()
    if said.status is Status.EMPTY and any(hear(issue).level is Level.EMPTY for issue in said.issues):
        return said
    reading = failed(f"the FHIR server answered {status}")
    reading.http_status, reading.issues = status, said.issues
    counts = worst(heard for heard in map(hear, said.issues) if heard.known and heard.level > Level.INCOMPLETE)
    reading.refused = None if counts is None else counts.level is Level.REFUSED
    return reading


# A server that answers so does not know this form of the search: another form may do.
_OTHER_FORM = (400, 404, 405, 422, 501)


def asks_for_another_form(reading: SearchResult) -> bool:
    """Whether the plan's next form of a search may do better: by the vendor's code, else by the HTTP status."""
    if reading.refused is not None:
        return reading.refused
    return reading.http_status in _OTHER_FORM


def ignored_parameters(url: str, reading: SearchResult) -> list[str]:
    """Parameters that the self link of an answer no longer has: the server ignored them."""
    if not reading.self_url or "?" not in reading.self_url:
        return []
    try:
        honoured = {name.split(":")[0] for name, _ in parse_qsl(urlsplit(reading.self_url).query)}
    except ValueError:
        return []
    asked = {name.split(":")[0] for name, _ in parse_qsl(urlsplit(url).query)} - {"_count", "_include"}
    return sorted(asked - honoured) if honoured else []


def keep_undated(reading: SearchResult, url: str) -> None:
    """Of an answer to a search for results without an effective date keeps those; it failed if nobody heeded that."""
    if reading.status is not Status.FAILED and "date" in ignored_parameters(url, reading):
        reading.resources, reading.status, reading.why = [], Status.FAILED, "the server ignored date"
    reading.resources = [item for item in reading.resources if _is_undated(item[0])]
    if not reading.resources and reading.status is Status.READ:
        reading.status = Status.EMPTY


def _is_undated(result: Resource) -> bool:
    return isinstance(result, Observation) and not (
        result.effectiveDateTime or result.effectiveInstant or result.effectivePeriod
    )


_WENT = {Status.FAILED: Went.FAILED, Status.PARTIAL: Went.INCOMPLETE}


def search_note(key: str, kind: str, reading: SearchResult, took: str) -> SearchNote:
    """One search as a note: what for, how it went, how long it took. No patient, no token, no URL."""
    went = _WENT.get(reading.status, Went.COMPLETE)
    why = f" ({reading.why})" if reading.why else ""
    extra = f"; {'; '.join(reading.ignored)}" if reading.ignored else ""
    name = key if key == kind or "/" in key else f"{kind} for {key}"
    if "/" in key:
        name = f"{kind} by reference"
    size = f"{number(reading.pages, 'page')}, {number(len(reading.resources), 'resource')}"
    return SearchNote(f"Searched {name}: {went}{why}, {size}, {took}{extra}", kind, went)


def number(count: int, what: str) -> str:
    """A count with its word, in the plural where it is one."""
    return f"{count} {what}{'' if count == 1 else 's'}"
