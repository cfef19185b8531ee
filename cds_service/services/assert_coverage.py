"""Determination → what is asserted about the order's coverage, in Da Vinci CRD's words (sections L, P and Q).

| determination | covered | prior authorization |
|---|---|---|
| likely-approved | covered | needed; satisfied where the plan lets the service issue numbers |
| needs-documentation | covered | needed, with clinical documentation and the questionnaire |
| something deciding could not be read | indeterminate, technical | indeterminate |
| excluded | not-covered, with the section | |
| member unknown, coverage not in force | not-covered, with the guide's code | |
| coverage not verified, not governed, no version in force | conditional, with the reason | conditional |
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from cds_service.engine.coverage_assertion import CoverageAssertion, Covered, PriorAuthorization, Reason
from cds_service.engine.determination import CoverageStanding, Determination, Outcome
from cds_service.engine.finding import Finding, Gap
from cds_service.facts import DeviceOrder, Topic
from cds_service.hooks.card_title import supported
from cds_service.hooks.determinations import assertion_id
from cds_service.hooks.in_question import in_question, required
from cds_service.hooks.markdown import plain, whole_clauses
from cds_service.policies.mp_mm_1316 import PAYER, POLICY_ID, QUESTIONNAIRE, UNITS
from cds_service.policies.mp_mm_1316.coverage import CoverageMatch
from cds_service.policies.mp_mm_1316.coverage import Reason as MatchReason
from cds_service.policies.mp_mm_1316.needs import feeds_any
from cds_service.policies.mp_mm_1316.remedies import what_helps
from cds_service.settings import Settings

_LONGEST_REASON = 500
_LONGEST_HELP = 240


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every assertion of one call.

    `primary`: the hook may ask for documentation. `unsolicited`: the client takes a number without a request.
    `answers_all`: every governed kind of order is answered, also where the policy does not govern its coverage.
    `unread`: parts of the chart that could not be read whole.
    """

    settings: Settings
    patient_id: str
    fhir_server: str | None
    today: date
    primary: bool
    unsolicited: bool
    answers_all: bool
    unread: frozenset[Topic]


def assertion_for(
    order: DeviceOrder, determination: Determination, match: CoverageMatch | None, terms: Terms
) -> CoverageAssertion | None:
    """The assertion about one order; None where there is nothing to assert, or no Coverage to assert it of."""
    coverage = determination.coverage_reference
    if match is None or coverage is None:
        return None
    if determination.coverage is CoverageStanding.NOT_GOVERNED and not terms.answers_all:
        return None
    settings = terms.settings
    ends = match.ends
    blank = CoverageAssertion(
        order=order.reference,
        coverage=coverage,
        assertion_id=assertion_id(order.reference, terms.patient_id, coverage),
        covered=Covered.COVERED,
        made_on=terms.today,
        policy_link=f"{settings.public_url}/policy/{POLICY_ID}{_anchor(determination)}",
        reasons=(),
        prior_authorization=PriorAuthorization.NEEDED,
        billing_codes=order.billing_codes,
        depends_on=determination.rides_with,
        expires=ends if ends and ends >= terms.today else None,
        contact=settings.payer_phone or None,
    )
    return _not_insured(blank, match) or _by_standing(blank, determination, match, terms)


def _anchor(determination: Determination) -> str:
    sections = [finding.id for finding in in_question(determination)]
    return f"#{sections[0]}" if sections else ""


def _not_insured(blank: CoverageAssertion, match: CoverageMatch) -> CoverageAssertion | None:
    """What is known of the member, before any policy is looked at."""
    if match.reason is MatchReason.MEMBER_UNKNOWN:
        reason = Reason("Coverage: the member id on the Coverage is not known to the plan", "no-member-found")
    elif match.standing is CoverageStanding.NOT_IN_FORCE:
        text = whole_clauses(f"Coverage: not active on the day of the order: {match.why}", _LONGEST_REASON)
        reason = Reason(text, "no-active-coverage")
    else:
        return None
    return _not_covered(blank, (reason,))


def _by_standing(
    blank: CoverageAssertion, determination: Determination, match: CoverageMatch, terms: Terms
) -> CoverageAssertion:
    if not determination.criteria:
        reason = Reason(f"Coverage and prior authorization: {_sentence(determination.reason or '')}; ask {PAYER}")
        return _conditional(blank, (reason,))
    reasons = tuple(_reasons(determination, terms.primary))
    if determination.coverage is CoverageStanding.UNVERIFIED:
        why = f"Coverage: not verified, {determination.coverage_note}; {POLICY_ID} is for {PAYER} Marketplace plans"
        asked = _asking(blank, determination, terms)
        return _conditional(asked, (Reason(why), *reasons))
    if determination.outcome is Outcome.EXCLUDED:
        return _not_covered(blank, reasons)
    if determination.outcome is Outcome.LIKELY_APPROVED:
        return _approved(blank, determination, match, terms)
    unread = [finding for finding in in_question(determination) if _is_technical(finding, terms.unread)]
    if unread:
        return _technical(blank, unread)
    return replace(_asking(blank, determination, terms), reasons=reasons)


def _asking(blank: CoverageAssertion, determination: Determination, terms: Terms) -> CoverageAssertion:
    """The same with the questionnaire, where documentation is missing and the hook may ask for it."""
    if determination.outcome is not Outcome.NEEDS_DOCUMENTATION or not terms.primary:
        return blank
    return replace(blank, questionnaire=f"{terms.settings.public_url}/fhir/{QUESTIONNAIRE}")


def _approved(
    blank: CoverageAssertion, determination: Determination, match: CoverageMatch, terms: Terms
) -> CoverageAssertion:
    text = f"Prior authorization: every criterion of {POLICY_ID} is met in what was read"
    every = required(determination)
    indirect = supported(every)
    if indirect:
        text += f", {len(indirect)} of {len(every)} on indirect evidence ({', '.join(f.id for f in indirect)})"
    allowed = terms.settings.issue_authorization_numbers and terms.unsolicited and terms.primary
    if not allowed:
        return replace(blank, reasons=(Reason(f"{text}; the plan decides on the request"),))
    number = _authorization_number(blank, match, terms)
    return replace(
        blank,
        prior_authorization=PriorAuthorization.SATISFIED,
        authorization_number=number,
        reasons=(Reason(f"{text}; it is authorized under the number given"),),
    )


def _not_covered(blank: CoverageAssertion, reasons: tuple[Reason, ...]) -> CoverageAssertion:
    return replace(blank, covered=Covered.NOT_COVERED, prior_authorization=None, reasons=reasons)


def _conditional(blank: CoverageAssertion, reasons: tuple[Reason, ...]) -> CoverageAssertion:
    return replace(
        blank,
        covered=Covered.CONDITIONAL,
        prior_authorization=PriorAuthorization.CONDITIONAL,
        information_needed=True,
        reasons=reasons,
    )


def _is_technical(finding: Finding, unread: frozenset[Topic]) -> bool:
    """Whether a finding is open for want of data that the EHR holds.

    Statements that could not be read are asked for like ones that were never made: the questionnaire closes both.
    """
    return finding.gap is Gap.NOT_RETRIEVED and feeds_any(unread - {Topic.ATTESTATIONS}, finding.id)


def _technical(blank: CoverageAssertion, unread: Sequence[Finding]) -> CoverageAssertion:
    named = "; ".join(f"{f.id} ({plain(f.explanation)})" for f in unread)
    head = "Coverage and prior authorization: could not be read from the EHR"
    text = whole_clauses(f"{head}: {named}", _LONGEST_REASON)
    return replace(
        blank,
        covered=Covered.INDETERMINATE,
        prior_authorization=PriorAuthorization.INDETERMINATE,
        reasons=(Reason(text, "technical"),),
    )


def _reasons(determination: Determination, primary: bool) -> Iterator[Reason]:
    """One reason for each section in question; hooks that may not ask for documents only name the sections."""
    found = in_question(determination)
    if determination.outcome is Outcome.EXCLUDED:
        for finding in found:
            yield _reason(f"Coverage: excluded by {POLICY_ID} {_name(finding)}.", finding.explanation)
        return
    if determination.reason:
        yield _reason("Order:", determination.reason)
    if not primary:
        if found:
            sections = ", ".join(finding.id for finding in found)
            yield Reason(f"Prior authorization: {POLICY_ID} {sections} not shown yet; looked at again at signing")
        return
    for finding in found:
        yield _reason(f"Documentation, {_name(finding)}:", finding.explanation, what_helps(finding))


def _reason(head: str, explanation: str, helps: str = "") -> Reason:
    """What was found gives way to what closes it, clause by clause."""
    helps = f"{whole_clauses(_sentence(helps), _LONGEST_HELP)}." if helps else ""
    room = _LONGEST_REASON - len(head) - len(helps) - 3  # two spaces and a full stop
    return Reason(" ".join(filter(None, (head, f"{whole_clauses(_sentence(explanation), room)}.", helps))))


def _sentence(text: str) -> str:
    return plain(text).rstrip(". ")


def _name(finding: Finding) -> str:
    return f"{finding.id} {UNITS[finding.id].title}" if finding.id in UNITS else finding.id


def _authorization_number(blank: CoverageAssertion, match: CoverageMatch, terms: Terms) -> str:
    """A number that no other order has: the same EHR, member, coverage and order always get the same one."""
    members = sorted(match.coverage.member_ids) if match.coverage else []
    parts = (terms.fhir_server or "", terms.patient_id, blank.order, blank.coverage, *members)
    return f"PA-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:16].upper()}"
