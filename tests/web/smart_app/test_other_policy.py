"""The documentation page of an order that another policy governs, on a real FHIR server: its questions, its statement.

The other policy governs CareSource's plans here, so that the sample charts fall under it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cds_service.policies import registry
from cds_service.policies.mp_mm_1316 import POLICY
from tests.policies.other_payer import OTHER
from tests.web.smart_app.clinic import Clinic, Visitor, answers_of, open_clinic

pytestmark = pytest.mark.real

CHART = "sensor-without-finger-sticks"


@pytest.fixture(scope="module", name="house")
def _house() -> Iterator[Clinic]:
    """A demo in which the other policy alone is in use; in place of the folder's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "POLICIES", (POLICY, replace(OTHER, governs=POLICY.governs)))
        with open_clinic(policies="OTHER-1") as opened:
            yield opened


def test_the_questions_of_the_orders_policy_are_shown(visitor: Visitor) -> None:
    page = visitor.sign_in(CHART)
    assert {name for name in page.shown if name.startswith(("T.", "D."))} == {
        "T.1.team",
        "T.2.why",
        "T.2.worn",
        "T.2.days",
    }
    assert "Is your team expert in pumps?" in page.text
    assert "Lows in spite of injections" in page.text
    assert "D.I." not in page.text
    assert {"T.1", "T.2", "all"} <= set(page.buttons)


def test_what_is_answered_is_written_as_a_response_to_its_questionnaire(visitor: Visitor) -> None:
    page = visitor.sign_in(CHART)
    done = visitor.send(page, "all", T_1_team="yes", T_2_why="pregnancy")
    assert done.status == 303, done.errors
    assert "(T.1): missing, now met" in done.text
    (statement,) = visitor.clinic.written()
    assert statement["questionnaire"] == f"{visitor.clinic.address}/fhir/Questionnaire/other-1|2.0.0"
    answers = answers_of(statement)
    assert (answers["T.1.team"], answers["T.2.why"]["code"]) == (True, "pregnancy")
    assert answers["T.2.why"]["system"] == f"{visitor.clinic.address}/fhir/CodeSystem/other-1-pump-reason"


def test_what_does_not_fit_is_said_at_the_question(visitor: Visitor) -> None:
    page = visitor.sign_in(CHART)
    done = visitor.send(page, "T.2", T_2_why="lows", T_2_worn="no", T_2_days="14")
    assert done.status == 422
    assert "Was a pump worn on trial?" in done.errors["T.2.days"]
    assert visitor.clinic.written() == []
