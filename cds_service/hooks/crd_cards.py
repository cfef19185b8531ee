"""Cards for Da Vinci CRD clients: only what the coverage-information on the order does not already say.

A reference card links to the policy's sections in question and says what they ask; a reminder says what is due for the
patient, and offers the orders for it. Both can be switched off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from uuid import uuid4

from cds_service.engine.determination import Determination, Outcome
from cds_service.facts import Chart, DeviceOrder
from cds_service.hooks.card_text import first_step, remarks
from cds_service.hooks.card_title import first_that_fits
from cds_service.hooks.configuration import GUIDELINE, REMINDER, Configuration, Option
from cds_service.hooks.in_question import in_question
from cds_service.hooks.markdown import escaped
from cds_service.hooks.suggestions import suggestions_for
from cds_service.policies.mp_mm_1316 import PAYER, POLICY_ID, SECTIONS, UNITS
from fhir_mappings.crd_versions import CrdVersion

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
        self._policy_url = f"{public_url}/policy/{POLICY_ID}"
        self._patient = f"Patient/{patient_id}"
        self._user = user_id
        self._version = version
        self._configuration = configuration
        self._ordered = ordered

    def cards(
        self, order: DeviceOrder, determination: Determination, chart: Chart, today: date
    ) -> list[dict[str, Any]]:
        """The cards for one order, the most useful first."""
        if not determination.criteria or determination.rides_with:
            return []
        found = (self._reminder(order, determination, chart, today), self._reference(order, determination))
        return [card for card in found if card is not None]

    def _reminder(
        self, order: DeviceOrder, determination: Determination, chart: Chart, today: date
    ) -> dict[str, Any] | None:
        offers = self._offers(order, determination, chart, today)
        first = [first_step(determination)] if determination.eligibility else []
        due = [*first, *(offer["label"] for offer in offers)]
        notes = remarks(order, determination, today, coverage=False)
        if not self._configuration.on(REMINDER) or not (due or notes):
            return None
        card = self._frame(order, REMINDER, first_that_fits(_reminders(determination, due, notes)))
        points = "\n".join(f"- {line}" for line in (*(f"{escaped(line)}." for line in due), *notes))
        card["detail"] = f"For **{escaped(order.label)}**, what helps before it goes to the plan:\n\n{points}"
        if offers and self._version.reminder_suggests:
            card["suggestions"] = offers
            card["selectionBehavior"] = "any"
        return card

    def _offers(
        self, order: DeviceOrder, determination: Determination, chart: Chart, today: date
    ) -> list[dict[str, Any]]:
        """Orders that would close a gap and that nobody has placed."""
        if determination.outcome is Outcome.EXCLUDED:
            return []
        taken = self._ordered | chart.open_orders
        return suggestions_for(order, determination, self._patient, self._user, taken, today)

    def _reference(self, order: DeviceOrder, determination: Determination) -> dict[str, Any] | None:
        found = in_question(determination)
        if not self._configuration.on(GUIDELINE) or not found:
            return None
        sections = [finding.id for finding in found]
        named = f"{', '.join(sections[:3])}{' and more' if len(sections) > 3 else ''}"
        what = f"sections {named} ask" if len(sections) > 1 else f"section {named} asks"
        card = self._frame(order, GUIDELINE, f"Insulin pump policy {POLICY_ID}: read what {what}")
        lines = "\n".join(f"- **{s} {escaped(_title(s))}**: {escaped(_says(s))}" for s in sections)
        card["detail"] = f"For **{escaped(order.label)}**, what the policy asks in its sections:\n\n{lines}"
        card["links"] = [
            {"label": f"{POLICY_ID} {s}: {_title(s)}", "url": f"{self._policy_url}#{s}", "type": "absolute"}
            for s in sections
        ]
        return card

    def _frame(self, order: DeviceOrder, option: Option, summary: str) -> dict[str, Any]:
        topic = {"system": self._version.topic_system, "code": option.code, "display": _DISPLAYS[option.code]}
        return {
            "uuid": str(uuid4()),
            "summary": summary,
            "indicator": "info",
            "source": {"label": PAYER, "url": self._policy_url, "topic": topic},
            "extension": {"davinci-crd.associated-resource": [{"reference": order.reference}]},
        }


def _reminders(determination: Determination, due: Sequence[str], notes: Sequence[str]) -> Iterator[str]:
    """Titles, the longest first: what is due, else what has to be known."""
    what = "Insulin pump order"
    if due:
        first = due[0]
        yield f"{what}: {first[:1].lower()}{first[1:]}"
    if determination.eligibility:
        yield f"{what}: {determination.eligibility} with {PAYER}"
    if not due and not set("\\&").intersection(notes[0]):  # a note is Markdown, a title is not
        yield f"{what}. {notes[0]}"
        yield f"{what}. {notes[0].split('. ')[0].rstrip('.')}."
    number = len(due) + len(notes)
    if number > 1:
        yield f"{what}: {number} things help before it goes to the plan"
    yield f"{what}: one thing helps before it goes to the plan"


def _title(section: str) -> str:
    return UNITS[section].title if section in UNITS else "criteria"


def _says(section: str) -> str:
    return SECTIONS[section].says if section in SECTIONS else _title(section)


def limited(cards: Sequence[dict[str, Any]], configuration: Configuration) -> list[dict[str, Any]]:
    """At most as many cards as the client wants."""
    return list(cards[: configuration.max_cards])
