"""One bucket of members: its lines in, files with its rows out. Runs in a process of its own."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from cds_service.services.population.judge_member import MemberJudge
from cds_service.services.population.partition import Segments, hash_of
from cds_service.services.population.pseudonyms import Pseudonyms
from cds_service.services.population.rows import MEMBER_COLUMNS, JudgedMember
from cds_service.services.population.run_rules import RunRules
from cds_service.services.population.shared_resources import SharedResources
from cds_service.services.population.tallies import Tallies

TABLES = ("members", "criteria", "changes", "list")


@dataclass(frozen=True, slots=True)
class BucketPlan:
    """Where buckets lie and how their members are judged. `merged`: old ids by the member they were merged into."""

    work: str
    buckets: int
    rules: RunRules
    merged: Mapping[str, Sequence[str]]
    key: bytes = b""


class BucketJudge:
    """Judges the members of buckets, one bucket after the other."""

    def __init__(self, plan: BucketPlan) -> None:
        """`plan`: of the run."""
        self._plan = plan
        self._work = Path(plan.work)
        self._segments = Segments(self._work)
        self._judge = MemberJudge(plan.rules, SharedResources(self._work).find)
        self._pseudonyms = Pseudonyms(plan.key) if plan.key else None

    def run(self, bucket: int) -> dict[str, Any]:
        """Judges a bucket and writes its rows; what was counted. OSError when the disk is full."""
        tallies, problems = Tallies(), Counter[tuple[str, str]]()
        tables = {name: io.StringIO() for name in TABLES}
        writers = {name: csv.writer(table, lineterminator="\n") for name, table in tables.items()}
        for member, lines in members_of(self._segments.read(bucket)):
            judged = self._judge.judge(member, lines, self._plan.merged.get(member, ()))
            problems.update(judged.problems)
            tallies.add(judged)
            named = self._pseudonyms.of(judged) if self._pseudonyms is not None else judged
            writers["members"].writerows(named.members)
            writers["criteria"].writerows(named.criteria)
            writers["changes"].writerows(named.changes)
            writers["list"].writerows(list_rows(named, self._plan.rules.list_gap))
        for name, table in tables.items():
            (self._work / f"bucket-{bucket:06d}.{name}").write_text(table.getvalue(), encoding="utf-8")
        found = {
            "bucket": bucket,
            "tallies": tallies.as_json(),
            "problems": [[*key, count] for key, count in sorted(problems.items())],
            "members": tallies.one("members"),
            "bytes": self._segments.size(bucket),
        }
        done = self._work / f"bucket-{bucket:06d}.done"
        draft = done.with_suffix(".draft")
        draft.write_bytes(msgspec.json.encode(found))
        draft.replace(done)
        return found


def members_of(pieces: Iterable[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """Members with their lines, in the order of their hashes."""
    lines: dict[bytes, list[bytes]] = {}
    for piece in pieces:
        for record in piece.split(b"\n"):
            member, tab, line = record.partition(b"\t")
            if tab:
                own = lines.setdefault(member, [])
                if line:
                    own.append(line)
    for name in sorted((member.decode() for member in lines), key=lambda each: (hash_of(each), each)):
        yield name, lines.pop(name.encode())


def list_rows(judged: JudgedMember, section: str) -> Iterator[tuple[str, ...]]:
    """The member's rows in the list of those whom a gap in a section stands in the way."""
    if not section:
        return
    rows = {(row[0], row[1]): dict(zip(MEMBER_COLUMNS, row, strict=True)) for row in judged.members}
    for member, policy, each, truth, basis, gap in judged.criteria:
        row = rows[member, policy]
        if each == section and truth != "met" and is_in_the_way(section, row["deciding"].split()):
            evidence = " ".join(judged.evidence.get((policy, section), ()))
            found = (row["outcome"], row["only_gap"], f"Patient/{member}", row["order"], evidence)
            yield (member, policy, section, truth, gap or basis, *found)


def is_in_the_way(section: str, deciding: Sequence[str]) -> bool:
    """Whether a section, or one that it is a part of, stands between an order and approval."""
    return any(f"{section}.".startswith(f"{each}.") or f"{each}.".startswith(f"{section}.") for each in deciding)
