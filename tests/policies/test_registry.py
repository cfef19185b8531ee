"""Which policies are in use: a name that is not held is refused, never passed over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.errors import BadSetting
from cds_service.settings import Settings, load
from cds_service.web import create_app


def test_the_held_policy_may_be_named() -> None:
    settings = load({"PUMP_CDS_POLICIES": "MP-MM-1316", "PUMP_CDS_DATABASE_URL": "off"})
    assert create_app(settings) is not None


@pytest.mark.parametrize("named", ["MP-MM-1316,L33795", "MP-MM-1317", "", " , "])
def test_a_policy_that_is_not_held_is_refused_by_name(named: str) -> None:
    with pytest.raises(BadSetting, match="MP-MM-1316"):
        create_app(replace(Settings(database_url="off"), policies=named))
