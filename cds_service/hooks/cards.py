"""A determination as a card that a clinician can use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import uuid4

from cds_service.engine.assessment import Assessment
from cds_service.engine.coverage_match import MatchReason
from cds_service.engine.determination import Determination, Outcome
from cds_service.engine.plain_text import day_text, unbroken
from cds_service.facts import Chart, DeviceOrder
from cds_service.hooks.card_text import detail
from cds_service.hooks.card_title import title
from cds_service.hooks.markdown import escaped
from cds_service.hooks.suggestions import suggestions_for

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
    ("self-pay", "Patient will pay"),
    ("other-coverage", "Another coverage pays"),
    ("disagree", "The chart says otherwise"),
)
_OF_AN_OPEN_ORDER = ("documentation-on-paper", "met-elsewhere", "disagree", "emergency-need", "other-coverage")
# Papers lift no exclusion, and give nobody coverage.
_OF_AN_EXCLUDED_ORDER = ("disagree", "self-pay", "other-coverage", "emergency-need")
_OF_AN_ORDER_WITHOUT_COVERAGE = ("other-coverage", "self-pay", "emergency-need", "documentation-on-paper")
_MOST_POLICY_LINKS = 3


# Makes the link of an order's card to the documentation page; None where the EHR could not open it.
AppLink = Callable[[DeviceOrder, Determination], dict[str, Any] | None]


class CardWriter:
    """Writes the cards of one call."""

    def __init__(
        self, public_url: str, patient_id: str, user_id: str | None, ordered: frozenset[str], app_link: AppLink
    ) -> None:
        """`ordered`: codes of all draft orders, which are not suggested again."""
        self._app_link = app_link
        self._url = public_url
        self._system = f"{public_url}/fhir/CodeSystem/override-reason"
        self._patient = f"Patient/{patient_id}"
        self._user = user_id
        self._ordered = ordered

    def card(self, assessment: Assessment, chart: Chart, today: date) -> dict[str, Any] | None:
        """The card for one order; None when nobody needs to hear about it."""
        determination = assessment.determination
        if determination.accompanies:
            return None
        if determination.outcome is Outcome.NOT_APPLICABLE:
            if determination.not_reached:
                return self._not_reached_card(assessment)
            return self._no_version_card(assessment) if determination.before_policy else None
        card = self._frame(assessment, title(assessment), _indicator(determination))
        card["detail"] = detail(assessment, chart, today)
        card["links"] = self._links(assessment)
        self._offer(card, assessment, chart, today)
        if determination.outcome is not Outcome.LIKELY_APPROVED:
            displays = dict(OVERRIDES)
            card["overrideReasons"] = [
                {"code": code, "system": self._system, "display": displays[code]} for code in _overrides(determination)
            ]
        return card

    def _policy_url(self, assessment: Assessment) -> str:
        return f"{self._url}{assessment.policy.page}"

    def _frame(self, assessment: Assessment, text: str, indicator: str) -> dict[str, Any]:
        source = {"label": assessment.policy.payer, "url": self._policy_url(assessment), "topic": _TOPIC}
        return {
            "uuid": str(uuid4()),
            "summary": text,
            "indicator": indicator,
            "source": source,
            "extension": {"com.insulin-pump-cds.order": assessment.order.reference, **policy_of_card(assessment)},
        }

    def _no_version_card(self, assessment: Assessment) -> dict[str, Any]:
        determination, policy = assessment.determination, assessment.policy
        day = day_text(determination.as_of)
        text = f"Insulin pump order of {day}: not checked, {policy.id} has no version for that day"
        card = self._frame(assessment, text, "info")
        card["detail"] = unbroken(f"**{escaped(assessment.order.label)}**\n\n{escaped(determination.reason or '')}.")
        url = self._policy_url(assessment)
        card["links"] = [{"label": f"{policy.id}: the policy", "url": url, "type": "absolute"}]
        return card

    def _not_reached_card(self, assessment: Assessment) -> dict[str, Any]:
        """Of an order that a call was too large for: nobody may take the silence for an approval."""
        card = self._frame(assessment, "Insulin pump order not checked: sign it in a call of its own", "warning")
        reason = escaped(assessment.determination.reason or "")
        card["detail"] = f"**{escaped(assessment.order.label)}**\n\n{reason}."
        return card

    def _links(self, assessment: Assessment) -> list[dict[str, Any]]:
        """Where the open questions are answered, then the policy's sections, of very many the first."""
        order, determination, policy = assessment.order, assessment.determination, assessment.policy
        app = None if determination.outcome is Outcome.LIKELY_APPROVED else self._app_link(order, determination)
        whole = policy.words("whole_of_replacement" if determination.on_replacement_path else "whole")
        sections = [finding.id for finding in determination.findings_in_question] or [whole]
        links = [(f"{policy.id} {policy.labeled(section)}", section) for section in sections[:_MOST_POLICY_LINKS]]
        url = self._policy_url(assessment)
        deep = [{"label": label, "url": f"{url}#{section}", "type": "absolute"} for label, section in links]
        return [*([app] if app else []), *deep]

    def _offer(self, card: dict[str, Any], assessment: Assessment, chart: Chart, today: date) -> None:
        taken = self._ordered | chart.open_orders
        offers = suggestions_for(assessment, self._patient, self._user, taken, today)
        if offers:
            excluded = assessment.determination.outcome is Outcome.EXCLUDED
            card["suggestions"] = offers
            card["selectionBehavior"] = "at-most-one" if excluded else "any"


def _overrides(determination: Determination) -> tuple[str, ...]:
    """The reasons to go on that fit the outcome."""
    if determination.outcome is Outcome.EXCLUDED:
        return _OF_AN_EXCLUDED_ORDER
    return _OF_AN_ORDER_WITHOUT_COVERAGE if determination.eligibility else _OF_AN_OPEN_ORDER


def policy_of_card(assessment: Assessment) -> dict[str, str]:
    """The policy that a card is of, as a member of its extension: only where the order has cards of several."""
    several = assessment.match is not None and assessment.match.reason is MatchReason.SEVERAL_POLICIES
    return {"com.insulin-pump-cds.policy": assessment.policy.id} if several else {}


def _indicator(determination: Determination) -> str:
    return "info" if determination.outcome is Outcome.LIKELY_APPROVED else "warning"
