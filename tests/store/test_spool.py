"""The file of records that wait: nothing of it is lost, and no two processes share one."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from cds_service.store import spool as module
from cds_service.store.spool import Spool

MUCH = 1_000_000


def _drained(spool: Spool) -> list[bytes]:
    found: list[bytes] = []
    while True:
        lines, place = spool.batch(3)
        if not lines:
            return found
        found += lines
        spool.mark_written(place)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_lines_come_out_in_the_order_they_went_in(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", MUCH)
    lines = [f"line {number}".encode() for number in range(10)]
    assert all(spool.append(line) for line in lines)
    assert _drained(spool) == lines
    assert spool.waiting == 0
    assert spool.append(b"again")
    assert _drained(spool) == [b"again"]
    spool.close()
    assert _files(tmp_path / "spool") == []


def test_what_was_not_taken_comes_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MUCH)
    spool.append(b"a")
    spool.append(b"b")
    assert spool.batch(1)[0] == [b"a"]
    lines, place = spool.batch(1)
    assert lines == [b"a"]
    spool.mark_written(place)
    assert spool.batch(5)[0] == [b"b"]
    spool.close()


def test_file_and_folder_are_for_their_user_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", MUCH)
    spool.append(b"a")
    (file,) = _files(tmp_path / "spool")
    assert file.stat().st_mode & 0o077 == 0
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0
    spool.close()


def test_a_full_spool_takes_no_more_until_it_is_emptied(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 8)
    assert spool.append(b"1234567")
    assert not spool.append(b"")
    assert _drained(spool) == [b"1234567"]
    assert spool.append(b"1234567")
    spool.close()


def test_a_folder_that_cannot_be_made_has_no_room(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    spool = Spool(tmp_path / "file" / "spool", MUCH)
    assert not spool.append(b"a")
    assert spool.batch(1) == ([], 0)
    assert list(spool.orphans()) == []
    spool.close()


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path, MUCH)
    real = os.write
    assert spool.append(b"first")
    monkeypatch.setattr(module.os, "write", lambda file, data: real(file, data[: len(data) // 2]))
    assert not spool.append(b"second")

    def full(_file: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(module.os, "write", full)
    assert not spool.append(b"third")
    monkeypatch.setattr(module.os, "write", real)
    assert spool.append(b"fourth")
    assert _drained(spool) == [b"first", b"fourth"]
    spool.close()


def test_a_folder_that_is_tidied_away_loses_nothing_of_a_living_process(tmp_path: Path) -> None:
    """Cleaners of temporary folders delete old files, whoever has them open."""
    spool = Spool(tmp_path, MUCH)
    spool.append(b"a")
    for file in _files(tmp_path):
        file.unlink()
    spool.append(b"b")
    assert _drained(spool) == [b"a", b"b"]
    spool.close()


def test_closing_leaves_what_waits_to_whoever_comes_next(tmp_path: Path) -> None:
    spool, next_one = Spool(tmp_path, MUCH), Spool(tmp_path, MUCH)
    spool.append(b"a")
    assert list(next_one.orphans()) == []  # its process lives
    spool.close()
    (orphan,) = next_one.orphans()
    assert orphan.read_bytes() == b"a\n"


def test_an_orphan_is_taken_over_by_one_process_only(tmp_path: Path) -> None:
    (tmp_path / "calls-1.jsonl").write_bytes(b"a\n")
    one, other = Spool(tmp_path, MUCH), Spool(tmp_path, MUCH)
    for path in one.orphans():
        assert list(other.orphans()) == []
        path.unlink()
    assert list(other.orphans()) == []


def test_a_file_that_is_being_made_is_no_orphan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks for orphans between the making of a file and its locking must not delete it."""
    spool, other = Spool(tmp_path, MUCH), Spool(tmp_path, MUCH)
    real = fcntl.flock
    seen: list[Path] = []

    def slow(file: int, how: int) -> None:
        monkeypatch.setattr(module.fcntl, "flock", real)
        for path in other.orphans():
            seen.append(path)
            path.unlink()
        real(file, how)

    monkeypatch.setattr(module.fcntl, "flock", slow)
    assert spool.append(b"a")
    assert seen == []
    assert [file.read_bytes() for file in _files(tmp_path)] == [b"a\n"]
    spool.close()


@pytest.mark.parametrize("used_before", [False, True])
def test_forked_processes_do_not_share_a_file(tmp_path: Path, used_before: bool) -> None:
    spool = Spool(tmp_path, MUCH)
    if used_before:
        spool.append(b"before")
    child = os.fork()
    if not child:
        os._exit(0 if spool.append(b"child") and _drained(spool) == [b"child"] and spool.append(b"left") else 1)
    assert os.waitpid(child, 0)[1] == 0
    spool.append(b"parent")
    assert _drained(spool) == [b"before", b"parent"] if used_before else [b"parent"]
    (orphan,) = spool.orphans()
    assert orphan.read_bytes() == b"left\n"
    spool.close()
