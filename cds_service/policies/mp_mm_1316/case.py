"""One order held against one chart on one day: what every rule of this policy is handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from functools import cached_property
from typing import Any

from cds_service.concepts import WITHOUT_STATUS, Concept
from cds_service.engine.days import days_before, months_before, within
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, not_met
from cds_service.engine.rule import Rule
from cds_service.engine.truth import MET, UNKNOWN
from cds_service.facts import Answer, Chart, DeviceOrder, Diagnosis, Record, Topic, When
from cds_service.policies.mp_mm_1316.glucose_data import GlucoseData, sort_readings
from cds_service.policies.mp_mm_1316.needs import NAMES


@dataclass(frozen=True)
class Case:
    """An order, the chart, the day and the parameters in force on it."""

    order: DeviceOrder
    chart: Chart
    as_of: date
    parameters: Mapping[str, Any]

    @cached_property
    def worked_out(self) -> dict[str, Any]:
        """What rules have worked out for this case and ask for again, by name."""
        return {}

    @cached_property
    def _found(self) -> dict[str, Finding]:
        return {}

    def finding(self, unit: Rule) -> Finding:
        """The finding of a rule for this case; each rule is asked once, whoever needs its answer."""
        found = self._found.get(unit.section)
        if found is None:
            found = self._found[unit.section] = self._unless_unread(unit(self))
        return found

    def _unless_unread(self, finding: Finding) -> Finding:
        """A criterion that waits for an attestation is not retrieved when the attestations could not be read.

        The exclusions that only an attestation can meet stay as they are: nobody said so in what was read.
        """
        reason = self.not_read(Topic.ATTESTATIONS)
        waits = finding.gap is Gap.NEEDS_ATTESTATION and not finding.id.startswith("D.II.")
        return unread(finding, reason) if reason and waits else finding

    def months_ago(self, parameter: str) -> date:
        """First day of a window of so many calendar months, as named by a parameter."""
        return months_before(self.as_of, self.parameters[parameter])

    def days_ago(self, parameter: str) -> date:
        """First day of a window of so many days, as named by a parameter."""
        return days_before(self.as_of, self.parameters[parameter])

    def not_read(self, *topics: Topic) -> str | None:
        """Why one of these topics could not be read whole; None when all were."""
        if not self.chart.unread and not self.chart.partial:
            return None
        for topic in topics:
            reason = self.chart.unread.get(topic) or self.chart.partial.get(topic)
            if reason:
                return f"{NAMES[topic]}: {reason}"
        return None

    def guarded(self, finding: Finding, *topics: Topic) -> Finding:
        """The finding, unless it is not met or unknown and more data could have changed it."""
        reason = self.not_read(*topics)
        if finding.truth is MET or reason is None:
            return finding
        return unread(finding, reason)

    @cached_property
    def glucose(self) -> GlucoseData:
        """The glucose readings, those of a sensor apart from self-tests whatever their code."""
        return sort_readings(self.chart, self.parameters["plausible_self_tests_per_day"])

    @cached_property
    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """Confirmed conditions on or before the day, whatever their clinical status."""
        return tuple(d for d in self.chart.diagnoses if d.confirmed and usable(d.when, self.as_of))

    def active(self, *concepts: Concept) -> tuple[Diagnosis, ...]:
        """Current, confirmed conditions that a sure code says to be one of these concepts."""
        wanted = frozenset(concepts)
        return tuple(d for d in self.diagnoses if d.concepts & wanted and self._is_active(d))

    def supported(self, *concepts: Concept) -> tuple[Diagnosis, ...]:
        """Current, confirmed conditions whose code says one of these concepts in several editions, or implies it."""
        wanted = frozenset(concepts)
        return tuple(d for d in self.diagnoses if d.supported & wanted and self._is_active(d))

    def for_review(self, *concepts: Concept) -> tuple[Diagnosis, ...]:
        """Conditions that may be one of these concepts, current or without a status: only a person can tell."""
        wanted = frozenset(concepts)
        return tuple(d for d in self.diagnoses if d.review & wanted and (self._is_active(d) or self.lacks_status(d)))

    def without_status(self, *concepts: Concept) -> tuple[Diagnosis, ...]:
        """Problem-list entries of these concepts, by code, that do not say whether they are current."""
        wanted = frozenset(concepts)
        return tuple(d for d in self.diagnoses if (d.concepts | d.supported) & wanted and self.lacks_status(d))

    def lacks_status(self, diagnosis: Diagnosis) -> bool:
        """Whether nothing says that a problem-list entry is current, and nothing that it is over."""
        return diagnosis.status == WITHOUT_STATUS

    def _is_active(self, diagnosis: Diagnosis) -> bool:
        return diagnosis.active is not False and not self.contradicts_itself(diagnosis)

    def contradicts_itself(self, diagnosis: Diagnosis) -> bool:
        """Whether a condition is charted as active and as abated by the day: only a person can judge that."""
        abated = diagnosis.abated
        return diagnosis.active is not False and abated is not None and abated.last <= self.as_of

    def answer(self, link_id: str) -> Answer | None:
        """What the newest signed response that answers a criterion says under one of its linkIds.

        Older responses are not mixed with it. Only those signed within the window before the day count.
        """
        if not self.chart.answers or Topic.ATTESTATIONS in self.chart.partial:
            return None  # where not all could be read, a newer answer may say otherwise
        newest = self._newest_response(_criterion_of(link_id))
        given = [a for a in self.chart.answers.get(link_id, ()) if a.reference == newest]
        return max(given, key=_newness, default=None)

    def _newest_response(self, criterion: str) -> str | None:
        start = self.days_ago("attestation_window_days")
        fitting = [
            answer
            for link, answers in self.chart.answers.items()
            if _criterion_of(link) == criterion
            for answer in answers
            if within(answer.authored, start, self.as_of) is MET
        ]
        newest = max(fitting, key=_newness, default=None)
        return newest.reference if newest is not None else None

    def attested(self, link_id: str, yes: str, no: str) -> Finding | None:
        """A yes-or-no attestation as a finding; None when nobody attested."""
        answer = self.answer(link_id)
        if answer is None or not isinstance(answer.value, bool):
            return None
        make, words = (met, yes) if answer.value else (not_met, no)
        return make(f"{words} (attested {answer.authored})", Basis.ATTESTED, [attestation(answer, link_id)])


def _criterion_of(link_id: str) -> str:
    """The criterion that a question belongs to: `D.I.F.since` is one of three questions of D.I.F."""
    return link_id.rpartition(".")[0] if link_id.rpartition(".")[2].islower() else link_id


def usable(when: When | None, as_of: date) -> bool:
    """Whether something of that time can have happened by `as_of`; undated things can."""
    return when is None or when.first <= as_of


def unread(finding: Finding, reason: str) -> Finding:
    """The finding of a rule whose data could not be read: unknown, with how to get it."""
    what, _, why = reason.partition(": ")
    closes = f"Let the service read this part of the chart ({what}), or send the record"
    found = f". Read so far: {finding.explanation}" if finding.evidence else ""
    return replace(
        finding,
        truth=UNKNOWN,
        basis=None,
        gap=Gap.NOT_RETRIEVED,
        closes=closes,
        explanation=f"Not read in full: {what} ({why}){found}",
        next_step="",
    )


def attestation(answer: Answer, link_id: str) -> Evidence:
    """An attested answer as evidence."""
    value = answer.value
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, bool):
        shown = "yes" if value else "no"
    return Evidence(answer.reference, f"{link_id}: {shown}", str(answer.authored))


def cite(record: Record, value: str | None = None) -> Evidence:
    """A record of the chart as evidence, with the value that counted."""
    return Evidence(record.reference, value or record.code or record.label, str(record.when) if record.when else None)


def named(records: tuple[Diagnosis, ...] | list[Diagnosis], most: int = 3) -> str:
    """The labels of a few records, for an explanation."""
    labels = list(dict.fromkeys(record.label for record in records))
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    return ", ".join(labels[:most]) + more


def _newness(answer: Answer) -> tuple[date, time, str]:
    return answer.authored.last, answer.authored.clock or time.min, answer.reference
