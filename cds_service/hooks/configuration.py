"""What a CRD client may switch, and which version of the guide it asks for; never a cause of failure by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from cds_service.errors import Unprocessable
from fhir_mappings.json.fhir_json import plain
from fhir_mappings.output.crd_versions import VERSIONS, CrdVersion, version_named

CONFIGURATION = "davinci-crd.configuration"
REQUESTED_VERSION = "davinci-crd.requestedVersion"


@dataclass(frozen=True, slots=True)
class Option:
    """One switch: its code (a CRD response type where there is one), what it does, what holds without it."""

    code: str
    name: str
    description: str
    default: bool | int

    def as_json(self) -> dict[str, Any]:
        """As discovery lists it."""
        return {
            "code": self.code,
            "type": "boolean" if isinstance(self.default, bool) else "integer",
            "name": self.name,
            "description": self.description,
            "default": self.default,
        }


COVERAGE_INFO = Option(
    "coverage-info",
    "Coverage information",
    "Whether the order is covered, needs prior authorization or documentation, written on the order.",
    True,
)
UNSOLICITED = Option(
    "unsolicited-determ",
    "Unsolicited determination",
    "Allows an authorization number without a formal request, where the plan lets this service issue one.",
    True,
)
GUIDELINE = Option("guideline", "Policy", "Cards that link to the sections of the medical policy in question.", True)
REMINDER = Option(
    "clinical-reminder",
    "Clinical reminders",
    "Cards that say what is due for the patient: education, tests, a word on a pump in use.",
    True,
)
MAX_CARDS = Option("max-cards", "Maximum cards", "The most cards of one answer; the most useful ones come first.", 10)
OPTIONS = (COVERAGE_INFO, UNSOLICITED, GUIDELINE, REMINDER, MAX_CARDS)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The switches as they hold for one call."""

    values: Mapping[str, bool | int]

    def on(self, option: Option) -> bool:
        """Whether a response type is wanted."""
        return bool(self.values[option.code])

    @property
    def max_cards(self) -> int:
        """The most cards that are wanted."""
        return int(self.values[MAX_CARDS.code])


def configuration_in(extension: Mapping[str, msgspec.Raw]) -> Configuration:
    """The client's switches over the defaults; unknown ones, and values that make no sense, change nothing."""
    given = plain(extension.get(CONFIGURATION, b""))
    found = given if isinstance(given, dict) else {}
    return Configuration({o.code: found[o.code] if _fits(found.get(o.code), o) else o.default for o in OPTIONS})


def _fits(value: object, option: Option) -> bool:
    if isinstance(option.default, bool):
        return isinstance(value, bool)
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def requested_version(extension: Mapping[str, msgspec.Raw], default: CrdVersion) -> CrdVersion:
    """The version of the guide to answer in. Unprocessable when the client asks for one that is not served."""
    wanted = plain(extension.get(REQUESTED_VERSION, b""))
    if wanted is None:
        return default
    found = version_named(wanted) if isinstance(wanted, str) else None
    if found is None:
        served = ", ".join(version.name for version in VERSIONS)
        field = f"extension.{REQUESTED_VERSION}"
        raise Unprocessable(f"{field} is no version that is served here: ask for one of {served}", field)
    return found
