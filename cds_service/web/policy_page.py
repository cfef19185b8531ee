"""/policy/<id>: a policy for people as it reads on a day, with an anchor per section."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, Response, current_app, render_template, request

from cds_service.engine.parameters import Parameter
from cds_service.engine.plain_text import day_text, unbroken
from cds_service.engine.policy import Policy, PolicyOnDay, Section
from cds_service.engine.wording import shown
from cds_service.errors import BadRequest, NotFound
from cds_service.policies import registry
from cds_service.services.policies_today import today_of
from cds_service.web.http.security_headers import apply_security_headers

blueprint = Blueprint("policy", __name__)


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """One dated value of a parameter. `replaced`: another value holds on the day that the page is about."""

    parameter: Parameter
    start: date
    value: str
    says: str
    source: str
    replaced: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One section on the page: its words, how it is read, its parameters, how deep it stands (1 is a top section)."""

    section: Section
    interpretation: str
    parameters: tuple[ParameterRow, ...]
    depth: int


def entries(policy: PolicyOnDay, day: date) -> list[Entry]:
    """Every section that the text has on the day, in the policy's order."""
    return [
        Entry(section, policy.interpretation(name), tuple(_parameters(policy.policy, name, day)), depth_of(name))
        for name, section in policy.sections.items()
    ]


def _parameters(policy: Policy, section: str, day: date) -> Iterator[ParameterRow]:
    """Every value of a section's parameters, the oldest first."""
    for parameter in policy.parameters.values():
        if parameter.section == section:
            first = parameter.values[0].start
            holding = max((value.start for value in parameter.values if value.start <= day), default=first)
            for value in parameter.values:
                says, source = parameter.says_of(value), parameter.source_of(value)
                yield ParameterRow(parameter, value.start, shown(value.value), says, source, value.start != holding)


def depth_of(section: str) -> int:
    """How deep a section is nested, by its id: A and B.1 are top sections, B.1.c stands in B.1."""
    parts = section.split(".")
    return max(1, len(parts) - 1)


@blueprint.after_request
def guarded(response: Response) -> Response:
    """The page may load its stylesheet and send forms to its own host; nothing else."""
    return apply_security_headers(response)


@blueprint.app_context_processor
def _menu() -> dict[str, list[str]]:
    """Every page leads to the policies in use."""
    return {
        "policies_in_use": [policy.id for policy in registry.policies_in_use(current_app.config["SETTINGS"].policies)]
    }


@blueprint.get("/policy/<policy_id>")
def policy(policy_id: str) -> str:
    """A policy in our own words: sections, readings, parameters with their dates. `?on=` chooses the day."""
    held = registry.policy_named(policy_id)
    if held is None:
        raise NotFound(
            f"this version holds no such policy: it holds {', '.join(each.id for each in registry.POLICIES)}"
        )
    day = _day(request.args.get("on"))
    on_day, version = held.on(day), held.version_on(day)
    return render_template(
        "policy.html",
        policy=held,
        day=day,
        version=_day_text(date.fromisoformat(version)) if version is not None else None,
        day_text=_day_text,
        entries=entries(on_day, day),
        later=[held.on(start).sections[name] for name, start in _later_sections(held, on_day)],
    )


def _later_sections(policy: Policy, on_day: PolicyOnDay) -> Iterator[tuple[str, date]]:
    """The sections that the text has only from a later day on, with that day."""
    for name, section in policy.sections.items():
        if section.start is not None and name not in on_day.sections:
            yield name, section.start


def _day_text(day: date) -> str:
    """A day as people write it, on one line."""
    return unbroken(day_text(day))


def _day(asked: str | None) -> date:
    """The day that is asked for, else today."""
    if asked is None:
        return today_of(current_app.config["SETTINGS"])
    try:
        return date.fromisoformat(asked)
    except ValueError:
        raise BadRequest("on must be a day, such as 2026-05-01", "on") from None
