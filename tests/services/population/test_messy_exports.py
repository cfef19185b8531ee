"""An export with all that real ones have against them says of each member what a clean one says."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tests.services.population.exports import case_charts, judged, rows_of
from tests.services.population.generated import SERVER, Made, population, write_clean, write_messy

DAY = date(2026, 11, 20)
MEMBERS = 2_000


def _manifest(folder: Path) -> None:
    request = f"{SERVER}/Group/members/$export?_type=Patient"
    body = {"transactionTime": "2026-11-19T00:00:00Z", "request": request, "output": [], "error": []}
    (folder / "manifest.json").write_text(json.dumps(body))


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Made]:
    """A clean export of 2,000 members, and a messy one of the same members."""
    folder = tmp_path_factory.mktemp("population")
    charts = [each.member for each in case_charts() if not each.absent]
    people = list(population(charts, MEMBERS, seed=1))
    write_clean(folder / "clean", people)
    made = write_messy(folder / "messy", people, seed=2)
    for name in ("clean", "messy"):
        _manifest(folder / name)
    return folder / "clean", folder / "messy", made


def test_mess_changes_nobodys_outcome(exports: tuple[Path, Path, Made], tmp_path: Path) -> None:
    clean, messy, made = exports
    expected, first = judged(clean, tmp_path / "clean", DAY)
    found, second = judged(messy, tmp_path / "messy", DAY)
    assert second["members"] == first["members"] >= MEMBERS
    assert found == expected
    assert second["hash"] == first["hash"]
    assert min(made.merged, made.deleted, made.duplicates, made.broken) > 5
    broken = [row for row in rows_of(tmp_path / "messy" / "quality.csv") if "as JSON" in row["problem"]]
    assert len(broken) == made.broken


def test_the_result_is_the_same_for_any_number_of_workers_and_order_of_files_and_lines(
    exports: tuple[Path, Path, Made], tmp_path: Path
) -> None:
    _, messy, _ = exports
    _, one = judged(messy, tmp_path / "one", DAY)
    _, three = judged(messy, tmp_path / "three", DAY, workers=3)
    assert three["hash"] == one["hash"]
    assert three["tallies"] == one["tallies"]
    shuffled = _shuffled(messy, tmp_path / "shuffled")
    _, other = judged(shuffled, tmp_path / "other", DAY)
    assert other["hash"] == one["hash"]


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


def test_tables_add_up(exports: tuple[Path, Path, Made], tmp_path: Path) -> None:
    clean, _, _ = exports
    _, summary = judged(clean, tmp_path / "out", DAY)
    rows = rows_of(tmp_path / "out" / "members.csv")
    outcomes = Counter(row["outcome"] for row in rows)
    told = {key[1]: key[2] for key in summary["tallies"] if key[0] == "outcome"}
    assert told == dict(outcomes)
    assert len({row["member"] for row in rows}) == summary["members"] == sum(told.values())
