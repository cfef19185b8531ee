"""Statements to several policies' questionnaires, from the hook call to the determination."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cds_service.hooks.discovery import ORDER_SIGN
from cds_service.hooks.messages import as_json
from cds_service.policies import registry
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.services.answer_hook import EXTENSION, answer
from tests.policies.other_payer import COVERAGE, OTHER
from tests.support import JSON, NO, NOON, SETTINGS, YES, attestation, bundle, call

BOTH = replace(SETTINGS, policies="MP-MM-1316,OTHER-1")


@pytest.fixture(autouse=True)
def _held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "POLICIES", (POLICY, OTHER))


def _own(name: str = "qr-1", **answers: JSON) -> JSON:
    return attestation(name, "2026-11-10", **answers)


def _theirs(name: str = "qr-2", authored: str = "2026-11-18", **answers: JSON) -> JSON:
    return attestation(name, authored, **answers) | {"questionnaire": "https://x.invalid/Questionnaire/other-1|2.0.0"}


def _determination(*statements: JSON, policies: str = BOTH.policies, **prefetch: JSON) -> JSON:
    request = call(**{"attestations": bundle(*statements), **prefetch})
    settings = replace(BOTH, policies=policies)
    response = json.loads(as_json(answer(json.dumps(request).encode(), ORDER_SIGN, settings, NOON, None)))
    determination: JSON = response["extension"][EXTENSION][0]
    return determination


def _finding(determination: JSON, section: str) -> JSON:
    (finding,) = (each for each in determination["criteria"] if each["id"] == section)
    return finding


def test_an_answer_counts_for_the_policy_whose_question_asks_the_same() -> None:
    finding = _finding(_determination(_theirs(T_1_team=YES)), "D.I.C")
    assert (finding["truth"], finding["basis"]) == ("met", "attested")
    assert [each["reference"] for each in finding["evidence"]] == ["QuestionnaireResponse/qr-2"]


def test_the_newest_of_both_speaks() -> None:
    older, newer = _theirs(authored="2026-11-01", T_1_team=NO), _theirs(T_1_team=NO)
    assert _finding(_determination(_own(D_I_C=YES), older), "D.I.C")["truth"] == "met"
    assert _finding(_determination(_own(D_I_C=YES), newer), "D.I.C")["truth"] == "not-met"


def test_the_same_link_id_of_another_questionnaire_is_another_question() -> None:
    assert _finding(_determination(_theirs(D_I_E=YES)), "D.I.E")["truth"] == "unknown"
    both = _determination(_own(D_I_E=YES), _theirs(D_I_E=NO))
    assert _finding(both, "D.I.E")["truth"] == "met"


def test_it_is_the_same_the_other_way_round() -> None:
    of_theirs = _determination(_own(D_I_C=YES), coverage=bundle(COVERAGE))
    assert of_theirs["policy"]["id"] == "OTHER-1"
    assert _finding(of_theirs, "T.1")["truth"] == "met"


def test_a_questionnaire_of_a_policy_that_is_not_in_use_does_not_count() -> None:
    alone = _determination(_theirs(T_1_team=YES), policies="MP-MM-1316")
    assert _finding(alone, "D.I.C")["truth"] == "unknown"
