"""OperationOutcome entries: what each code and each way of saying it means for the answer that it came with."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from cds_service.facts import ChartSection
from fhir_mappings.json.fhir_json import read
from fhir_mappings.json.search_result import SearchResult, Status
from fhir_mappings.json.server_messages import Level, interpret, table, types_of
from fhir_mappings.json.views import OperationOutcome
from tests import support
from tests.support import JSON

PAGE = Path(__file__).parents[3] / "docs" / "server-answers.md"
EPIC = "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369"
LAB = support.observation("a1", "4548-4", 8.1, "%", "2026-10-01")
CONDITION = {"resourceType": "Condition", "id": "c1"}


def epic(code: str, diagnostics: str = "", severity: str = "warning", system: str = EPIC) -> JSON:
    """An issue as Epic sends it."""
    kind = "suppressed" if code in ("59204", "59205") else "processing"
    issue = {"severity": severity, "code": kind, "details": {"coding": [{"system": system, "code": code}]}}
    return issue | ({"diagnostics": diagnostics} if diagnostics else {})


def plain(code: str, severity: str = "warning", text: str = "", details: str = "") -> JSON:
    """An issue as other vendors send it."""
    issue: JSON = {"severity": severity, "code": code}
    return issue | ({"diagnostics": text} if text else {}) | ({"details": {"text": details}} if details else {})


def answer(
    *issues: JSON, beside: tuple[JSON, ...] = (LAB,), section: ChartSection | None = ChartSection.HBA1C
) -> SearchResult:
    """A searchset with these issues in one OperationOutcome, settled as the answer to a search."""
    outcome = {"resourceType": "OperationOutcome", "issue": list(issues)}
    return read(json.dumps(support.bundle(outcome, *beside)).encode()).checked(section)


def _level(issue: JSON, section: ChartSection | None = ChartSection.HBA1C) -> Level:
    outcome = read(json.dumps(support.bundle({"resourceType": "OperationOutcome", "issue": [issue]})).encode())
    assert isinstance(outcome.issues[0], OperationOutcome.Issue)
    return interpret(outcome.issues[0], section).level


LEVELS = {
    Level.EMPTY: ["4101"],
    Level.NOTED: ["4119", "4122", "59100", "59101", "59109"],
    Level.INCOMPLETE: ["59133", "4127", "59204", "59205"],
    Level.FAILED: ["4113", "4118", "4130", "4131", "59177", "4107", "59008"],
    Level.REFUSED: ["4111", "59102", "59108", "59111", "59159"],
}


@pytest.mark.parametrize(("level", "code"), [(level, code) for level, codes in LEVELS.items() for code in codes])
def test_epics_codes(level: Level, code: str) -> None:
    """policy.md, What a server says about its own answer: the vendor's code decides, not severity or words."""
    assert _level(epic(code)) is level
    assert _level(epic(code, severity="fatal")) is level
    assert _level(epic(code, system="urn:oid:1.2.840.114350.1.13.861.1.7.2.657369")) is level
    assert _level(epic(code, system="urn:oid:1.2.840.114350.1.13.20.3.7.2.657369")) is level
    assert _level(epic(code, system="1.2.840.114350.1.13.99.3.7.2.657369")) is level


def test_every_code_of_the_table_is_tested() -> None:
    assert {row["code"] for row in table()["code"]} == {code for codes in LEVELS.values() for code in codes}
    assert all(row["source"] and row["says"] for row in table()["code"])


def test_the_same_numbers_of_another_system_are_no_codes_of_epic() -> None:
    assert _level(epic("59133", system="https://other.example.invalid/errors")) is Level.NOTED
    assert _level(epic("59133", system="urn:oid:1.2.840.114350.1.13.0.1.7.2.696580")) is Level.NOTED


def test_an_unknown_code_of_epic_is_weighed_by_type_and_words() -> None:
    assert _level(epic("59999")) is Level.NOTED
    assert _level(epic("59999", severity="error")) is Level.FAILED
    assert _level(epic("59999", diagnostics="The results were truncated.")) is Level.INCOMPLETE


WITHHELD = {
    "records of other organizations": (ChartSection.CONDITIONS, "Condition - Outside Record Problems", Level.NOTED),
    "results of other organizations": (ChartSection.HBA1C, "Observation - Outside Record Results", Level.NOTED),
    "orders of other organizations": (ChartSection.INSULIN, "MedicationRequest - Outside Record", Level.NOTED),
    "genomics": (ChartSection.HBA1C, "Observation - Genomics", Level.NOTED),
    "genomics among the diagnoses": (ChartSection.CONDITIONS, "Condition - Genomics", Level.NOTED),
    "encounter diagnoses": (ChartSection.CONDITIONS, "Condition - Encounter Diagnosis", Level.INCOMPLETE),
    "problems": (ChartSection.CONDITIONS, "Condition - Problems", Level.INCOMPLETE),
    "health concerns": (ChartSection.CONDITIONS, "Condition - Health Concern", Level.INCOMPLETE),
    "laboratory results": (ChartSection.EGFR, "Observation - Labs", Level.INCOMPLETE),
    "laboratory results, in glucose": (ChartSection.GLUCOSE, "Observation - Labs", Level.INCOMPLETE),
    "vital signs, in laboratory results": (ChartSection.HBA1C, "Observation - Vital Signs", Level.NOTED),
    "vital signs, in glucose": (ChartSection.GLUCOSE, "Observation - Vitals", Level.INCOMPLETE),
    "social history": (ChartSection.GLUCOSE, "Observation - Social History", Level.NOTED),
    "medications": (ChartSection.INSULIN, "MedicationRequest - Signed Medication Order", Level.INCOMPLETE),
    "what patients report of operations": (
        ChartSection.EDUCATION,
        "Procedure - Patient-Reported Surgical History",
        Level.NOTED,
    ),
    "procedures": (ChartSection.EDUCATION, "Procedure - Orders", Level.INCOMPLETE),
    "documents, which nobody asked for": (
        ChartSection.HBA1C,
        "DocumentReference - Document Information",
        Level.NOTED,
    ),
}


@pytest.mark.parametrize(("section", "name", "level"), WITHHELD.values(), ids=WITHHELD.keys())
@pytest.mark.parametrize("code", ["59204", "59205"])
def test_a_part_that_was_withheld_counts_when_it_was_asked_for(
    section: ChartSection, name: str, level: Level, code: str
) -> None:
    """policy.md, 59204 and 59205: by what `diagnostics` names, against what the search was for."""
    for who in ("Client", "User"):
        text = f"{who} not authorized for {name}. Search results of this type have not been included."
        assert _level(epic(code, text), section) is level


def test_a_withheld_part_that_nobody_names_counts() -> None:
    assert _level(epic("59204"), ChartSection.CONDITIONS) is Level.INCOMPLETE
    assert _level(epic("59205", "Not authorized."), ChartSection.CONDITIONS) is Level.INCOMPLETE


def test_a_withheld_part_is_understood_without_the_vendors_code() -> None:
    """Seen with the code on the first issue only."""
    text = "Client not authorized for Condition - Health Concern"
    assert _level(plain("suppressed", text=text), ChartSection.CONDITIONS) is Level.INCOMPLETE
    text = "Client not authorized for Condition - Outside Record Problems"
    assert _level(plain("suppressed", text=text), ChartSection.CONDITIONS) is Level.NOTED


def test_of_several_issues_the_worst_counts() -> None:
    outside = epic("59204", "Client not authorized for Observation - Outside Record Results.")
    assert answer(epic("4119"), outside).status is Status.READ
    assert answer(epic("4119"), epic("59133"), outside).status is Status.PARTIAL
    assert answer(epic("4101"), epic("4118"), beside=()).status is Status.FAILED


def test_a_disclaimer_is_remarked_once() -> None:
    reading = answer(epic("4119"), epic("4119"))
    assert (reading.status, len(reading.remarks)) == (Status.READ, 1)
    assert answer(epic("4101"), beside=()).remarks == []
    assert answer(epic("4101"), beside=()).status is Status.EMPTY


def test_failed_without_a_resource_of_the_type_else_incomplete() -> None:
    for issue in (epic("4118"), epic("59102"), plain("exception"), plain("processing", "error")):
        assert answer(issue).status is Status.PARTIAL
        assert answer(issue, beside=()).status is Status.FAILED
        assert answer(issue, beside=(CONDITION,)).status is Status.FAILED


MISSING_CODES = (
    "incomplete too-costly timeout throttled transient exception security forbidden login expired no-store lock-error"
)


@pytest.mark.parametrize("code", MISSING_CODES.split())
@pytest.mark.parametrize("severity", ["information", "warning", "error", "fatal"])
def test_issue_types_that_say_themselves_that_results_are_missing(code: str, severity: str) -> None:
    assert answer(plain(code, severity)).status is Status.PARTIAL
    assert answer(plain(code, severity), beside=()).status is Status.FAILED


@pytest.mark.parametrize("code", ["processing", "informational", "business-rule", "not-found", "invalid", "no-such"])
def test_other_issue_types_by_their_severity(code: str) -> None:
    assert answer(plain(code)).status is Status.READ
    assert answer(plain(code), beside=()).status is Status.EMPTY
    assert answer(plain(code, "error")).status is Status.PARTIAL
    assert answer(plain(code, "fatal"), beside=()).status is Status.FAILED


SAYS_MISSING = [
    "Other search results were found but could not be compliantly expressed and hence have been suppressed",
    "More than 499 search results qualify",
    "Some results were withheld for privacy.",
    "Results of this sub-type have not been included",
    "The result list was truncated.",
    "Query timed out; partial results returned",
    "A timeout occurred in a downstream source",
    "Only the first 100 rows are shown",
    "Too many results: narrow the search",
    "The response is incomplete. The rest may be asked for.",
    "2 resources were redacted",
    "Break-the-glass records were left out",
]
SAYS_NOTHING = [
    "It may not contain the entire record available in the system.",
    "This response may not hold the whole record",
    "Unknown search parameter 'foo' was ignored",
    "The parameter _include was ignored and not included in the search",
    "_sort is not supported",
    "No results were withheld",
    "0 records were suppressed.",
    "The answer is not truncated",
    "Outside record results are not included",
    "Validation: dom-6 narrative missing",
    "All good",
    "",
]


@pytest.mark.parametrize("text", SAYS_MISSING)
def test_words_that_say_that_results_are_missing(text: str) -> None:
    for issue in (plain("processing", text=text), plain("business-rule", "information", details=text)):
        assert answer(issue).status is Status.PARTIAL, text


@pytest.mark.parametrize("text", SAYS_NOTHING)
def test_words_that_say_nothing_about_results(text: str) -> None:
    reading = answer(plain("processing", text=text))
    assert (reading.status, len(reading.remarks)) == (Status.READ, 1)


def test_suppressed_is_a_word_itself_unless_a_sentence_explains_it() -> None:
    assert answer(plain("suppressed", "information")).status is Status.PARTIAL
    assert answer(plain("suppressed", text="about this search")).status is Status.PARTIAL
    assert answer(plain("suppressed", text="Outside record results were left out")).status is Status.READ


def test_the_servers_own_words_are_not_repeated() -> None:
    """They may hold anything: a name, an address."""
    reading = answer(plain("processing", text="Jane Roe, born 1980"), plain("timeout", text="Jane Roe"))
    assert "Roe" not in " ".join([*reading.remarks, reading.why])


def test_an_outcome_in_place_of_a_searchset() -> None:
    """Alone, "no results" is an answer; anything else is none."""

    def alone(*issues: JSON) -> SearchResult:
        return read(json.dumps({"resourceType": "OperationOutcome", "issue": list(issues)}).encode()).checked()

    assert alone(epic("4101")).status is Status.EMPTY
    assert alone(epic("4101"), epic("4119")).status is Status.EMPTY
    for issues in ([epic("4119")], [epic("4101"), epic("4118")], [plain("informational", "information")], []):
        assert alone(*issues).status is Status.FAILED
    assert alone(epic("59102")).refused is True
    assert alone(epic("4118")).refused is False


def test_long_texts_are_read_in_no_time() -> None:
    began = time.monotonic()
    for text in ("could not be " * 20_000, "no results " * 20_000, "_sort " * 50_000, "A" * 500_000, "Aa - " * 90_000):
        interpret(OperationOutcome.Issue("warning", "processing", diagnostics=text), ChartSection.HBA1C)
        interpret(
            OperationOutcome.Issue("warning", "processing", diagnostics=f"not authorized for {text}"),
            ChartSection.HBA1C,
        )
    assert time.monotonic() - began < 1.0


# ---------------------------------------------------------------- the page in docs


def page_rows() -> list[str]:
    """The table of docs/server-answers.md as the data says it."""
    meaning = {
        "empty": "nothing there, and that is an answer",
        "whole": "whole, noted once",
        "withheld": "by what `diagnostics` names: see below",
        "incomplete": "incomplete",
        "failed": "failed when nothing of the type came, else incomplete",
        "refused": "failed; the plan's next form is tried",
    }
    return [f"| {r['code']} | {r['says']} | {meaning[r['means']]} | {r['source']} |" for r in table()["code"]]


def test_the_page_tells_the_table_as_it_is() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| 4") or "| 59" in line]
    assert lines == page_rows()


def test_the_page_tells_the_issue_types_as_they_are() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert ", ".join(f"`{code}`" for code in table()["issue"]["missing"]) in page
    assert ", ".join(f"`{code}`" for code in table()["issue"]["refused"]) in page
    for section, names in table()["withheld"]["besides"].items():
        assert f"| {section} | {', '.join(names)} |" in page


@pytest.mark.parametrize(
    ("section", "types"), [("coverage", ["Coverage"]), ("cPeptide", ["Observation"]), (None, [])], ids=str
)
def test_what_a_part_of_the_chart_is_read_from(section: str | None, types: list[str]) -> None:
    """A part that the table does not have is a kind of result that a policy asks for on its own."""
    assert list(types_of(section)) == types
