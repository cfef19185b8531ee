"""What a call under Medicare gets beside its card: coverage-information, questionnaire, offers, plot."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cds_service.concepts import Concept
from cds_service.engine.determination import Applicability, Determination, Outcome
from cds_service.engine.plot_data import Trend
from cds_service.engine.truth import MET, NOT_MET
from cds_service.facts import TestOutcome
from cds_service.policies.medicare_l33794 import POLICY
from tests.cases.build import case_files
from tests.cases.runner import load
from tests.policies.medicare_l33794.facts import antibody, c_peptide, case, glucose, results
from tests.support import JSON


def answer_to(name: str) -> JSON:
    """The response to a case."""
    (path,) = (path for path in case_files() if path.stem == name)
    return load(path).run()


def information(response: JSON) -> dict[str, Any]:
    """The coverage-information on the order, by the names of its parts; of several the last."""
    resource = response["systemActions"][0]["resource"]
    (extension,) = (each for each in resource["extension"] if each["url"].endswith("ext-coverage-information"))
    return {
        part["url"]: next(value for key, value in part.items() if key.startswith("value"))
        for part in extension["extension"]
        if any(key.startswith("value") for key in part)
    }


@pytest.mark.parametrize("name", ["everything-is-met-under-medicare", "no-education-is-asked-for"])
def test_original_medicare_asks_for_no_authorization_and_a_plan_may(name: str) -> None:
    parts = information(answer_to(name))
    assert (parts["covered"], parts["pa-needed"]) == ("covered", "conditional")
    assert parts["info-needed"] == "OTH"
    assert "Medicare Advantage plan may" in parts["reason"]["text"]


def test_what_is_missing_is_asked_for_with_medicares_own_questionnaire() -> None:
    parts = information(answer_to("no-education-is-asked-for"))
    assert "/fhir/Questionnaire/l33794|" in parts["questionnaire"]


def test_a_disposable_pump_is_not_covered() -> None:
    assert information(answer_to("a-disposable-pump-is-excluded"))["covered"] == "not-covered"


def offered(**found: Any) -> list[str]:
    day = date(2026, 11, 20)
    policy = POLICY.on(day)
    made = case(results=results(**found))
    criteria = tuple(map(made.finding, policy.criteria))
    whole = Determination(
        "DeviceRequest/1",
        Outcome.NEEDS_DOCUMENTATION,
        day,
        POLICY.id,
        None,
        Applicability.GOVERNED,
        criteria,
        required=tuple(rule.section for rule in policy.criteria),
    )
    return [offer.code for offer in POLICY.offers(whole)]


def test_orders_are_offered_for_what_the_shortest_way_lacks() -> None:
    assert offered() == ["1986-9", "1558-6", "G0108", "4548-4"]
    # The C-peptide is too high: an antibody is offered in its place.
    assert offered(cPeptide=c_peptide(4.0), glucoseOfDraw=glucose(150))[0] == "13926-1"
    # A glucose is missing, and nobody is told to draw the C-peptide again.
    assert offered(cPeptide=c_peptide(0.7)) == ["G0108", "4548-4"]


def test_c_peptide_is_drawn_as_a_share_of_its_own_limit() -> None:
    found = results(
        cPeptide=[c_peptide(0.88, when="2014-01-09"), c_peptide(1.6), c_peptide(1.0, None, name="Observation/x")]
    )
    (plot,) = (plot for plot in POLICY.plots(case(results=found)) if plot.section == "IV.A")
    assert isinstance(plot.data, Trend)
    assert [(point.shown, point.above) for point in plot.data.points] == [("110", NOT_MET), ("200", MET)]
    assert plot.data.threshold == pytest.approx(110)
    assert "1 more result without a date, a value or a reference range" in plot.words
    assert len(plot.rows) == len(plot.data.points)


def test_without_a_c_peptide_nothing_is_drawn() -> None:
    made = case(results=results(antibodies=antibody(Concept.GAD_ANTIBODY, TestOutcome.POSITIVE)))
    assert [plot for plot in POLICY.plots(made) if plot.section == "IV.A"] == []
