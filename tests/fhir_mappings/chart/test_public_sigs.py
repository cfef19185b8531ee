"""Directions for insulin from public sources, decided by hand, read in place when the shared reference is there."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from fhir_mappings.chart import sig_marks
from fhir_mappings.chart.sig import Sig, read_sig
from tests.support import SHARED

PATH = SHARED / "reference" / "sigs.json"
SIGS: list[dict[str, Any]] = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else []

# Decided otherwise than in the list: the number of the sig, what differs, and why.
OTHERWISE = {
    "5 units ac | 5 units hs": (
        "occasions",
        [4, 4],
        "the policy's reading: AC is before each meal, 3; that the drug is a premix, the sig does not say",
    ),
    "Regular Humulin insulin per sliding scale": (
        "prn",
        False,
        "the flag stood in the source's record beside the text; the text alone says nothing of as needed",
    ),
    "Administer via insulin pump per patient's programmed basal and bolus settings, total daily dose not to exceed 100 "
    "units.": ("adjusts", False, "a pump: only the attested history before it is judged"),
    "Administer via insulin pump according to programmed basal and bolus settings.": (
        "adjusts",
        False,
        "a pump: only the attested history before it is judged",
    ),
}


def test_the_list_is_there() -> None:
    if not SIGS:
        if os.environ.get("PUMP_TESTS_REQUIRE_ALL") == "1":
            pytest.fail(f"{PATH} is missing")
        pytest.skip("the shared reference is not beside the project")
    assert len(SIGS) >= 194
    assert set(OTHERWISE) <= {row["text"] for row in SIGS}


def occasions(read: Sig) -> list[float] | None:
    """Least and most occasions a day; None where a part of the directions has no frequency."""
    if read.least is None or read.most is None or read.more_by_scale or read.unread_part:
        return None
    return [0 if read.may_give_nothing else read.least, read.most]


@pytest.mark.parametrize("row", SIGS, ids=[row["text"][:60] for row in SIGS])
def test_a_sig_of_a_public_source_reads_as_decided(row: dict[str, Any]) -> None:
    text = row["text"]
    read = read_sig(text)
    found = {
        "occasions": occasions(read),
        "prn": read.as_needed,
        "adjusts": bool(sig_marks.adjusting_words(text) or sig_marks.titrating_words(text)),
    }
    expected = {name: row[name] for name in found}
    if text in OTHERWISE:
        name, value, _ = OTHERWISE[text]
        assert expected[name] != value, "the list agrees by now: take it off"
        expected[name] = value
    assert found == expected, row["note"]
