"""A rule is tied to its section, and its docstring is the interpretation."""

from __future__ import annotations

from cds_service.engine.finding import Basis, Finding, met
from cds_service.engine.rule import Rule, criterion


@criterion("D.I.G", "Self-testing", "self_tests_per_day")
def enough(case: int) -> Finding:
    """Readings of 30 days,
    divided by 30."""
    return met(f"{case} readings", Basis.DOCUMENTED)


def test_a_rule_becomes_a_unit() -> None:
    assert isinstance(enough, Rule)
    assert (enough.section, enough.title, enough.parameters) == ("D.I.G", "Self-testing", ("self_tests_per_day",))


def test_its_docstring_is_the_interpretation_as_one_paragraph() -> None:
    assert enough.interpretation == "Readings of 30 days, divided by 30."


def test_its_finding_carries_the_section() -> None:
    found = enough(120)
    assert (found.id, found.explanation, found.basis) == ("D.I.G", "120 readings", Basis.DOCUMENTED)


def test_a_rule_without_docstring_has_no_interpretation() -> None:
    assert Rule("A", "Subject", (), lambda case: met("", Basis.DOCUMENTED)).interpretation == ""
