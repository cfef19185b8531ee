"""Judges every member of a Bulk Data export, on one machine: memory does not grow with the number of members."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import msgspec

from cds_service.errors import BadSetting
from cds_service.services.population.completeness import Completeness, completeness_of
from cds_service.services.population.deletions import deletions_in
from cds_service.services.population.export_folder import ExportFile, ExportFolder, Kind, read_export_folder
from cds_service.services.population.export_lines_reader import all_lines
from cds_service.services.population.judge_bucket import BucketJudge, BucketPlan
from cds_service.services.population.merged_patients import links_in, may_hold_patients, merged_into, merged_patients
from cds_service.services.population.partition import PartitionCounts, Segments
from cds_service.services.population.partition_export import Progress, Report, partition_export
from cds_service.services.population.run_rules import RunRules
from cds_service.services.population.shared_resources import write_shared
from cds_service.services.population.tallies import Tallies
from cds_service.services.population.work_folder import PopulationRun, bucket_count, discard, lock_results, prepare
from cds_service.services.population.worker_pool import each_done


@dataclass(slots=True)
class JudgedPopulation:
    """A run whose members are all judged; their rows lie in the work folder, bucket by bucket.

    `rules`: with what the export says. `lock`: held while the rows are needed. `problems`: of resources that could not
    be read, by type and problem.
    """

    run: PopulationRun
    folder: ExportFolder
    rules: RunRules
    counts: list[PartitionCounts]
    complete: Completeness
    tallies: Tallies
    problems: Counter[tuple[str, str]]
    work: Path
    buckets: int
    lock: IO[bytes] = field(repr=False)


def assess_population(run: PopulationRun, report: Report = lambda _: None) -> JudgedPopulation:
    """Judges the members of an export; goes on where an earlier run with the same input and rules was stopped.

    BadSetting for input that cannot be read; OSError when the disk is full; WorkerLost when a process was killed.
    """
    folder = read_export_folder(run.folder)
    lock = lock_results(run)
    try:
        return _assessed(run, folder, lock, report)
    except BaseException:
        lock.close()
        raise


def _assessed(run: PopulationRun, folder: ExportFolder, lock: IO[bytes], report: Report) -> JudgedPopulation:
    work = prepare(run, folder)
    buckets = bucket_count(run, folder, work)
    patients = [file for file in folder.of_kind(Kind.RESOURCES) if may_hold_patients(file.named_type)]
    merged = merged_patients(link for _, _, line in _lines(patients, []) for link in links_in(line))
    counts = partition_export(run, folder, work, buckets, merged, report)
    if not any(each.types for each in counts):
        discard(run)
        raise BadSetting(f"{run.folder}: no line of its files is a FHIR resource as JSON; nothing was judged")
    problems = folder.problems
    complete = completeness_of(folder, counts, (line for *_, line in _lines(folder.of_kind(Kind.ERRORS), problems)))
    deleted = _lines(folder.of_kind(Kind.DELETED), problems)
    rules = rules_of_export(run.rules, folder, counts, complete, deleted)
    segments = Segments(work)
    if not (work / "shared.index").exists():
        write_shared(work, segments.read(buckets), rules.server)
    judged = JudgedPopulation(run, folder, rules, counts, complete, Tallies(), Counter(), work, buckets, lock)
    plan = BucketPlan(str(work), buckets, rules, merged_into(merged), run.key)
    _judge(judged, plan, report)
    return judged


def _judge(judged: JudgedPopulation, plan: BucketPlan, report: Report) -> None:
    """Judges the buckets that are not judged yet, and adds up what all of them say."""
    progress, pending = Progress("judging"), list[int]()
    for bucket in range(plan.buckets):
        done = judged.work / f"bucket-{bucket:06d}.done"
        if done.exists():
            _add(judged, msgspec.json.decode(done.read_bytes()))
        else:
            pending.append(bucket)
    progress.total = Segments(judged.work).total(pending)
    report(progress)
    for found in each_done(pending, BucketJudge, (plan,), judged.run.workers):
        _add(judged, found)
        progress.done += found["bytes"]
        progress.members += found["members"]
        report(progress)


def _add(judged: JudgedPopulation, found: dict[str, Any]) -> None:
    judged.tallies.update(Tallies(found["tallies"]))
    for kind, problem, count in found["problems"]:
        judged.problems[kind, problem] += count


def _lines(files: Iterable[ExportFile], problems: list[tuple[str, str]]) -> Iterator[tuple[str, int, bytes]]:
    """File, number and line of all lines of some files."""
    for file in files:
        for number, line in all_lines(file.path, file.compressed, problems, file.name):
            yield file.name, number, line


def rules_of_export(
    rules: RunRules,
    folder: ExportFolder,
    counts: Sequence[PartitionCounts],
    complete: Completeness,
    deleted: Iterable[tuple[str, int, bytes]],
) -> RunRules:
    """The rules with what the export says: its server, what was not retrieved, what was deleted.

    `deleted`: file, number and line of the files of deletions.
    """
    server = _server(folder, counts)
    return replace(
        rules,
        server=server,
        unread=complete.unread,
        partial=complete.partial,
        of_members=complete.of_members,
        deletions=deletions_in(deleted, folder.manifests, server),
    )


def _server(folder: ExportFolder, counts: Sequence[PartitionCounts]) -> str | None:
    """The server that absolute references are on: the manifest's, unless most lines name another one."""
    bases, lines = Counter[str](), 0
    for each in counts:
        bases.update(each.bases)
        lines += each.types.total()
    most = min(bases, key=lambda base: (-bases[base], base), default=None)
    told = sorted(manifest.server for manifest in folder.manifests if manifest.server)
    if told and (most is None or bases[most] * 2 <= lines):
        return max(told, key=lambda base: bases[base])
    return most
