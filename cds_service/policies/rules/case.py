"""The case that shared rules read: an order and a chart, with what several rules need of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from cds_service.concepts import WITHOUT_STATUS, Concept
from cds_service.engine.case import Case as EngineCase
from cds_service.engine.case import attestation, cite, signed, unread, usable
from cds_service.facts import Diagnosis
from cds_service.policies.rules.glucose_data import GlucoseData, sort_readings

__all__ = ["Case", "attestation", "cite", "named", "signed", "unread", "usable"]


@dataclass(frozen=True)
class Case(EngineCase):
    """An order and a chart, with the glucose data sorted and the diagnoses by what they say."""

    @cached_property
    def glucose(self) -> GlucoseData:
        """The glucose readings, those of a sensor apart from self-tests whatever their code."""
        return sort_readings(self.chart, self.parameters["plausible_self_tests_per_day"])

    @cached_property
    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """Confirmed conditions on or before the day, whatever their clinical status."""
        return tuple(d for d in self.chart.diagnoses if d.confirmed and usable(d.when, self.as_of))

    def active(self, *concepts: Concept) -> tuple[Diagnosis, ...]:
        """Current, confirmed conditions that a sure code says to be one of these concepts."""
        wanted = frozenset(concepts)
        return tuple(d for d in self.diagnoses if d.concepts & wanted and self._is_active(d))

    def supported(self, *concepts: Concept) -> tuple[Diagnosis, ...]:
        """Current, confirmed conditions whose code says one of these concepts in several editions, or implies it."""
        wanted = frozenset(concepts)
        return tuple(d for d in self.diagnoses if d.supported & wanted and self._is_active(d))

    def for_review(self, *concepts: Concept) -> tuple[Diagnosis, ...]:
        """Conditions that may be one of these concepts, current or without a status; left to a reviewer."""
        wanted = frozenset(concepts)
        return tuple(d for d in self.diagnoses if d.review & wanted and (self._is_active(d) or self.lacks_status(d)))

    def without_status(self, *concepts: Concept) -> tuple[Diagnosis, ...]:
        """Problem-list entries of these concepts, by code, that do not say whether they are current."""
        wanted = frozenset(concepts)
        return tuple(d for d in self.diagnoses if d.coded_concepts & wanted and self.lacks_status(d))

    def lacks_status(self, diagnosis: Diagnosis) -> bool:
        """Whether nothing says that a problem-list entry is current, and nothing that it is over."""
        return diagnosis.status == WITHOUT_STATUS

    def _is_active(self, diagnosis: Diagnosis) -> bool:
        return diagnosis.active is not False and not self.contradicts_itself(diagnosis)

    def contradicts_itself(self, diagnosis: Diagnosis) -> bool:
        """Whether a condition is charted as active and also as abated by the day; left to a reviewer."""
        abated = diagnosis.abated
        return diagnosis.active is not False and abated is not None and abated.last <= self.as_of


def named(records: tuple[Diagnosis, ...] | list[Diagnosis], most: int = 3) -> str:
    """The labels of a few records, for an explanation."""
    labels = list(dict.fromkeys(record.label for record in records))
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    return ", ".join(labels[:most]) + more
