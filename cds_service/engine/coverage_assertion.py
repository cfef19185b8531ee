"""What is asserted to the EHR about one order under one coverage: Da Vinci CRD's words, free of FHIR and of versions.

How a version of the guide writes them down is data in fhir_mappings/output/crd_versions.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Covered(StrEnum):
    """Whether the order is a benefit; `INDETERMINATE` is for technical failures only."""

    COVERED = "covered"
    NOT_COVERED = "not-covered"
    CONDITIONAL = "conditional"
    INDETERMINATE = "indeterminate"


class PriorAuthorization(StrEnum):
    """Where prior authorization stands."""

    NEEDED = "auth-needed"
    SATISFIED = "satisfied"
    CONDITIONAL = "conditional"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, in words that say which aspect they explain; `code` is one of the guide's own, where it has one."""

    text: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class CoverageAssertion:
    """One coverage-information.

    `coverage` refers to the Coverage on the client's system; `assertion_id` stays the same for the same order,
    coverage and patient. `questionnaire` is there exactly when clinical documentation is asked for. `depends_on`: the
    order that this one rides along with. `authorization_number` is there exactly when authorization is satisfied.
    """

    order: str
    coverage: str
    assertion_id: str
    covered: Covered
    made_on: date
    policy_link: str
    reasons: tuple[Reason, ...]
    prior_authorization: PriorAuthorization | None = None
    questionnaire: str | None = None
    billing_codes: tuple[str, ...] = ()
    depends_on: str | None = None
    authorization_number: str | None = None
    expires: date | None = None
    contact: str | None = None
