"""Findings as rows for people: title, truth in words, what stands behind it, how much it matters."""

from __future__ import annotations

from typing import Any

from cds_service.policies import mp_mm_1316
from cds_service.policies.mp_mm_1316.replacement import ACCEPTED_REASONS, REFUSED_REASONS, reasonable_justification

GROUPS = {
    "replacement": "Replacement or repair (D.III)",
    "criteria": "Medical necessity (D.I)",
    "exclusions": "Exclusions (D.II)",
}
_EXCLUDING = frozenset(unit.section for unit in (*mp_mm_1316.EXCLUSIONS, *REFUSED_REASONS))


def rows(determination: dict[str, Any], group: str) -> list[dict[str, Any]]:
    """Findings of a group with their parts behind them: title, truth in words, basis or gap, tone, references."""
    settled = _settled(determination)
    findings = determination[group]
    parts = {part["id"] for each in findings for part in each.get("parts", ())}
    tops = [each for each in findings if each["id"] not in parts]
    return [_row(finding, is_part, settled) for each in tops for finding, is_part in _with_parts(each)]


def _with_parts(finding: dict[str, Any]) -> list[tuple[dict[str, Any], bool]]:
    return [(finding, False), *((part, True) for part in finding.get("parts", ()))]


def _row(finding: dict[str, Any], is_part: bool, settled: frozenset[str]) -> dict[str, Any]:
    standing = finding.get("basis") or finding.get("gap") or ""
    mood = tone(finding)
    return {
        **finding,
        "part": is_part,
        "title": mp_mm_1316.UNITS[finding["id"]].title,
        "word": finding["truth"].replace("-", " "),
        "standing": standing.replace("-", " "),
        "tone": "calm" if finding["id"] in settled and mood != "good" else mood,
        "references": list(dict.fromkeys(item["reference"] for item in finding["evidence"])),
    }


def _settled(determination: dict[str, Any]) -> frozenset[str]:
    """Sections that no longer matter: alternatives beside one that is met, and D.I.B to D.I.I on a replacement."""
    replaced = determination.get("replacement", ())
    on_replacement = determination.get("path") == "replacement"
    settled = {each["id"] for each in determination["criteria"][1:]} if on_replacement else set()
    for each in determination["criteria"]:
        if each["truth"] == "met" or each["id"] in settled:
            settled |= {part["id"] for part in each.get("parts", ())}
    if any(each["truth"] == "met" for each in replaced if each["id"] == reasonable_justification.section):
        settled |= {unit.section for unit in ACCEPTED_REASONS}
    return frozenset(settled)


def tone(finding: dict[str, Any]) -> str:
    """good, bad, open or calm: an exclusion that is met is bad; one that nobody attested is no concern."""
    truth = finding["truth"]
    if finding["id"] not in _EXCLUDING:
        return {"met": "good", "not-met": "bad"}.get(truth, "open")
    if truth == "met":
        return "bad"
    return "open" if finding.get("gap") in ("needs-review", "not-retrieved") else "calm"
