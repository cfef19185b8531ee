"""Cases at both ends of the numbers of a policy's text: every policy has them, and a missing one is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cds_service.cli.__main__ import main
from cds_service.engine.policy import Policy
from cds_service.policies.cg_dme_51 import POLICY as CG_DME_51
from cds_service.policies.registry import POLICIES
from cds_service.services.check_cases import CaseRequest, covered_ends
from cds_service.settings import Settings
from tests.cases.build import case_files
from tests.cases.runner import load

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.id)
def test_nothing_is_wrong_with_a_policy_that_is_held(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(main, ["policy", "--check", policy.id])
    assert done.exit_code == 0, done.output
    assert "cases: " in done.output and "not looked at" not in done.output


def requests(*without: str) -> Iterator[CaseRequest]:
    """The cases of CG-DME-51, without some."""
    for path in case_files():
        if path.parent.name == "cg-dme-51" and path.stem not in without:
            case = load(path)
            yield CaseRequest(case.name, case.request, case.as_of, case.service, case.traces)


def test_an_end_without_a_case_is_named() -> None:
    whole = covered_ends(CG_DME_51, requests(), Settings())
    assert whole.missing == {}
    assert set(whole.thresholds) == {"self_tests_per_day", "regimen_injections", "regimen_injections_reviewed"}
    without = covered_ends(CG_DME_51, requests("fifty-nine-tests-in-thirty-days-are-too-few"), Settings())
    assert without.missing == {"self_tests_per_day": ("below",)}
    assert without.cases == whole.cases - 1


def test_a_policy_without_cases_has_an_open_end_on_every_side() -> None:
    found = covered_ends(CG_DME_51, (), Settings())
    assert found.cases == 0
    assert set(found.missing.values()) == {("below", "above")}
