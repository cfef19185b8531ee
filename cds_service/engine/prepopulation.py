"""How a DTR client answers questions from the chart: CQL libraries, and FHIRPath for clients without CQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogicLibrary:
    """One CQL library: its id and title, the name that the CQL has, the CQL and its ELM as JSON text."""

    id: str
    name: str
    title: str
    cql: str
    elm: str


@dataclass(frozen=True, slots=True)
class Prepopulation:
    """`libraries`: the first is the one that the questionnaire refers to, and depends on the others.

    `variables`: by section, a name and a FHIR search whose result the FHIRPath reads; `{codes:…}` in it stands for
    the codes of a value set. `expressions`: by linkId, the definition in the CQL, and the FHIRPath that says the same.
    """

    libraries: tuple[LogicLibrary, ...]
    variables: Mapping[str, tuple[str, str]]
    expressions: Mapping[str, tuple[str, str]]
