"""Observation → results that only some policies ask for: of which kind a code is, and the value in its unit."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from cds_service.facts import LabResult, ResultKind
from fhir_mappings.chart.context import ChartContext
from fhir_mappings.chart.laboratory import result
from fhir_mappings.common import terminology, units
from fhir_mappings.common.code_systems import LONGEST_CODE, normal_code, system_key
from fhir_mappings.common.datatypes import CodeableConcept
from fhir_mappings.json.clinical_views import Observation


class ResultKinds:
    """The kinds of results that the policies in use ask for on their own, by their codes."""

    def __init__(self, kinds: Iterable[ResultKind] = ()) -> None:
        """A code may be of several kinds."""
        self._by_code: dict[tuple[str | None, str], list[ResultKind]] = {}
        self._by_code_alone: dict[str, list[ResultKind]] = {}
        for kind in kinds:
            for system, code in sorted(kind.codes):
                key = system_key(system)
                self._by_code.setdefault((key, normal_code(key, code)), []).append(kind)
                self._by_code_alone.setdefault(normal_code(key, code).upper(), []).append(kind)

    def __bool__(self) -> bool:
        """Whether any kind is asked for."""
        return bool(self._by_code)

    def of(self, concept: CodeableConcept | None) -> list[tuple[ResultKind, bool]]:
        """The kinds that a code is of, and whether a sure code says so: one under its own system.

        Under a system that nobody knows, or none, it is for a person to say.
        """
        kinds: dict[str, tuple[ResultKind, bool]] = {}
        for coding in terminology.codings(concept):
            if not coding.code or len(coding.code) > LONGEST_CODE:
                continue
            key = system_key(coding.system)
            code = normal_code(key, coding.code)
            kinds |= {kind.key: (kind, True) for kind in self._by_code.get((key, code), ())}
            if not terminology.is_known_system(coding.system):
                for kind in self._by_code_alone.get(code.upper(), ()):
                    kinds.setdefault(kind.key, (kind, False))
        return list(kinds.values())


def result_of(observation: Observation, name: str, kind: ResultKind, sure: bool, context: ChartContext) -> LabResult:
    """One result in the unit of its kind. `sure`: see `ResultKinds.of`."""
    convert = partial(units.of_kind, factors=kind.units, plausible=kind.plausible)
    return result(observation, name, frozenset(), context, convert, sure=sure)
