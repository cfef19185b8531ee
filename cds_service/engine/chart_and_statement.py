"""What the chart says by itself beside signed statements, and what answers would change before they are signed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from decimal import Decimal

from cds_service.engine.case import Case
from cds_service.engine.finding import Finding, Gap
from cds_service.engine.policy import PolicyOnDay
from cds_service.engine.truth import MET, NOT_MET
from cds_service.facts import Answer, When

AnswerValue = bool | int | float | Decimal | date | str
_NOT_SIGNED = "QuestionnaireResponse/not-signed"


@dataclass(frozen=True, slots=True)
class Difference:
    """A section on which the chart by itself says otherwise than the chart with a statement."""

    section: str
    charted: Finding
    stated: Finding


def charted_findings(case: Case, policy: PolicyOnDay) -> dict[str, Finding]:
    """What the chart says of each section by itself, whatever was signed; empty where nothing was signed."""
    if not case.chart.answers:
        return {}
    return _findings(replace(case, chart=replace(case.chart, answers={})), policy)


def differences(
    case: Case, policy: PolicyOnDay, answers: Mapping[str, AnswerValue], sections: Collection[str]
) -> list[Difference]:
    """Where these answers would contradict the chart's evidence, in the policy's order.

    `answers`: by linkId, as if they were signed on the day; `sections`: those of the questionnaire that they are in. Of
    a section and its parts, the parts are named.
    """
    charted = _findings(replace(case, chart=replace(case.chart, answers={})), policy)
    stated = _findings(_with_answers(case, policy, answers), policy)
    found = [
        Difference(name, charted[name], finding)
        for name, finding in stated.items()
        if _belongs(name, sections) and contradicts(charted[name], finding)
    ]
    named = [each.section for each in found]
    return [each for each in found if not any(name.startswith(f"{each.section}.") for name in named)]


def contradicts(charted: Finding, stated: Finding) -> bool:
    """Whether a statement leaves to a reviewer what the chart's evidence decides, or denies what it shows.

    A statement that shows what the chart only lacks, or what is newer than the chart's, contradicts nothing.
    """
    if not charted.decided or not charted.evidence:
        return False
    return stated.gap is Gap.NEEDS_REVIEW or (charted.truth is MET and stated.truth is NOT_MET)


def _belongs(section: str, sections: Collection[str]) -> bool:
    return any(section == each or section.startswith(f"{each}.") for each in sections)


def _findings(case: Case, policy: PolicyOnDay) -> dict[str, Finding]:
    return {section: case.finding(rule) for section, rule in policy.rules.items()}


def _with_answers(case: Case, policy: PolicyOnDay, answers: Mapping[str, AnswerValue]) -> Case:
    added = dict(_answers(case, policy, answers))
    kept = {link_id: (*case.chart.answers.get(link_id, ()), *given) for link_id, given in added.items()}
    return replace(case, chart=replace(case.chart, answers={**case.chart.answers, **kept}))


def _answers(
    case: Case, policy: PolicyOnDay, answers: Mapping[str, AnswerValue]
) -> Iterator[tuple[str, tuple[Answer, ...]]]:
    """The answers as facts, newer than any that were signed on the same day."""
    signed = When(case.as_of, case.as_of, time.max)
    questionnaire = policy.policy.questionnaire.id
    for link_id, value in answers.items():
        yield link_id, (Answer(_fact(value), signed, _NOT_SIGNED, questionnaire),)


def _fact(value: AnswerValue) -> bool | float | str | When:
    if isinstance(value, date):
        return When(value, value)
    return float(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value
