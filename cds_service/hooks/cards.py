"""A determination as a card that a clinician can use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import uuid4

from cds_service.engine.determination import Determination, Outcome
from cds_service.facts import Chart, DeviceOrder
from cds_service.hooks.card_text import detail
from cds_service.hooks.card_title import title
from cds_service.hooks.in_question import in_question
from cds_service.hooks.markdown import escaped
from cds_service.hooks.suggestions import suggestions_for
from cds_service.policies.mp_mm_1316 import PAYER, POLICY_ID, UNITS

_TOPIC = {
    "system": "http://terminology.hl7.org/CodeSystem/cdshooks-card-type",
    "code": "coverage-info",
    "display": "Coverage Information",
}
# Why somebody may go on all the same: code and words.
OVERRIDES = (
    ("documentation-on-paper", "Documentation is on paper and will be sent"),
    ("met-elsewhere", "Criterion is met, documented elsewhere"),
    ("emergency-need", "Emergency need"),
    ("self-pay", "Patient will self-pay"),
    ("other-coverage", "Another coverage pays"),
    ("disagree", "Reading of the chart is wrong"),
)


# Makes the link of an order's card to the documentation page; None where the EHR could not open it.
AppLink = Callable[[DeviceOrder, Determination], dict[str, Any] | None]


class CardWriter:
    """Writes the cards of one call."""

    def __init__(
        self, public_url: str, patient_id: str, user_id: str | None, ordered: frozenset[str], app_link: AppLink
    ) -> None:
        """`ordered`: codes of all draft orders, which are not suggested again."""
        self._app_link = app_link
        self._policy_url = f"{public_url}/policy/{POLICY_ID}"
        self._system = f"{public_url}/fhir/CodeSystem/override-reason"
        self._patient = f"Patient/{patient_id}"
        self._user = user_id
        self._ordered = ordered

    def card(
        self, order: DeviceOrder, determination: Determination, chart: Chart, today: date
    ) -> dict[str, Any] | None:
        """The card for one order; None when nobody needs to hear about it."""
        if determination.rides_with:
            return None
        if determination.outcome is Outcome.NOT_APPLICABLE:
            return self._no_version_card(order, determination) if determination.before_policy else None
        card = self._frame(order, title(determination), _indicator(determination))
        card["detail"] = "\n\n".join(detail(order, determination, chart, today))
        card["links"] = self._links(order, determination)
        self._offer(card, order, determination, chart, today)
        if determination.outcome is not Outcome.LIKELY_APPROVED:
            card["overrideReasons"] = [
                {"code": code, "system": self._system, "display": display} for code, display in OVERRIDES
            ]
        return card

    def _frame(self, order: DeviceOrder, text: str, indicator: str) -> dict[str, Any]:
        return {
            "uuid": str(uuid4()),
            "summary": text,
            "indicator": indicator,
            "source": {"label": PAYER, "url": self._policy_url, "topic": _TOPIC},
            "extension": {"com.insulin-pump-cds.order": order.reference},
        }

    def _no_version_card(self, order: DeviceOrder, determination: Determination) -> dict[str, Any]:
        text = f"Insulin pump order of {determination.as_of}: no version of {POLICY_ID} is held for that day"
        card = self._frame(order, text, "info")
        card["detail"] = f"**{escaped(order.label)}**\n\n{escaped(determination.reason or '')}."
        card["links"] = [{"label": f"{POLICY_ID}: the policy", "url": self._policy_url, "type": "absolute"}]
        return card

    def _links(self, order: DeviceOrder, determination: Determination) -> list[dict[str, Any]]:
        """Where the open questions are answered, then where each section stands."""
        app = None if determination.outcome is Outcome.LIKELY_APPROVED else self._app_link(order, determination)
        whole = "D.III" if determination.on_replacement_path else "D.I"
        sections = [finding.id for finding in in_question(determination)] or [whole]
        links = [(f"{POLICY_ID} {s}: {UNITS[s].title if s in UNITS else 'criteria'}", s) for s in sections]
        deep = [
            {"label": label, "url": f"{self._policy_url}#{section}", "type": "absolute"} for label, section in links
        ]
        return [*([app] if app else []), *deep]

    def _offer(
        self, card: dict[str, Any], order: DeviceOrder, determination: Determination, chart: Chart, today: date
    ) -> None:
        taken = self._ordered | chart.open_orders
        offers = suggestions_for(order, determination, self._patient, self._user, taken, today)
        if offers:
            card["suggestions"] = offers
            card["selectionBehavior"] = "at-most-one" if determination.outcome is Outcome.EXCLUDED else "any"


def _indicator(determination: Determination) -> str:
    return "info" if determination.outcome is Outcome.LIKELY_APPROVED else "warning"
