"""The same run on Apache Spark: lines from any path that Spark reads, grouped by member, judged by the same judge.

`python -m cds_service.services.population.spark FOLDER --as-of DATE --out PATH` starts it, on a cluster by way of
spark-submit (docs/population.md). Spark reads, moves and writes; what is said of a member is said by `MemberJudge`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

from pyspark import RDD, SparkContext
from pyspark.sql import SparkSession
from pyspark.sql.types import StringType, StructField, StructType

from cds_service import settings as settings_module
from cds_service.errors import BadSetting
from cds_service.policies.registry import policies_in_use
from cds_service.services.assess_population import rules_of_export
from cds_service.services.population.completeness import completeness_of
from cds_service.services.population.export_folder import (
    ENDINGS,
    ExportFile,
    ExportFolder,
    Kind,
    json_object,
    kind_of,
    manifest_in,
    type_in_name,
)
from cds_service.services.population.judge_member import MemberJudge
from cds_service.services.population.line_classifier import LineClassifier, Role
from cds_service.services.population.merged_patients import links_in, may_hold_patients, merged_into, merged_patients
from cds_service.services.population.partition import PartitionCounts, hash_of
from cds_service.services.population.rows import CHANGE_COLUMNS, CRITERION_COLUMNS, MEMBER_COLUMNS, JudgedMember
from cds_service.services.population.run_rules import Orders, RunRules
from cds_service.services.population.scenarios import load_scenarios
from cds_service.services.population.shared_resources import keys_of, reference_key
from cds_service.services.population.tallies import Tallies

# Keys of what is no member's: all of it lies in the first partition.
_COUNTS, _SHARED = "\tcounts", "\tshared"
_PARTITIONS_A_CORE = 4
_PARTITION_BYTES = 64_000_000
_TABLES = {"members": MEMBER_COLUMNS, "criteria": CRITERION_COLUMNS, "changes": CHANGE_COLUMNS}
Record = tuple[str, Any]
Given = tuple[RunRules, Mapping[str, Sequence[str]], Mapping[int, list[bytes]]]


def assess_population_on_spark(spark: SparkSession, folder: str, out: str, rules: RunRules) -> dict[str, Any]:
    """Judges the members of an export, and writes the rows as Parquet under `out`, with run.json beside them.

    `folder` and `out`: any path or URL that this Spark reads and writes. What run.json says. BadSetting for a folder
    without lines.
    """
    context = spark.sparkContext
    export = _list_export_files(context, folder)
    files = export.of_kind(Kind.RESOURCES)
    if not files:
        raise BadSetting(f"{folder} holds no NDJSON file such as Patient.ndjson or Patient.000.ndjson.gz")
    patients = [file for file in files if may_hold_patients(file.named_type)]
    links = _lines(context, patients).flatMap(lambda line: list(links_in(line.encode(errors="replace")))).collect()
    merged = merged_patients(links)
    grouped = _grouped(context, files, merged)
    counts, shared = _first_partition(context, grouped)
    errors = [line.encode() for line in _lines(context, export.of_kind(Kind.ERRORS)).collect()]
    complete = completeness_of(export, counts, errors)
    gone = export.of_kind(Kind.DELETED)
    deleted = [(file.name, 0, line.encode()) for file in gone for line in _lines(context, [file]).collect()]
    rules = rules_of_export(rules, export, counts, complete, deleted)
    given = context.broadcast((rules, merged_into(merged), _by_key(shared, rules.server)))
    judged = grouped.mapPartitions(lambda records: _judged(records, given.value)).persist()
    tallies = judged.mapPartitions(_tallied).reduce(_summed)
    for name, columns in _TABLES.items():
        schema = StructType([StructField(column, StringType(), False) for column in columns])
        rows = spark.createDataFrame(judged.flatMap(partial(_rows, name)), schema)
        rows.write.mode("overwrite").parquet(f"{out}/{name}.parquet")
    found = judged.flatMap(attrgetter("problems")).countByValue()
    judged.unpersist()
    summary = _summary(rules, tallies, counts, found)
    _write_text(context, f"{out}/run.json", json.dumps(summary, indent=1))
    return summary


def _summary(
    rules: RunRules, tallies: list[list[Any]], counts: Iterable[PartitionCounts], found: Any
) -> dict[str, Any]:
    return {
        "asOf": rules.as_of.isoformat(),
        "orders": rules.orders.value,
        "policies": list(rules.policies),
        "server": rules.server,
        "unread": dict(rules.unread),
        "partial": dict(rules.partial),
        "members": Tallies(tallies).one("members"),
        "tallies": tallies,
        "quality": _quality(counts, found),
    }


# ---------------------------------------------------------------- files


def _list_export_files(context: SparkContext, folder: str) -> ExportFolder:
    """The files of a folder and of those below it, by Hadoop's file systems."""
    root, system = _path_and_file_system(context, folder)
    if not system.exists(root):
        raise BadSetting(f"{folder} is no folder that Spark can read")
    base = str(system.getFileStatus(root).getPath().toString()).rstrip("/")
    found, listing, manifests = ExportFolder(Path(folder)), system.listFiles(root, True), []
    while listing.hasNext():
        status = listing.next()
        path, size = str(status.getPath().toString()), int(status.getLen())
        name = path.removeprefix(base).lstrip("/")
        last = name.rpartition("/")[2]
        folded = last.casefold()
        if folded.endswith(".json"):
            manifests.append((name, path))
        elif folded.endswith(ENDINGS) and not folded.startswith("log."):
            packed = folded.endswith(".gz")
            found.files.append(ExportFile(name, path, size, 0, packed, kind_of(name), type_in_name(last)))
    found.files.sort(key=lambda file: file.name)
    for name, path in sorted(manifests):
        body = json_object("\n".join(context.textFile(path, 1).collect()))
        if "transactionTime" in body:
            found.manifests.append(manifest_in(body, name))
    return found


def _path_and_file_system(context: SparkContext, path: str) -> tuple[Any, Any]:
    """A path, and the file system that it is on."""
    jvm: Any = context._jvm
    java: Any = context._jsc
    place = jvm.org.apache.hadoop.fs.Path(path)
    return place, place.getFileSystem(java.hadoopConfiguration())


def _lines(context: SparkContext, files: Sequence[ExportFile]) -> RDD[str]:
    if not files:
        return context.emptyRDD()
    lines = context.union([context.textFile(file.path, 1) for file in files])
    return lines.coalesce(context.defaultParallelism * _PARTITIONS_A_CORE)


def _write_text(context: SparkContext, path: str, text: str) -> None:
    target, system = _path_and_file_system(context, path)
    stream = system.create(target, True)
    stream.write(bytearray(text.encode()))
    stream.close()


# ---------------------------------------------------------------- lines by member


def _grouped(context: SparkContext, files: Sequence[ExportFile], merged: Mapping[str, str]) -> RDD[Record]:
    """Lines by member, those of one member in one partition; what is no member's in the first one."""
    links = context.broadcast(dict(merged))
    classified = context.union(
        [
            context.textFile(file.path, 1).mapPartitions(partial(_classified_lines, file.name, file.named_type, links))
            for file in files
        ]
    )
    size = sum(file.size * (10 if file.compressed else 1) for file in files)
    tasks = max(context.defaultParallelism * _PARTITIONS_A_CORE, size // _PARTITION_BYTES)
    return classified.coalesce(tasks).partitionBy(tasks + 1, partial(_partition_of, tasks + 1))


def _partition_of(partitions: int, key: str) -> int:
    return 0 if key.startswith("\t") else 1 + (hash_of(key) * (partitions - 1) >> 64)


def _classified_lines(name: str, named_type: str | None, merged: Any, lines: Iterable[str]) -> Iterator[Record]:
    classifier, counts, named = LineClassifier(merged.value), PartitionCounts(file=name), set[str]()
    for number, text in enumerate(lines, 1):
        line = text.removeprefix("\ufeff").strip().encode(errors="replace")
        counts.lines += 1
        if not line:
            continue
        classified = classifier.classify(line)
        counts.add(classified, line, named_type, number)
        if classified.role is Role.MEMBER:
            yield classified.members[0], line
        elif classified.role is Role.SHARED:
            yield _SHARED, line
        elif classified.role is Role.NAMES_MEMBERS:
            for member in classified.members:
                if member not in named:
                    named.add(member)
                    yield member, b""
    yield _COUNTS, counts


def _first_partition(context: SparkContext, grouped: RDD[Record]) -> tuple[list[PartitionCounts], list[bytes]]:
    """Counts of all files, and the lines that members share: what the driver has to know first."""
    found = context.runJob(grouped, list, [0])
    counts = [value for key, value in found if key == _COUNTS]
    return sorted(counts, key=lambda each: each.file), [value for key, value in found if key == _SHARED]


def _by_key(lines: Iterable[bytes], server: str | None) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for line in lines:
        for key in keys_of(line, server):
            found.setdefault(key, []).append(line)
    return found


# ---------------------------------------------------------------- members


def _judged(records: Iterable[Record], given: Given) -> Iterator[JudgedMember]:
    """The members of one partition, judged."""
    rules, merged, shared = given

    def find(references: Iterable[str]) -> list[bytes]:
        found = (line for reference in references for line in shared.get(reference_key(reference), ()))
        return list(dict.fromkeys(found))

    lines: dict[str, list[bytes]] = {}
    for key, value in records:
        if not key.startswith("\t"):
            own = lines.setdefault(key, [])
            if value:
                own.append(value)
    if not lines:
        return
    judge = MemberJudge(rules, find)
    for member in sorted(lines, key=lambda each: (hash_of(each), each)):
        yield judge.judge(member, lines.pop(member), merged.get(member, ()))


def _rows(table: str, judged: JudgedMember) -> list[tuple[str, ...]]:
    return list(getattr(judged, table))


def _tallied(members: Iterable[JudgedMember]) -> Iterator[list[list[Any]]]:
    tallies = Tallies()
    for judged in members:
        tallies.add(judged)
    yield tallies.as_json()


def _summed(one: list[list[Any]], other: list[list[Any]]) -> list[list[Any]]:
    return Tallies([*one, *other]).as_json()


def _quality(counts: Iterable[PartitionCounts], problems_of_charts: Mapping[tuple[str, str], int]) -> dict[str, int]:
    found = {(f"{kind}: {what}" if kind else what): count for (kind, what), count in problems_of_charts.items()}
    for each in counts:
        problems = [(f"{kind}: {problem}" if kind else problem, 1) for _, kind, problem in each.named]
        problems += [(key.replace("\t", ": ").removeprefix(": "), count) for key, count in each.more.items()]
        for name, count in problems:
            found[name] = found.get(name, 0) + count
    return dict(sorted(found.items()))


# ---------------------------------------------------------------- the command


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line and runs on the Spark session that is there, or on this machine."""
    parser = argparse.ArgumentParser(description="Judges every member of a Bulk Data export on Spark.")
    parser.add_argument("folder", help="path or URL of the export's NDJSON files")
    parser.add_argument("--as-of", required=True, type=date.fromisoformat, help="the day that everybody is judged at")
    parser.add_argument("--out", required=True, help="path or URL for the results")
    parser.add_argument("--policy", help="judge under this policy")
    parser.add_argument("--orders", choices=[each.value for each in Orders], default="synthetic")
    parser.add_argument("--scenarios", type=Path, help="TOML file")
    given = parser.parse_args(arguments)
    try:
        settings = settings_module.load()
        if settings.members:
            raise BadSetting("PUMP_CDS_MEMBERS is not read on Spark: unset it, or run on one machine")
        used = policies_in_use(given.policy if given.policy is not None else settings.policies)
        ids = tuple(policy.id for policy in used)
        rules = RunRules(given.as_of, Orders(given.orders), ids, settings.overrides(), settings.time_zone)
        if given.scenarios is not None:
            rules = replace(rules, scenarios=load_scenarios(given.scenarios, used, given.as_of))
        if "SPARK_ENV_LOADED" not in os.environ:  # not by spark-submit: the workers run on this machine
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = SparkSession.builder.appName("insulin-pump-cds population")
        spark = builder.config("spark.hadoop.fs.permissions.umask-mode", "077").getOrCreate()
        summary = assess_population_on_spark(spark, given.folder, given.out, rules)
    except BadSetting as error:
        parser.error(str(error))
    print(f"{summary['members']} members; written: {given.out}")


if __name__ == "__main__":
    main()
