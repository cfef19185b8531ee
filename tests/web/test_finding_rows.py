"""Findings as rows: in the words of the policy that they were made under, whatever reads them again."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cds_service.policies.registry import policy_on
from cds_service.web.finding_rows import date_text, finding_tables, rows, status_word

POLICY = policy_on("MP-MM-1316", date(2026, 11, 24))
assert POLICY is not None
JSON = dict[str, Any]


def _finding(section: str, truth: str, *parts: JSON, **more: Any) -> JSON:
    return {"id": section, "truth": truth, "explanation": "", "evidence": [], "parts": list(parts), **more}


def _tones(determination: JSON, group: str) -> dict[str, str]:
    assert POLICY is not None
    return {row["id"]: row["tone"] for row in rows(determination, group, POLICY)}


def test_groups_and_sections_have_the_titles_of_the_policy() -> None:
    """Group titles by wording.toml; D.I.A and D.I.I.1 by the policy's outline."""
    part = _finding("D.I.I.1", "met", basis="documented")
    judged = {
        "path": "new",
        "criteria": [_finding("D.I.A", "met", basis="documented"), _finding("D.I.I", "met", part)],
        "exclusions": [_finding("D.II.B.2", "not-met")],
    }
    assert POLICY is not None
    criteria, exclusions = finding_tables(judged, POLICY)
    assert (criteria.title, exclusions.title) == ("Medical necessity (D.I)", "Exclusions (D.II)")
    assert [(row["id"], row["part"]) for row in criteria.rows] == [
        ("D.I.A", False),
        ("D.I.I", False),
        ("D.I.I.1", True),
    ]
    assert all(row["title"] and "{" not in row["title"] for row in criteria.rows)


@pytest.mark.parametrize(
    ("section", "truth", "gap", "tone"),
    [
        ("D.I.C", "met", None, "good"),
        ("D.I.C", "not-met", None, "bad"),
        ("D.I.C", "unknown", "needs-attestation", "open"),
        ("D.II.B.1", "met", None, "bad"),
        ("D.II.B.1", "unknown", "needs-attestation", "calm"),
        ("D.II.A.1", "unknown", "needs-review", "open"),
        ("D.II.A.1", "unknown", "not-retrieved", "open"),
        # III.C.5.b: a device that was lost is refused.
        ("D.III.C.5.b", "met", None, "bad"),
        ("D.III.C.5.b", "not-met", None, "calm"),
    ],
)
def test_a_met_exclusion_is_bad_and_one_that_nobody_stated_is_no_concern(
    section: str, truth: str, gap: str | None, tone: str
) -> None:
    group = (
        "exclusions" if section.startswith("D.II.") else "replacement" if section.startswith("D.III") else "criteria"
    )
    judged: JSON = {"path": "new", "criteria": [], group: [_finding(section, truth, gap=gap)]}
    assert _tones(judged, group) == {section: tone}


def test_alternatives_beside_one_that_is_met_no_longer_matter() -> None:
    parts = (_finding("D.I.I.1", "met"), _finding("D.I.I.2", "unknown"), _finding("D.I.I.3", "not-met"))
    met, unknown = ({"path": "new", "criteria": [_finding("D.I.I", truth, *parts)]} for truth in ("met", "unknown"))
    assert _tones(met, "criteria") == {"D.I.I": "good", "D.I.I.1": "good", "D.I.I.2": "calm", "D.I.I.3": "calm"}
    assert _tones(unknown, "criteria") == {"D.I.I": "open", "D.I.I.1": "good", "D.I.I.2": "open", "D.I.I.3": "bad"}


def test_of_a_replacement_only_the_diagnosis_still_matters() -> None:
    """D.III: D.I.A has to hold as well, D.I.B to D.I.I do not."""
    criteria = [_finding("D.I.A", "unknown"), _finding("D.I.C", "unknown"), _finding("D.I.G", "not-met")]
    judged = {"path": "replacement", "criteria": criteria, "replacement": [_finding("D.III.A.3", "unknown")]}
    assert _tones(judged, "criteria") == {"D.I.A": "open", "D.I.C": "calm", "D.I.G": "calm"}
    assert POLICY is not None
    replacement, shown = finding_tables(judged, POLICY)
    assert shown.note == "The order is a replacement: of these, only D.I.A has to hold"
    assert (replacement.name, replacement.note) == ("replacement", "")


def test_reasons_beside_an_accepted_one_no_longer_matter() -> None:
    findings = [_finding("D.III.A.3", "met"), _finding("D.III.C.1", "met"), _finding("D.III.C.4", "unknown")]
    judged: JSON = {"path": "replacement", "criteria": [], "replacement": findings}
    assert _tones(judged, "replacement") == {"D.III.A.3": "good", "D.III.C.1": "good", "D.III.C.4": "calm"}


def test_both_paths_shown_says_when_the_other_one_counts() -> None:
    judged: JSON = {"path": "new", "criteria": [], "replacement": [_finding("D.III.A.3", "unknown")]}
    assert POLICY is not None
    (table,) = finding_tables(judged, POLICY)
    assert table.note == "Only if the order replaces the pump in use"


@pytest.mark.parametrize(
    ("truth", "basis_or_gap", "excludes", "word"),
    [
        ("met", {"basis": "documented"}, False, "met"),
        ("met", {"basis": "attested"}, False, "met"),
        ("met", {"basis": "supported"}, False, "chart suggests"),
        ("not-met", {"basis": "documented"}, False, "not met"),
        ("unknown", {"gap": "not-documented"}, False, "missing"),
        ("unknown", {"gap": "needs-attestation"}, False, "missing"),
        ("unknown", {"gap": "incomplete"}, False, "incomplete"),
        ("unknown", {"gap": "needs-review"}, False, "needs review"),
        ("unknown", {"gap": "not-retrieved"}, False, "could not be read"),
        ("met", {"basis": "documented"}, True, "applies"),
        ("not-met", {}, True, "does not apply"),
        ("unknown", {"gap": "needs-attestation"}, True, "not stated"),
    ],
)
def test_a_status_is_a_plain_word(truth: str, basis_or_gap: JSON, excludes: bool, word: str) -> None:
    assert status_word({"truth": truth, **basis_or_gap}, excludes) == word


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-10-26", "Oct 26, 2026"),
        ("2026-10-26T08:00:00-05:00", "Oct 26, 2026"),
        ("2026-10", "Oct 2026"),
        ("2026-02", "Feb 2026"),
        ("2026-10-26/2026-11-24", "Oct 26 to Nov 24, 2026"),
        ("2026", "2026"),
        ("", ""),
        ("unknown", "unknown"),
        ("2026-13", "2026-13"),
    ],
)
def test_dates_are_written_as_people_do(text: str, shown: str) -> None:
    assert date_text(text) == shown
