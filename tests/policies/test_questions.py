"""The questions of every policy that is held: what tells them apart, and what they share."""

from __future__ import annotations

from collections import Counter

import pytest

from cds_service.engine.policy import Policy
from cds_service.policies.registry import POLICIES, questionnaires_of
from tests.policies.other_payer import OTHER


@pytest.mark.parametrize("policy", [*POLICIES, OTHER], ids=lambda policy: policy.id)
class TestPolicy:
    """Of each policy."""

    def test_a_link_id_names_one_question(self, policy: Policy) -> None:
        link_ids = Counter(question.link_id for group in policy.questions for question in group.questions)
        assert [link_id for link_id, count in link_ids.items() if count > 1] == []

    def test_two_questions_never_ask_the_same(self, policy: Policy) -> None:
        named = Counter(meaning for meaning in policy.question_meanings.values() if meaning)
        assert [meaning for meaning, count in named.items() if count > 1] == []

    def test_a_condition_is_about_a_yes_or_no_question(self, policy: Policy) -> None:
        questions = {question.link_id: question for group in policy.questions for question in group.questions}
        conditions = {group.unless for group in policy.questions} | {q.only_if for q in questions.values()}
        assert {questions[link_id].kind.value for link_id in conditions - {None}} <= {"boolean"}

    def test_what_is_prefilled_is_asked(self, policy: Policy) -> None:
        prepopulation = policy.prepopulation
        if prepopulation is not None:
            assert set(prepopulation.answers) <= set(policy.question_meanings)
            assert {search.section for search in prepopulation.searches} <= {g.section for g in policy.questions}
            for answer in prepopulation.answers.values():
                assert set(answer.written_for) <= set(policy.parameters)


def test_each_policy_has_a_questionnaire_of_its_own() -> None:
    assert len(questionnaires_of([*POLICIES, OTHER])) == len(POLICIES) + 1


def test_the_contract_says_what_policies_ask_alike() -> None:
    """Team, education, operation, injections and self-tests; what belongs to one policy alone has no general name."""
    assert {link: meaning for link, meaning in POLICIES[0].question_meanings.items() if meaning} == {
        "D.I.C": "expert-team",
        "D.I.D.date": "education-completed",
        "D.I.D.educator": "education-taught-by",
        "D.I.E": "operates-pump",
        "D.I.F.injections": "injections-a-day",
        "D.I.F.since": "injections-since",
        "D.I.F.adjusts": "injections-self-adjusted",
        "D.I.G.average": "self-tests-a-day",
        "D.I.G.source": "self-tests-source",
        "D.I.G.through": "self-tests-through",
    }
