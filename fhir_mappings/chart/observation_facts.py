"""The facts from a chart's Observations, collected while they are read."""

from __future__ import annotations

from dataclasses import dataclass, field

from cds_service.facts import GlucoseReading, LabResult, OtherReading, Record, SensorReading
from fhir_mappings.chart.context import reference_to
from fhir_mappings.json.clinical_views import Observation


@dataclass(slots=True)
class ObservationFacts:
    """Facts from Observations. `of_kinds`: results that only some policies ask for, by the key of their kind."""

    hba1c: list[LabResult] = field(default_factory=list)
    albumin_creatinine: list[LabResult] = field(default_factory=list)
    egfr: list[LabResult] = field(default_factory=list)
    self_test_counts: list[LabResult] = field(default_factory=list)
    sensor: list[SensorReading] = field(default_factory=list)
    sensor_wear: list[LabResult] = field(default_factory=list)
    sensor_summaries: list[Record] = field(default_factory=list)
    of_kinds: dict[str, list[LabResult]] = field(default_factory=dict)
    _tests: dict[tuple[object, ...], GlucoseReading] = field(default_factory=dict)
    _others: dict[tuple[object, ...], OtherReading] = field(default_factory=dict)
    newest_sensor_stamp: str = ""
    _newest_sensor: Observation | None = None

    def add_test(self, reading: GlucoseReading, key: tuple[object, ...]) -> None:
        """Adds a finger-stick once: the same minute, value and code again is a duplicate."""
        kept = self._tests.setdefault(key, reading)
        if kept is not reading and reading.reference < kept.reference:
            self._tests[key] = reading  # of duplicates the same one speaks, whichever came first

    def add_other(self, reading: OtherReading, key: tuple[object, ...]) -> None:
        """Adds a reading that is no self-test, or not known to be one, once."""
        whole = (reading.origin, *key)
        if reading.reference < self._others.setdefault(whole, reading).reference:
            self._others[whole] = reading

    @property
    def self_tests(self) -> list[GlucoseReading]:
        """The finger-sticks, each once."""
        return list(self._tests.values())

    @property
    def other_readings(self) -> list[OtherReading]:
        """The readings that count as no self-test, each once."""
        return list(self._others.values())

    def note_newest_sensor(self, stamp: str, *observations: Observation) -> None:
        """Keeps the newest sensor reading as evidence; of equally new ones always the same."""
        for observation in observations:
            newer = stamp > self.newest_sensor_stamp
            if newer or (stamp == self.newest_sensor_stamp and reference_to(observation, None) > self.sensor_reference):
                self.newest_sensor_stamp, self._newest_sensor = stamp, observation

    @property
    def sensor_reference(self) -> str:
        """The newest sensor reading, as evidence refers to it."""
        return reference_to(self._newest_sensor, None) if self._newest_sensor is not None else ""
