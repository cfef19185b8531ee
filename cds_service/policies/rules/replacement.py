"""Replacement or repair of a device in use: by the reason that a signed statement gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cds_service.concepts import Concept
from cds_service.engine.days import within
from cds_service.engine.finding import (
    Basis,
    Evidence,
    Finding,
    Gap,
    best_supported,
    conjunction,
    disjunction,
    met,
    not_met,
    unknown,
)
from cds_service.engine.plain_text import day_text
from cds_service.engine.rule import Rule, RuleTemplate, shared_rule
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.facts import Answer, ChartSection, Diagnosis, Scope
from cds_service.policies.rules.case import Case, cite, signed
from cds_service.policies.rules.phrases import dated_labels, sentence
from cds_service.policies.rules.pump_use import pump_signs

_REMEDY = "State the reason for the replacement or repair in the questionnaire"
_ASSESSMENT = "Add a vendor's or specialist's estimate of the repair cost"
# What the question that chooses this pathway asks.
REPLACES = "replaces-pump"
# What the answers to the question for the reason say.
REASONS = {
    "worn-out": "worn out or no longer functions",
    "not-repairable": "repair is impossible or costs more than replacement",
    "needs-changed": "the member's needs changed and it no longer fits",
    "damaged": "damaged and cannot be repaired",
    "warranty-expired": "only the warranty ended",
    "misuse": "misuse, malicious breakage or gross neglect",
    "lost": "lost",
    "stolen": "stolen",
}


def takes_replacement_path(case: Case) -> bool:
    """Whether the order, or its questionnaire, says that it replaces or repairs a device in use.

    A stated reason for the replacement counts as well, unless a newer answer says that nothing is replaced.
    """
    answer = case.answer(REPLACES)
    if case.order.replacement_sign is not None or (answer is not None and answer.value is True):
        return True
    return answer is None and _reason(case) is not None


def may_replace(case: Case) -> bool:
    """Whether a pump is in use and nothing says whether this order replaces it, or words of its codes seem to say so:
    both pathways are then shown."""
    answer = case.answer(REPLACES)
    denied = answer is not None and answer.value is False
    return not denied and (case.order.unsure_replacement_sign is not None or bool(pump_signs(case)))


def _reason(case: Case) -> Answer | None:
    answer = case.answer("replacement-reason")
    return answer if answer is not None and isinstance(answer.value, str) else None


def _attested_reason(case: Case, code: str) -> Finding | None:
    """Met when the attested reason is this one, not met when another is; None when none is attested."""
    answer = _reason(case)
    if answer is None:
        return None
    evidence = [case.attestation(answer)]
    make = met if answer.value == code else not_met
    return make(f"Stated reason: {_stated(answer)}", Basis.ATTESTED, evidence, names_statement=True)


def _stated(answer: Answer) -> str:
    return f"{REASONS.get(str(answer.value), str(answer.value))} ({signed(answer)})"


def _no_reason(case: Case) -> Finding:
    """No reason attested: what the order says in words is for a reviewer."""
    reasons = case.order.replacement_reasons
    if reasons:
        evidence = [Evidence(case.order.reference, text) for text in reasons]
        return unknown(Gap.NEEDS_REVIEW, f"The order says: {'; '.join(reasons)}", _REMEDY, evidence)
    return unknown(Gap.NEEDS_ATTESTATION, "No reason for the replacement is stated", _REMEDY)


@shared_rule("The equipment is a covered service")
def covered_service(case: Case) -> Finding:
    """The item is of a kind that this policy covers: an external insulin pump and none of the excluded devices. The
    evidence of coverage, which prevails, is not modelled."""
    evidence = [Evidence(case.order.reference, case.order.label)]
    if case.order.scope is Scope.EXCLUDED_DEVICE:
        return not_met(f"{case.order.label} is not covered", Basis.DOCUMENTED, evidence)
    return met(f"{case.order.label} is a device that the policy covers", Basis.DOCUMENTED, evidence)


def _still_necessary(case: Case, needed: Rule, excluding: Sequence[Rule]) -> Finding:
    diagnosis = case.finding(needed)
    exclusions = [case.finding(rule) for rule in excluding]
    parts = [diagnosis, *(_exclusion_absent(e) for e in exclusions)]
    explanation = diagnosis.explanation
    if any(e.truth is MET for e in exclusions):
        explanation = "; ".join(e.explanation for e in exclusions if e.truth is MET)
    return conjunction([p for p in parts if p.basis or p.truth is UNKNOWN], explanation)


def _exclusion_absent(exclusion: Finding) -> Finding:
    """The finding that an exclusion does not apply; an exclusion without a statement does not count against it."""
    if exclusion.truth is MET:
        return not_met(exclusion.explanation, exclusion.basis, exclusion.evidence)
    if exclusion.truth is UNKNOWN and exclusion.gap is not Gap.NEEDS_ATTESTATION:
        return exclusion
    return Finding(MET, exclusion.explanation)


def _reasonable_justification(case: Case, accepted: Sequence[Rule]) -> Finding:
    reasons = tuple(case.finding(reason) for reason in accepted)
    lacking = [f for f in reasons if f.truth is UNKNOWN and f.evidence]
    explanation = "; ".join(dict.fromkeys(f.explanation for f in lacking)) or _nothing_accepted(case)
    closes = "; ".join(dict.fromkeys(f.closes for f in lacking if f.closes)) or _REMEDY
    finding = disjunction(reasons, explanation, closes)
    evidence = tuple(dict.fromkeys(e for f in lacking for e in f.evidence))
    return replace(finding, evidence=evidence) if finding.truth is UNKNOWN else finding


def _nothing_accepted(case: Case) -> str:
    answer = _reason(case)
    return "No reason for the replacement is stated" if answer is None else f"Stated reason: {_stated(answer)}"


@shared_rule(
    "Worn out or no longer functions",
    "breakdown_months",
    reads=(
        ChartSection.CONDITIONS,
        ChartSection.ATTESTATIONS,
    ),
)
def worn_out(case: Case) -> Finding:
    """Stated, or suggested by a coded breakdown, leakage or other mechanical complication of the pump of the last
    {breakdown_months:months}. A late effect and an infection are no reason; displacement is for a reviewer. Another
    stated reason does not undo a charted breakdown."""
    coded = charted_breakdown(case)
    attested = _attested_reason(case, "worn-out")
    if attested is not None and attested.truth is not MET and coded is not None and coded.truth is MET:
        return coded
    if coded is None and attested is None:
        return _no_reason(case)
    return best_supported(attested, coded)


def charted_breakdown(case: Case) -> Finding | None:
    """What the chart codes about the pump itself; None when it codes nothing."""
    since = case.months_ago("breakdown_months")
    trouble = [d for d in case.diagnoses if d.all_concepts & _TROUBLE]
    recent = [d for d in trouble if within(d.when, since, case.as_of) is MET and d.active is not False]
    broken = [d for d in recent if Concept.PUMP_BREAKDOWN in d.coded_concepts and not _is_sequela(d)]
    if broken:
        return met(f"{dated_labels(broken)} is charted", Basis.SUPPORTED, map(cite, broken))
    if not trouble:
        return None
    old = [d for d in trouble if within(d.when, since, case.as_of) is NOT_MET]
    not_old = [d for d in trouble if within(d.when, since, case.as_of) is not NOT_MET]
    others = [d for d in not_old if not _is_sequela(d)]
    if others:
        asked = f"{dated_labels(others)} is charted: the plan has to decide whether the pump no longer works"
        return unknown(Gap.NEEDS_REVIEW, asked, _REMEDY, map(cite, others))
    clauses = []
    if old:
        clauses.append(
            f"charted before {day_text(since)}, which says nothing about the current pump: {dated_labels(old)}"
        )
    if not_old:
        clauses.append(f"charted as a late effect, which says nothing about the current pump: {dated_labels(not_old)}")
    return unknown(Gap.INCOMPLETE, sentence(clauses), _REMEDY, map(cite, trouble))


_TROUBLE = frozenset({Concept.PUMP_BREAKDOWN, Concept.PUMP_DISPLACEMENT})


def _is_sequela(diagnosis: Diagnosis) -> bool:
    return Concept.PUMP_TROUBLE_SEQUELA in diagnosis.coded_concepts


@shared_rule("Repair impossible, or as expensive as replacement", reads=(ChartSection.ATTESTATIONS,))
def not_repairable(case: Case) -> Finding:
    """Stated, with the assessment by a vendor or specialist on file; without it the assessment is asked for."""
    finding = _attested_reason(case, "not-repairable")
    if finding is None:
        return _no_reason(case)
    assessment = case.answer("repair-estimate")
    if finding.truth is MET and not (assessment is not None and assessment.value is True):
        explanation = "Repair is stated to be impossible or to cost more, but no estimate of the repair cost is on file"
        return unknown(Gap.INCOMPLETE, explanation, _ASSESSMENT, finding.evidence)
    return finding


@shared_rule("Needs changed and the item no longer fits", reads=(ChartSection.ATTESTATIONS,))
def needs_changed(case: Case) -> Finding:
    """Stated: weight, growth or function changed so that the equipment is no longer usable."""
    return _attested_reason(case, "needs-changed") or _no_reason(case)


@shared_rule("Damaged beyond repair", reads=(ChartSection.ATTESTATIONS,))
def damaged(case: Case) -> Finding:
    """Stated in a signed statement."""
    return _attested_reason(case, "damaged") or _no_reason(case)


def _refused_reason(name: str, title: str, codes: tuple[str, ...], says: str) -> RuleTemplate:
    def rule(case: Case) -> Finding:
        answer = _reason(case)
        if answer is None:
            return unknown(Gap.NEEDS_ATTESTATION, "No reason for the replacement is stated", _REMEDY)
        make = met if answer.value in codes else not_met
        explanation = f"Stated reason: {_stated(answer)}"
        evidence = [case.attestation(answer)]
        return make(explanation, Basis.ATTESTED, evidence, names_statement=True)

    rule.__name__ = name
    rule.__doc__ = f"{says}: only the stated reason says so."
    return shared_rule(title, reads=(ChartSection.ATTESTATIONS,))(rule)


warranty_only = _refused_reason(
    "warranty_only",
    "Only the warranty ended",
    ("warranty-expired",),
    "A functioning device whose warranty expired is not replaced",
)
misuse = _refused_reason(
    "misuse", "Misuse, malicious breakage or gross neglect", ("misuse",), "Repair after misuse is never covered"
)
lost_or_stolen = _refused_reason(
    "lost_or_stolen", "Lost or stolen", ("lost", "stolen"), "Lost or stolen items are not replaced"
)


def still_necessary(diagnosis: Rule, *exclusions: Rule) -> RuleTemplate:
    """The rule that continued use is medically necessary: a diagnosis still holds, and none of these exclusions."""

    @shared_rule("Continued use is medically necessary", reads=diagnosis.reads)
    def rule(case: Case) -> Finding:
        return _still_necessary(case, diagnosis, exclusions)

    rule.function.__doc__ = (
        f"{diagnosis.section} is still met, and none of the exclusions holds that end the need for a pump "
        f"({', '.join(rule.section for rule in exclusions)})."
    )
    return rule


def reasonable_justification(*accepted: Rule) -> RuleTemplate:
    """The rule that one of the reasons that a policy accepts is shown."""

    @shared_rule("Reasonable justification", reads=(ChartSection.ATTESTATIONS,))
    def rule(case: Case) -> Finding:
        return _reasonable_justification(case, accepted)

    rule.function.__doc__ = (
        f"One of the reasons that the policy accepts ({accepted[0].section} to {accepted[-1].section}) is shown. What "
        "was found, or what a stated reason still lacks, is named."
    )
    return rule
