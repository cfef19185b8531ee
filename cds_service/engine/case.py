"""One order held against one chart on one day: what every rule is handed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time
from functools import cached_property
from typing import Any, Self

from cds_service.engine.days import days_before, months_before, within
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, not_met
from cds_service.engine.plain_text import capitalized, day_text
from cds_service.engine.questions import criterion_of
from cds_service.engine.rule import Rule
from cds_service.engine.truth import MET, UNKNOWN
from cds_service.engine.wording import fill
from cds_service.facts import SECTION_NAMES, Answer, Chart, ChartSection, DeviceOrder, Record, When

_LONGEST_EXPLANATION = 2_000


@dataclass(frozen=True, slots=True)
class PolicyContext:
    """What a rule that several policies share is told of the one that asks it.

    `sections`: those that the policy has on the day; None where nobody says, which is all of them. `section_names`:
    what each part of the chart is called in a sentence. `questions`: the linkId of each of its questions, by the
    general name of what it asks. `wording`: its sentences by name. `replacement`: the section of its pathway for
    replacements; empty when it has none.
    """

    sections: Collection[str] | None = None
    section_names: Mapping[str, str] = field(default_factory=lambda: SECTION_NAMES)
    questions: Mapping[str, str] = field(default_factory=dict)
    wording: Mapping[str, str] = field(default_factory=dict)
    replacement: str = ""


@dataclass(frozen=True)
class Case:
    """An order, the chart, the day and the parameters in force on it.

    Every policy has a parameter `attestation_window_days`: for how long a signed statement counts. `signed_by`: the
    last day on which one may be signed, where windows end on another day than `as_of`.
    """

    order: DeviceOrder
    chart: Chart
    as_of: date
    parameters: Mapping[str, Any]
    policy: PolicyContext = field(default_factory=PolicyContext, repr=False)
    signed_by: date | None = None

    def at_event(
        self,
        day: date,
        chart: Chart | None = None,
        parameters: Mapping[str, Any] | None = None,
        questions: Mapping[str, str] | None = None,
    ) -> Self:
        """The same case with every window tied to an earlier event, such as the start of a pump, in place of the order.

        Statements still count by the day of the order. `chart`: what of the chart speaks for the time before the event;
        `parameters` and `questions` replace those of the same names, `questions` as general name to general name.
        """
        named = self.policy.questions
        asked = {name: named[other] for name, other in (questions or {}).items() if other in named}
        return replace(
            self,
            as_of=day,
            chart=chart or self.chart,
            parameters={**self.parameters, **(parameters or {})},
            policy=replace(self.policy, questions={**named, **asked}),
            signed_by=self.signed_by or self.as_of,
        )

    @cached_property
    def computed(self) -> dict[str, Any]:
        """What rules have computed for this case and ask for again, by name."""
        return {}

    @cached_property
    def _findings(self) -> dict[str, Finding]:
        return {}

    def in_force(self, rules: Iterable[Rule]) -> tuple[Rule, ...]:
        """Those of these rules whose section the policy has on the day."""
        held = self.policy.sections
        return tuple(rule for rule in rules if held is None or rule.section in held)

    def finding(self, rule: Rule) -> Finding:
        """The finding of a rule for this case; each rule is asked once, whoever needs its answer."""
        finding = self._findings.get(rule.section)
        if finding is None:
            finding = self._findings[rule.section] = _bearable(self._unless_unread(rule, rule(self)))
        return finding

    def _unless_unread(self, rule: Rule, finding: Finding) -> Finding:
        """A criterion that waits for an attestation is not retrieved when the attestations could not be read.

        The exclusions that only an attestation can meet stay as they are: nobody said so in what was read.
        """
        reason = self.not_read(ChartSection.ATTESTATIONS)
        waits = finding.gap is Gap.NEEDS_ATTESTATION and not rule.excludes
        return unread(finding, reason) if reason and waits else finding

    def months_ago(self, parameter: str) -> date:
        """First day of a window of so many calendar months, as named by a parameter."""
        return months_before(self.as_of, self.parameters[parameter])

    def days_ago(self, parameter: str) -> date:
        """First day of a window of so many days, as named by a parameter."""
        return days_before(self.as_of, self.parameters[parameter])

    def not_read(self, *chart_sections: str) -> NotRead | None:
        """The first of these parts of the chart that could not be read whole; None when all were."""
        if not self.chart.unread and not self.chart.partial:
            return None
        for section in chart_sections:
            reason = self.chart.unread.get(section) or self.chart.partial.get(section)
            if reason:
                called = self.policy.section_names.get(section, section)
                return NotRead(section, called, reason, *_RECORDS.get(section, (called, "the lab report")))
        return None

    def guarded(self, finding: Finding, *chart_sections: str) -> Finding:
        """The finding, unless it is not met or unknown and more data could have changed it."""
        reason = self.not_read(*chart_sections)
        if finding.truth is MET or reason is None:
            return finding
        return unread(finding, reason)

    def words(self, name: str, otherwise: str) -> str:
        """A sentence of the policy's wording by its name, with its numbers; `otherwise` where it has none."""
        return fill(self.policy.wording.get(name, otherwise), self.parameters)

    def link_id(self, question: str) -> str:
        """The linkId of a question that is named by its linkId, or by the general name of what it asks."""
        return self.policy.questions.get(question, question)

    def answer(self, question: str) -> Answer | None:
        """What the newest signed response that answers a criterion says to one of its questions (see `link_id`).

        Older responses are not mixed with it. Only those signed within the window before the day count.
        """
        link_id = self.link_id(question)
        if not self.chart.answers or ChartSection.ATTESTATIONS in self.chart.partial:
            return None  # where not all could be read, a newer answer may say otherwise
        newest = self._newest_response(criterion_of(link_id))
        given = [a for a in self.chart.answers.get(link_id, ()) if a.reference == newest]
        return max(given, key=_newness, default=None)

    def _newest_response(self, criterion: str) -> str | None:
        end = self.signed_by or self.as_of
        start = days_before(end, self.parameters["attestation_window_days"])
        fitting = [
            answer
            for link, answers in self.chart.answers.items()
            if criterion_of(link) == criterion
            for answer in answers
            if within(answer.authored, start, end) is MET
        ]
        newest = max(fitting, key=_newness, default=None)
        return newest.reference if newest is not None else None

    def attested(self, question: str, yes: str, no: str) -> Finding | None:
        """A yes-or-no attestation as a finding; None when nobody attested. `question`: see `link_id`."""
        answer = self.answer(question)
        if answer is None or not isinstance(answer.value, bool):
            return None
        make, words = (met, yes) if answer.value else (not_met, no)
        evidence = [self.attestation(answer)]
        return make(f"{words} ({signed(answer)})", Basis.ATTESTED, evidence, names_statement=True)

    def attestation(self, answer: Answer) -> Evidence:
        """An attested answer as evidence."""
        return attestation(answer)


def _bearable(finding: Finding) -> Finding:
    """The finding with an explanation that a person can read: of one that lists thousands of records the beginning."""
    words = finding.explanation
    if len(words) <= _LONGEST_EXPLANATION:
        return finding
    return replace(finding, explanation=f"{words[:_LONGEST_EXPLANATION].rpartition(' ')[0]} …")


def usable(when: When | None, as_of: date) -> bool:
    """Whether something of that time can have happened by `as_of`; undated things can."""
    return when is None or when.first <= as_of


# What closes a gap of data that could not be read begins so.
SIGN_AGAIN = "Sign again, or attach "
# In a few words, what could not be read, and what may be attached in its place.
_RECORDS: dict[str, tuple[str, str]] = {
    ChartSection.PATIENT: ("the patient", "the face sheet"),
    ChartSection.COVERAGE: ("coverage", "the insurance card"),
    ChartSection.CONDITIONS: ("diagnoses", "the problem list"),
    ChartSection.HBA1C: ("HbA1c", "the lab report"),
    ChartSection.GLUCOSE: ("glucose", "the meter download"),
    ChartSection.ALBUMIN_CREATININE: ("urine albumin", "the lab report"),
    ChartSection.EGFR: ("eGFR", "the lab report"),
    ChartSection.INSULIN: ("insulin orders", "the order list"),
    ChartSection.EDUCATION: ("education and procedures", "them"),
    ChartSection.DEVICES: ("devices", "the device record"),
    ChartSection.ENCOUNTERS: ("visits", "the visit notes"),
    ChartSection.ATTESTATIONS: ("statements", "a signed one"),
    ChartSection.REQUESTER: ("the provider", "the order"),
}


@dataclass(frozen=True, slots=True)
class NotRead:
    """A part of the chart that could not be read whole, by its key and as it is called, and why.

    `name`, `record`: in a few words what it is, and what to attach instead.
    """

    section: str
    what: str
    why: str
    name: str = ""
    record: str = "the record"


def unread(finding: Finding, reason: NotRead) -> Finding:
    """The finding of a rule whose data could not be read: unknown, with how to get it."""
    closes = f"{SIGN_AGAIN}{reason.record}"
    found = f". Found so far: {finding.explanation}" if finding.evidence else ""
    what = capitalized(reason.what)
    return replace(
        finding,
        truth=UNKNOWN,
        basis=None,
        gap=Gap.NOT_RETRIEVED,
        closes=closes,
        explanation=f"{what} could not be read in full ({reason.why}){found}",
        next_step=f"{reason.name or reason.what} could not be read: sign again, or attach {reason.record}",
        quotes_parts=finding.quotes_parts and bool(finding.evidence),
        not_read=reason.section,
    )


def signed(answer: Answer) -> str:
    """Where an answer comes from, in a few words."""
    return f"signed statement, {day_text(answer.authored)}"


def attestation(answer: Answer) -> Evidence:
    """An attested answer as evidence."""
    value = answer.value
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, bool):
        shown = "yes" if value else "no"
    return Evidence(answer.reference, shown, str(answer.authored))


def cite(record: Record, value: str | None = None) -> Evidence:
    """A record of the chart as evidence, with the value that counted."""
    return Evidence(record.reference, value or record.code or record.label, str(record.when) if record.when else None)


def _newness(answer: Answer) -> tuple[date, time, str]:
    return answer.authored.last, answer.authored.clock or time.min, answer.reference
