"""Cards for Da Vinci CRD clients: only what the coverage-information on the order does not already say.

A reference card links to the policy's sections in question and says what they ask; a reminder says what is due for the
patient, and offers the orders for it. Both can be switched off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from uuid import uuid4

from cds_service.engine.assessment import Assessment
from cds_service.engine.determination import Outcome
from cds_service.engine.plain_text import sections_text, unbroken, uncapitalized
from cds_service.facts import Chart
from cds_service.hooks.card_notes import first_step, remarks
from cds_service.hooks.card_title import first_that_fits
from cds_service.hooks.configuration import GUIDELINE, REMINDER, Configuration, Option
from cds_service.hooks.markdown import escaped
from cds_service.hooks.suggestions import suggestions_for
from fhir_mappings.output.crd_versions import CrdVersion

_MOST_POLICY_LINKS = 3
_DISPLAYS = {GUIDELINE.code: "Guideline", REMINDER.code: "Clinical Reminder"}


class CrdCardWriter:
    """Writes the cards of one CRD call."""

    def __init__(
        self,
        public_url: str,
        patient_id: str,
        user_id: str | None,
        version: CrdVersion,
        configuration: Configuration,
        ordered: frozenset[str],
    ) -> None:
        """`ordered`: codes of all draft orders, of which nobody needs to be reminded."""
        self._url = public_url
        self._patient = f"Patient/{patient_id}"
        self._user = user_id
        self._version = version
        self._configuration = configuration
        self._ordered = ordered

    def cards(self, assessment: Assessment, chart: Chart, today: date) -> list[dict[str, Any]]:
        """The cards for one order, the most useful first."""
        determination = assessment.determination
        if not determination.criteria or determination.accompanies:
            return []
        cards = (self._reminder(assessment, chart, today), self._reference(assessment))
        return [card for card in cards if card is not None]

    def _reminder(self, assessment: Assessment, chart: Chart, today: date) -> dict[str, Any] | None:
        determination = assessment.determination
        offers = self._offers(assessment, chart, today)
        first = [first_step(determination)] if determination.eligibility else []
        due = [*first, *(offer["label"] for offer in offers)]
        notes = remarks(assessment, today, coverage=False)
        if not self._configuration.on(REMINDER) or not (due or notes):
            return None
        card = self._frame(assessment, REMINDER, first_that_fits(_reminders(assessment, due, notes)))
        points = "\n".join(f"- {line}" for line in (*(f"{escaped(line)}." for line in due), *notes))
        label = escaped(assessment.order.label)
        card["detail"] = unbroken(f"For **{label}**, what helps before it goes to the plan:\n\n{points}")
        if offers and self._version.reminder_suggests:
            card["suggestions"] = offers
            card["selectionBehavior"] = "any"
        return card

    def _offers(self, assessment: Assessment, chart: Chart, today: date) -> list[dict[str, Any]]:
        """Orders that would close a gap and that nobody has placed."""
        if assessment.determination.outcome is Outcome.EXCLUDED:
            return []
        return suggestions_for(assessment, self._patient, self._user, self._ordered | chart.open_orders, today)

    def _reference(self, assessment: Assessment) -> dict[str, Any] | None:
        sections = [finding.id for finding in assessment.determination.findings_in_question]
        if not self._configuration.on(GUIDELINE) or not sections:
            return None
        policy = assessment.policy
        named = sections_text(sections, tuple(policy.policy.rules))
        what = f"sections {named} ask" if len(sections) > 1 else f"section {named} asks"
        card = self._frame(assessment, GUIDELINE, f"Insulin pump policy {policy.id}: read what {what}")
        titles = {section: policy.title(section) or "criteria" for section in sections}
        lines = "\n".join(f"- **{s} {escaped(titles[s])}**: {escaped(policy.says(s))}" for s in sections)
        label = escaped(assessment.order.label)
        card["detail"] = f"For **{label}**, what the policy asks in its sections:\n\n{lines}"
        url = self._policy_url(assessment)
        card["links"] = [
            {"label": f"{policy.id} {section}: {titles[section]}", "url": f"{url}#{section}", "type": "absolute"}
            for section in sections[:_MOST_POLICY_LINKS]
        ]
        return card

    def _policy_url(self, assessment: Assessment) -> str:
        return f"{self._url}{assessment.policy.page}"

    def _frame(self, assessment: Assessment, option: Option, summary: str) -> dict[str, Any]:
        topic = {"system": self._version.topic_system, "code": option.code, "display": _DISPLAYS[option.code]}
        return {
            "uuid": str(uuid4()),
            "summary": summary,
            "indicator": "info",
            "source": {"label": assessment.policy.payer, "url": self._policy_url(assessment), "topic": topic},
            "extension": {"davinci-crd.associated-resource": [{"reference": assessment.order.reference}]},
        }


def _reminders(assessment: Assessment, due: Sequence[str], notes: Sequence[str]) -> Iterator[str]:
    """Titles, the longest first: what is due, else what has to be known."""
    what = "Insulin pump order"
    if due:
        yield f"{what}: {uncapitalized(due[0])}"
    if assessment.determination.eligibility:
        yield f"{what}: {assessment.determination.eligibility} with {assessment.policy.payer}"
    if not due and not set("\\&").intersection(notes[0]):  # a note is Markdown, a title is not
        yield f"{what}. {notes[0]}"
        yield f"{what}. {notes[0].split('. ')[0].rstrip('.')}."
    number = len(due) + len(notes)
    if number > 1:
        yield f"{what}: {number} things help before it goes to the plan"
    yield f"{what}: one thing helps before it goes to the plan"


def limited(cards: Sequence[dict[str, Any]], configuration: Configuration) -> list[dict[str, Any]]:
    """At most as many cards as the client wants."""
    return list(cards[: configuration.max_cards])
