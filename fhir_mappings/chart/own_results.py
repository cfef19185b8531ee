"""Results that only some policies ask for, collected while Observations are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import replace
from datetime import date, timedelta

from msgspec import structs

from cds_service.concepts import Concept
from cds_service.facts import Draw, Fasting, LabResult, ResultKind, When
from fhir_mappings.chart.context import ChartContext, reference_to
from fhir_mappings.chart.draws import Draws
from fhir_mappings.chart.fasting import Component, answer_of
from fhir_mappings.chart.laboratory import effective_time
from fhir_mappings.chart.observation_kind import Kind
from fhir_mappings.chart.result_kinds import MatchedKind, ResultKinds, result_of
from fhir_mappings.json.clinical_views import Observation
from fhir_mappings.json.raw_elements import entries

# A time that is known to no month is of any day.
_MOST_DAYS = 31


class OwnResults:
    """Policy-specific results by the key of their kind. Each distinct code is looked up once."""

    def __init__(self, kinds: Iterable[ResultKind], draws: Draws, context: ChartContext) -> None:
        """`kinds`: those that the policies in use ask for; `draws`: which draw a result comes from."""
        self._kinds = tuple(kind for kind in kinds if kind.type == "Observation")
        self._of_code = ResultKinds(self._kinds)
        self._draws = draws
        self._context = context
        self._known: dict[Kind, list[MatchedKind]] = {}
        self._found: defaultdict[str, list[LabResult]] = defaultdict(list)
        self._beside: list[tuple[Observation, str, MatchedKind]] = []
        self._statements: defaultdict[str, set[Fasting]] = defaultdict(set)

    def __bool__(self) -> bool:
        """Whether any kind is asked for."""
        return bool(self._of_code)

    def has(self, observation: Observation, kind: Kind) -> bool:
        """Whether an Observation, or one of its components, is of a kind that is asked for."""
        known = self._known.get(kind)
        if known is None:
            known = self._known[kind] = self._of_code.of(observation.code, kind.named)
        return bool(known or observation.component)

    def add(self, observation: Observation, full_url: str | None, kind: Kind) -> None:
        """Reads an Observation that has passed the filter of status and subject."""
        name = reference_to(observation, full_url)
        self._add(observation, name, self._known[kind])
        for component in entries(observation.component, Component):
            found = self._of_code.of(component.code)
            if found and Concept.FASTING_STATUS not in found[0].concepts:
                self._add(_as_observation(observation, component), name, found)

    def _add(self, observation: Observation, name: str, found: Iterable[MatchedKind]) -> None:
        for one in found:
            if one.kind.beside:
                self._beside.append((observation, name, one))
            else:
                self._read(observation, name, one)

    def _read(self, observation: Observation, name: str, one: MatchedKind) -> None:
        self._found[one.kind.key].append(result_of(observation, name, one, self._draws, self._context))
        if Concept.FASTING_STATUS in one.concepts and one.sure:
            self._keep_fasting_statement(self._draws.of(observation, name), answer_of(observation))

    def _keep_fasting_statement(self, draw: Draw, fasting: Fasting) -> None:
        """Keeps a statement about fasting for the other results of the same blood draw."""
        if fasting is not Fasting.UNSTATED:
            for key in (draw.specimen, draw.taken, *draw.together):
                self._statements[key].add(fasting)

    def results(self) -> dict[str, list[LabResult]]:
        """Results by kind, with fasting statements from other Observations of the same draw.

        Kinds that only count beside another result (glucose beside C-peptide) may have hundreds: those of other days
        are not read.
        """
        days = {key: _days_of(self._found[key]) for key in {one.kind.beside for _, _, one in self._beside}}
        for observation, name, one in self._beside:
            near = days[one.kind.beside]
            if near is None or (near and _may_be_on(effective_time(observation, self._context), near)):
                self._read(observation, name, one)
        return {kind.key: [self._with_statement(result) for result in self._found[kind.key]] for kind in self._kinds}

    def _with_statement(self, result: LabResult) -> LabResult:
        report = result.report
        if report is None or report.fasting is not Fasting.UNSTATED or not self._statements:
            return result
        said = frozenset[Fasting]().union(*(self._statements.get(key, ()) for key in _keys_of(report.draw)))
        if not said:
            return result
        fasting = next(iter(said)) if len(said) == 1 else Fasting.CONFLICTING
        return replace(result, report=replace(report, fasting=fasting, fasting_source=f"fasting status: {fasting}"))


def _as_observation(observation: Observation, component: Component) -> Observation:
    """A component as a result of its own, with the status, time and specimen of the whole."""
    boolean = component.valueBoolean
    return structs.replace(
        observation,
        code=component.code,
        valueQuantity=component.valueQuantity,
        valueString=component.valueString,
        valueCodeableConcept=component.valueCodeableConcept,
        valueInteger=component.valueInteger,
        valueBoolean=b"" if boolean is None else str(boolean).lower().encode(),
        valueRatio=component.valueRatio,
        interpretation=component.interpretation,
        referenceRange=component.referenceRange,
        component=b"",
    )


def _keys_of(draw: Draw) -> list[str]:
    """What a result shares with others that are surely of its draw: the specimen, the time, else the report."""
    own = [key for key in (draw.specimen, draw.taken) if key]
    return own if draw.taken else [*own, *draw.together]


def _days_of(results: Iterable[LabResult]) -> set[date] | None:
    """The days of some results, a day more or less, since clocks of servers differ; None where it may be any day."""
    days: set[date] = set()
    for result in results:
        span = (result.when.last - result.when.first).days if result.when is not None else _MOST_DAYS + 1
        if result.when is None or span > _MOST_DAYS:
            return None
        days.update(result.when.first + timedelta(days=n) for n in range(-1, span + 2))
    return days


def _may_be_on(when: When | None, days: Set[date]) -> bool:
    """Whether a time may be on one of these days."""
    span = (when.last - when.first).days if when is not None else _MOST_DAYS + 1
    return when is None or span > _MOST_DAYS or any(when.first + timedelta(days=n) in days for n in range(span + 1))
