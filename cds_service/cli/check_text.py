"""What `check` says about an order: the card's title, what to do next and what is open; on request every finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from cds_service.cli.terminal import markdown_as_text, row, wrapped
from cds_service.engine.determination import GROUPS

JSON = Mapping[str, Any]
_ORDER, _POLICY = "com.insulin-pump-cds.order", "com.insulin-pump-cds.policy"
_OUTCOMES = {
    "likely-approved": "likely approved",
    "needs-documentation": "needs documentation",
    "excluded": "excluded by the policy",
    "not-applicable": "not checked",
}
_COVERAGE = {
    "governed": "coverage verified",
    "not-governed": "the plan is not under this policy",
    "not-in-force": "coverage not in force",
    "unverified": "coverage not verified",
}
_CRITERIA_WORDS = {"met": "met", "not-met": "not met", "unknown": "open"}
_EXCLUSION_WORDS = {"met": "applies", "not-met": "does not apply", "unknown": "open"}
_BASIS_OR_GAP = {
    "documented": "documented",
    "attested": "signed statement",
    "supported": "chart suggests",
    "not-documented": "not documented",
    "incomplete": "incomplete",
    "needs-review": "needs review",
    "needs-attestation": "not answered",
    "not-retrieved": "could not be read",
}
_TITLES = {"criteria": "Criteria", "exclusions": "Exclusions", "replacement": "Replacement of a pump in use"}


def in_words(response: JSON, determinations: Sequence[JSON], *, verbose: bool) -> str:
    """The answer of a hook as a text for people."""
    blocks = []
    for at, determination in enumerate(determinations, 1):
        heading = [f"Order {at} of {len(determinations)}: {determination['order']}"] if len(determinations) > 1 else []
        lines = [*heading, *_summary(determination, _card_of(determination, response))]
        if verbose:
            lines += ["", *_table(determination)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) or "The request holds no orders."


def _card_of(determination: JSON, response: JSON) -> JSON | None:
    """The card of an order, by the policy that judged it: where several may govern it, it has a card of each."""
    told = determination["order"], determination["policy"]["id"]
    cards: Sequence[JSON] = response.get("cards", ())
    for card in cards:
        extension = card.get("extension", {})
        if (extension.get(_ORDER), extension.get(_POLICY, told[1])) == told:
            return card
    return None


def _summary(determination: JSON, card: JSON | None) -> Iterator[str]:
    if card is not None:
        yield click.style(wrapped(card["summary"]), bold=True)
        yield ""
        yield markdown_as_text(card.get("detail", ""))
        return
    outcome = _OUTCOMES.get(determination["outcome"], determination["outcome"])
    reason = determination.get("reason", "")
    yield wrapped(f"{determination['order']}: {outcome}{f'. {reason}' if reason else ''}")


def _table(determination: JSON) -> Iterator[str]:
    """Every finding with its status, what it rests on, and what was found."""
    policy = determination["policy"]
    version = f"version {policy['version']}" if "version" in policy else "no version in force"
    coverage = _COVERAGE.get(determination["coverage"], determination["coverage"])
    yield wrapped(f"{policy['id']}, {version}, as of {determination['asOf']}; {coverage}")
    for group in GROUPS:
        findings = determination.get(group, ())
        words = _EXCLUSION_WORDS if group == "exclusions" else _CRITERIA_WORDS
        if findings:
            yield f"\n{_TITLES[group]}"
        for finding in findings:
            yield from _rows(finding, words, "")
    notes = determination.get("notes", ())
    if notes:
        yield "\nNotes on the data"
        yield from (wrapped(note, "  ", "- ") for note in notes)


def _rows(finding: JSON, words: Mapping[str, str], indent: str) -> Iterator[str]:
    """A finding and its parts, each level further in."""
    yield _row(finding, words, indent)
    for part in finding.get("parts", ()):
        yield from _rows(part, words, f"{indent}  ")


def _row(finding: JSON, words: Mapping[str, str], indent: str) -> str:
    basis_or_gap = finding.get("basis") or finding.get("gap") or ""
    cells = [
        (f"{indent}{finding['id']}", 14),
        (words[finding["truth"]], 16),
        (_BASIS_OR_GAP.get(basis_or_gap, basis_or_gap), 19),
    ]
    return row(cells, finding["explanation"])
