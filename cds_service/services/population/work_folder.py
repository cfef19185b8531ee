"""The folder of a run: private, with what is done so far, so that an interrupted run goes on where it was stopped."""

from __future__ import annotations

import fcntl
import shutil
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO

import msgspec

from cds_service.errors import BadSetting
from cds_service.services.population.export_folder import ExportFolder
from cds_service.services.population.run_rules import RunRules

WORK = ".work"
RUN = "run.json"
_LOCK = "lock"
_MOST_BUCKETS = 4_096
_BUCKET_BYTES = 8_000_000
_TASK_BYTES = 16_000_000
# What a process holds for each byte of a bucket, and of lines that it sorts.
_MEMORY_FACTOR = 8
# What NDJSON of FHIR grows by when it is unpacked.
UNPACKED = 10


@dataclass(frozen=True, slots=True)
class PopulationRun:
    """What is run: a folder, rules, where results go. `memory`: bytes for all processes together.

    `key`: members are named by it; empty: by their ids.
    """

    folder: Path
    out: Path
    rules: RunRules
    workers: int = 1
    memory: int = 1_000_000_000
    key: bytes = field(default=b"", repr=False)

    @property
    def share(self) -> int:
        """Bytes of lines that one process may hold at a time."""
        return max(self.memory // self.workers // _MEMORY_FACTOR, 1_000_000)

    @property
    def task_bytes(self) -> int:
        """Bytes of an export that are sorted at a time."""
        return min(self.share, _TASK_BYTES)


def lock_results(run: PopulationRun) -> IO[bytes]:
    """Makes the folders, private, and locks them: an open file that no other run can lock meanwhile.

    BadSetting where there is no place for results, or where another run is writing.
    """
    if run.out.exists() and not run.out.is_dir():
        raise BadSetting(f"{run.out} is no folder: name a new one for the results")
    work = run.out / WORK
    ours = work.exists() or (run.out / RUN).exists()
    if run.out.exists() and not ours and any(run.out.iterdir()):
        raise BadSetting(f"{run.out} holds other files: name a new folder for the results")
    run.out.mkdir(parents=True, exist_ok=True, mode=0o700)
    run.out.chmod(0o700)
    work.mkdir(exist_ok=True, mode=0o700)
    file = (work / _LOCK).open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise BadSetting(f"{run.out}: another run is writing its results there") from None
    return file


def prepare(run: PopulationRun, folder: ExportFolder) -> Path:
    """The work folder, emptied unless it is of the same run. BadSetting where the disk has too little room."""
    work = run.out / WORK
    signature, marker = _signature(run, folder), work / "signature"
    if not marker.exists() or marker.read_text() != signature:
        for each in work.iterdir():
            if each.name != _LOCK:
                each.unlink()
    needed, free = _unpacked(folder), shutil.disk_usage(work).free
    if needed > free:
        raise BadSetting(f"{run.out} has {free / 1e9:.1f} GB free, and the run may need {needed / 1e9:.1f} GB")
    marker.write_text(signature)
    return work


def discard(run: PopulationRun) -> None:
    """Removes the work folder, and the folder of results when nothing else is in it."""
    shutil.rmtree(run.out / WORK, ignore_errors=True)
    if not any(run.out.iterdir()):
        run.out.rmdir()


def _unpacked(folder: ExportFolder) -> int:
    return sum(file.size * (UNPACKED if file.compressed else 1) for file in folder.files)


def _signature(run: PopulationRun, folder: ExportFolder) -> str:
    """What an interrupted run shares with the one that goes on: files, rules, key, version of the product."""
    files = [(file.name, file.size, file.modified) for file in folder.files]
    body = [files, asdict(run.rules), sha256(run.key).hexdigest() if run.key else "", product_version()]
    return sha256(msgspec.json.encode(body)).hexdigest()


def product_version() -> str:
    """The version of this product; empty where it is not installed."""
    try:
        return version("insulin-pump-cds")
    except PackageNotFoundError:
        return ""


def bucket_count(run: PopulationRun, folder: ExportFolder, work: Path) -> int:
    """How many buckets, so that one fits into a process's share of the memory; as before when a run goes on."""
    kept = work / "buckets"
    if kept.exists():
        return int(kept.read_text())
    buckets = min(max(-(-_unpacked(folder) // min(run.share, _BUCKET_BYTES)), 1), _MOST_BUCKETS)
    kept.write_text(str(buckets))
    return buckets
