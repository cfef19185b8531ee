"""The policies of a report: in what order they stand, what they and their sections are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from cds_service.engine.plain_text import uncapitalized
from cds_service.engine.policy import PolicyOnDay, Section
from cds_service.policies.registry import POLICIES, policy_named, policy_on
from cds_service.services.feedback_statistics import policy_of
from cds_service.services.report.orders import ReportedDetermination

# Longer help is a list of questions: what the section says is shorter.
_MOST_QUESTIONS = 2


@dataclass(frozen=True, slots=True)
class ReportedPolicies:
    """The policies that determinations were made under, each as it reads on the newest day; None for one not held."""

    on_day: Mapping[str, PolicyOnDay | None]

    @staticmethod
    def of(rows: Iterable[ReportedDetermination]) -> ReportedPolicies:
        """Those of some determinations: first those that are held, in the registry's order."""
        days: dict[str, date | None] = {}
        for row in rows:
            policy, stated = policy_of(row.body), row.body.get("asOf")
            day = date.fromisoformat(stated) if stated else None
            days[policy] = max((each for each in (days.get(policy), day) if each), default=None)
        held = [policy.id for policy in POLICIES]
        names = sorted(filter(None, days), key=lambda name: (held.index(name) if name in held else len(held), name))
        return ReportedPolicies({name: _as_read(name, days[name]) for name in names})

    @property
    def ids(self) -> tuple[str, ...]:
        """Their ids, in order."""
        return tuple(self.on_day)

    def name(self, policy: str) -> str:
        """What a policy is called in a sentence."""
        on_day = self.on_day.get(policy)
        return f"{on_day.payer} {policy}" if on_day is not None else f"policy {policy}"

    def heading(self, policy: str) -> str:
        """What a policy is called above its part of a report."""
        on_day = self.on_day.get(policy)
        return f"{self.name(policy)}: {on_day.policy.title}" if on_day is not None else self.name(policy)

    def title(self, policy: str, section: str) -> str:
        """What the policy calls a section; its id where policy or section is not held."""
        on_day = self.on_day.get(policy)
        known = on_day.sections.get(section) if on_day is not None else None
        return known.title if known is not None else section

    def place(self, policy: str, section: str) -> tuple[int, int, str]:
        """Where a section stands: policies in their order, sections in the order of the text."""
        on_day = self.on_day.get(policy)
        sections = list(on_day.sections) if on_day is not None else []
        number = sections.index(section) if section in sections else len(sections)
        return (self.ids.index(policy) if policy in self.ids else len(self.ids), number, section)

    def what_closes(self, policy: str, section: str) -> str:
        """The questions about a section; where none or many are asked, what it says, with the sections below it."""
        on_day = self.on_day.get(policy)
        if on_day is None:
            return ""
        own = [question.text for question in on_day.questions if f"{question.link_id}.".startswith(f"{section}.")]
        if 0 < len(own) <= _MOST_QUESTIONS:
            return " / ".join(own)
        says = on_day.says(section)
        below = [in_a_sentence(each.title) for each in _below(on_day, section)]
        return f"{says.rstrip('.')}: {', '.join(below)}." if below else says


def in_a_sentence(title: str) -> str:
    """A title inside of a sentence: `Self-testing` is `self-testing`, and `HbA1c` stays."""
    first = title.split(" ", 1)[0]
    return uncapitalized(title) if first[1:].islower() else title


def _below(policy: PolicyOnDay, section: str) -> list[Section]:
    """The sections directly below one."""
    return [each for name, each in policy.sections.items() if name.rpartition(".")[0] == section]


def _as_read(policy_id: str, day: date | None) -> PolicyOnDay | None:
    policy = policy_named(policy_id)
    return policy_on(policy_id, day or policy.versions[-1].start) if policy is not None else None
