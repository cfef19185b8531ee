"""How a DTR client answers questions from the chart: CQL libraries, and FHIRPath for clients without CQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cds_service.engine.wording import shown

# A parameter's name in braces. FHIRPath and FHIR searches have braces of their own, so that `fill` cannot be used.
_PLACEHOLDER = re.compile(r"\{(?!codes\})([a-z][a-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class LogicLibrary:
    """One CQL library: its id and title, the name and version that the CQL has, the CQL and its ELM as JSON text."""

    id: str
    name: str
    version: str
    title: str
    cql: str
    elm: str


@dataclass(frozen=True, slots=True)
class ChartSearch:
    """A FHIR search whose result FHIRPath reads under a name. `{codes}` in it stands for the codes of a value set.

    `value_set`: its concept; `code_system`: of which its codes are taken, as code_systems.py names it.
    """

    section: str
    name: str
    search: str
    value_set: str = ""
    code_system: str = ""


@dataclass(frozen=True, slots=True)
class InitialAnswer:
    """How a question is answered from the chart: by a definition of the CQL, and by FHIRPath that says the same.

    `written_for`: parameters whose values stand in the CQL as numbers. On a day with other values the definition is
    empty: only the FHIRPath, which takes its numbers from the parameters, is right then.
    """

    definition: str
    fhirpath: str
    written_for: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prepopulation:
    """`libraries`: the first is the one that the questionnaire refers to, and depends on the others.

    `answers`: by linkId. `{parameter}` in searches and FHIRPath stands for a number of the policy, `{figure}` for one
    that follows from its parameters.
    """

    libraries: tuple[LogicLibrary, ...]
    searches: tuple[ChartSearch, ...]
    answers: Mapping[str, InitialAnswer]

    def on(self, values: Mapping[str, Any]) -> Prepopulation:
        """The same with the numbers of one day: `values` by the names of parameters and figures."""

        def filled(text: str) -> str:
            return _PLACEHOLDER.sub(lambda match: shown(values[match[1]]), text)

        def answer_on(answer: InitialAnswer) -> InitialAnswer:
            holds = all(values[name] == number for name, number in answer.written_for.items())
            return replace(answer, definition=answer.definition if holds else "", fhirpath=filled(answer.fhirpath))

        searches = tuple(replace(search, search=filled(search.search)) for search in self.searches)
        answers = {link_id: answer_on(answer) for link_id, answer in self.answers.items()}
        return replace(self, searches=searches, answers=answers)
