"""A policy with other numbers from a later day on, and everything that a policy says on a day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from cds_service.engine.finding import Finding
from cds_service.engine.parameters import DatedValue
from cds_service.engine.policy import Policy, PolicyOnDay

# Later than the first version, earlier than the orders of tests/policies/charts.py (2026-11-20).
START = date(2026, 11, 1)


def changed(policy: Policy, values: Mapping[str, Any], start: date = START) -> Policy:
    """The policy with these values of parameters from a day on."""
    parameters = {
        name: replace(parameter, values=(*parameter.values, DatedValue(start, values[name], "a test")))
        if name in values
        else parameter
        for name, parameter in policy.parameters.items()
    }
    return replace(policy, parameters=parameters)


def texts(policy: PolicyOnDay) -> dict[str, str]:
    """What the policy says on a day whatever the chart, by where it says it."""
    return dict(_texts(policy))


def _texts(policy: PolicyOnDay) -> Iterator[tuple[str, str]]:
    for name, section in policy.sections.items():
        yield f"section {name}", section.title
        yield f"says {name}", section.says
        yield f"why not {name}", section.why_not or ""
        yield f"interpretation {name}", policy.interpretation(name)
    for name, title in (*policy.titles.items(), *policy.groups.items()):
        yield f"title {name}", title
    for group in policy.question_groups:
        yield f"group {group.section}", group.title
        yield f"help {group.section}", group.help
        for question in group.questions:
            yield f"question {question.link_id}", question.text
    remedies = policy.remedies
    for kind in ("steps", "steps_of_gap", "steps_against", "helps", "helps_against_statement"):
        for where, text in getattr(remedies, kind).items():
            yield f"{kind} {where}", text
    for name in policy.policy.wording:
        yield f"words {name}", policy.words(name)


def sentences(finding: Finding) -> list[str]:
    """What a finding and its parts say."""
    own = (finding.explanation, finding.closes or "", finding.next_step, *finding.remarks)
    return [*own, *(sentence for part in finding.parts for sentence in sentences(part))]
