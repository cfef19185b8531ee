"""What to do about a finding that is not met or open: the step in a card's title, and the sentences in its detail.

A rule that knows the step best sets it on its finding. A policy's own steps hold for every other finding of its section
and gap, so they must be true of all of them: nothing is asked for as missing that such a finding may have found.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field

from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN

# The longest step that fits into the longest title.
LONGEST_STEP = 70
_READ = "the chart could not be read: sign again, or attach the record"
_AGAINST = "correct what is wrong in the chart or the statement"
_MAY_EXCLUDE = "ask the plan whether this exclusion applies"
_LIFTS = "If this is wrong, correct the chart and sign again; else remove the order"


@dataclass(frozen=True)
class Remedies:
    """A policy's steps and sentences by section.

    `steps`: the step of a section whose gap has none of its own; `steps_of_gap`: by section and gap; `steps_against`:
    where the evidence stands against a criterion. `helps`: what helps there, `helps_against_statement`: where a signed
    statement stands against it. `lifts`: what would lift an exclusion. `by_chance`: parts that ordinary data often half
    show: what else was found says more.
    """

    steps: Mapping[str, str]
    steps_of_gap: Mapping[tuple[str, Gap], str] = field(default_factory=dict)
    steps_against: Mapping[str, str] = field(default_factory=dict)
    helps: Mapping[str, str] = field(default_factory=dict)
    helps_against_statement: Mapping[str, str] = field(default_factory=dict)
    lifts: Mapping[str, str] = field(default_factory=dict)
    by_chance: frozenset[str] = frozenset()

    def filled(self, fill: Callable[[str], str], sections: Container[str]) -> Remedies:
        """The same with the numbers of one day, for the sections that the policy has on it."""

        def texts(by_section: Mapping[str, str]) -> dict[str, str]:
            return {section: fill(text) for section, text in by_section.items() if section in sections}

        of_gap = {key: fill(text) for key, text in self.steps_of_gap.items() if key[0] in sections}
        return Remedies(
            texts(self.steps),
            of_gap,
            texts(self.steps_against),
            texts(self.helps),
            texts(self.helps_against_statement),
            texts(self.lifts),
            self.by_chance,
        )

    def next_step(self, finding: Finding) -> str:
        """The step that helps most, in a few words; of a section with parts, that of the part that found something."""
        if finding.truth is MET:
            return _MAY_EXCLUDE
        if finding.next_step:
            return finding.next_step
        if finding.gap is Gap.NOT_RETRIEVED:
            return next((p.next_step for p in finding.parts if p.gap is Gap.NOT_RETRIEVED and p.next_step), _READ)
        part = self._deciding_part(finding)
        if part is not None:
            return self.next_step(part)
        if finding.truth is NOT_MET:
            return self.steps_against.get(finding.id, _AGAINST)
        own = self.steps_of_gap.get((finding.id, finding.gap)) if finding.gap is not None else None
        return own or self.steps.get(finding.id, "document it")

    def _deciding_part(self, finding: Finding) -> Finding | None:
        """The part whose evidence the step has to respect: an open one of the finding's gap, else one against it."""
        found = [part for part in finding.parts if part.evidence and part.gap is not Gap.NOT_RETRIEVED]
        still_open = [part for part in found if part.truth is UNKNOWN]
        against = [part for part in found if part.truth is NOT_MET and part.id in self.steps_against]
        meant = [part for part in still_open if part.id not in self.by_chance]
        return next(iter((*(p for p in meant if p.gap is finding.gap), *against, *meant, *still_open)), None)

    def what_helps(self, finding: Finding) -> str:
        """What would change a finding that is not met, close an open one, or lift an exclusion, as a sentence."""
        if finding.truth is MET:
            return f"{self.lifts.get(finding.id, _LIFTS)}."
        if finding.truth is UNKNOWN:
            return f"{finding.closes or 'Document it'}."
        helps = finding.closes or self.helps.get(finding.id)
        if finding.closes is None and finding.basis is Basis.ATTESTED:
            helps = (
                self.helps_against_statement.get(finding.id, helps) or "If the statement is wrong, sign a corrected one"
            )
        return f"{helps or 'If the chart is wrong, correct it'}."
