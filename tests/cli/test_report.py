"""The command report, on a store that real calls have filled."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cds_service.cli import main
from cds_service.services.report import Report
from cds_service.services.report_tables import Table, csv_of
from cds_service.settings import load
from cds_service.store.store import open_store
from cds_service.web import create_app
from cds_service.web.report_page import report_files
from tests.services.crd import crd_call
from tests.store.samples import call_record, plain

CRD = "/cds-services/crd-order-sign"
FILES = {"report.html", *(f"{n}.csv" for n in ("outcomes", "gaps", "missing", "feedback", "answered", "durations"))}


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return {
        "PUMP_CDS_DATABASE_URL": f"sqlite:///{tmp_path}/x.db",
        "PUMP_CDS_SPOOL_FOLDER": str(tmp_path / "spool"),
    }


def run(variables: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, ["report", *arguments], env=variables)


def fill(variables: dict[str, str], *records: Any) -> None:
    store = open_store(load(variables))
    assert store is not None
    store.repository().write([plain(record) for record in records])


def read(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))


def test_a_call_and_its_report(variables: dict[str, str], tmp_path: Path) -> None:
    app = create_app(load(variables))
    call = crd_call()
    assert app.test_client().post(CRD, json=call).status_code == 200
    store = app.config["STORE"]
    assert store.recorder.flush(10)
    done = run(variables, str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    [outcome] = read(tmp_path / "out" / "outcomes.csv")
    assert outcome["likely-approved"] == outcome["all"] == "1"
    [hook] = read(tmp_path / "out" / "durations.csv")
    assert (hook["hook"], hook["calls"]) == ("order-sign", "1")
    written = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir())
    for name in (call["context"]["patientId"], call["hookInstance"], "DeviceRequest/"):
        assert name not in json.dumps(written)


def test_since(variables: dict[str, str], tmp_path: Path) -> None:
    fill(
        variables,
        call_record(received_at="2026-11-03T23:59:59+00:00"),
        call_record(received_at="2026-11-04T00:00:00+00:00"),
    )
    assert run(variables, str(tmp_path / "out"), "--since", "2026-11-04", "--by", "day").exit_code == 0
    assert [(row["day"], row["all"]) for row in read(tmp_path / "out" / "outcomes.csv")] == [("2026-11-04", "1")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{out}", "--since", "yesterday"], "--since must be a day"),
        (["{out}", "--by", "year"], "'year' is not one of"),
        ([], "FOLDER"),
        (["/proc/none/at/all"], "cannot be written"),
    ],
)
def test_bad_usage(variables: dict[str, str], tmp_path: Path, arguments: list[str], words: str) -> None:
    fill(variables)
    done = run(variables, *(each.format(out=tmp_path / "out") for each in arguments))
    assert done.exit_code == 2
    assert words in done.stderr


def test_no_store(variables: dict[str, str], tmp_path: Path) -> None:
    done = run(variables | {"PUMP_CDS_DATABASE_URL": "off"}, str(tmp_path / "out"))
    assert (done.exit_code, (tmp_path / "out").exists()) == (2, False)
    assert "nothing is stored" in done.stderr


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert list(csv.reader(io.StringIO(csv_of(("a", "b"), [(cell, -1)]))))[1] == [f"'{cell}", "-1"]


def test_what_a_client_sent_stays_text() -> None:
    table = Table("t", "T", "", ("a", "b"), [("<script>alert(1)</script>", 1)])
    page = report_files(Report([table], "<b>the</b> policy"), "since ever", "now")["report.html"]
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_same_numbers_give_the_same_page() -> None:
    table = Table("outcomes", "T", "", ("week", "excluded"), [("2026-11-02", 3), ("2026-11-09", 0)], ("excluded",))
    assert report_files(Report([table], ""), "s", "m") == report_files(Report([table], ""), "s", "m")


def test_bars_name_the_policy_and_a_course_of_time_is_of_all_together() -> None:
    open_orders = [("A.1", "P-1", 3), ("A.1", "P-2", 2)]
    gaps = Table("gaps", "T", "", ("section", "policy", "not-met"), open_orders, ("not-met",))
    assert all(f">A.1 {policy}<" in _drawn(gaps) for policy in ("P-1", "P-2"))
    # In the week of the 2nd 3 and 2 orders, in the week of the 9th 1.
    weeks = [("2026-11-02", "P-1", 3), ("2026-11-02", "P-2", 2), ("2026-11-09", "P-1", 1), ("2026-11-09", "P-2", 0)]
    outcomes = Table("outcomes", "T", "", ("week", "policy", "excluded"), weeks, ("excluded",))
    assert _drawn(outcomes) == _drawn(replace(outcomes, rows=[("2026-11-02", "", 5), ("2026-11-09", "", 1)]))


def _drawn(table: Table) -> str:
    """The plot of a table in the page."""
    page = report_files(Report([table], ""), "s", "m")["report.html"]
    return page[page.index("<svg") : page.rindex("</svg>")]
