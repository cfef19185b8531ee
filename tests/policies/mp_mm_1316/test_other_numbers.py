"""The charts of all case files under the policy with every number changed: no sentence keeps an old one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from typing import Any

from cds_service.engine.case import Case
from cds_service.engine.determination import Determination
from cds_service.engine.finding import Finding
from cds_service.engine.remedies import LONGEST_STEP
from cds_service.errors import ServiceError
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.services import assess_orders
from tests.cases.runner import all_cases
from tests.policies.mp_mm_1316.changed import changed, sentences
from tests.policies.mp_mm_1316.test_parameters_in_explanations import ROWS
from tests.policies.mp_mm_1316.test_parameters_in_texts import CHANGES

# The day after the first version begins, so that nearly all cases are judged by the new numbers.
CHANGED_FROM = POLICY.first_day() + timedelta(days=1)


@contextmanager
def _recorded(cases: list[Case]) -> Iterator[None]:
    original = assess_orders.determine

    def recording(case: Case, *given: Any) -> Determination:
        cases.append(case)
        return original(case, *given)

    assess_orders.determine = recording
    try:
        yield
    finally:
        assess_orders.determine = original


@cache
def cases_of_files() -> tuple[Case, ...]:
    """What the rules are handed for the orders of all case files."""
    cases: list[Case] = []
    with _recorded(cases):
        for case in all_cases():
            with suppress(ServiceError):
                case.run()
    return tuple(case for case in cases if case.as_of >= CHANGED_FROM)


@cache
def findings() -> tuple[Finding, ...]:
    """Every finding on them under the changed policy."""
    values = {name: value for name, (value, _) in CHANGES.items()}
    policy = changed(POLICY, values, CHANGED_FROM).on(CHANGED_FROM)
    made: list[Finding] = []
    for old in cases_of_files():
        case = policy.make_case(old.order, old.chart, old.as_of)
        made += [case.finding(rule) for rule in policy.rules.values()]
    return tuple(made)


def test_no_sentence_keeps_an_old_number() -> None:
    old = {phrase for row in ROWS for phrase, _ in row.phrases} | {p for _, pairs in CHANGES.values() for p, _ in pairs}
    said = {sentence for finding in findings() for sentence in sentences(finding)}
    assert len(said) > 500
    assert {sentence for sentence in said if any(phrase in sentence for phrase in old)} == set()


def test_every_step_fits_into_a_title() -> None:
    assert {f.next_step for f in findings() if len(f.next_step) > LONGEST_STEP} == set()
