"""Pieces of explanations: records with their dates, several findings as one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from cds_service.engine.case import SIGN_AGAIN
from cds_service.engine.finding import Finding, Gap
from cds_service.engine.plain_text import capitalized, day_text, uncapitalized
from cds_service.engine.truth import MET, UNKNOWN
from cds_service.engine.wording import listed, number_in_words
from cds_service.facts import Record


def dated_labels(records: Sequence[Record], most: int = 3) -> str:
    """The labels of a few records with their dates."""
    shown = list(dict.fromkeys(f"{r.label} ({day_text(r.when)})" if r.when else r.label for r in records))
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def sentence(parts: Sequence[str]) -> str:
    """Several findings as one sentence, with a capital letter and no full stop."""
    return capitalized("; ".join(parts))


def counted_in_words(number: int, one: str) -> str:
    """A number in words with its noun: one day, two days."""
    return f"{number_in_words(number)} {one if number == 1 else one + 's'}"


def explain_parts(parts: Sequence[Finding], nothing: str) -> str:
    """Explains the open parts of a criterion that is not met; `nothing` is the text when they found nothing.

    What a reviewer has to look at comes first, then what could not be read: beside either, or beside anything that
    was found, nobody may read that nothing is there.
    """
    with_evidence = [p for p in parts if p.truth is not MET and p.evidence and p.gap is not Gap.NOT_RETRIEVED]
    review = [part.explanation for part in with_evidence if part.gap is Gap.NEEDS_REVIEW]
    others = [part.explanation for part in with_evidence if part.gap is not Gap.NEEDS_REVIEW]
    unread = [part.explanation for part in parts if part.gap is Gap.NOT_RETRIEVED]
    found = list(dict.fromkeys((*review, *unread, *others)))
    return sentence(found) if found else nothing


def part_remedies(parts: Sequence[Finding], gap: Gap | None, otherwise: str, most: int = 2) -> str:
    """The remedies of the parts that found something and are open with this gap, joined by "or" with `otherwise`."""
    fitting = [part for part in parts if part.truth is UNKNOWN and part.gap is gap]
    speaking = [part for part in fitting if part.evidence or gap is Gap.NOT_RETRIEVED]
    closes = [part.closes for part in speaking[:most] if part.closes]
    if gap is Gap.NOT_RETRIEVED and len(closes) > 1 and all(each.startswith(SIGN_AGAIN) for each in closes):
        closes = [f"{SIGN_AGAIN}{listed(each.removeprefix(SIGN_AGAIN) for each in closes)}"]
    ways = dict.fromkeys(map(uncapitalized, closes))
    return sentence(["; or ".join((*ways, otherwise))])
