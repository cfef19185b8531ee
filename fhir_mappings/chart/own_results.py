"""The results that policies ask for on their own, gathered while Observations are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from msgspec import structs

from cds_service.concepts import Concept
from cds_service.facts import Draw, Fasting, LabResult, ResultKind, When
from fhir_mappings.chart.context import ChartContext, reference_to
from fhir_mappings.chart.draws import Draws
from fhir_mappings.chart.fasting import Component, answer_of
from fhir_mappings.chart.observation_kind import Kind
from fhir_mappings.chart.result_kinds import KindOfResult, ResultKinds, result_of
from fhir_mappings.json.clinical_views import Observation
from fhir_mappings.json.raw_elements import entries

_DAY = timedelta(days=1)


class OwnResults:
    """Results by the key of their kind. Each distinct code is looked at once."""

    def __init__(self, kinds: Iterable[ResultKind], draws: Draws, context: ChartContext) -> None:
        """`kinds`: those that the policies in use ask for; `draws`: which draw a result comes from."""
        self._kinds = tuple(kind for kind in kinds if kind.type == "Observation")
        self._of_code = ResultKinds(self._kinds)
        self._draws = draws
        self._context = context
        self._known: dict[Kind, list[KindOfResult]] = {}
        self._found: defaultdict[str, list[LabResult]] = defaultdict(list)
        self._statements: list[tuple[Draw, When | None, Fasting]] = []

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

    def _add(self, observation: Observation, name: str, found: Iterable[KindOfResult]) -> None:
        for one in found:
            result = result_of(observation, name, one, self._draws, self._context)
            self._found[one.kind.key].append(result)
            if Concept.FASTING_STATUS in one.concepts and one.sure:
                self._statements.append((self._draws.of(observation, name), result.when, answer_of(observation)))

    def results(self) -> dict[str, list[LabResult]]:
        """What was read, by kind: with what was stated on fasting apart, and without what stands beside nothing."""
        stated = {key: [self._with_statement(result) for result in results] for key, results in self._found.items()}
        return {kind.key: list(_beside(kind, stated)) for kind in self._kinds}

    def _with_statement(self, result: LabResult) -> LabResult:
        report = result.report
        if report is None or report.fasting is not Fasting.UNSTATED or not self._statements:
            return result
        said = {
            fasting
            for draw, when, fasting in self._statements
            if fasting is not Fasting.UNSTATED and _is_one_draw(report.draw, draw) and _share_a_day(result.when, when)
        }
        if not said:
            return result
        fasting = said.pop() if len(said) == 1 else Fasting.CONFLICTING
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


def _is_one_draw(one: Draw, other: Draw) -> bool:
    """Whether two results are surely of one draw."""
    if one.specimen and one.specimen == other.specimen:
        return True
    if one.taken and other.taken:
        return one.taken == other.taken
    return bool(one.together & other.together)


def _beside(kind: ResultKind, results: dict[str, list[LabResult]]) -> Iterable[LabResult]:
    """The results of a kind; of one that only counts beside another those of its days."""
    own = results.get(kind.key, [])
    if not kind.beside:
        return own
    days = [other.when for other in results.get(kind.beside, ())]
    return [result for result in own if any(_share_a_day(result.when, when) for when in days)]


def _share_a_day(one: When | None, other: When | None) -> bool:
    """Whether two times may be of one day, a day more or less: clocks of servers differ."""
    if one is None or other is None:
        return True
    return one.first <= other.last + _DAY and other.first <= one.last + _DAY
