"""A rule: one named function for one section of a policy, with the parameters that it uses."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cds_service.engine.finding import Finding

RuleFunction = Callable[[Any], Finding]


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule of one section: call it with a case to get its finding.

    `section` is where the policy says it, `title` what it is called, with `{parameter}` placeholders for numbers,
    `interpretation` how the service reads it (the function's docstring), `parameters` the names of the dated values
    that it uses. `excludes`: meeting it excludes the order.
    """

    section: str
    title: str
    parameters: tuple[str, ...]
    function: RuleFunction
    excludes: bool = False

    def __call__(self, case: Any) -> Finding:
        """The finding of this rule for one case, with the section as its id."""
        return self.function(case).with_id(self.section)

    @property
    def interpretation(self) -> str:
        """How the policy's words are read, as one paragraph."""
        return " ".join((inspect.getdoc(self.function) or "").split())


def criterion(section: str, title: str, *parameters: str) -> Callable[[RuleFunction], Rule]:
    """Makes a rule of a function: `@criterion("A.1", "Documented diagnosis")`."""
    return lambda function: Rule(section, title, parameters, function)


def exclusion(section: str, title: str, *parameters: str) -> Callable[[RuleFunction], Rule]:
    """Makes a rule that excludes an order when it is met."""
    return lambda function: Rule(section, title, parameters, function, excludes=True)
