"""One member: lines of an export in, rows out. Pure: no clock, no network, the same in every process and engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cds_service.concepts import DIABETES
from cds_service.engine.assessment import Assessment
from cds_service.engine.determine import not_applicable
from cds_service.engine.policy import Policy
from cds_service.errors import ServiceError
from cds_service.facts import Chart, ChartSection, DeviceOrder, Scope
from cds_service.policies.registry import policies_in_use, questionnaires_of, result_kinds
from cds_service.services.assess_orders import assess
from cds_service.services.member_roster import load_roster
from cds_service.services.population.deletions import is_deleted
from cds_service.services.population.member_orders import chart_orders, synthetic_order
from cds_service.services.population.member_references import referenced
from cds_service.services.population.rows import (
    Flags,
    JudgedMember,
    Reason,
    change_row,
    criterion_rows,
    member_row,
    reason_of,
)
from cds_service.services.population.run_rules import Orders, RunRules
from fhir_mappings.chart.chart_reader import ChartReader, newest_versions
from fhir_mappings.chart.context import type_of
from fhir_mappings.chart.observation_screen import ObservationScreen, id_of, is_observation
from fhir_mappings.common.cpu_budget import cpu_budget
from fhir_mappings.json.clinical_views import Patient, Resource
from fhir_mappings.json.export_lines import read_lines
from fhir_mappings.json.search_result import Located, SearchResult, failed
from fhir_mappings.json.server_messages import types_of

# The lines of resources that no patient is named on, by `Type/id`; roles also by their practitioner.
FindShared = Callable[[Iterable[str]], Sequence[bytes]]
# Of computing time for one member, however large the chart is.
_MOST_SECONDS = 60.0
_ROUNDS = 3
# Of one member's lines: ten years of a sensor's readings are 500 MB, a long chart without them 10 MB.
MOST_MEMBER_BYTES = 200_000_000
TOO_LONG = "a chart has an element that is longer than any that is read: it was not judged"
TOO_LARGE = f"a chart is larger than {MOST_MEMBER_BYTES // 1_000_000} MB: its Observations were not read"


def no_shared_resources(_references: Iterable[str]) -> Sequence[bytes]:
    """A `FindShared` that finds nothing: for exports in which every line names its patient."""
    return ()


class MemberJudge:
    """Judges members under the rules of one run."""

    def __init__(self, rules: RunRules, find_shared: FindShared = no_shared_resources) -> None:
        """BadSetting for a policy that is not held, or a roster that cannot be read."""
        self._rules = rules
        self._find_shared = find_shared
        self._roster = load_roster(Path(rules.roster)) if rules.roster else None
        self._policies = policies_in_use(",".join(rules.policies))
        self._scenarios = [
            (each, policies_in_use(",".join(each.policies)) if each.policies else self._policies)
            for each in rules.scenarios
        ]
        known = {policy.id: policy for _, policies in self._scenarios for policy in policies}
        self._all_policies = (*self._policies, *(p for p in known.values() if p not in self._policies))
        self._kinds = result_kinds(self._all_policies)
        self._questionnaires = questionnaires_of(self._all_policies)
        self._screen = ObservationScreen(self._kinds)
        # Nobody changes what they hold: they are the same for all members but a few.
        keys = (*ChartSection, *(kind.key for kind in self._kinds))
        self._plain_sections: Mapping[str, SearchResult] = {key: self._section(key, {}) for key in keys}
        nothing = not_applicable(_NO_ORDER, rules.as_of, self._policies[0].id)
        self._without_order = Assessment(_NO_ORDER, nothing, self._policies[0].on(rules.as_of, rules.overrides))
        reader = self._reader("member", self._plain_sections, [], [])
        self._new_order = synthetic_order("member", rules.as_of, reader)

    def judge(self, member: str, lines: Sequence[bytes], merged: Sequence[str] = ()) -> JudgedMember:
        """The rows of one member. `merged`: ids of patients that were merged into this one."""
        try:
            with cpu_budget(_MOST_SECONDS):
                return self._judged(member, lines, merged)
        except ServiceError:  # as a call is refused that brings such a chart along
            return self._not_judged(member, Reason.TOO_LARGE, TOO_LONG)
        except Exception as error:  # one chart ends no run of a million; its member is counted, and the problem too
            return self._not_judged(member, Reason.FAILED, f"a chart could not be judged ({type(error).__name__})")

    def _not_judged(self, member: str, reason: Reason, problem: str) -> JudgedMember:
        row = member_row(member, self._without_order, reason.value, Flags())
        return JudgedMember(member, [row], problems=[("", problem)])

    def _judged(self, member: str, lines: Sequence[bytes], merged: Sequence[str]) -> JudgedMember:
        needed, too_large = self._needed(lines)
        own = self._read_lines(needed)
        patient = next((r for r, _ in own.resources if type(r) is Patient and r.id == member), None)
        if patient is None and f"Patient/{member}" in self._rules.deletions:
            return JudgedMember(member)
        own.resources += self._aliases(patient or Patient(id=member), merged)
        sections = self._sections(member, too_large=too_large)
        reader, orders = self._read(member, own, sections)
        found = JudgedMember(member, problems=[*_problems(own.set_aside), *([("", TOO_LARGE)] if too_large else [])])
        chart = reader.chart()
        flags = _flags(chart, patient is not None)
        if not orders:
            found.members.append(member_row(member, self._without_order, Reason.NO_ORDER.value, flags))
        else:
            self._add_rows(found, orders, chart, flags)
        return found

    def _add_rows(self, found: JudgedMember, orders: Sequence[DeviceOrder], chart: Chart, flags: Flags) -> None:
        member = found.member
        assessments = self._assess(orders, chart, self._policies, self._rules.overrides)
        for assessment in assessments:
            found.members.append(member_row(member, assessment, reason_of(assessment), flags))
            found.criteria += criterion_rows(member, assessment.determination)
            if self._rules.list_gap:
                found.evidence |= _evidence(assessment, self._rules.list_gap)
        for scenario, policies in self._scenarios:
            after = self._assess(orders, chart, policies, {**self._rules.overrides, **scenario.overrides})
            for n in range(max(len(assessments), len(after))):
                before, changed = assessments[min(n, len(assessments) - 1)], after[min(n, len(after) - 1)]
                row = change_row(scenario.name, member, before, changed)
                if row is not None:
                    found.changes.append(row)

    def _assess(
        self, orders: Sequence[DeviceOrder], chart: Chart, policies: Sequence[Policy], overrides: Mapping[str, Any]
    ) -> tuple[Assessment, ...]:
        day = self._rules.as_of
        return assess(orders, chart, (day, day), policies, overrides=overrides, members=self._roster)

    def _read(
        self, member: str, own: SearchResult, sections: Mapping[str, SearchResult]
    ) -> tuple[ChartReader, list[DeviceOrder]]:
        """The chart and the order that is judged, with the shared resources that they refer to."""
        extras, orders = [own], self._rules.orders is Orders.CHART
        reader = self._reader(member, sections, extras, [])
        known: set[str] = set()
        for _ in range(_ROUNDS):
            wanted = [each for each in referenced(reader, orders=orders) if each not in known]
            lines = self._find_shared(wanted) if wanted else ()
            if not lines:
                break
            known.update(wanted)
            extras.append(self._read_lines(lines))
            reader = self._reader(member, sections, extras, [])
        if not orders:
            return reader, [replace(self._new_order, subject_reference=f"Patient/{member}")]
        chosen, located = chart_orders(reader, self._rules.as_of)
        if located:
            rest = replace(own, resources=[each for each in own.resources if each[0] is not located[0][0]])
            reader = self._reader(member, sections, [rest, *extras[1:]], located)
        return reader, chosen

    def _reader(
        self,
        member: str,
        sections: Mapping[str, SearchResult],
        extras: Sequence[SearchResult],
        orders: Sequence[Located],
    ) -> ChartReader:
        rules = self._rules
        return ChartReader(
            sections,
            orders,
            member,
            rules.server,
            rules.time_zone,
            extras,
            kinds=self._kinds,
            questionnaires=self._questionnaires,
        )

    def _needed(self, lines: Sequence[bytes]) -> tuple[Sequence[bytes], bool]:
        """The lines that are read, and whether the chart is too large, so that its Observations are left out.

        Of a member with no diabetes and no insulin Observations that no rule can read are passed over. Where a version
        of an Observation is passed over, so must the others be: else an old one would count.
        """
        if sum(map(len, lines)) > MOST_MEMBER_BYTES:
            return [line for line in lines if not is_observation(line)], True
        if self._rules.all_in_full or any(map(_mentions_diabetes, lines)):
            return lines, False
        kept: list[bytes] = []
        passed_over: set[str] = set()
        for line in lines:
            name = self._screen.passed_over(line) if is_observation(line) else None
            if name is None:
                kept.append(line)
            else:
                passed_over.add(name)
        ids = {found for line in kept if is_observation(line) and (found := id_of(line))}
        return (lines if ids & passed_over else kept), False

    def _read_lines(self, lines: Iterable[bytes]) -> SearchResult:
        """The resources of some lines, each once and in its newest version, in an order of their own."""
        found = read_lines(sorted(lines))
        names = {(type(resource), resource.id) for resource, _ in found.resources}
        if len(names) < len(found.resources):
            found.resources = [each for items in found.by_type().values() for each in newest_versions(items)]
        deletions = self._rules.deletions
        if deletions:
            found.resources = [each for each in found.resources if not _is_deleted(each[0], deletions)]
        return found

    def _sections(self, member: str, *, too_large: bool) -> Mapping[str, SearchResult]:
        """The parts of the chart as searches that found nothing of their own, failed where a type was not retrieved."""
        own = dict(self._rules.of_members.get(member, {}))
        if too_large:
            own["Observation"] = TOO_LARGE
        if not own:
            return self._plain_sections
        return {section: self._section(section, own) for section in self._plain_sections}

    def _section(self, section: str, of_member: Mapping[str, str]) -> SearchResult:
        types = types_of(section)
        for name, why in self._rules.unread.items():
            if name in types:
                return failed(why)
        found = SearchResult()
        for name, why in (*self._rules.partial.items(), *of_member.items()):
            if name in types:
                found.mark_partial(why)
        return found

    def _aliases(self, patient: Resource, merged: Sequence[str]) -> list[Located]:
        """The patient under the references of those that were merged into it."""
        if not merged:
            return []
        bases = ("", f"{self._rules.server}/") if self._rules.server else ("",)
        urls = [f"{base}Patient/{each}" for each in merged for base in bases]
        return [(patient, url) for url in (*urls, *(f"urn:uuid:{each}" for each in merged))]


# As the reader of a chart names what it sets aside; the id is not repeated.
_SET_ASIDE = " was set aside: "
_TYPE = re.compile(r"(?:a )?([A-Za-z]++)\b")


def _problems(set_aside: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Type and problem of each resource that could not be read."""
    for words in set_aside:
        name, says, problem = words.rpartition(_SET_ASIDE)
        found = _TYPE.match(name) if says else None
        yield (found[1], f"set aside: {problem}") if found else ("", "a line is no resource")


_NO_ORDER = DeviceOrder("", "", "", Scope.OTHER)


def _mentions_diabetes(line: bytes) -> bool:
    """Whether a line may be about diabetes or insulin, by words and codes; a false yes only costs time."""
    return not is_observation(line) and any(each in line for each in _ABOUT_DIABETES)


# ICD-10's categories, SNOMED CT's codes of the two types, and words.
_ABOUT_DIABETES = (b'"E08', b'"E09', b'"E10', b'"E11', b'"E13', b'"46635009"', b'"44054006"', b"iabet", b"nsulin")


def _is_deleted(resource: Resource, deletions: Mapping[str, str]) -> bool:
    updated = resource.meta.lastUpdated if resource.meta is not None else None
    return is_deleted(deletions, f"{type_of(resource)}/{resource.id}", updated)


def _flags(chart: Chart, has_patient: bool) -> Flags:
    diabetes = any(d.confirmed and d.all_concepts & DIABETES for d in chart.diagnoses)
    return Flags(diabetes, bool(chart.insulin), bool(chart.pumps), has_patient)


def _evidence(assessment: Assessment, section: str) -> dict[tuple[str, str], tuple[str, ...]]:
    determination = assessment.determination
    finding = determination.findings.get(section)
    if finding is None:
        return {}
    return {(determination.policy_id, section): tuple(dict.fromkeys(each.reference for each in finding.evidence))}
