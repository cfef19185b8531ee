"""What a module of the conformance tests leaves behind is let go before anything is timed."""

from __future__ import annotations

import gc

import pytest


@pytest.fixture(autouse=True, scope="module")
def collected() -> None:
    """Answers of every case in every version are millions of objects, and refusals among them hold all in a circle.

    They are let go as the next module begins: to collect them later would stop a timed test for seconds.
    """
    gc.collect()
