"""The command check: what it says about a request, and about a chart that is none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cds_service.cli import main
from tests import support
from tests.services.test_chart_request import resources
from tests.support import bundle, education, order


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(main, ["check", *arguments], **options)


@pytest.fixture
def request_file(tmp_path: Path) -> str:
    """A request of DAY with one gap: the newest education is too old."""
    call = support.call(education=bundle(education("e1", "2025-06-01")))
    path = tmp_path / "request.json"
    path.write_text(json.dumps(call), encoding="utf-8")
    return str(path)


@pytest.fixture
def chart_file(tmp_path: Path) -> str:
    path = tmp_path / "chart.json"
    path.write_text(json.dumps(bundle(*resources())), encoding="utf-8")
    return str(path)


def test_the_title_comes_first_then_what_to_do(request_file: str) -> None:
    done = run(request_file)
    assert done.exit_code == 0
    title, _, rest = done.output.partition("\n")
    assert title.startswith("Insulin pump: needs documentation. Next: renew the diabetes education")
    assert "2025-06-01" in rest or "Jun 1, 2025" in rest
    for sign in ("**", "\\", "&amp;", "not-met", "needs-documentation"):
        assert sign not in done.output


def test_the_table_is_there_when_it_is_asked_for(request_file: str) -> None:
    short, long = run(request_file).output, run(request_file, "--verbose").output
    assert long.startswith(short.rstrip())
    for row in ("D.I.A         met", "  D.I.I.6     open", "D.II.B.5      does not apply"):
        assert any(line.startswith(row.split()[0]) or row.split()[0] in line for line in long.splitlines())
        assert not any(line.lstrip().startswith(row.split()[0] + " ") for line in short.splitlines())
    assert "D.II.B.5      does not apply" in long
    assert "  D.I.I.6     open" in long


def test_json_is_the_whole_list_of_determinations(tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    path.write_text(json.dumps(support.call(order(), order("other", "E0607"))), encoding="utf-8")
    found = json.loads(run(str(path), "--json").output)
    assert [each["outcome"] for each in found] == ["likely-approved", "not-applicable"]
    said = run(str(path)).output
    assert "Order 1 of 2: DeviceRequest/pump-1" in said
    assert "Order 2 of 2: DeviceRequest/other\nDeviceRequest/other: not checked. The order is not for" in said


def test_a_dispatch_has_a_title_as_well(tmp_path: Path) -> None:
    call = support.call()
    call["hook"] = "order-dispatch"
    orders = call["context"].pop("draftOrders")
    call["prefetch"]["deviceRequests"] = orders
    call["context"] |= {"dispatchedOrders": ["DeviceRequest/pump-1"], "performer": "Organization/o1"}
    path = tmp_path / "dispatch.json"
    path.write_text(json.dumps(call), encoding="utf-8")
    assert run(str(path)).output.startswith("Insulin pump: likely approved")


def test_a_request_is_read_from_standard_input(request_file: str) -> None:
    body = Path(request_file).read_bytes()
    assert run("-", input=body).output == run(request_file).output


def test_a_compressed_file_is_read_and_bounded_by_what_it_holds(request_file: str, tmp_path: Path) -> None:
    body = Path(request_file).read_bytes()
    packed = tmp_path / "request.json.gz"
    packed.write_bytes(gzip.compress(body))
    assert run(str(packed)).output == run(request_file).output
    packed.write_bytes(gzip.compress(b" " * 50_000_000 + body))
    assert "larger than 10,000,000 bytes" in run(str(packed)).stderr
    packed.write_bytes(b"\x1f\x8b rubbish")
    assert "is no sound gzip file" in run(str(packed)).stderr


def test_xml_is_told_from_broken_json(tmp_path: Path) -> None:
    path = tmp_path / "chart.xml"
    path.write_text('<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"/>', encoding="utf-8")
    done = run(str(path))
    assert done.exit_code == 2
    assert "is XML: FHIR and CDS Hooks are read as JSON" in done.stderr


def test_texts_wrap_to_the_terminals_width(request_file: str) -> None:
    narrow = run(request_file, "--verbose", env={"COLUMNS": "60"}).output
    assert max(map(len, narrow.splitlines())) < 60
    assert narrow.split() == run(request_file, "--verbose").output.split()


# ---------------------------------------------------------------- charts


def test_a_chart_is_told_how_it_becomes_a_request(chart_file: str) -> None:
    done = run(chart_file)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "not a hook request" in done.stderr
    assert f"insulin-pump-cds check {chart_file} --order E0784" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_chart_becomes_a_request(chart_file: str, tmp_path: Path) -> None:
    saved = tmp_path / "made.json"
    done = run(chart_file, "--order", "e0784", "--as-of", "2026-11-20", "--save", str(saved))
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("Insulin pump: likely approved")
    assert "An order of E0784 on 2026-11-20 for Patient/p1, by Practitioner/d1." in done.stderr
    assert run(str(saved)).stdout == done.stdout
    assert json.loads(run(str(saved), "--json").stdout)[0]["asOf"] == "2026-11-20"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--order", "E0607"), "E0607 is no code of an insulin pump"),
        (("--order", "E0784", "--patient", "p9"), "no Patient of that id"),
        (("--order", "E0784", "--as-of", "2999-01-01"), "is in the future"),
        (("--order", "E0784", "--as-of", "soon"), "must be a day such as"),
        (("--order", "E0784", "--save", "/proc/none/x.json"), "cannot be written"),
        (("--patient", "p1"), "--patient goes with --order"),
    ],
)
def test_what_cannot_be_done_with_a_chart_is_one_line(chart_file: str, arguments: tuple[str, ...], words: str) -> None:
    done = run(chart_file, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr.strip().splitlines()[-1]


def test_a_request_is_no_chart(request_file: str) -> None:
    done = run(request_file, "--order", "E0784")
    assert done.exit_code == 2
    assert "no chart" in done.stderr


@pytest.mark.parametrize("extra", [(), ("--order", "E0784")])
def test_broken_json_is_named_by_line_and_column(tmp_path: Path, extra: tuple[str, ...]) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{\n  "hook": "order-sign",,\n}', encoding="utf-8")
    done = run(str(path), *extra)
    assert done.exit_code == 2
    assert "line 2, column 24: " in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_file_that_is_too_large_is_not_read(request_file: str) -> None:
    done = run(request_file, env={"PUMP_CDS_MAX_BODY_BYTES": "1000"})
    assert done.exit_code == 2
    assert "larger than 1,000 bytes: raise PUMP_CDS_MAX_BODY_BYTES" in done.stderr
