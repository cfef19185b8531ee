"""Whether a policy's cases stand at both ends of every threshold: each is judged again with every number moved a step.

A case stands at an end when the answer changes with one step of the number in that direction: of a limit of 4, one that
is met with 4 and not with 5 stands inside, one that is not met with 4 and met with 3 stands outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from cds_service.engine.determination import Outcome
from cds_service.engine.policy import Policy
from cds_service.errors import ServiceError
from cds_service.hooks.configuration import configuration_in
from cds_service.hooks.discovery import HookService
from cds_service.hooks.messages import extension_in, read_root, request_in
from cds_service.services.assess_orders import assess
from cds_service.services.call import Call
from cds_service.services.read_inputs import CallInputs, read_inputs
from cds_service.settings import Settings
from fhir_mappings.output.crd_versions import V2_2

# One step of a number that is no whole one: results are reported with one decimal.
_STEP = 0.1
# How the source of a parameter begins that the text does not print.
_READING = "reading"
View = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class CaseRequest:
    """A case: its name, the request, the day on which it is judged, the service, the sections that it is about."""

    name: str
    body: bytes
    day: date
    service: HookService
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the cases of a policy cover. `cases`: how many are judged by it; `thresholds`: numbers of the text that its
    rules use; `missing`: by number, the ends at which no case stands, as `below` and `above`."""

    cases: int
    thresholds: tuple[str, ...]
    missing: Mapping[str, tuple[str, ...]]


def covered_ends(policy: Policy, cases: Iterable[CaseRequest], settings: Settings) -> Coverage:
    """At which ends of the policy's thresholds its cases stand."""
    read = [each for each in (_Read.of(case, policy, settings) for case in cases) if each is not None]
    missing: dict[str, tuple[str, ...]] = {}
    names = tuple(name for name in policy.parameters if _is_threshold(policy, name))
    for name in names:
        sections = [rule.section for rule in policy.rules.values() if name in rule.parameters]
        # The cases that name the section stand there most often: they are asked first.
        likely = sorted(read, key=lambda each: not each.is_about(sections))
        sides = {"below": -1, "above": 1}
        lacking = tuple(side for side, sign in sides.items() if not any(each.turns(name, sign) for each in likely))
        if lacking:
            missing[name] = lacking
    return Coverage(len(read), names, missing)


def _is_threshold(policy: Policy, name: str) -> bool:
    """Whether a parameter is a number of the policy's text that a rule uses; a reading of ours has its unit tests."""
    parameter = policy.parameters[name]
    if parameter.source.startswith(_READING):
        return False
    values = [dated.value for dated in parameter.values]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return numbers and any(name in rule.parameters for rule in policy.rules.values())


@dataclass(slots=True)
class _Read:
    """A case whose chart was read: judging it again costs no reading."""

    case: CaseRequest
    policy: Policy
    inputs: CallInputs
    days: tuple[date, date]
    base: View

    @classmethod
    def of(cls, case: CaseRequest, policy: Policy, settings: Settings) -> _Read | None:
        """None for a request that is refused, and for one that the policy does not judge."""
        noon = datetime.combine(case.day, time(12), ZoneInfo(settings.time_zone)).astimezone(UTC)
        try:
            root = read_root(case.body)
            request = request_in(root, case.service.hook)
            configuration = configuration_in(extension_in(root))
            call = Call(request, case.service, settings, noon, V2_2, configuration, None, (policy,))
            inputs = read_inputs(call, None, 0.0)
        except ServiceError:
            return None
        read = cls(case, policy, inputs, call.days(inputs.reader), ())
        read.base = read.judged({})
        return read if read.base else None

    def judged(self, overrides: Mapping[str, Any]) -> View:
        """What the policy finds, without sentences; empty where it judges nothing."""
        assessments = assess(
            self.inputs.orders,
            self.inputs.chart,
            self.days,
            (self.policy,),
            chosen=self.inputs.chosen,
            overrides=overrides,
        )
        told = [a.determination for a in assessments if a.determination.outcome is not Outcome.NOT_APPLICABLE]
        return tuple(
            (
                each.outcome,
                tuple(
                    (name, f.truth, f.gap, f.basis, f.stale, len(f.evidence), len(f.remarks))
                    for name, f in each.findings.items()
                ),
            )
            for each in told
        )

    def is_about(self, sections: Iterable[str]) -> bool:
        """Whether the case names one of these sections, or one above or below it."""
        return any(
            f"{name}.".startswith(f"{section}.") or f"{section}.".startswith(f"{name}.")
            for name in self.case.about
            for section in sections
        )

    def turns(self, name: str, sign: int) -> bool:
        """Whether one step of a number changes what is found."""
        value = self.policy.on(self.days[0]).parameters.get(name)
        if value is None:
            return False
        moved = value + sign if isinstance(value, int) else round(value + sign * _STEP, 6)
        return moved >= 0 and self.judged({name: moved}) != self.base
