"""Builds the Chart from the search results of one call: reads each resource type and sorts the facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from operator import attrgetter
from types import MappingProxyType
from typing import Any

import msgspec

from cds_service.concepts import Concept
from cds_service.facts import Chart, ChartSection, GlucoseReading, PractitionerVisit, ResultKind
from cds_service.facts import Coverage as MemberCoverage
from fhir_mappings.chart.attestations import Questionnaires, read_attestations
from fhir_mappings.chart.conditions import read_conditions
from fhir_mappings.chart.context import ChartContext, type_name, type_of
from fhir_mappings.chart.coverage import read_coverages, state_of_plan
from fhir_mappings.chart.devices import read_devices
from fhir_mappings.chart.draws import Draws
from fhir_mappings.chart.encounters import read_encounters
from fhir_mappings.chart.medications import read_insulin
from fhir_mappings.chart.observations import read_observations
from fhir_mappings.chart.person import read_person
from fhir_mappings.chart.practitioner_visits import read_practitioner_visits
from fhir_mappings.chart.procedures import read_procedures
from fhir_mappings.chart.providers import Providers, read_care_team
from fhir_mappings.chart.pump_uses import read_pump_uses
from fhir_mappings.chart.sensor_signs import read_sensor_signs
from fhir_mappings.common import terminology
from fhir_mappings.common.cpu_budget import USED_UP, is_budget_used_up, items_within_budget
from fhir_mappings.common.dates import calendar_of, member_zone
from fhir_mappings.common.references import PatientIdentity, SubjectMatch
from fhir_mappings.json.administrative_views import Coverage, PractitionerRole
from fhir_mappings.json.clinical_views import Patient, Resource
from fhir_mappings.json.search_result import Located, SearchResult, Status
from fhir_mappings.json.server_messages import types_of

Groups = defaultdict[type[Resource], list[Located]]
_OPEN = ("draft", "active", "on-hold")
_SECTIONS: tuple[str, ...] = tuple(ChartSection)
_DRUG_ORDERS = frozenset({"MedicationRequest", "MedicationStatement", "MedicationDispense"})


class ChartReader:
    """The resources of one call; gives the Chart and resolves what the orders refer to."""

    def __init__(
        self,
        search_results: Mapping[str, SearchResult],
        order_entries: Iterable[Located],
        patient_id: str,
        fhir_server: str | None,
        default_zone: str,
        extras: Iterable[SearchResult] = (),
        kinds: Sequence[ResultKind] = (),
        questionnaires: Questionnaires = MappingProxyType({}),
    ) -> None:
        """`order_entries`: resources of the draftOrders Bundle, which orders may refer to; not part of the chart.

        `extras`: prefetch values under other keys than ours; their resources are read by type like the rest. `kinds`:
        results that the policies in use ask for on their own; `search_results` may hold one under each kind's key.
        `questionnaires`: those whose answers count as attestations.
        """
        self._search_results = search_results
        self._kinds = tuple(kinds)
        self._extras = tuple(extras)
        self._questionnaires = questionnaires
        self._unreached: set[str] = set()
        asked = dict.fromkeys(kind.chart_section for kind in self._kinds)
        self._sections = (*_SECTIONS, *asked)  # in an order of our own
        self._all = [*(search_results[each] for each in self._sections if each in search_results), *self._extras]
        located = _merge_groups(reading.by_type() for reading in self._all if reading.resources)
        self.located = located
        self._by_type = _newest_by_type(located)
        with_orders = _merge_groups((located, SearchResult(resources=list(order_entries)).by_type()))
        patients = [(r, url) for r, url in with_orders[Patient] if isinstance(r, Patient) and r.id == patient_id]
        identity = PatientIdentity(patient_id, fhir_server, (url for _, url in patients if url))
        self.state, postal = _home_state_and_zip(patients)
        # An order may come with the coverage that it names.
        insured = newest_versions(with_orders[Coverage])
        self._coverages = [(r, url) for r, url in insured if isinstance(r, Coverage)]
        own = (r for r, _ in self._coverages if identity.subject_match(r.beneficiary) is not SubjectMatch.OTHER)
        plan_state = state_of_plan(own)
        calendar = calendar_of(member_zone(plan_state or self.state, postal, default_zone))
        self.zone = calendar.zone
        self.context = ChartContext(identity, calendar, fhir_server)
        self.context.person = read_person((patient for patient, _ in patients), calendar)
        self.context.index(with_orders)
        roles = [r for r, _ in with_orders[PractitionerRole] if isinstance(r, PractitionerRole)]
        self.providers = Providers(roles, self.context)

    def origins(self, references: Collection[str]) -> dict[str, str]:
        """Where the resources behind these references came from: `prefetch` or `fetched`."""
        ids = {reference.partition("/")[2] for reference in references}
        found: dict[str, str] = {}
        for reading in self._all:
            given = len(reading.resources) if reading.given is None else reading.given
            for origin, items in (("prefetch", reading.resources[:given]), ("fetched", reading.resources[given:])):
                for resource in [resource for resource, _ in items if resource.id in ids]:
                    found.setdefault(f"{type_of(resource)}/{resource.id}", origin)
        return found

    def _incomplete_sections(self) -> dict[str, str]:
        """Chart sections that may be incomplete, with the reason: a missing page, an unread drug, used-up CPU time."""
        lacking: dict[str, str] = {t: r.why for t, r in self._search_results.items() if r.status is Status.PARTIAL}
        if self.context.unresolved_drugs:
            lacking.setdefault(ChartSection.INSULIN, "the drug of an order could not be read")
        if any(reading.damaged & _DRUG_ORDERS for reading in self._all):
            lacking.setdefault(ChartSection.INSULIN, "an order could not be read whole")
        for section in self._sections if self._unreached else ():
            if not self._unreached.isdisjoint(types_of(section)):
                lacking.setdefault(section, USED_UP)
        return lacking

    def coverage_only(self) -> Chart:
        """The member's coverages alone, for a first look before the rest of the chart is fetched."""
        return Chart(coverages=self._read_coverages(), state=self.state)

    def _read_coverages(self) -> tuple[MemberCoverage, ...]:
        coverages = items_within_budget(self._coverages, partial(self._unreached.add, "Coverage"))
        return tuple(sorted(read_coverages(coverages, self.context), key=lambda c: c.reference))

    def _within_budget(self, *kinds: str) -> Iterator[Any]:
        """Resources of these types until the call's CPU budget is used up; types that were cut short are noted."""
        return chain.from_iterable(
            items_within_budget(self._by_type[kind], partial(self._unreached.add, kind)) for kind in kinds
        )

    def _note_incomplete_results(self) -> None:
        """Notes what was set aside of the answers, and remarks on them."""
        for reading in (*self._search_results.values(), *self._extras):
            for line in (*reading.set_aside, *reading.remarks):
                self.context.note(line)

    def _practitioner_visits(self) -> list[PractitionerVisit]:
        """Visits of whatever reason, where a policy asks for them."""
        if not any(kind.type == "Encounter" for kind in self._kinds):
            return []
        return read_practitioner_visits(self._within_budget("Encounter"), self.providers, self.context)

    def chart(self) -> Chart:
        """The facts of the chart, every list sorted."""
        context, kinds, reached = self.context, self._by_type, self._within_budget
        self._note_incomplete_results()
        draws = Draws(context, kinds["DiagnosticReport"], kinds["Observation"])
        observed = read_observations(reached("Observation"), context, self._kinds, draws)
        diagnoses = read_conditions(reached("Condition"), context)
        visits, taught = read_encounters(reached("Encounter"), diagnoses, context)
        done = read_procedures(reached("Procedure", "ChargeItem"), context)
        confirmed = [d for d in diagnoses if d.confirmed]
        training = [d for d in confirmed if Concept.PUMP_TRAINING in d.all_concepts]
        worn = [d for d in confirmed if d.active is not False and Concept.PUMP_IN_USE in d.all_concepts]
        pumps = read_devices(reached("Device"), reached("DeviceUseStatement"), context)
        insulin = read_insulin(reached("MedicationRequest", "MedicationStatement", "MedicationDispense"), context)
        signs = read_sensor_signs(defaultdict(list) if is_budget_used_up() else kinds, context)
        reads_uses = self._kinds and not is_budget_used_up()
        uses = read_pump_uses(kinds, diagnoses, done.pumps, insulin, context) if reads_uses else []
        return Chart(
            diagnoses=_sorted(diagnoses),
            hba1c=_sorted(observed.hba1c),
            albumin_creatinine=_sorted(observed.albumin_creatinine),
            egfr=_sorted(observed.egfr),
            self_tests=_sorted_readings(observed.self_tests),
            sensor=tuple(observed.sensor),
            sensor_reference=observed.sensor_reference,
            sensor_wear=_sorted(observed.sensor_wear),
            sensor_signs=_sorted([*observed.sensor_summaries, *signs]),
            other_readings=tuple(sorted(observed.other_readings)),
            self_test_counts=_sorted(observed.self_test_counts),
            insulin=tuple(sorted(insulin, key=lambda o: (o.reference, o.label))),
            education=_sorted([*done.education, *taught]),
            visits=_sorted(visits),
            practitioner_visits=_sorted(self._practitioner_visits()),
            dialysis=_sorted(done.dialysis),
            pumps=_sorted([*pumps, *worn]),
            pump_procedures=_sorted(done.pumps),
            pump_training=_sorted([*done.pump_training, *training]),
            pump_uses=_sorted(uses),
            answers=read_attestations(reached("QuestionnaireResponse"), self._questionnaires, context),
            care_team=tuple(read_care_team(reached("CareTeam"), self.providers, context)),
            coverages=self._read_coverages(),
            state=self.state,
            person=context.person,
            open_orders=_open_orders(reached("ServiceRequest"), context),
            results={key: _sorted(results) for key, results in observed.of_kinds.items()},
            unread={t: r.why for t, r in self._search_results.items() if r.status is Status.FAILED},
            partial=self._incomplete_sections(),
            notes=tuple(sorted(dict.fromkeys(context.all_notes()))),
        )


def _merge_groups(groups: Iterable[Mapping[type[Resource], list[Located]]]) -> Groups:
    """The resources of all groups by type; the given groups are not changed."""
    held: defaultdict[type[Resource], list[list[Located]]] = defaultdict(list)
    for group in groups:
        for kind, items in group.items():
            held[kind].append(items)
    whole: Groups = defaultdict(list)
    whole.update((kind, each[0] if len(each) == 1 else list(chain.from_iterable(each))) for kind, each in held.items())
    return whole


def _newest_by_type(located: Groups) -> defaultdict[str, list[Any]]:
    """Resources by type without duplicates: of several with one id the newest version."""
    by_type: defaultdict[str, list[Any]] = defaultdict(list)
    for kind, items in located.items():
        ids = {resource.id for resource, _ in items}
        each_once = len(ids) == len(items) and ids.isdisjoint((None, ""))
        by_type[type_name(kind)] = items if each_once else newest_versions(items)
    return by_type


def newest_versions(items: Iterable[Located]) -> list[Located]:
    """Each resource once: of several with one id the newest version."""
    versions: dict[object, list[Located]] = {}
    for item in items:
        versions.setdefault(item[0].id or msgspec.json.encode(item[0]), []).append(item)
    return [found[0] if len(found) == 1 else _newest_version(found) for found in versions.values()]


def _newest_version(found: Sequence[Located]) -> Located:
    """The newest version; among equally new ones the last in order of their JSON, so that the answer never varies."""
    return max(found, key=lambda item: (_version(item[0]), msgspec.json.encode(item[0])))


def _version(resource: Resource) -> tuple[str, int]:
    meta = resource.meta
    number = (meta.versionId or "") if meta else ""
    return _instant(meta.lastUpdated if meta else None), int(number) if number.isdecimal() and len(number) < 19 else 0


def _instant(text: str | None) -> str:
    """An instant as text that sorts by time, whatever offset it came with."""
    try:
        return datetime.fromisoformat(text or "").astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return ""


def _home_state_and_zip(patients: Iterable[tuple[Patient, str | None]]) -> tuple[str | None, str | None]:
    """State and ZIP of the home address, else of any address."""
    addresses = [a for patient, _ in patients for a in patient.address or () if a.state or a.postalCode]
    homes = [a for a in addresses if a.use in ("home", None)] or addresses
    if not homes:
        return None, None
    state = (homes[0].state or "").strip().upper()
    return _STATE_NAMES.get(state, state) or None, homes[0].postalCode


_STATE_NAMES = {"GEORGIA": "GA", "INDIANA": "IN", "OHIO": "OH", "WEST VIRGINIA": "WV"}


def _sorted(records: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(records, key=lambda r: (str(r.when), r.reference, r.label)))


def _sorted_readings(tests: list[GlucoseReading]) -> tuple[GlucoseReading, ...]:
    """Finger-sticks sorted by time, reference and value; a missing minute or value sorts first."""
    try:
        return tuple(sorted(tests, key=_TIME_AND_NAME))
    except TypeError:  # a minute or a value beside none
        return tuple(sorted(tests, key=_reading_key))


_TIME_AND_NAME = attrgetter("day", "minute", "reference", "mg_dl")


def _reading_key(reading: Any) -> tuple[Any, ...]:
    minute = -1 if reading.minute is None else reading.minute
    return reading.day, minute, reading.reference, -1 if reading.mg_dl is None else reading.mg_dl


def _open_orders(orders: Iterable[Any], context: ChartContext) -> frozenset[str]:
    """Codes of service orders in the chart that are still open, so that they are not suggested again."""
    codes: set[str] = set()
    for order, _ in orders:
        if order.status in _OPEN:
            codes.update((c.code or "").strip().upper() for c in terminology.codings(order.code))
    return frozenset(codes)
