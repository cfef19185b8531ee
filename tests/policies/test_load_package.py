"""A policy that is data alone: what is made of its policy.toml beside the rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.engine.policy import Policy
from cds_service.facts import ChartSection
from cds_service.facts.known_results import ANTIBODIES
from cds_service.policies import cg_dme_51
from cds_service.policies.load_package import policy_of

FOLDER = Path(cg_dme_51.__file__).parent
HELD = cg_dme_51.POLICY


def made(old: str, new: str) -> Policy:
    """The policy of the package with a text of its policy.toml replaced."""

    def read(name: str) -> str:
        text = (FOLDER / name).read_text(encoding="utf-8")
        if name == "policy.toml":
            assert old in text
            text = text.replace(old, new, 1)
        return text

    return policy_of(read)


def test_what_the_rules_read_is_what_the_policy_depends_on() -> None:
    assert HELD.dependencies[ChartSection.GLUCOSE] == ("NEW.3",)
    assert set(HELD.dependencies[ChartSection.CONDITIONS]) == {"MN.1", "RP.2"}
    assert set(HELD.dependencies) >= {ChartSection.PATIENT, ChartSection.COVERAGE, ChartSection.ATTESTATIONS}


def test_a_rule_on_a_result_of_its_own_has_it_searched_for() -> None:
    policy = made('rule = "diabetes_of_any_type"', 'rule = "positive_antibody"')
    assert ANTIBODIES in policy.results
    assert policy.dependencies[ANTIBODIES.key] == ("MN.1",)
    assert HELD.results == ()


def test_the_policys_own_title_stands_over_the_rules() -> None:
    titles = HELD.on(HELD.first_day()).titles
    assert titles["NEW.1"] == "Comprehensive diabetes education, by the member or a caregiver"
    assert titles["NEW.2"] == "At least three insulin injections a day"


def test_rules_that_combine_others_say_so() -> None:
    on_day = HELD.on(HELD.first_day())
    assert on_day.interpretation("NEW") == "All of its parts have to hold."
    assert on_day.interpretation("MN.2").startswith("One way is enough.")
    assert on_day.interpretation("RP.2").startswith("A signed statement decides. A coded breakdown")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('section = "NEW.2"\nrule', 'section = "NEW.1"\nrule', "NEW.1 has two rules"),
        ('"RP.3"]', '"RP.4"]', "no rule stands above that reads RP.4"),
        ('charted = "pump-breakdown"', 'charted = "pump-noise"', "pump-noise"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(old: str, new: str, words: str) -> None:
    with pytest.raises((ValueError, KeyError), match=words):
        made(old, new)
