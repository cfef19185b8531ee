"""/policy/MP-MM-1316: the policy for people, with an anchor per section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, render_template

from cds_service.engine.parameters import Parameter
from cds_service.engine.policy import Section
from cds_service.engine.rule import Rule
from cds_service.policies import mp_mm_1316
from cds_service.web.http.security_headers import guard

blueprint = Blueprint("policy", __name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One section on the page: its words, how it is read, its parameters, how deep it stands (1 is a top section)."""

    section: Section
    unit: Rule | None
    parameters: tuple[Parameter, ...]
    depth: int


def entries() -> list[Entry]:
    """Every section in the policy's order."""
    return [
        Entry(
            section,
            mp_mm_1316.UNITS.get(name),
            tuple(p for p in mp_mm_1316.PARAMETERS.values() if p.section == name),
            depth_of(name),
        )
        for name, section in mp_mm_1316.SECTIONS.items()
    ]


def depth_of(section: str) -> int:
    """How deep a section is nested: D.I is a top section as A is, D.I.A stands in it."""
    parts = section.split(".")
    return max(1, len(parts) - 1)


def shown(value: Any) -> str:
    """A parameter's value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


@blueprint.after_request
def guarded(response: Response) -> Response:
    """The page may load its stylesheet and send forms to its own host; nothing else."""
    return guard(response)


@blueprint.get(f"/policy/{mp_mm_1316.POLICY_ID}")
def policy() -> str:
    """The policy in our own words: sections, readings, parameters with their dates."""
    return render_template("policy.html", policy=mp_mm_1316, entries=entries(), shown=shown)
