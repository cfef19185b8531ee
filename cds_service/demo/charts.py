"""Sample charts of the demo: invented patients, stored with dates around an anchor day and served as of today.

A chart is a JSON file in sample_charts/: `title` and `story` for people, `place` in the list, `anchor` (the day that
its dates are relative to), `fixed` (dates that are never moved), `expect` (the expected outcome) and `request`, the
hook call. A chart that is signed with several plans names the request's as `plan`, and the others under `other_plans`,
each with its `coverage`, the `policy` that judges it and what is to be expected.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(T\d{2}:.+)?")


@dataclass(frozen=True, slots=True)
class OtherPlan:
    """Another plan that a chart is signed with. `plan`: its name; `coverage`: what takes the place of the request's."""

    plan: str
    policy: str
    expect: dict[str, Any]
    coverage: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DemoChart:
    """One sample chart. `request` holds dates around `anchor`; `call_on` moves them.

    `plan`, `policy`: where the order is signed with several plans, the request's own, and what judges it.
    """

    id: str
    title: str
    story: str
    place: int
    anchor: date
    fixed: frozenset[str]
    expect: dict[str, Any]
    request: dict[str, Any]
    plan: str = ""
    policy: str = ""
    other_plans: tuple[OtherPlan, ...] = ()

    def call_on(self, day: date) -> dict[str, Any]:
        """The hook call as it would be sent on a day, with an order that is signed on that day."""
        moved: dict[str, Any] = shifted(self.request, (day - self.anchor).days, self.fixed)
        return moved

    def calls_on(self, day: date) -> list[tuple[str, dict[str, Any]]]:
        """The calls of all plans, each with the plan's name."""
        first = self.call_on(day)
        coverages = [
            (each.plan, shifted(each.coverage, (day - self.anchor).days, self.fixed)) for each in self.other_plans
        ]
        return [
            (self.plan, first),
            *((plan, first | {"prefetch": first["prefetch"] | {"coverage": held}}) for plan, held in coverages),
        ]


def shifted(value: Any, days: int, fixed: frozenset[str] = frozenset()) -> Any:
    """JSON with every full date moved by whole days; times of day and the dates in `fixed` are not changed.

    Only strings that are a date or a dateTime move; dates inside longer text, years and months do not.
    """
    if isinstance(value, dict):
        return {name: shifted(member, days, fixed) for name, member in value.items()}
    if isinstance(value, list):
        return [shifted(item, days, fixed) for item in value]
    match = _DATE.fullmatch(value) if isinstance(value, str) and value not in fixed else None
    if match is None:
        return value
    return f"{date.fromisoformat(match[1]) + timedelta(days)}{match[2] or ''}"


@cache
def all_charts() -> dict[str, DemoChart]:
    """The sample charts by id, in the order of the list."""
    folder = files(__package__).joinpath("sample_charts")
    charts = [_chart(file.name, file.read_text(encoding="utf-8")) for file in folder.iterdir() if _is_chart(file.name)]
    return {chart.id: chart for chart in sorted(charts, key=lambda chart: chart.place)}


def charts_for(policies: Collection[str], *, on_server: bool = False) -> dict[str, DemoChart]:
    """The sample charts whose plans are judged where these policies are in use.

    `on_server`: the charts are on a FHIR server, which holds one coverage of each patient.
    """
    return {
        name: chart
        for name, chart in all_charts().items()
        if not chart.other_plans
        or (not on_server and {chart.policy, *(each.policy for each in chart.other_plans)} <= set(policies))
    }


def _is_chart(name: str) -> bool:
    return name.endswith(".json")


def _chart(name: str, text: str) -> DemoChart:
    stored = json.loads(text)
    return DemoChart(
        id=name.removesuffix(".json"),
        title=stored["title"],
        story=stored["story"],
        place=stored["place"],
        anchor=date.fromisoformat(stored["anchor"]),
        fixed=frozenset(stored.get("fixed", ())),
        expect=stored["expect"],
        request=stored["request"],
        plan=stored.get("plan", ""),
        policy=stored.get("policy", ""),
        other_plans=tuple(OtherPlan(**each) for each in stored.get("other_plans", ())),
    )
