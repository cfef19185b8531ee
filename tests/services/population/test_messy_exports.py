"""An export with all that real ones have against them says of each member what a clean one says."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from tests.services.population.exports import JSON, case_charts, judged, rows_of
from tests.services.population.generated import SERVER, Made, population, write_clean, write_messy

DAY = date(2026, 11, 20)
MEMBERS = 2_000


def _manifest(folder: Path) -> None:
    request = f"{SERVER}/Group/members/$export?_type=Patient"
    body = {"transactionTime": "2026-11-19T00:00:00Z", "request": request, "output": [], "error": []}
    (folder / "manifest.json").write_text(json.dumps(body))


@dataclass
class Exports:
    """A clean export, a messy one of the same 2,000 members, and what a run says of the messy one."""

    clean: Path
    messy: Path
    made: Made
    found: dict[str, list[JSON]]
    summary: JSON
    out: Path


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    folder = tmp_path_factory.mktemp("population")
    charts = [each.member for each in case_charts() if not each.absent]
    people = list(population(charts, MEMBERS, seed=1))
    write_clean(folder / "clean", people)
    made = write_messy(folder / "messy", people, seed=2)
    for name in ("clean", "messy"):
        _manifest(folder / name)
    found, summary = judged(folder / "messy", folder / "out", DAY)
    return Exports(folder / "clean", folder / "messy", made, found, summary, folder / "out")


def test_mess_changes_nobodys_outcome(exports: Exports, tmp_path: Path) -> None:
    expected, clean = judged(exports.clean, tmp_path / "clean", DAY)
    assert exports.summary["members"] == clean["members"] >= MEMBERS
    assert exports.found == expected
    assert exports.summary["hash"] == clean["hash"]
    made = exports.made
    assert min(made.merged, made.deleted, made.duplicates, made.broken) > 5
    broken = [row for row in rows_of(exports.out / "quality.csv") if "as JSON" in row["problem"]]
    assert len(broken) == made.broken


def test_the_result_is_the_same_for_three_workers(exports: Exports, tmp_path: Path) -> None:
    _, three = judged(exports.messy, tmp_path / "three", DAY, workers=3)
    assert three["hash"] == exports.summary["hash"]
    assert three["tallies"] == exports.summary["tallies"]


def test_the_result_is_the_same_for_other_names_and_another_order_of_files_and_lines(
    exports: Exports, tmp_path: Path
) -> None:
    _, other = judged(_shuffled(exports.messy, tmp_path / "shuffled"), tmp_path / "other", DAY)
    assert other["hash"] == exports.summary["hash"]


def _shuffled(folder: Path, copy: Path) -> Path:
    """The same lines in another order, in files whose names sort the other way round."""
    shutil.copytree(folder, copy)
    rng = random.Random(3)
    for path in sorted(copy.rglob("*.ndjson")):
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
        rng.shuffle(lines)
        path.write_bytes(b"\n".join(lines))
        path.rename(path.with_name(f"{rng.randrange(10**6)}-{path.name}"))
    return copy


def test_tables_add_up(exports: Exports) -> None:
    """A member whom two policies judge counts once, under the less favorable outcome."""
    rows = rows_of(exports.out / "members.csv")
    order = ("needs-documentation", "excluded", "likely-approved", "not-applicable")
    by_member: dict[str, list[str]] = {}
    for row in rows:
        by_member.setdefault(row["member"], []).append(row["outcome"])
    outcomes = Counter(min(found, key=order.index) for found in by_member.values())
    told = {key[1]: key[2] for key in exports.summary["tallies"] if key[0] == "outcome"}
    assert told == dict(outcomes)
    assert len({row["member"] for row in rows}) == exports.summary["members"] == sum(told.values())


def test_members_with_no_diabetes_and_no_insulin_are_judged_the_same_when_charted_in_full(
    exports: Exports, tmp_path: Path
) -> None:
    _, in_full = judged(exports.messy, tmp_path / "in-full", DAY, all_in_full=True)
    assert in_full["hash"] == exports.summary["hash"]
