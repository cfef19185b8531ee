"""A rule: one named function for one section of a policy, with the parameters that it uses.

A rule that several policies share is a template until a policy gives it a section.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cds_service.engine.finding import Finding

RuleFunction = Callable[[Any], Finding]


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule of one section: call it with a case to get its finding.

    `section` is where the policy says it, `title` what it is called, with `{parameter}` placeholders for numbers,
    `interpretation` how the service reads it (the function's docstring), `parameters` the names of the dated values
    that it uses. `excludes`: meeting it excludes the order. `reads`: the parts of the chart that it depends on.
    `asks`: general names of questions without whose answers it is never met.
    """

    section: str
    title: str
    parameters: tuple[str, ...]
    function: RuleFunction
    excludes: bool = False
    reads: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()

    def __call__(self, case: Any) -> Finding:
        """The finding of this rule for one case, with the section as its id."""
        return self.function(case).with_id(self.section)

    @property
    def interpretation(self) -> str:
        """How the policy's words are read, as one paragraph."""
        return " ".join((inspect.getdoc(self.function) or "").split())


@dataclass(frozen=True, slots=True)
class RuleTemplate:
    """A rule that policies share: `template.at("A.1")` is the rule of a policy's section.

    `title`: what it is called where a policy does not call it otherwise. `parameters`: those that a policy needs for
    it. `reads`: the parts of the chart that it depends on, by prefetch key. `asks`: general names of questions without
    whose answers it is never met.
    """

    title: str
    parameters: tuple[str, ...]
    function: RuleFunction
    excludes: bool = False
    reads: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()

    def __call__(self, case: Any) -> Finding:
        """Its finding for one case, without a section."""
        return self.function(case)

    @property
    def name(self) -> str:
        """The name of its function, by which policies that are data name it."""
        return str(getattr(self.function, "__name__", ""))

    def at(self, section: str, title: str = "") -> Rule:
        """The rule of a section, under the policy's own title where it has one."""
        return Rule(section, title or self.title, self.parameters, self.function, self.excludes, self.reads, self.asks)

    def excluding(self) -> RuleTemplate:
        """The same, as a rule that excludes an order when it is met."""
        return replace(self, excludes=True)


def shared_rule(title: str, *parameters: str, reads: tuple[str, ...] = ()) -> Callable[[RuleFunction], RuleTemplate]:
    """Makes a rule that policies share of a function: `@shared_rule("Documented diagnosis", "months", reads=(…))`."""
    return lambda function: RuleTemplate(title, parameters, function, reads=reads)


def criterion(section: str, title: str, *parameters: str) -> Callable[[RuleFunction], Rule]:
    """Makes a rule of a function: `@criterion("A.1", "Documented diagnosis")`."""
    return lambda function: Rule(section, title, parameters, function)


def exclusion(section: str, title: str, *parameters: str) -> Callable[[RuleFunction], Rule]:
    """Makes a rule that excludes an order when it is met."""
    return lambda function: Rule(section, title, parameters, function, excludes=True)
