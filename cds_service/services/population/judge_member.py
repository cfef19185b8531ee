"""One member: lines of an export in, rows out. Pure: no clock, no network, the same in every process and engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cds_service.concepts import DIABETES
from cds_service.engine.assessment import Assessment
from cds_service.engine.determine import not_applicable
from cds_service.engine.policy import Policy
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
from fhir_mappings.chart.chart_reader import ChartReader, newest_of_each
from fhir_mappings.chart.context import type_of
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


def nothing_shared(_references: Iterable[str]) -> Sequence[bytes]:
    """For exports in which every line names its patient."""
    return ()


class MemberJudge:
    """Judges members under the rules of one run."""

    def __init__(self, rules: RunRules, find_shared: FindShared = nothing_shared) -> None:
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

    def judge(self, member: str, lines: Sequence[bytes], merged: Sequence[str] = ()) -> JudgedMember:
        """The rows of one member. `merged`: ids of patients that were merged into this one."""
        with cpu_budget(_MOST_SECONDS):
            return self._judged(member, lines, merged)

    def _judged(self, member: str, lines: Sequence[bytes], merged: Sequence[str]) -> JudgedMember:
        own = self._read_lines(lines)
        has_patient = any(isinstance(r, Patient) and r.id == member for r, _ in own.resources)
        if not has_patient and f"Patient/{member}" in self._rules.deletions:
            return JudgedMember(member)
        own.resources += self._aliases(member, own.resources, merged)
        reader, orders = self._read(member, own)
        if not orders:
            chart = reader.chart()
            nothing = not_applicable(_NO_ORDER, self._rules.as_of, self._policies[0].id)
            in_force = self._policies[0].on(self._rules.as_of, self._rules.overrides)
            row = member_row(
                member, Assessment(_NO_ORDER, nothing, in_force), Reason.NO_ORDER.value, _flags(chart, has_patient)
            )
            return JudgedMember(member, [row])
        chart = reader.chart()
        return self._rows(member, orders, chart, has_patient)

    def _rows(self, member: str, orders: Sequence[DeviceOrder], chart: Chart, has_patient: bool) -> JudgedMember:
        found = JudgedMember(member)
        flags = _flags(chart, has_patient)
        assessments = self._assess(orders, chart, self._policies, self._rules.overrides)
        for assessment in assessments:
            found.members.append(member_row(member, assessment, reason_of(assessment), flags))
            found.criteria += criterion_rows(member, assessment.determination)
            if self._rules.list_gap:
                found.evidence |= _evidence(assessment, self._rules.list_gap)
        for scenario, policies in self._scenarios:
            after = self._assess(orders, chart, policies, {**self._rules.overrides, **scenario.overrides})
            for before, changed in zip(assessments, after, strict=False):
                row = change_row(scenario.name, member, before, changed)
                if row is not None:
                    found.changes.append(row)
        return found

    def _assess(
        self, orders: Sequence[DeviceOrder], chart: Chart, policies: Sequence[Policy], overrides: Mapping[str, Any]
    ) -> tuple[Assessment, ...]:
        day = self._rules.as_of
        return assess(orders, chart, (day, day), policies, overrides=overrides, members=self._roster)

    def _read(self, member: str, own: SearchResult) -> tuple[ChartReader, list[DeviceOrder]]:
        """The chart and the order that is judged, with the shared resources that they refer to."""
        extras, orders = [own], self._rules.orders is Orders.CHART
        reader = self._reader(member, extras, [])
        known: set[str] = set()
        for _ in range(_ROUNDS):
            wanted = [each for each in referenced(reader, orders=orders) if each not in known]
            lines = self._find_shared(wanted) if wanted else ()
            if not lines:
                break
            known.update(wanted)
            extras.append(self._read_lines(lines))
            reader = self._reader(member, extras, [])
        if not orders:
            return reader, [synthetic_order(member, self._rules.as_of, reader)]
        chosen, located = chart_orders(reader, self._rules.as_of)
        if located:
            rest = replace(own, resources=[each for each in own.resources if each[0] is not located[0][0]])
            reader = self._reader(member, [rest, *extras[1:]], located)
        return reader, chosen

    def _reader(self, member: str, extras: Sequence[SearchResult], orders: Sequence[Located]) -> ChartReader:
        rules = self._rules
        return ChartReader(
            self._sections(member),
            orders,
            member,
            rules.server,
            rules.time_zone,
            extras,
            kinds=self._kinds,
            questionnaires=self._questionnaires,
        )

    def _read_lines(self, lines: Iterable[bytes]) -> SearchResult:
        """The resources of some lines, each once and in its newest version, in an order of their own."""
        found = read_lines(sorted(lines))
        found.resources = [each for items in found.by_type().values() for each in newest_of_each(items)]
        deletions = self._rules.deletions
        if deletions:
            found.resources = [each for each in found.resources if not _is_deleted(each[0], deletions)]
        return found

    def _sections(self, member: str) -> dict[str, SearchResult]:
        """The parts of the chart as searches that found nothing of their own, failed where a type was not retrieved."""
        return {
            section: self._section(section, self._rules.of_members.get(member, {}))
            for section in (*ChartSection, *(kind.key for kind in self._kinds))
        }

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

    def _aliases(self, member: str, resources: Sequence[Located], merged: Sequence[str]) -> list[Located]:
        """The patient under the references of those that were merged into it."""
        if not merged:
            return []
        patient = next((r for r, _ in resources if isinstance(r, Patient) and r.id == member), Patient(id=member))
        bases = ("", f"{self._rules.server}/") if self._rules.server else ("",)
        urls = [f"{base}Patient/{each}" for each in merged for base in bases]
        return [(patient, url) for url in (*urls, *(f"urn:uuid:{each}" for each in merged))]


_NO_ORDER = DeviceOrder("", "", "", Scope.OTHER)


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
