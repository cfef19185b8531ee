"""Populations of any size, made from charts by a seed; clean, or with all that real exports have against them.

The mess changes nobody's outcome: a messy export says of each member what the clean one says.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from cds_service.services.population.run_rules import RETRIEVED_TYPES
from tests.services.population.exports import Member, owner, renamed

JSON = dict[str, Any]
SERVER = "https://ehr.example.invalid/r4"
OLD, NEW = "2024-01-01T00:00:00Z", "2026-10-01T00:00:00Z"


@dataclass
class Made:
    """What was made, to compare a result with. `broken`: lines that are no JSON; `merged`: patients of two ids."""

    members: int = 0
    broken: int = 0
    merged: int = 0
    deleted: int = 0
    duplicates: int = 0
    lines: dict[str, int] = field(default_factory=dict)


def population(charts: Sequence[Member], members: int, seed: int) -> Iterator[Member]:
    """So many members, each with one of the charts under ids of its own; charts come in an order of the seed."""
    rng, order = random.Random(seed), list(range(len(charts)))
    for number in range(members):
        if number % len(order) == 0:
            rng.shuffle(order)
        chart = charts[order[number % len(order)]]
        prefix = f"n{number}-"
        both = renamed([*chart.resources, *chart.orders, {"resourceType": "Patient", "id": chart.id}], prefix)
        member = both.pop()["id"]
        yield Member(member, both[: len(chart.resources)], both[len(chart.resources) :])


def write_clean(folder: Path, people: Iterable[Member]) -> Made:
    """One file for each type, a line for each resource."""
    folder.mkdir(parents=True)
    made = Made()
    files = {
        kind: (folder / f"{kind}.ndjson").open("w", encoding="utf-8", errors="surrogatepass")
        for kind in RETRIEVED_TYPES
    }
    try:
        for member in people:
            made.members += 1
            for resource in (*member.resources, *member.orders):
                kind = resource["resourceType"]
                if kind not in files:
                    files[kind] = _opened(folder, kind)
                files[kind].write(f"{json.dumps(resource, ensure_ascii=False)}\n")
                made.lines[kind] = made.lines.get(kind, 0) + 1
    finally:
        for file in files.values():
            file.close()
    return made


def _opened(folder: Path, kind: str) -> TextIO:
    return (folder / f"{kind}.ndjson").open("w", encoding="utf-8", errors="surrogatepass")


def write_messy(folder: Path, people: Sequence[Member], seed: int) -> Made:
    """The same people in numbered runs, compressed files, files without a type in their name, with broken lines,
    blank lines, versions that are older, references to the server, merged and deleted patients."""
    rng, made = random.Random(seed), Made(members=len(people))
    lines: defaultdict[str, list[str]] = defaultdict(list)
    deleted: list[str] = []
    for member in people:
        for resource in _messy_member(member, rng, made, deleted):
            kind = resource["resourceType"]
            lines[kind].append(json.dumps(resource, ensure_ascii=rng.random() < 0.5))
    for kind in {*RETRIEVED_TYPES, *lines}:
        rng.shuffle(lines[kind])
        _write_type(folder, kind, lines[kind], rng, made)
    _write_deletions(folder / "1" / "deleted", deleted, made)
    return made


def _messy_member(member: Member, rng: random.Random, made: Made, deleted: list[str]) -> Iterator[JSON]:
    everything = [*member.resources, *member.orders]
    merged = rng.random() < 0.05
    if merged:
        made.merged += 1
        yield {
            "resourceType": "Patient",
            "id": f"{member.id}-old",
            "link": [{"other": {"reference": f"Patient/{member.id}"}, "type": "replaced-by"}],
        }
    for resource in everything:
        copy = json.loads(json.dumps(resource))
        whose = owner(copy)
        own = whose == f"Patient/{member.id}"
        if own and copy["resourceType"] != "Patient":
            if merged and rng.random() < 0.5:
                _repoint(copy, f"Patient/{member.id}-old")
            elif rng.random() < 0.3:
                _repoint(copy, f"{SERVER}/Patient/{member.id}")
        yield copy
        if rng.random() < 0.1 and isinstance(copy.get("meta", {}), dict):
            made.duplicates += 1
            yield copy
        if own and copy.get("id") and rng.random() < 0.02 and "meta" not in copy:
            made.deleted += 1
            name = f"gone-{copy['id']}"[:64]
            deleted.append(f"{copy['resourceType']}/{name}")
            if copy["resourceType"] != "Patient":
                yield copy | {"id": name}


def _repoint(resource: JSON, reference: str) -> None:
    for name in ("subject", "patient", "beneficiary", "deliverTo"):
        if isinstance(resource.get(name), dict) and "reference" in resource[name]:
            resource[name]["reference"] = reference
            return


def _write_type(folder: Path, kind: str, lines: list[str], rng: random.Random, made: Made) -> None:
    """The lines of a type in up to three files of different names and endings."""
    cut = sorted(rng.randrange(len(lines) + 1) for _ in range(2))
    names = [f"1/{kind}.000.ndjson", f"2/{kind}.001.ndjson.gz", f"2/3.{kind}.ndjson"]
    if rng.random() < 0.3:
        names[2] = f"2/{sum(map(ord, kind))}.ndjson"
    for name, own in zip(names, (lines[: cut[0]], lines[cut[0] : cut[1]], lines[cut[1] :]), strict=True):
        ends = "\r\n" if rng.random() < 0.3 else "\n"
        texts = list(own)
        for _ in range(rng.randrange(3)):
            texts.insert(rng.randrange(len(texts) + 1), "")
        if rng.random() < 0.5:
            made.broken += 1
            texts.insert(rng.randrange(len(texts) + 1), '{"resourceType": "Observation", "id": "cut')
        text = ends.join(texts) + (ends if rng.random() < 0.7 else "")
        body = text.encode(errors="surrogatepass")
        if rng.random() < 0.3:
            body = b"\xef\xbb\xbf" + body
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)


def _write_deletions(folder: Path, references: Sequence[str], made: Made) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    bundles = [
        {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [{"request": {"method": "DELETE", "url": each}} for each in references[at : at + 10]],
        }
        for at in range(0, len(references), 10)
    ]
    (folder / "Bundle.000.ndjson").write_text("".join(f"{json.dumps(each)}\n" for each in bundles))
