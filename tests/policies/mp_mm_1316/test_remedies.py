"""What helps against a finding, and how it is handed in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.engine.finding import Basis, Finding, Gap, met, not_met, unknown
from cds_service.policies.mp_mm_1316 import POLICY

REMEDIES = POLICY.on(POLICY.first_day()).remedies
how_to_close, next_step, what_helps = REMEDIES.how_to_close, REMEDIES.next_step, REMEDIES.what_helps
SAYS_HOW = ["D.I.B", "D.II.B.2", "D.II.B.3", "D.II.B.4", "D.II.B.5", "D.III.A.3"]
HOW = {
    Gap.NOT_DOCUMENTED: "Add it to the chart in coded form, or attach it to the request",
    Gap.INCOMPLETE: "Complete it in the chart, or attach it to the request",
    Gap.NEEDS_REVIEW: "A plan reviewer has to look: attach the record",
    Gap.NEEDS_ATTESTATION: "State it in the questionnaire or in a signed note",
    Gap.NOT_RETRIEVED: "",
}


def gap(section: str, kind: Gap) -> Finding:
    return unknown(kind, "open", "A record").with_id(section)


@pytest.mark.parametrize(("kind", "how"), HOW.items())
def test_every_gap_is_closed_in_its_own_way(kind: Gap, how: str) -> None:
    assert how_to_close(gap("D.I.D", kind)) == how
    assert what_helps(gap("D.I.D", kind)) == "To close: A record."


@pytest.mark.parametrize("section", SAYS_HOW)
def test_nothing_is_added_where_what_closes_it_says_how(section: str) -> None:
    assert how_to_close(gap(section, Gap.NEEDS_REVIEW)) == ""


@pytest.mark.parametrize("finding", [met("met", Basis.DOCUMENTED), not_met("not met", Basis.DOCUMENTED)])
def test_what_is_decided_is_not_closed(finding: Finding) -> None:
    assert how_to_close(finding.with_id("D.I.D")) == ""


def test_a_statement_that_says_no_is_answered_by_its_section_or_by_a_corrected_one() -> None:
    said = not_met("attested: no", Basis.ATTESTED)
    newer = "What helps: If the statement is out of date, sign a newer one; else the regimen comes first."
    assert what_helps(said.with_id("D.I.F")) == newer
    assert what_helps(said.with_id("D.III.C.1")) == "What helps: If the statement is wrong, sign a corrected one."
    assert (
        what_helps(replace(said.with_id("D.I.G"), closes="The reviewer's word")) == "What helps: The reviewer's word."
    )


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
