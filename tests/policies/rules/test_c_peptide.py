"""C-peptide against the lower limit of its own report, with the glucose of the draw and the creatinine clearance."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.laboratory import DrawMatch, same_draw
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth
from cds_service.facts import Fasting, LabResult, Person, RangeProblem, ReferenceRange, Sex, Unusable
from cds_service.policies.rules import c_peptide as rule
from cds_service.policies.rules.c_peptide import low_c_peptide
from tests.policies.medicare_l33794.facts import c_peptide, case, glucose, lab, results, stated


def judged(peptides: Any, sugar: Any = (), **more: Any) -> Finding:
    of_kind = {key: more.pop(key) for key in ("weight", "creatinine", "creatinineClearance") if key in more}
    return low_c_peptide(case(results=results(cPeptide=peptides, glucoseOfDraw=sugar, **of_kind), **more))


@pytest.mark.parametrize(
    ("value", "low", "truth"),
    [
        (0.9, 0.82, MET),  # 110 % of 0.82 is 0.902
        (0.88, 0.8, MET),  # exactly 110 %
        (0.89, 0.8, UNKNOWN),  # between 110 % and 200 %: the clearance decides, and is not known
        (1.6, 0.8, UNKNOWN),  # exactly 200 %
        (1.61, 0.8, NOT_MET),  # above both
        (0.33, 0.3, MET),  # 1.1 x 0.3 is 0.33000000000000007 in binary, and 0.33 in decimals
        (0.331, 0.3, UNKNOWN),
        (0.0, 0.8, MET),
    ],
)
def test_the_limits_are_shares_of_the_reports_own_lower_limit(value: float, low: float, truth: Truth) -> None:
    assert judged(c_peptide(value, low), glucose(180)).truth is truth


@pytest.mark.parametrize(("mg_dl", "truth"), [(225, MET), (226, UNKNOWN), (225.4, UNKNOWN), (40, MET)])
def test_the_glucose_of_the_draw_is_at_most_225(mg_dl: float, truth: Truth) -> None:
    found = judged(c_peptide(0.7), glucose(mg_dl))
    assert found.truth is truth
    if truth is UNKNOWN:
        assert (found.gap, "does not count" in found.explanation) == (Gap.INCOMPLETE, True)
        assert found.next_step == "repeat the C-peptide, the glucose with it was above 225"


@pytest.mark.parametrize(
    ("sugar", "gap", "step"),
    [
        ((), Gap.INCOMPLETE, "add the fasting glucose drawn with the C-peptide"),
        (
            glucose(180, specimen="", when="2026-03-04"),
            Gap.INCOMPLETE,
            "add the fasting glucose drawn with the C-peptide",
        ),
        (glucose(180, specimen=""), Gap.NEEDS_REVIEW, "show that C-peptide and glucose are of one draw"),
        (glucose(180, fasting=Fasting.UNSTATED), Gap.INCOMPLETE, "show that the C-peptide was drawn fasting"),
        (glucose(180, fasting=Fasting.NOT_FASTING), Gap.INCOMPLETE, "repeat the C-peptide fasting"),
        (glucose(180, fasting=Fasting.CONFLICTING), Gap.NEEDS_REVIEW, "settle whether the C-peptide was drawn fasting"),
        (
            glucose(None, unusable=Unusable.TEXT_ONLY),
            Gap.INCOMPLETE,
            "add the fasting glucose drawn with the C-peptide",
        ),
    ],
    ids=["none", "another day", "same day", "not said", "not fasting", "both", "text"],
)
def test_what_the_draw_lacks_is_named(sugar: Any, gap: Gap, step: str) -> None:
    found = judged(c_peptide(0.7), sugar)
    assert (found.truth, found.gap, found.next_step) == (UNKNOWN, gap, step)


def test_a_draw_is_fasting_when_either_result_says_so() -> None:
    found = judged(c_peptide(0.7, fasting=Fasting.FASTING), glucose(180, fasting=Fasting.UNSTATED))
    assert found.truth is MET
    found = judged(c_peptide(0.7, fasting=Fasting.FASTING), glucose(180, fasting=Fasting.NOT_FASTING))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_REVIEW)


@pytest.mark.parametrize(
    ("first", "second", "gap"),
    [
        ("08:00:00", "08:00:00", None),
        ("08:00:00", "08:15:00", Gap.NEEDS_REVIEW),
        ("08:00:00", "08:16:00", Gap.INCOMPLETE),
    ],
)
def test_without_a_specimen_the_times_of_the_draws_decide(first: str, second: str, gap: Gap | None) -> None:
    peptide = c_peptide(0.7, specimen="", drawn=f"2026-03-03T{first}")
    assert judged(peptide, glucose(180, specimen="", drawn=f"2026-03-03T{second}")).gap is gap


@pytest.mark.parametrize("problem", list(RangeProblem))
def test_without_a_range_of_its_own_nothing_is_decided(problem: RangeProblem) -> None:
    found = judged(c_peptide(0.1, None, problem=problem), glucose(180))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.INCOMPLETE)
    assert problem.value in found.explanation
    assert found.next_step == "add the lab's reference range for the C-peptide"


def test_of_several_things_that_lack_the_report_is_asked_for() -> None:
    found = judged(c_peptide(0.1, None))
    assert found.next_step == "add the full C-peptide report, with range and glucose"
    assert "no reference range" in found.explanation
    assert "no glucose of the same draw" in found.explanation


def test_ranges_that_lead_to_different_answers_decide_nothing() -> None:
    either = (ReferenceRange(0.8, 3.9, "0.8-3.9"), ReferenceRange(1.1, 4.4, "1.1-4.4"))
    assert judged(c_peptide(1.0, ranges=either), glucose(180)).gap is Gap.INCOMPLETE
    assert judged(c_peptide(0.85, ranges=either), glucose(180)).truth is MET


@pytest.mark.parametrize(
    ("comparator", "value", "truth"), [("<", 0.88, MET), ("<", 0.1, MET), ("<", 0.9, UNKNOWN), (">", 1.6, NOT_MET)]
)
def test_a_comparator_counts_where_it_decides(comparator: str, value: float, truth: Truth) -> None:
    assert judged(c_peptide(value, comparator=comparator), glucose(180)).truth is truth


class TestClearance:
    """Above 110 % and up to 200 % the creatinine clearance decides."""

    @pytest.mark.parametrize(("ml_min", "truth"), [(50, MET), (50.1, NOT_MET), (51, NOT_MET), (12, MET)])
    def test_as_measured(self, ml_min: float, truth: Truth) -> None:
        found = judged(c_peptide(1.5), glucose(180), creatinineClearance=lab(ml_min, "2026-02-01", unit="mL/min"))
        assert found.truth is truth
        assert "clearance" in found.explanation

    @pytest.mark.parametrize(("kg", "truth"), [(60.0, MET), (60.6, NOT_MET)])
    def test_by_cockcroft_and_gault(self, kg: float, truth: Truth) -> None:
        # A woman of 70: (140 - 70) x 60 / (72 x 0.99) x 0.85 = 50.08; with creatinine 0.992 it is 49.98.
        more = {"weight": lab(kg, "2026-03-01", unit="kg"), "creatinine": lab(0.992, "2026-03-02", unit="mg/dL")}
        found = judged(c_peptide(1.5), glucose(180), **more)
        assert found.truth is truth
        assert "by Cockcroft-Gault" in found.explanation

    @pytest.mark.parametrize(
        ("missing", "named"),
        [
            ("weight", "no body weight"),
            ("creatinine", "no serum creatinine"),
            ("born", "date of birth"),
            ("sex", "the sex is"),
        ],
    )
    def test_what_the_formula_lacks_is_named(self, missing: str, named: str) -> None:
        more: dict[str, Any] = {"weight": lab(60, "2026-03-01"), "creatinine": lab(1.0, "2026-03-02")}
        born = None if missing == "born" else case().chart.person.born
        more["person"] = Person(born, Sex.UNSTATED if missing == "sex" else Sex.FEMALE)
        more.pop(missing, None)
        found = judged(c_peptide(1.5), glucose(180), **more)
        assert (found.truth, found.gap) == (UNKNOWN, Gap.INCOMPLETE)
        assert named in found.explanation
        assert found.next_step == "add a creatinine clearance for the C-peptide"

    @pytest.mark.parametrize(
        ("of", "truth"),
        [("2025-03-03", MET), ("2025-03-02", UNKNOWN), ("2026-11-20", MET), ("2026-11-21", UNKNOWN)],
    )
    def test_it_is_of_at_most_twelve_months_from_the_draw_and_not_after_the_order(self, of: str, truth: Truth) -> None:
        assert judged(c_peptide(1.5), glucose(180), creatinineClearance=lab(40, of)).truth is truth

    def test_the_nearest_one_counts(self) -> None:
        found = judged(c_peptide(1.5), glucose(180), creatinineClearance=[lab(80, "2025-06-01"), lab(40, "2026-03-04")])
        assert found.truth is MET

    def test_below_110_percent_nobody_asks_for_it(self) -> None:
        assert judged(c_peptide(0.7), glucose(180)).truth is MET


class TestOnceIsEnough:
    """No age limit; the best result counts."""

    def test_a_result_of_twelve_years_ago_counts(self) -> None:
        found = judged(c_peptide(0.7, when="2014-01-09"), glucose(180, when="2014-01-09"))
        assert (found.truth, found.basis) == (MET, Basis.DOCUMENTED)
        assert "Jan 9, 2014" in found.explanation

    def test_a_later_high_one_takes_nothing_from_it(self) -> None:
        old, sugar = c_peptide(0.7, when="2014-01-09", specimen="a"), glucose(180, when="2014-01-09", specimen="a")
        assert judged([old, c_peptide(4.0)], [sugar, glucose(150)]).truth is MET

    def test_of_an_open_and_a_high_one_the_open_one_is_asked_for(self) -> None:
        found = judged([c_peptide(0.7, None, when="2014-01-09", specimen="a"), c_peptide(4.0)], glucose(150))
        assert found.truth is UNKNOWN
        assert "Jan 9, 2014" in found.explanation

    def test_one_after_the_order_is_not_used(self) -> None:
        assert judged(c_peptide(0.7, when="2026-12-01"), glucose(180, when="2026-12-01")).gap is Gap.NOT_DOCUMENTED


@pytest.mark.parametrize(
    ("members", "gap"),
    [
        ({"unusable": Unusable.TEXT_ONLY}, Gap.NEEDS_REVIEW),
        ({"unusable": Unusable.NAMED_ONLY}, Gap.NEEDS_REVIEW),
        ({"unusable": Unusable.WRONG_UNIT}, Gap.INCOMPLETE),
        ({"pending": True}, Gap.NOT_DOCUMENTED),
    ],
)
def test_a_result_that_cannot_be_used_is_named_with_why(members: dict[str, Any], gap: Gap) -> None:
    found = judged(c_peptide(0.7, **members), glucose(180))
    assert (found.truth, found.gap) == (UNKNOWN, gap)
    assert "C-peptide" in found.explanation


def test_what_could_not_be_read_is_not_missing() -> None:
    found = judged((), unread={"cPeptide": "no answer"})
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NOT_RETRIEVED)


class TestStatement:
    """A report on paper, as a clinician states it."""

    @staticmethod
    def answers(value: float, limit: float, sugar: float, day: str = "2014-01-09") -> dict[str, Any]:
        given = {"value": value, "limit": limit, "glucose": sugar, "date": day}
        return {link: answer for name, one in given.items() for link, answer in stated(f"IV.A.{name}", one).items()}

    @pytest.mark.parametrize(
        ("value", "limit", "sugar", "truth"),
        [
            (0.88, 0.8, 225, MET),
            (0.89, 0.8, 180, NOT_MET),
            (0.5, 0.8, 226, UNKNOWN),
            (0.33, 0.3, 90, MET),
            (1, 0, 90, UNKNOWN),
        ],
    )
    def test_is_held_against_the_same_limits(self, value: float, limit: float, sugar: float, truth: Truth) -> None:
        found = judged((), answers=self.answers(value, limit, sugar))
        assert found.truth is truth
        assert truth is not MET or found.basis is Basis.ATTESTED

    def test_counts_beside_a_chart_that_shows_a_high_one(self) -> None:
        assert judged(c_peptide(4.0), glucose(150), answers=self.answers(0.7, 0.8, 180)).truth is MET

    def test_of_half_a_report_says_nothing(self) -> None:
        answers = self.answers(0.7, 0.8, 180)
        del answers["IV.A.limit"]
        assert judged((), answers=answers).gap is Gap.NOT_DOCUMENTED

    def test_dated_after_the_order_is_asked_to_be_corrected(self) -> None:
        assert judged((), answers=self.answers(0.7, 0.8, 180, "2027-01-01")).next_step == "correct the stated C-peptide"


def test_the_glucose_of_its_own_day_is_found_among_thousands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each C-peptide is held against the glucose of its day alone: of 200 days, 200 comparisons and not 40,000."""
    days = [f"{2000 + n // 10}-{1 + n % 10:02d}-03" for n in range(200)]
    peptides = [c_peptide(3.0, when=day, specimen="", drawn=f"{day}T08:00:00") for day in days]
    sugars = [glucose(180, when=day, specimen="", drawn=f"{day}T08:00:00", name=f"Observation/g-{day}") for day in days]
    compared: list[str] = []

    def counting(one: LabResult, other: LabResult, minutes: int) -> DrawMatch:
        compared.append(one.reference)
        return same_draw(one, other, minutes)

    monkeypatch.setattr(rule, "same_draw", counting)
    assert judged(peptides, sugars).truth is NOT_MET
    assert len(compared) == 200
