"""Makes the coverage assertion of an order from its assessment, in Da Vinci CRD's terms.

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

from cds_service.engine.assessment import Assessment
from cds_service.engine.coverage_assertion import CoverageAssertion, Covered, PriorAuthorization, Reason
from cds_service.engine.coverage_match import CoverageMatch, MatchReason
from cds_service.engine.determination import Applicability, Determination, Outcome
from cds_service.engine.finding import Finding, Gap
from cds_service.engine.plain_text import sections_text
from cds_service.engine.policy import PolicyOnDay
from cds_service.facts import ChartSection
from cds_service.hooks.card_text import suggested_only
from cds_service.hooks.determinations import assertion_id
from cds_service.hooks.markdown import plain, whole_clauses
from cds_service.settings import Settings
from fhir_mappings.output.questionnaires import versioned_url

_LONGEST_REASON = 500
_LONGEST_HELP = 240


@dataclass(frozen=True, slots=True)
class AssertionContext:
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
    unread: frozenset[str]


def assertion_for(assessment: Assessment, context: AssertionContext) -> CoverageAssertion | None:
    """The assertion about one order; None where there is nothing to assert, or no Coverage to assert it of."""
    order, determination, match = assessment.order, assessment.determination, assessment.match
    coverage = determination.coverage_reference
    if match is None or coverage is None:
        return None
    if determination.coverage is Applicability.NOT_GOVERNED and not context.answers_all:
        return None
    settings = context.settings
    ends = match.ends
    base = CoverageAssertion(
        order=order.reference,
        coverage=coverage,
        assertion_id=assertion_id(order.reference, context.patient_id, coverage),
        covered=Covered.COVERED,
        made_on=context.today,
        policy_link=f"{settings.public_url}{assessment.policy.page}{_anchor(determination)}",
        reasons=(),
        prior_authorization=assessment.policy.policy.prior_authorization,
        billing_codes=order.billing_codes,
        depends_on=determination.accompanies,
        expires=ends if ends and ends >= context.today else None,
        contact=settings.payer_phone or None,
    )
    return _from_membership(base, match) or _from_determination(base, assessment, match, context)


def _anchor(determination: Determination) -> str:
    sections = [finding.id for finding in determination.findings_in_question]
    return f"#{sections[0]}" if sections else ""


def _from_membership(base: CoverageAssertion, match: CoverageMatch) -> CoverageAssertion | None:
    """The assertion where the member is unknown or not covered on the day; None otherwise."""
    if match.reason is MatchReason.MEMBER_UNKNOWN:
        reason = Reason("Coverage: the plan does not know the member id", "no-member-found")
    elif match.applicability is Applicability.NOT_IN_FORCE:
        text = whole_clauses(f"Coverage: not active on the day of the order: {match.why}", _LONGEST_REASON)
        reason = Reason(text, "no-active-coverage")
    else:
        return None
    return _not_covered(base, (reason,))


def _from_determination(
    base: CoverageAssertion, assessment: Assessment, match: CoverageMatch, context: AssertionContext
) -> CoverageAssertion:
    determination, policy = assessment.determination, assessment.policy
    if not determination.criteria:
        text = f"Coverage and prior authorization: {_sentence(determination.reason or '')}; ask {policy.payer}"
        return _conditional(base, (Reason(text),))
    reasons = (*_reasons(determination, policy, context.primary), *_authorization(policy))
    if determination.coverage is Applicability.UNVERIFIED:
        why = f"Coverage: not verified, {determination.coverage_note}; {policy.id} is for {policy.words('plan')}s"
        asking = _with_questionnaire(base, assessment, context)
        return _conditional(asking, (Reason(why), *reasons))
    if determination.outcome is Outcome.EXCLUDED:
        return _not_covered(base, reasons)
    if determination.outcome is Outcome.LIKELY_APPROVED:
        return _approved(base, assessment, match, context)
    unread = [f for f in determination.findings_in_question if _is_technical(f, policy, context.unread)]
    if unread:
        return _technical(base, unread)
    return replace(_with_questionnaire(base, assessment, context), reasons=reasons)


def _with_questionnaire(
    base: CoverageAssertion, assessment: Assessment, context: AssertionContext
) -> CoverageAssertion:
    """Adds the questionnaire where documentation is missing and the hook may ask for it."""
    if assessment.determination.outcome is not Outcome.NEEDS_DOCUMENTATION or not context.primary:
        return base
    return replace(base, questionnaire=versioned_url(assessment.policy, context.settings.public_url))


def _approved(
    base: CoverageAssertion, assessment: Assessment, match: CoverageMatch, context: AssertionContext
) -> CoverageAssertion:
    text = f"Prior authorization: all criteria of {assessment.policy.id} are met"
    every = assessment.determination.required_findings
    suggested = [finding.id for finding in suggested_only(every)]
    if suggested:
        named = sections_text(suggested, tuple(assessment.policy.policy.rules))
        text += f", {len(suggested)} of {len(every)} only as the chart suggests ({named})"
    allowed = context.settings.issue_authorization_numbers and context.unsolicited and context.primary
    if not allowed:
        decides = Reason(f"{text}; the plan decides on the request")
        return replace(base, reasons=(decides, *_authorization(assessment.policy)))
    number = _authorization_number(base, match, context)
    return replace(
        base,
        prior_authorization=PriorAuthorization.SATISFIED,
        authorization_number=number,
        reasons=(Reason(f"{text}; it is authorized under the number given"),),
    )


def _authorization(policy: PolicyOnDay) -> Iterator[Reason]:
    """Why nobody can say from the policy alone whether prior authorization is asked for."""
    if policy.policy.prior_authorization is PriorAuthorization.CONDITIONAL:
        yield Reason(f"Prior authorization: {policy.words('prior_authorization')}")


def _not_covered(base: CoverageAssertion, reasons: tuple[Reason, ...]) -> CoverageAssertion:
    return replace(base, covered=Covered.NOT_COVERED, prior_authorization=None, reasons=reasons)


def _conditional(base: CoverageAssertion, reasons: tuple[Reason, ...]) -> CoverageAssertion:
    return replace(
        base,
        covered=Covered.CONDITIONAL,
        prior_authorization=PriorAuthorization.CONDITIONAL,
        reasons=reasons,
    )


def _is_technical(finding: Finding, policy: PolicyOnDay, unread: frozenset[str]) -> bool:
    """Whether a finding is open for want of data that the EHR holds.

    Statements that could not be read are asked for like ones that were never made: the questionnaire closes both.
    """
    return finding.gap is Gap.NOT_RETRIEVED and policy.feeds_any(unread - {ChartSection.ATTESTATIONS}, finding.id)


def _technical(base: CoverageAssertion, unread: Sequence[Finding]) -> CoverageAssertion:
    named = "; ".join(f"{f.id} ({plain(f.explanation)})" for f in unread)
    head = "Coverage and prior authorization: the chart could not be read"
    text = whole_clauses(f"{head}: {named}", _LONGEST_REASON)
    return replace(
        base,
        covered=Covered.INDETERMINATE,
        prior_authorization=PriorAuthorization.INDETERMINATE,
        reasons=(Reason(text, "technical"),),
    )


def _reasons(determination: Determination, policy: PolicyOnDay, primary: bool) -> Iterator[Reason]:
    """One reason for each section in question; hooks that may not ask for documents only name the sections."""
    findings = determination.findings_in_question
    if determination.outcome is Outcome.EXCLUDED:
        for finding in findings:
            yield _reason(f"Coverage: excluded by {policy.id} {policy.labeled(finding.id)}.", finding.explanation)
        return
    if determination.reason:
        yield _reason("Order:", determination.reason)
    if not primary:
        if findings:
            sections = sections_text([finding.id for finding in findings], tuple(policy.policy.rules))
            yield Reason(f"Prior authorization: {policy.id} {sections} still open; checked again at signing")
        return
    for finding in findings:
        head = f"Documentation, {policy.labeled(finding.id)}:"
        yield _reason(head, finding.explanation, policy.what_helps(finding))


def _reason(head: str, explanation: str, helps: str = "") -> Reason:
    """A reason of at most 500 characters: the explanation is shortened clause by clause, never what closes the gap."""
    helps = f"To do: {whole_clauses(_sentence(helps), _LONGEST_HELP)}." if helps else ""
    room = _LONGEST_REASON - len(head) - len(helps) - 3  # two spaces and a full stop
    return Reason(" ".join(filter(None, (head, f"{whole_clauses(_sentence(explanation), room)}.", helps))))


def _sentence(text: str) -> str:
    return plain(text).rstrip(". ")


def _authorization_number(base: CoverageAssertion, match: CoverageMatch, context: AssertionContext) -> str:
    """A number that no other order has: the same EHR, member, coverage and order always get the same one."""
    members = sorted(match.coverage.member_ids) if match.coverage else []
    parts = (context.fhir_server or "", context.patient_id, base.order, base.coverage, *members)
    return f"PA-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:16].upper()}"
