"""What a person is asked where the chart cannot say it, section by section; FHIR-free."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an answer is."""

    BOOLEAN = "boolean"
    DATE = "date"
    TEXT = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `link_id` names it for ever; `section` is what it is asked for; `least` to `most` bound a number.

    `required`: it has to be answered for its section to be closed.
    """

    link_id: str
    section: str
    text: str
    kind: Kind = Kind.BOOLEAN
    required: bool = True
    least: float | None = None
    most: float | None = None


# Why a pump is replaced or repaired, in the policy's order; code and words.
REASONS: dict[str, str] = {
    "worn-out": "Worn out or no longer functions",
    "not-repairable": "Repair is not possible, or dearer than replacement",
    "needs-changed": "The member's needs have changed and the pump no longer fits them",
    "damaged": "Damaged",
    "warranty-expired": "Only the warranty has ended",
    "misuse": "Misuse, malicious breakage or gross neglect",
    "lost": "Lost",
    "stolen": "Stolen",
}
REPLACES = "D.III.replacement"

QUESTIONS: tuple[Question, ...] = (
    Question(REPLACES, "D.III", "Does this order replace or repair a pump that is in use?", required=False),
    Question("D.III.reason", "D.III", "Why is the pump replaced or repaired?", Kind.CHOICE),
    Question(
        "D.III.assessment",
        "D.III",
        "Is an estimate of the repair cost, by a vendor or specialist, on file?",
        required=False,
    ),
    Question("D.I.C", "D.I.C", "Does your team have expert-level experience with insulin pumps?"),
    Question("D.I.D.date", "D.I.D", "When was the comprehensive diabetes education programme completed?", Kind.DATE),
    Question("D.I.D.educator", "D.I.D", "Who taught it, with which credential?", Kind.TEXT),
    Question("D.I.E", "D.I.E", "Does the member or a caregiver know how to operate the pump?"),
    Question("D.I.F.injections", "D.I.F", "How many insulin injections a day?", Kind.INTEGER, least=0, most=20),
    Question("D.I.F.since", "D.I.F", "Since when, without a break?", Kind.DATE),
    Question("D.I.F.adjusts", "D.I.F", "Does the member adjust the doses frequently?"),
    Question(
        "D.I.G.average",
        "D.I.G",
        "How many glucose self-tests a day, on average over the last month?",
        Kind.DECIMAL,
        least=0,
        most=50,
    ),
    Question(
        "D.I.H.2",
        "D.I.H",
        "Does control stay difficult despite compliance, as the member's log shows?",
        required=False,
    ),
    Question("D.I.I.2", "D.I.I", "Is there recurring hypoglycemia?", required=False),
    Question("D.I.I.3", "D.I.I", "Does glucose fluctuate widely before meals?", required=False),
    Question("D.I.I.4", "D.I.I", "Is there a dawn phenomenon, frequently above 200 mg/dL?", required=False),
    Question(
        "D.I.I.5",
        "D.I.I",
        "Are there severe glycemic excursions, such as unawareness or hypoglycemia at night?",
        required=False,
    ),
    Question(
        "D.I.I.6",
        "D.I.I",
        "Has there been recurrent ketoacidosis or hypoglycemia with recurrent or long hospital stays?",
        required=False,
    ),
    Question("D.II.A.2", "D.II", "Is somebody able to operate the pump and to test often?", required=False),
    Question("D.II.B.1", "D.II", "Is the pump requested purely for convenience or preference?", required=False),
)


def closing(open_sections: Iterable[str]) -> frozenset[str]:
    """The questions that have to be answered for these sections to be closed, as far as answers can close them."""
    wanted = {_section(each) for each in open_sections}
    return frozenset(q.link_id for q in QUESTIONS if q.required and q.section in wanted)


def _section(finding_id: str) -> str:
    """The section that a finding's question stands under: D.III.A.3 is asked under D.III."""
    return "D.III" if finding_id.startswith("D.III") else finding_id
