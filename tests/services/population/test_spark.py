"""The same export on Spark: row for row what one machine says."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cds_service.errors import BadSetting
from cds_service.services.population.run_rules import Orders, RunRules, Scenario
from tests.integration.charts import unavailable
from tests.services.population.exports import POLICIES, case_charts, judged, rows_of
from tests.services.population.generated import population, write_messy

pytestmark = pytest.mark.real

DAY = date(2026, 11, 20)
WHAT_IF = Scenario("sensor readings count", {"cgm_counts_as_self_testing": True})
RULES = RunRules(DAY, Orders.CHART, POLICIES, scenarios=(WHAT_IF,))


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """Two cores of this machine, with the Python that runs the tests."""
    pytest.importorskip("pyspark")
    if shutil.which("java") is None:
        unavailable("Spark needs java: Debian's default-jdk-headless")
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable

    builder = SparkSession.builder.master("local[2]").appName("tests").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    session = builder.config("spark.default.parallelism", "2").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
    del os.environ["PYSPARK_PYTHON"]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "messy"
    charts = [each.member for each in case_charts() if not each.absent]
    write_messy(folder, list(population(charts, 300, seed=4)), seed=5)
    return folder


def _rows(folder: Path) -> list[tuple[Any, ...]]:
    """The rows of a Parquet folder or file."""
    from pyarrow import parquet

    return sorted(tuple(row.values()) for row in parquet.read_table(folder).to_pylist())


def test_spark_says_row_for_row_what_one_machine_says(spark: Any, export: Path, tmp_path: Path) -> None:
    from cds_service.services.population.spark import assess_population_on_spark

    _, expected = judged(export, tmp_path / "here", DAY, Orders.CHART, scenarios=(WHAT_IF,))
    summary = assess_population_on_spark(spark, str(export), str(tmp_path / "spark"), RULES)
    for table in ("members", "criteria", "changes"):
        here = sorted(tuple(row.values()) for row in rows_of(tmp_path / "here" / f"{table}.csv"))
        assert _rows(tmp_path / "spark" / f"{table}.parquet") == here, table
    assert summary["members"] == expected["members"]
    assert summary["tallies"] == expected["tallies"]
    assert summary["quality"] == expected["quality"]


def test_a_list_of_members_is_refused_and_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark")
    from cds_service.services.population import spark as module

    monkeypatch.setenv("PUMP_CDS_MEMBERS", "members.csv")
    with pytest.raises(SystemExit):
        module.main(["export", "--as-of", "2026-11-20", "--out", "out"])


def test_a_folder_without_lines_is_refused(spark: Any, tmp_path: Path) -> None:
    from cds_service.services.population.spark import assess_population_on_spark

    with pytest.raises(BadSetting, match="holds no NDJSON file"):
        assess_population_on_spark(spark, str(tmp_path), str(tmp_path / "out"), replace(RULES, scenarios=()))
