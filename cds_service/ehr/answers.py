"""Helpers for one answer of a FHIR server: the next page's URL, what an error says, and the note about the search."""

from __future__ import annotations

from urllib.parse import parse_qsl, urljoin, urlsplit

from cds_service.engine.wording import counted
from fhir_mappings.json.clinical_views import Observation, Resource
from fhir_mappings.json.fhir_json import read
from fhir_mappings.json.search_result import SearchNote, SearchOutcome, SearchResult, Status, failed
from fhir_mappings.json.server_messages import Level, interpret, most_severe

# Error pages may be long; an OperationOutcome that says why is not.
_LONGEST_REFUSAL = 200_000


def next_page_url(page_url: str, next_url: str) -> str:
    """A page's next link as an absolute URL; empty when it is no URL."""
    try:
        url = urljoin(page_url, next_url)
        return url if urlsplit(url).netloc else ""
    except ValueError:
        return ""


def error_result(status: int, body: bytes) -> SearchResult:
    """The result of an answer with an error status, with what its OperationOutcome says where its codes are known."""
    outcome = read(body[:_LONGEST_REFUSAL]) if b"OperationOutcome" in body[:_LONGEST_REFUSAL] else SearchResult()
    if outcome.status is Status.EMPTY and any(interpret(issue).level is Level.EMPTY for issue in outcome.issues):
        return outcome
    result = failed(f"the FHIR server answered {status}")
    result.http_status, result.issues = status, outcome.issues
    meanings = map(interpret, outcome.issues)
    decisive = most_severe(meaning for meaning in meanings if meaning.known and meaning.level > Level.INCOMPLETE)
    result.refused = None if decisive is None else decisive.level is Level.REFUSED
    return result


# A server that answers with one of these does not know this form of the search: another form may do.

_OTHER_FORM = (400, 404, 405, 422, 501)


def asks_for_another_form(result: SearchResult) -> bool:
    """Whether the plan's next form of a search may do better: by the vendor's code, else by the HTTP status."""
    if result.refused is not None:
        return result.refused
    return result.http_status in _OTHER_FORM


def ignored_parameters(url: str, result: SearchResult) -> list[str]:
    """Parameters that the self link of an answer no longer has: the server ignored them."""
    if not result.self_url or "?" not in result.self_url:
        return []
    try:
        honored = {name.split(":")[0] for name, _ in parse_qsl(urlsplit(result.self_url).query)}
    except ValueError:
        return []
    asked = {name.split(":")[0] for name, _ in parse_qsl(urlsplit(url).query)} - {"_count", "_include"}
    return sorted(asked - honored) if honored else []


def keep_undated(result: SearchResult, url: str) -> None:
    """Keeps only results without an effective date; failed, where the server ignored that it was asked for those."""
    if result.status is not Status.FAILED and "date" in ignored_parameters(url, result):
        result.resources, result.status, result.why = [], Status.FAILED, "the server ignored date"
    result.resources = [item for item in result.resources if _is_undated(item[0])]
    if not result.resources and result.status is Status.READ:
        result.status = Status.EMPTY


def _is_undated(result: Resource) -> bool:
    return isinstance(result, Observation) and not (
        result.effectiveDateTime or result.effectiveInstant or result.effectivePeriod
    )


_OUTCOMES = {Status.FAILED: SearchOutcome.FAILED, Status.PARTIAL: SearchOutcome.INCOMPLETE}


def search_note(key: str, kind: str, result: SearchResult, took: str) -> SearchNote:
    """One search as a note: what for, how it went, how long it took. No patient, no token, no URL."""
    outcome = _OUTCOMES.get(result.status, SearchOutcome.COMPLETE)
    why = f" ({result.why})" if result.why else ""
    extra = f"; {'; '.join(result.ignored)}" if result.ignored else ""
    name = key if key == kind or "/" in key else f"{kind} for {key}"
    if "/" in key:
        name = f"{kind} by reference"
    size = f"{counted(result.pages, 'page')}, {counted(len(result.resources), 'resource')}"
    return SearchNote(f"Searched {name}: {outcome}{why}, {size}, {took}{extra}", kind, outcome)
