"""The command report, on a store that real calls have filled."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cds_service.cli import main
from cds_service.services.report.assemble import PolicyPart, Report
from cds_service.services.report.tables import Table, csv_of
from cds_service.settings import load
from cds_service.store.store import open_store
from cds_service.web import create_app
from cds_service.web.report_page import report_files
from tests.services.crd import crd_call
from tests.store.samples import call_record, plain

CRD = "/cds-services/crd-order-sign"
FILES = {
    "report.html",
    *(f"{n}.csv" for n in ("outcomes", "gaps", "missing", "exclusions", "feedback", "answered", "durations")),
}


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
    done = run(variables, str(tmp_path / "out"), "--small-cells")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == "1 order; all were ready at first signing."
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    [outcome] = read(tmp_path / "out" / "outcomes.csv")
    assert outcome["likely-approved"] == outcome["checked"] == "1"
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
    assert run(variables, str(tmp_path / "out"), "--since", "2026-11-04", "--by", "day", "--small-cells").exit_code == 0
    assert [(row["day"], row["checked"]) for row in read(tmp_path / "out" / "outcomes.csv")] == [("2026-11-04", "1")]


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


# ---------------------------------------------------------------- the page


def page_of(*tables: Table, policies: tuple[str, ...] = ("P-1",), small_cells: bool = False) -> str:
    parts = tuple(PolicyPart(name, f"policy {name}", f"{name}: 5 orders.", ()) for name in policies)
    found = Report("12 orders.", ("One more.",), parts, tables, "policy P-1", small_cells)
    return report_files(found, "since ever", "now")["report.html"]


def test_what_a_client_sent_stays_text() -> None:
    page = page_of(Table("t", "T", "", ("a", "b"), [("<script>alert(1)</script>", 1)]))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


GAPS = Table(
    "gaps",
    "Open criteria",
    "",
    ("section", "policy", "title", "not-met"),
    [("A.1", "P-1", "Diagnosis", 13), ("A.1", "P-2", "Cause", 12), ("A.2", "P-1", "Rare", "<11")],
    ("not-met",),
    labels={"title": "criterion", "not-met": "chart shows otherwise"},
)


def test_the_same_numbers_give_the_same_page() -> None:
    assert page_of(GAPS) == page_of(GAPS)


def test_the_page_has_titles_and_no_section_ids_or_codes() -> None:
    page = page_of(GAPS)
    assert ">Diagnosis<" in page
    assert ">chart shows otherwise<" in page
    for code in (">A.1<", ">not-met<", ">P-1<"):
        assert code not in page


def test_several_policies_have_a_part_each_with_headline_and_tables_of_their_own() -> None:
    page = page_of(GAPS, policies=("P-1", "P-2"))
    first, second = (
        page[page.index("policy-P-1") : page.index('id="policy-P-2"')],
        page[page.index('id="policy-P-2"') :],
    )
    assert "P-1: 5 orders." in first
    assert ">Diagnosis<" in first
    assert ">Cause<" in second
    assert "P-1: 5 orders." not in page_of(GAPS)


def test_a_number_is_no_heading_of_its_row() -> None:
    page = page_of(Table("answered", "T", "", ("asked", "policy", "answered"), [(418, "P-1", 90)]))
    assert '<td role="cell" data-label="asked" class="cell">418</td>' in page
    assert 'role="rowheader"' not in page


def test_each_table_leads_to_its_file() -> None:
    assert 'href="gaps.csv"' in page_of(GAPS)


def test_what_is_hidden_is_not_drawn_and_the_page_says_so() -> None:
    page = page_of(GAPS)
    plot = page[page.index("<svg") : page.rindex("</svg>")]
    assert ">Diagnosis<" in plot
    assert ">Rare<" not in plot
    assert "Counts of 1 to 10 are shown as &lt;11" in page
    assert "Counts of 1 to 10" not in page_of(GAPS, small_cells=True)


def test_what_is_left_of_a_shown_sum_is_drawn_as_one() -> None:
    rows = [("2026-11-02", "P-1", 20, "hidden", "<11", 45, 0), ("2026-11-09", "P-1", 20, 0, 0, 20, 0)]
    columns = ("week", "policy", "likely-approved", "needs-documentation", "excluded", "checked", "not-applicable")
    page = page_of(Table("outcomes", "T", "", columns, rows, columns[2:5]))
    assert "small counts together" in page
    assert ">Nov 2<" in page
    assert "Nov\u00a02,\u00a02026" in page


def test_small_counts_are_hidden_unless_the_option_or_the_setting_shows_them(
    variables: dict[str, str], tmp_path: Path
) -> None:
    fill(variables, call_record())
    shown = []
    for options, more in (((), {}), (("--small-cells",), {}), ((), {"PUMP_CDS_REPORT_SMALL_CELLS": "1"})):
        done = run(variables | more, str(tmp_path / "out"), *options)
        shown.append((done.output.splitlines()[0], read(tmp_path / "out" / "outcomes.csv")[0]["checked"]))
    assert shown[0] == ("Fewer than 11 orders; none was ready at first signing.", "<11")
    assert shown[1] == shown[2] == ("1 order; none was ready at first signing.", "1")
