"""Ties a rule to the section of the policy that it reads, and the section to its interpretation."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cds_service.engine.finding import Finding

Rule = Callable[[Any], Finding]


@dataclass(frozen=True, slots=True)
class Unit:
    """One named rule: call it with a case to get its finding.

    `section` is where the policy says it, `interpretation` how the service reads it (the rule's docstring),
    `parameters` the names of the dated values that it uses.
    """

    section: str
    title: str
    parameters: tuple[str, ...]
    rule: Rule

    def __call__(self, case: Any) -> Finding:
        """The finding of this rule for one case, under this rule's section."""
        return self.rule(case).under(self.section)

    @property
    def interpretation(self) -> str:
        """How the policy's words are read, as one paragraph."""
        return " ".join((inspect.getdoc(self.rule) or "").split())


def criterion(section: str, title: str, *parameters: str) -> Callable[[Rule], Unit]:
    """Makes a rule out of a function: `@criterion("D.I.A", "Documented diagnosis")`."""

    def make(rule: Rule) -> Unit:
        return Unit(section, title, parameters, rule)

    return make
