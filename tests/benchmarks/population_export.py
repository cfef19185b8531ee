"""Exports of any size to measure with: a chart's lines, written for each member under ids of the member's own."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from cds_service.services.population.run_rules import RETRIEVED_TYPES
from tests.benchmarks.charts import typical
from tests.services.population.exports import Member, case_charts, renamed, resources_of

# Stands in a template where a member's number belongs.
_PLACE = "n000000000-"
Template = dict[str, list[bytes]]


def template(member: Member) -> Template:
    """Lines by type, with a place for the member's number."""
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    for resource in renamed([*member.resources, *member.orders, {"resourceType": "Patient", "id": member.id}], _PLACE)[
        :-1
    ]:
        text = json.dumps(resource, ensure_ascii=False, separators=(",", ":"))
        found[resource["resourceType"]].append(text.encode(errors="surrogatepass") + b"\n")
    return found


def typical_template() -> Template:
    """The typical chart: 148 resources, 90 kB."""
    resources = [each for value in json.loads(typical())["prefetch"].values() for each in resources_of(value)]
    return template(Member("p1", resources))


def mixed_templates() -> list[Template]:
    """The charts of the case files, and the typical one for every hundred of them."""
    charts = [template(each.member) for each in case_charts() if not each.absent]
    return [*charts, *[typical_template()] * (len(charts) // 100)]


def lines_of(one: Template, number: int) -> list[bytes]:
    """The lines of one member."""
    place, name = _PLACE.encode(), b"n%09d-" % number
    return [line.replace(place, name) for lines in one.values() for line in lines]


def write_members(folder: Path, templates: Sequence[Template], members: int) -> int:
    """Writes an export; its bytes."""
    folder.mkdir(parents=True)
    place = _PLACE.encode()
    kinds = {*RETRIEVED_TYPES, *(kind for each in templates for kind in each)}
    size = 0
    with ExitStack() as stack:
        files = {kind: stack.enter_context((folder / f"{kind}.ndjson").open("wb", 1 << 20)) for kind in kinds}
        for number in range(members):
            name = b"n%09d-" % number
            for kind, lines in templates[number % len(templates)].items():
                size += files[kind].write(b"".join(lines).replace(place, name))
    return size
