"""What helps against a finding."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.engine.finding import Basis, Finding, Gap, met, not_met, unknown
from cds_service.policies.mp_mm_1316 import POLICY

REMEDIES = POLICY.on(POLICY.first_day()).remedies
next_step, what_helps = REMEDIES.next_step, REMEDIES.what_helps


def gap(section: str, kind: Gap) -> Finding:
    return unknown(kind, "open", "Add a record").with_id(section)


@pytest.mark.parametrize("kind", list(Gap))
def test_what_closes_a_gap_is_said_as_it_is(kind: Gap) -> None:
    assert what_helps(gap("D.I.D", kind)) == "Add a record."


def test_an_exclusion_says_what_would_lift_it() -> None:
    lifted = what_helps(met("Nobody is able", Basis.ATTESTED).with_id("D.II.A.2"))
    assert lifted == "Sign a newer statement if somebody can operate the pump and test often."


def test_a_statement_that_says_no_is_answered_by_its_section_or_by_a_corrected_one() -> None:
    said = not_met("attested: no", Basis.ATTESTED)
    newer = "Sign a newer statement if this one is out of date; otherwise the regimen comes first."
    assert what_helps(said.with_id("D.I.F")) == newer
    assert what_helps(said.with_id("D.III.C.1")) == "If the statement is wrong, sign a corrected one."
    assert what_helps(replace(said.with_id("D.I.G"), closes="The reviewer's word")) == "The reviewer's word."


@pytest.mark.parametrize(
    ("section", "kind", "step"),
    [
        ("D.I.I", Gap.INCOMPLETE, "complete what was found, or show another listed condition"),
        ("D.I.I", Gap.NEEDS_REVIEW, "send the readings or records to a reviewer"),
        ("D.I.H", Gap.INCOMPLETE, "complete the sign of complication risk that was found"),
    ],
)
def test_the_step_of_a_gap_is_that_of_its_section(section: str, kind: Gap, step: str) -> None:
    assert next_step(gap(section, kind)) == step
