"""A chart that is larger than any that is read whole: its Observations are left out, and nothing rests on them."""

from __future__ import annotations

import json
from datetime import date

import pytest

from cds_service.services.population import judge_member
from cds_service.services.population.judge_member import MemberJudge
from cds_service.services.population.run_rules import Orders, RunRules
from tests.support import condition, observation

RULES = RunRules(date(2026, 11, 20), Orders.SYNTHETIC, ("MP-MM-1316",))


def test_observations_of_a_chart_that_is_too_large_are_not_retrieved(monkeypatch: pytest.MonkeyPatch) -> None:
    chart = [condition("c1", "E10.65"), observation("a1", "4548-4", 8.1, "%", "2026-10-01")]
    lines = [json.dumps(each).encode() for each in chart]
    truths = {row[2]: row[3:] for row in MemberJudge(RULES).judge("p1", lines).criteria}
    assert truths["D.I.I.1"] == ("met", "documented", "")
    monkeypatch.setattr(judge_member, "MOST_MEMBER_BYTES", 100)
    judged = MemberJudge(RULES).judge("p1", lines)
    truths = {row[2]: row[3:] for row in judged.criteria}
    assert truths["D.I.I.1"] == ("unknown", "", "not-retrieved")
    assert truths["D.I.A"] == ("met", "documented", "")
    assert judged.problems == [("", judge_member.TOO_LARGE)]
