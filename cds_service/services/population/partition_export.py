"""All files of an export → segments, by several processes; what is sorted already is not sorted again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cds_service.services.population.export_folder import ExportFolder, Kind
from cds_service.services.population.partition import PartitionCounts, Partitioner, PartitionTask, write_counts
from cds_service.services.population.work_folder import PopulationRun
from cds_service.services.population.worker_pool import each_done


@dataclass(slots=True)
class Progress:
    """How far a run is. `phase`: what is being done; bytes done of `total`; members that are judged."""

    phase: str
    done: int = 0
    total: int = 0
    members: int = 0


Report = Callable[[Progress], None]


def partition_export(
    run: PopulationRun, folder: ExportFolder, work: Path, buckets: int, merged: Mapping[str, str], report: Report
) -> list[PartitionCounts]:
    """Sorts every line into its member's bucket; what each task found, in the order of files and places."""
    tasks = list(_tasks(folder, run.task_bytes))
    sizes = {file.name: file.size for file in folder.files}
    progress = Progress("reading")
    pending = [task for task in tasks if not _done(work, task.number).exists()]
    progress.total = sum(_size(task, sizes) for task in pending)
    report(progress)
    for number in each_done(pending, PartitionWorker, (str(work), buckets, merged, run.task_bytes), run.workers):
        task = tasks[number]
        progress.done += _size(task, sizes)
        report(progress)
    return [_counts(_done(work, task.number)) for task in tasks]


def _size(task: PartitionTask, sizes: Mapping[str, int]) -> int:
    return (sizes[task.file] if task.end is None else task.end) - task.start


def _tasks(folder: ExportFolder, most: int) -> Iterator[PartitionTask]:
    """Parts of files; a compressed file is one task, since it has to be read from its beginning."""
    number = 0
    for file in folder.of_kind(Kind.RESOURCES):
        for start in [0] if file.compressed else range(0, max(file.size, 1), most):
            end = None if file.compressed or start + most >= file.size else start + most
            yield PartitionTask(number, file.name, file.path, file.compressed, start, end, file.named_type)
            number += 1


class PartitionWorker:
    """Sorts the lines of tasks, and writes what it found beside the segments."""

    def __init__(self, work: str, buckets: int, merged: Mapping[str, str], most: int) -> None:
        """See `Partitioner`."""
        self._work = Path(work)
        self._partitioner = Partitioner(self._work, buckets, merged, most)

    def run(self, task: PartitionTask) -> int:
        """The task's number. A file that cannot be opened is a problem of its own, and ends nothing."""
        try:
            counts = self._partitioner.run(task)
        except PermissionError as error:
            counts = PartitionCounts(task.number, task.file, problem=f"the file cannot be read ({error.strerror})")
        write_counts(_done(self._work, task.number), counts)
        return task.number


def _done(work: Path, task: int) -> Path:
    return work / f"task-{task:06d}.done"


def _counts(path: Path) -> PartitionCounts:
    body = msgspec.json.decode(path.read_bytes())
    for name in ("types", "bases", "more"):
        body[name] = Counter(body[name])
    body["named"] = [tuple(each) for each in body["named"]]
    return PartitionCounts(**body)
