"""The documentation page of an order that two policies claim: that of the card is shown, and leads to the other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.hooks.messages import FhirAccess
from cds_service.policies import registry
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.services.document_order import OrderPage, PageRequest, document_order
from tests.policies.test_choice import PROGRAM
from tests.services.test_document_order import EHR, USER, server
from tests.services.test_several_policies import BOTH
from tests.support import NOON, SETTINGS, order


def page(policy: str | None) -> OrderPage:
    """The page of an order under both coverages, opened from the card of a policy; None from no card."""
    at = server(order(), coverage=BOTH)
    access = FhirAccess(EHR, "token", 300.0, "patient/*.rs")
    settings = replace(SETTINGS, policies="MP-MM-1316,PROGRAM-1")
    return document_order(PageRequest(access, "p1", USER, policy=policy), settings, NOON, at.open, None)


@pytest.mark.parametrize(
    ("asked", "shown", "also"),
    [
        ("MP-MM-1316", "MP-MM-1316", ("PROGRAM-1",)),
        ("PROGRAM-1", "PROGRAM-1", ("MP-MM-1316",)),
        (None, "MP-MM-1316", ("PROGRAM-1",)),
        ("NO-SUCH-1", "MP-MM-1316", ("PROGRAM-1",)),
    ],
)
def test_the_policy_of_the_card_is_shown_and_the_other_named(
    monkeypatch: pytest.MonkeyPatch, asked: str | None, shown: str, also: tuple[str, ...]
) -> None:
    monkeypatch.setattr(registry, "POLICIES", (POLICY, PROGRAM))
    found = page(asked)
    assert found.assessment is not None
    assert (found.assessment.policy.id, found.also) == (shown, also)
    assert found.determination is not None and found.determination.eligibility == "ask which plan pays first"
