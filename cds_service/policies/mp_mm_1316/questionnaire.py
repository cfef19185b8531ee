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
    "not-repairable": "Repair is not possible, or costs as much as a replacement or more",
    "needs-changed": "The member's needs have changed and the pump no longer fits them",
    "damaged": "Damaged and cannot be repaired",
    "warranty-expired": "Only the warranty has ended",
    "misuse": "Misuse, malicious breakage or gross neglect",
    "lost": "Lost",
    "stolen": "Stolen",
}
REPLACES = "D.III.replacement"

# What counts, section by section, for somebody who has a minute. The numbers are those of the policy's own text.
HELP: dict[str, str] = {
    "D.III": "Yes, when a pump in use is replaced or repaired: then the reason decides, and D.I.C to D.I.I are not "
    "asked. Accepted: worn out, not repairable (with an estimate of the cost), needs changed, damaged beyond repair. "
    "Never accepted: warranty ended, misuse, lost, stolen.",
    "D.I.C": "You and your team are experts in managing people on insulin pumps. No chart entry proves it: your "
    "answer decides.",
    "D.I.D": "One comprehensive program, completed within the 12 months before the order, taught by somebody "
    "certified, registered or licensed. Name the credential, such as RN, RD, PharmD or CDCES: without it the answer "
    "does not count. Nutrition therapy alone, referrals and pump training do not count.",
    "D.I.E": "One able person is enough: the member, or somebody who helps. Your answer decides.",
    "D.I.F": "At least 3 injections a day, for at least 6 months without a break, with doses that the member adjusts "
    "often. A premix counts once for each injection. With a pump in use, answer for the time before it.",
    "D.I.G": "Finger-stick or meter tests of the last 30 days before the order, divided by 30. 120 tests pass, 119 do "
    "not: never round up. Sensor (CGM) and laboratory values do not count.",
    "D.I.H": "Albuminuria from 30 to 300 mg/g is read from the laboratory's results. Answer only when glucose stays "
    "hard to control although the member keeps to the injections, and a log shows it. One of the two is enough.",
    "D.I.I": "One of six is enough, and HbA1c above 7 % is read from the laboratory's results. Answer what you know; "
    "leave the rest open.",
    "D.II": "Answer only when one of these applies: nobody can operate the pump or test often (No), or it is wanted "
    "for convenience alone (Yes). Either excludes the pump. Otherwise leave both open.",
}

QUESTIONS: tuple[Question, ...] = (
    Question(REPLACES, "D.III", "Does this order replace or repair a pump that is in use?", required=False),
    Question("D.III.reason", "D.III", "Why is the pump replaced or repaired?", Kind.CHOICE),
    Question(
        "D.III.assessment",
        "D.III",
        "Is an estimate of the repair cost, by a vendor or specialist, on file? (needed when it cannot be repaired)",
        required=False,
    ),
    Question("D.I.C", "D.I.C", "Do you and your team have expert-level experience in managing insulin pumps?"),
    Question("D.I.D.date", "D.I.D", "When was the comprehensive diabetes education program completed?", Kind.DATE),
    Question("D.I.D.educator", "D.I.D", "Who taught it, with which credential (such as RN, RD, CDCES)?", Kind.TEXT),
    Question("D.I.E", "D.I.E", "Does the member, or a caregiver, know how to operate the pump?"),
    Question(
        "D.I.F.injections",
        "D.I.F",
        "How many insulin injections a day does the member take?",
        Kind.INTEGER,
        least=0,
        most=20,
    ),
    Question("D.I.F.since", "D.I.F", "Since which day, without a break, has it been at least 3 a day?", Kind.DATE),
    Question("D.I.F.adjusts", "D.I.F", "Does the member adjust the doses frequently, without asking for each change?"),
    Question(
        "D.I.G.average",
        "D.I.G",
        "How many glucose self-tests a day, on average over the 30 days before the order?",
        Kind.DECIMAL,
        least=0,
        most=50,
    ),
    Question(
        "D.I.H.2",
        "D.I.H",
        "Is glucose still difficult to control despite compliance with the injections, as the member's log shows?",
        required=False,
    ),
    Question("D.I.I.2", "D.I.I", "Does hypoglycemia recur?", required=False),
    Question("D.I.I.3", "D.I.I", "Does glucose fluctuate widely before meals?", required=False),
    Question(
        "D.I.I.4",
        "D.I.I",
        "Is early-morning glucose (dawn phenomenon, 2 to 8 am) frequently above 200 mg/dL?",
        required=False,
    ),
    Question(
        "D.I.I.5",
        "D.I.I",
        "Are there severe glycemic excursions, such as unawareness of hypoglycemia, hypoglycemia at night, extreme "
        "sensitivity to insulin or a very low need of it?",
        required=False,
    ),
    Question(
        "D.I.I.6",
        "D.I.I",
        "Did ketoacidosis or hypoglycemia recur and lead to repeated or long hospital stays?",
        required=False,
    ),
    Question("D.II.A.2", "D.II", "Is somebody able to operate the pump and to test glucose often?", required=False),
    Question("D.II.B.1", "D.II", "Is the pump requested purely for convenience or preference?", required=False),
)


def closing(open_sections: Iterable[str]) -> frozenset[str]:
    """The questions that have to be answered for these sections to be closed, as far as answers can close them."""
    wanted = {_section(each) for each in open_sections}
    return frozenset(q.link_id for q in QUESTIONS if q.required and q.section in wanted)


def _section(finding_id: str) -> str:
    """The section that a finding's question stands under: D.III.A.3 is asked under D.III."""
    return "D.III" if finding_id.startswith("D.III") else finding_id
