"""D.III: which codes are a reason, how old they may be, and what a stated reason still lacks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.concepts import Concept
from cds_service.engine.determination import Outcome
from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.facts import Coverage, Diagnosis
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.policies.mp_mm_1316.criteria import ACCEPTED_REASONS, REFUSED_REASONS, justification
from cds_service.policies.rules import replacement
from tests.policies.charts import AS_OF, ORDER, answers, case, determine, diagnosis

REPLACES = replace(ORDER, replacement_sign="modifier RA")
BROKEN = Concept.PUMP_BREAKDOWN


def worn_out(*diagnoses: Diagnosis, **given: bool | str | float) -> Finding:
    return replacement.worn_out(case(*diagnoses, order=REPLACES, answers=answers(**given)))


# 2026-05-20 is 6 calendar months before 2026-11-20 and inside.
CODES = {
    "today": (diagnosis("2026-11-20", BROKEN), MET),
    "the first day of the window": (diagnosis("2026-05-20", BROKEN), MET),
    "a day before the window": (diagnosis("2026-05-19", BROKEN), Gap.INCOMPLETE),
    "by another edition's code": (diagnosis("2026-10-01", supported=frozenset({BROKEN})), MET),
    "a late effect": (diagnosis("2026-10-01", BROKEN, Concept.PUMP_TROUBLE_SEQUELA), Gap.INCOMPLETE),
    "displacement": (diagnosis("2026-10-01", Concept.PUMP_DISPLACEMENT), Gap.NEEDS_REVIEW),
    "old displacement": (diagnosis("2026-01-01", Concept.PUMP_DISPLACEMENT), Gap.INCOMPLETE),
    "without a date": (diagnosis(None, BROKEN), Gap.NEEDS_REVIEW),
    "a year that the window cuts": (diagnosis("2026", BROKEN), Gap.NEEDS_REVIEW),
    "resolved": (diagnosis("2026-10-01", BROKEN, active=False), Gap.NEEDS_REVIEW),
    "in words": (diagnosis("2026-10-01", review=frozenset({BROKEN})), Gap.NEEDS_REVIEW),
    "not confirmed": (diagnosis("2026-10-01", BROKEN, confirmed=False), Gap.NEEDS_ATTESTATION),
    "after the order": (diagnosis("2026-11-21", BROKEN), Gap.NEEDS_ATTESTATION),
}


@pytest.mark.parametrize(("record", "what"), CODES.values(), ids=CODES.keys())
def test_coded_trouble_of_the_pump(record: Diagnosis, what: object) -> None:
    found = worn_out(record)
    if what is MET:
        assert (found.truth, found.basis) == (MET, Basis.SUPPORTED)
    else:
        assert (found.truth, found.gap) == (UNKNOWN, what)
        assert ("a diagnosis" in found.explanation) is (what is not Gap.NEEDS_ATTESTATION)


def test_an_old_breakdown_is_named_in_the_justification() -> None:
    found = justification(case(diagnosis("2026-03-20", BROKEN), order=REPLACES))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.INCOMPLETE)
    assert "a diagnosis (Mar 20, 2026)" in found.explanation


def test_another_stated_reason_does_not_undo_a_charted_breakdown() -> None:
    found = worn_out(diagnosis("2026-10-01", BROKEN), D_III_reason="needs-changed")
    assert (found.truth, found.basis) == (MET, Basis.SUPPORTED)
    assert worn_out(D_III_reason="needs-changed").truth is NOT_MET


def test_a_reason_without_the_estimate_asks_for_the_estimate() -> None:
    for given in ({}, {"D_III_assessment": False}):
        lacking = case(order=REPLACES, answers=answers(D_III_reason="not-repairable", **given))
        for rule in (replacement.not_repairable, justification):
            found = rule(lacking)
            assert (found.truth, found.gap) == (UNKNOWN, Gap.INCOMPLETE)
            assert "estimate" in (found.closes or "")
            assert "D.III.reason" not in (found.closes or "")
    whole = case(order=REPLACES, answers=answers(D_III_reason="not-repairable", D_III_assessment=True))
    assert justification(whole).truth is MET


@pytest.mark.parametrize("code", POLICY.on(AS_OF).question("D.III.reason").choices)
def test_a_stated_reason_is_said_in_words(code: str) -> None:
    stated = case(order=REPLACES, answers=answers(D_III_reason=code))
    for unit in (*ACCEPTED_REASONS, *REFUSED_REASONS, justification):
        found = unit(stated)
        assert "another one" not in found.explanation
        assert "-" not in found.explanation.replace("2026-11-18", "")


COVERAGE = Coverage(
    "Coverage/1", "active", (None, None), 1, frozenset(), ("CareSource",), ("77552OH0010222-01",), ("Marketplace",)
)


@pytest.mark.parametrize("reason", ["warranty-expired", "misuse", "lost", "stolen"])
@pytest.mark.parametrize("order", [ORDER, REPLACES], ids=["said in the questionnaire alone", "with modifier RA"])
def test_a_refused_reason_excludes(reason: str, order: object) -> None:
    chart = replace(case(answers=answers(D_III_reason=reason)).chart, coverages=(COVERAGE,), state="OH")
    found = determine(order, chart, AS_OF)  # type: ignore[arg-type]
    assert found.outcome is Outcome.EXCLUDED
    # A breakdown in the chart does not undo what is stated.
    broken = replace(chart, diagnoses=(*chart.diagnoses, diagnosis("2026-10-01", BROKEN)))
    assert determine(order, broken, AS_OF).outcome is Outcome.EXCLUDED  # type: ignore[arg-type]


def test_a_reason_beside_a_no_to_replacement_is_no_replacement() -> None:
    said = case(answers=answers(D_III_replacement=False, D_III_reason="lost"))
    assert not replacement.takes_replacement_path(said)
    assert replacement.takes_replacement_path(case(answers=answers(D_III_reason="worn-out")))


def test_words_of_a_code_that_seem_to_say_that_a_pump_is_replaced_decide_no_pathway() -> None:
    said = case()
    unsure = replace(said, order=replace(ORDER, unsure_replacement_sign="Replacement of a dme"))
    assert not replacement.takes_replacement_path(unsure)
    assert replacement.may_replace(unsure)
    assert not replacement.may_replace(said)
