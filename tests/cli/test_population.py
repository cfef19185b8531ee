"""The command population: what it writes, how it refuses, how it goes on after it was stopped."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cds_service.cli import main
from cds_service.cli.population_progress import progress_text, time_left
from cds_service.services.population import judge_bucket, partition, worker_pool
from cds_service.services.population.partition_export import Progress
from tests.services.population.exports import rows_of
from tests.services.population.test_export_folder import DIABETES, PATIENT, put, whole


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(main, ["population", *map(str, arguments)])


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return whole(tmp_path / "export")


def _run(export: Path, out: Path, *more: Any) -> Result:
    return run(export, "--as-of", "2026-11-20", "--out", out, "--workers", 1, *more)


def test_results_are_written_for_their_owner_alone(export: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = _run(export, out, "--csv")
    assert done.exit_code == 0, done.output
    assert "1 members; result sha256:" in done.stdout
    assert {path.name for path in out.iterdir()} == {
        "members.csv",
        "criteria.csv",
        "quality.csv",
        "run.json",
        "index.html",
    }
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o600}
    assert "p1" not in done.output


def test_parquet_holds_the_same_rows_as_csv(export: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    _run(export, tmp_path / "csv", "--csv")
    assert _run(export, tmp_path / "parquet").exit_code == 0
    for name in ("members", "criteria", "quality"):
        rows = parquet.read_table(tmp_path / "parquet" / f"{name}.parquet").to_pylist()
        assert [{k: str(v) for k, v in row.items()} for row in rows] == rows_of(tmp_path / "csv" / f"{name}.csv")


def test_without_pyarrow_it_says_what_to_do(export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_service.cli.population.find_spec", lambda _name: None)
    done = _run(export, tmp_path / "out")
    assert done.exit_code == 2
    assert "--csv" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--as-of", "today"], "--as-of must be a day"),
        (["--policy", "NO-SUCH"], "NO-SUCH, which is not held"),
        (["--list-gap", "X.1"], "no policy of this run has such a section"),
        (["--scenarios", "missing.toml"], "cannot be read"),
        (["--pseudonymize-key", "missing.key"], "cannot be read"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(export: Path, tmp_path: Path, arguments: list[str], says: str) -> None:
    done = _run(export, tmp_path / "out", "--csv", *arguments)
    assert done.exit_code == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("what", ["empty", "missing", "no NDJSON inside"])
def test_input_that_cannot_be_read(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "export"
    if what != "missing":
        folder.mkdir()
    if what == "no NDJSON inside":
        put(folder, "Condition.ndjson", "\x89PNG", "not a line of JSON")
    done = _run(folder, tmp_path / "out", "--csv")
    assert done.exit_code == 2
    assert str(folder) in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_of_somebody_elses_files_is_not_written_to(export: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(out, "letter.txt", "keep me")
    assert _run(export, out, "--csv").exit_code == 2
    assert (out / "letter.txt").read_text() == "keep me\n"


def test_an_export_without_conditions_says_so_on_the_page_and_on_standard_error(tmp_path: Path) -> None:
    export = whole(tmp_path / "export")
    (export / "Condition.ndjson").unlink()
    done = _run(export, tmp_path / "out", "--csv")
    assert done.exit_code == 0
    assert "Condition: not retrieved" in done.stderr
    assert "Condition: not retrieved" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert rows_of(tmp_path / "out" / "members.csv")[0]["outcome"] == "needs-documentation"


def test_a_list_for_a_clinic_names_members_by_a_keyed_hash_where_that_is_asked_for(
    export: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123456789abcdef")
    _run(export, tmp_path / "plain", "--csv", "--list-gap", "D.I.D")
    _run(export, tmp_path / "hashed", "--csv", "--list-gap", "D.I.D", "--pseudonymize-key", key)
    (plain,) = rows_of(tmp_path / "plain" / "list-D.I.D.csv")
    (hashed,) = rows_of(tmp_path / "hashed" / "list-D.I.D.csv")
    assert (plain["member"], plain["patient"], plain["gap_or_basis"]) == ("p1", "Patient/p1", "not-documented")
    # HMAC-SHA-256 of p1, by `printf p1 | openssl dgst -sha256 -hmac KEY`, its first 32 digits.
    import hmac

    name = hmac.digest(key.read_bytes(), b"p1", "sha256").hex()[:32]
    assert (hashed["member"], hashed["patient"]) == (name, f"Patient/{name}")
    for path in (tmp_path / "hashed").iterdir():
        assert b"p1," not in path.read_bytes()
        assert b"Patient/p1" not in path.read_bytes()


def test_a_short_key_is_refused(export: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("tiny-key!")
    done = _run(export, tmp_path / "out", "--csv", "--pseudonymize-key", key)
    assert done.exit_code == 2
    assert "tiny" not in done.stderr
    assert "16 bytes" in done.stderr


SCENARIOS = """
[[scenario]]
name = "a lower threshold"
set = { hba1c_threshold = 6.5 }
"""


def test_a_scenario_says_who_changes_and_by_which_section(export: Path, tmp_path: Path) -> None:
    result = {
        "resourceType": "Observation",
        "id": "a1",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-11-01",
        "valueQuantity": {"value": 6.8, "unit": "%", "code": "%"},
    }
    put(export, "Observation.ndjson", result)
    file = tmp_path / "s.toml"
    file.write_text(SCENARIOS)
    assert _run(export, tmp_path / "out", "--csv", "--scenarios", file).exit_code == 0
    (row,) = rows_of(tmp_path / "out" / "changes.csv")
    assert row["scenario"] == "a lower threshold"
    assert "D.I.I.1" in row["sections"].split()  # 6.8 is above 6.5 and not above 7
    assert "What if: a lower threshold" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("scenario = 1", "as a table [[scenario]]"),
        ("[[scenario]]\nset = { hba1c_threshold = 6.5 }", "needs a name"),
        ('[[scenario]]\nname = "a"', "changes nothing"),
        ('[[scenario]]\nname = "a"\nset = { no_such = 1 }', "no_such is no parameter"),
        ('[[scenario]]\nname = "a"\nset = { hba1c_threshold = "high" }', "hba1c_threshold must be a number"),
        ('[[scenario]]\nname = "a"\npolicy = "NO-SUCH"', "NO-SUCH, which is not held"),
        ('[[scenario]]\nname = "a"\nother = 1', "known are name, set and policy"),
        (f"{SCENARIOS}{SCENARIOS}", "the same name"),
        ("[[", "is no TOML"),
    ],
)
def test_a_scenario_that_cannot_be_judged_is_refused(export: Path, tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "s.toml"
    file.write_text(text)
    done = _run(export, tmp_path / "out", "--csv", "--scenarios", file)
    assert done.exit_code == 2
    assert says in done.stderr


def _many(folder: Path, members: int) -> Path:
    whole(folder)
    put(folder, "Patient.ndjson", *(PATIENT | {"id": f"p{n}"} for n in range(members)))
    lines = [DIABETES | {"id": f"c{n}", "subject": {"reference": f"Patient/p{n}"}} for n in range(members)]
    put(folder, "Condition.ndjson", *(each | {"note": [{"text": "x" * 9_000}]} for each in lines))
    return folder


class _Stopped(Exception):
    pass


def test_a_run_that_was_stopped_goes_on_and_does_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export, out = _many(tmp_path / "export", 2_000), tmp_path / "out"
    assert _run(export, tmp_path / "whole", "--csv").exit_code == 0
    seen: list[int] = []
    judge = judge_bucket.BucketJudge.run

    def stop_at_the_second(self: judge_bucket.BucketJudge, bucket: int) -> Any:
        if len(seen) == 1:
            raise _Stopped
        seen.append(bucket)
        return judge(self, bucket)

    monkeypatch.setattr(judge_bucket.BucketJudge, "run", stop_at_the_second)
    assert isinstance(_run(export, out, "--csv").exception, _Stopped)
    monkeypatch.setattr(judge_bucket.BucketJudge, "run", lambda self, n: (seen.append(n), judge(self, n))[1])
    sorting = partition.Partitioner.run
    sorted_again: list[Any] = []
    monkeypatch.setattr(partition.Partitioner, "run", lambda self, t: (sorted_again.append(t), sorting(self, t))[1])
    assert _run(export, out, "--csv").exit_code == 0
    assert len(seen) == len(set(seen)) > 1
    assert sorted_again == []
    hashes = [json.loads((each / "run.json").read_text())["hash"] for each in (out, tmp_path / "whole")]
    assert hashes[0] == hashes[1]


def test_other_rules_begin_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export, out = whole(tmp_path / "export"), tmp_path / "out"
    judge = judge_bucket.BucketJudge.run
    monkeypatch.setattr(judge_bucket.BucketJudge, "run", lambda *_: (_ for _ in ()).throw(_Stopped()))
    _run(export, out, "--csv")
    assert (out / ".work").exists()
    monkeypatch.setattr(judge_bucket.BucketJudge, "run", judge)
    assert run(export, "--as-of", "2026-11-19", "--out", out, "--workers", 1, "--csv").exit_code == 0
    assert rows_of(out / "members.csv")[0]["as_of"] == "2026-11-19"


def test_two_runs_do_not_write_to_one_folder(export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge, said = judge_bucket.BucketJudge.run, list[str]()

    def run_another(self: judge_bucket.BucketJudge, bucket: int) -> Any:
        said.append(_run(export, tmp_path / "out", "--csv").stderr)
        return judge(self, bucket)

    monkeypatch.setattr(judge_bucket.BucketJudge, "run", run_another)
    assert _run(export, tmp_path / "out", "--csv").exit_code == 0
    assert "another run is writing its results there" in said[0]


def test_a_chart_that_cannot_be_judged_is_counted_and_ends_nothing(
    export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("p1 has a secret")

    monkeypatch.setattr("cds_service.services.population.judge_member.assess", fail)
    done = _run(export, tmp_path / "out", "--csv")
    assert done.exit_code == 0
    (row,) = rows_of(tmp_path / "out" / "members.csv")
    assert (row["outcome"], row["reason"]) == ("not-applicable", "failed")
    problems = [each["problem"] for each in rows_of(tmp_path / "out" / "quality.csv")]
    assert problems == ["a chart could not be judged (ZeroDivisionError)"]
    assert "secret" not in done.output


def test_an_element_that_is_too_long_leaves_its_member_unjudged_and_the_others_whole(
    export: Path, tmp_path: Path
) -> None:
    held = {"resourceType": "Medication", "id": "m", "code": {"text": "x" * 300_000}}
    order = {"resourceType": "MedicationRequest", "id": "m1", "status": "active", "contained": [held]}
    order |= {"medicationReference": {"reference": "#m"}, "subject": {"reference": "Patient/p2"}}
    put(export, "MedicationRequest.ndjson", order)
    assert _run(export, tmp_path / "out", "--csv").exit_code == 0
    rows = {row["member"]: row for row in rows_of(tmp_path / "out" / "members.csv")}
    assert set(rows) == {"p1", "p2"}
    assert rows["p1"]["outcome"] == "needs-documentation"
    assert "likely-approved" not in rows["p2"]["outcome"]


def test_a_disk_that_fills_is_one_line_and_what_was_done_is_kept(
    export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(judge_bucket.BucketJudge, "run", full)
    done = _run(export, tmp_path / "out", "--csv")
    assert done.exit_code == 2
    assert "No space left on device; run the same command again to go on" in done.stderr
    assert (tmp_path / "out" / ".work").exists()
    assert not (tmp_path / "out" / "members.csv").exists()


class KilledWorker:
    """A process that is killed at its second task."""

    def __init__(self) -> None:
        self._done = 0

    def run(self, task: int) -> int:
        self._done += 1
        if self._done == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return task


def test_a_worker_that_is_killed_ends_the_run_with_a_message() -> None:
    with pytest.raises(worker_pool.WorkerLost, match="run the same command again"):
        list(worker_pool.each_done(range(9), KilledWorker, (), 2))


def test_the_page_hides_small_counts_unless_asked_not_to(export: Path, tmp_path: Path) -> None:
    _run(export, tmp_path / "hidden", "--csv")
    _run(export, tmp_path / "shown", "--csv", "--small-cells")
    hidden, shown = ((tmp_path / each / "index.html").read_text("utf-8") for each in ("hidden", "shown"))
    assert "&lt;11" in hidden
    assert 'class="cell">1<' not in hidden
    assert "&lt;11" not in shown
    assert "Nov 20, 2026" in shown


@pytest.mark.parametrize(("seconds", "text"), [(45, "45 s"), (720, "12 min"), (12_000, "3 h 20 min")])
def test_time_that_is_left_in_words(seconds: float, text: str) -> None:
    assert time_left(seconds) == text


def test_progress_says_rate_and_time_left() -> None:
    # 300 of 900 MB in 60 s: 5 MB a second, so that the other 600 MB take 120 s.
    text = progress_text(Progress("judging", 300_000_000, 900_000_000, 3_000), 60)
    assert text == "judging: 300 of 900 MB, 5 MB a second, 3,000 members, 50 a second, 2 min left"
