"""What every member of a run is judged by. Plain data: it goes to other processes, and into run.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any


class Orders(StrEnum):
    """Which order a member is judged for."""

    SYNTHETIC = "synthetic"
    CHART = "chart"


# Types whose absence from an export means that they were not retrieved. The absence of any other decides nothing.
RETRIEVED_TYPES = (
    "Condition",
    "Observation",
    "MedicationRequest",
    "Procedure",
    "Encounter",
    "Device",
    "Coverage",
    "QuestionnaireResponse",
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Another reading: parameter values of policies, or other policies. `policies` empty: those of the run."""

    name: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunRules:
    """The day, the orders, the policies by id, the plan's own parameter values, and what the export lacks.

    `unread`: types that were not retrieved, and why; `partial`: types of which something may be missing; `of_members`:
    the same for single members; `deletions`: resources that are gone, see deletions.py. `server`:
    the base URL that the export's absolute references begin with. `roster`: the CSV file of the plan's members.
    `all_in_full`: members with no diabetes and no insulin are charted in full, too. `list_gap`: a section whose
    evidence is kept for a work list.
    """

    as_of: date
    orders: Orders
    policies: tuple[str, ...]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    time_zone: str = "America/New_York"
    server: str | None = None
    unread: Mapping[str, str] = field(default_factory=dict)
    partial: Mapping[str, str] = field(default_factory=dict)
    of_members: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    deletions: Mapping[str, str] = field(default_factory=dict)
    scenarios: tuple[Scenario, ...] = ()
    roster: str = ""
    all_in_full: bool = False
    list_gap: str = ""
