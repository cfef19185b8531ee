"""What a person is asked where the chart cannot say it: the questions of a policy, free of FHIR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# Characters in the answer to a question that takes text.
LONGEST_TEXT = 200


class AnswerType(StrEnum):
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

    `required`: it has to be answered for its section to be closed. `choices`: codes and words of a choice, `choice_set`
    the name of their list, `choice_title` what the list is called. `only_if`: the linkId of a yes-or-no question; it is
    asked only if that one was answered with yes. `same_as`: a general name of what it asks; an answer to another
    policy's question of the same name counts here as well. `asks`: such a name where answers to others do not count.
    """

    link_id: str
    section: str
    text: str
    kind: AnswerType = AnswerType.BOOLEAN
    required: bool = True
    least: float | None = None
    most: float | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    choice_set: str = ""
    choice_title: str = ""
    only_if: str | None = None
    same_as: str = ""
    asks: str = ""

    def __post_init__(self) -> None:
        """ValueError for a number without bounds, and for a choice without a list."""
        if self.kind in (AnswerType.INTEGER, AnswerType.DECIMAL) and (self.least is None or self.most is None):
            raise ValueError(f"{self.link_id}: a number needs `least` and `most`")
        if self.kind is AnswerType.CHOICE and not (self.choices and self.choice_set and self.choice_title):
            raise ValueError(f"{self.link_id}: a choice needs a list with a name and a title")

    @property
    def name(self) -> str:
        """What rules that several policies share call it: the general name of what it asks."""
        return self.asks or self.same_as

    @property
    def criterion(self) -> str:
        """The criterion that it belongs to: `A.1.since` is one of the questions of A.1."""
        return criterion_of(self.link_id)


@dataclass(frozen=True, slots=True)
class QuestionGroup:
    """The questions of one section with its title and its help.

    `unless`: the linkId of a yes-or-no question; the group is asked unless that one was answered with yes.
    """

    section: str
    title: str
    help: str
    questions: tuple[Question, ...]
    unless: str | None = None


def criterion_of(link_id: str) -> str:
    """The criterion that a linkId belongs to: a last part in small letters only names one of several questions."""
    head, _, last = link_id.rpartition(".")
    return head if last.islower() and head else link_id
