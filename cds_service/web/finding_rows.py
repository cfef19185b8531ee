"""Findings as rows for people: title, truth in words, what stands behind it, how much it matters."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Any

from cds_service.engine.plain_text import day_text, period_text
from cds_service.engine.policy import PolicyOnDay
from cds_service.facts import When

# The order in which a page shows the groups of findings: the pathway of a replacement decides before the criteria.
SHOWN_GROUPS = ("replacement", "criteria", "exclusions")


@dataclass(frozen=True, slots=True)
class FindingTable:
    """The rows of one group under its title. `note`: what a reader has to know of the group; empty for nothing."""

    name: str
    title: str
    note: str
    rows: tuple[dict[str, Any], ...]


def finding_tables(determination: dict[str, Any], policy: PolicyOnDay) -> list[FindingTable]:
    """The groups of findings that a determination, as JSON, has; `policy`: the one that it was made under."""
    return [
        FindingTable(name, group_title(name, policy), _note(name, determination, policy), tuple(shown))
        for name in SHOWN_GROUPS
        if (shown := rows(determination, name, policy))
    ]


def group_title(name: str, policy: PolicyOnDay) -> str:
    """What the policy calls a group of findings."""
    return policy.groups.get(name, name.capitalize())


def _note(name: str, determination: dict[str, Any], policy: PolicyOnDay) -> str:
    path = determination.get("path")
    if name == "exclusions":
        return "Met means that the policy excludes the order"
    if name == "criteria" and path == "replacement":
        needed = sorted(_also_required(policy))
        verb = "have" if len(needed) > 1 else "has"
        return f"The order is a replacement: of these, only {' and '.join(needed) or 'none'} {verb} to hold"
    if name == "replacement" and path == "new":
        return "Only if the order replaces the pump in use"
    return ""


def rows(determination: dict[str, Any], group: str, policy: PolicyOnDay) -> list[dict[str, Any]]:
    """Findings of a group with their parts behind them: title, truth in words, basis or gap, tone, references."""
    settled = _settled(determination, policy)
    excluding = _excluding(policy)
    findings = determination.get(group, ())
    parts = {part["id"] for finding in findings for part in parts_of(finding)}
    return [
        _row(finding, is_part, policy, settled, excluding)
        for top in findings
        if top["id"] not in parts
        for finding, is_part in _with_parts(top)
    ]


def _with_parts(finding: dict[str, Any]) -> list[tuple[dict[str, Any], bool]]:
    return [(finding, False), *((part, True) for part in parts_of(finding))]


def parts_of(finding: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a finding, as JSON, each before its own."""
    return [each for part in finding.get("parts", ()) for each in (part, *parts_of(part))]


def _row(
    finding: dict[str, Any], is_part: bool, policy: PolicyOnDay, settled: frozenset[str], excluding: frozenset[str]
) -> dict[str, Any]:
    tone = tone_of(finding, finding["id"] in excluding)
    return {
        **finding,
        "part": is_part,
        "title": policy.title(finding["id"]),
        "word": status_word(finding, finding["id"] in excluding),
        "standing": _STANDING.get(finding.get("basis") or finding.get("gap") or "", ""),
        "tone": "calm" if finding["id"] in settled and tone != "good" else tone,
        "references": list(dict.fromkeys(item["reference"] for item in finding["evidence"])),
    }


def _also_required(policy: PolicyOnDay) -> frozenset[str]:
    """The ordinary criteria that a replacement has to meet as well."""
    replacement = policy.policy.replacement
    return frozenset(rule.section for rule in replacement.also_required) if replacement is not None else frozenset()


def _excluding(policy: PolicyOnDay) -> frozenset[str]:
    """Sections that refuse an order when they are met."""
    replacement = policy.policy.replacement
    refusals = replacement.refusals if replacement is not None else ()
    return frozenset(rule.section for rule in (*policy.policy.exclusions, *refusals))


def _settled(determination: dict[str, Any], policy: PolicyOnDay) -> frozenset[str]:
    """Sections that no longer matter: alternatives beside one that is met, and criteria of a new pump on a replacement.

    `determination` is JSON.
    """
    criteria, replacement = determination.get("criteria", ()), policy.policy.replacement
    on_replacement = determination.get("path") == "replacement"
    settled = {each["id"] for each in criteria} - _also_required(policy) if on_replacement else set[str]()
    for finding in criteria:
        if finding["truth"] == "met" or finding["id"] in settled:
            settled |= {part["id"] for part in parts_of(finding)}
    if replacement is not None:
        met = {each["id"] for each in determination.get("replacement", ()) if each["truth"] == "met"}
        if replacement.justification.section in met:
            settled |= {rule.section for rule in replacement.accepted_reasons}
    return frozenset(settled)


# How a finding stands, by its basis or its gap.
_STANDING = {
    "documented": "in the chart",
    "attested": "signed statement",
    "supported": "chart suggests",
    "not-documented": "nothing in the chart",
    "incomplete": "incomplete",
    "needs-review": "a reviewer has to look",
    "needs-attestation": "not answered",
    "not-retrieved": "could not be read",
}
_OPEN_WORDS = {"incomplete": "incomplete", "needs-review": "needs review", "not-retrieved": "could not be read"}


def status_word(finding: dict[str, Any], excludes: bool) -> str:
    """A finding's status for people. `excludes`: it refuses the order when it is met."""
    truth, supported = finding["truth"], finding.get("basis") == "supported"
    if truth == "unknown":
        return _OPEN_WORDS.get(finding.get("gap") or "", "not stated" if excludes else "missing")
    if truth == "not-met":
        return "does not apply" if excludes else "not met"
    return "chart suggests" if supported else "applies" if excludes else "met"


def date_text(text: str) -> str:
    """A date or a period of a chart as people write it; anything else as it is.

    `2026-10-26` is `Oct 26, 2026`, `2026-10` is `Oct 2026`, `2026-10-26/2026-11-24` is `Oct 26 to Nov 24, 2026`.
    """
    try:
        if "/" in text:
            first, last = map(date.fromisoformat, text.split("/"))
            return period_text(first, last)
        if len(text) == len("2026-10"):
            return day_text(When(date.fromisoformat(f"{text}-01"), _last_of_month(date.fromisoformat(f"{text}-01"))))
        return day_text(date.fromisoformat(text[: len("2026-10-26")]))
    except ValueError:
        return text


def _last_of_month(first: date) -> date:
    return first.replace(day=monthrange(first.year, first.month)[1])


def tone_of(finding: dict[str, Any], excludes: bool) -> str:
    """good, bad, open or calm: an exclusion that is met is bad; one that nobody attested is no concern."""
    truth = finding["truth"]
    if not excludes:
        return {"met": "good", "not-met": "bad"}.get(truth, "open")
    if truth == "met":
        return "bad"
    return "open" if finding.get("gap") in ("needs-review", "not-retrieved") else "calm"
