"""Scenarios of a run, read from a TOML file: other values of parameters, or another policy."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from cds_service.engine.policy import Policy
from cds_service.errors import BadSetting
from cds_service.policies.registry import policies_in_use
from cds_service.services.population.run_rules import Scenario

_MOST, _LONGEST_NAME, _MOST_BYTES = 50, 80, 1_000_000
_KEYS = {"name", "set", "policy"}


def load_scenarios(path: Path, policies: tuple[Policy, ...], day: date) -> tuple[Scenario, ...]:
    """The scenarios of a file; BadSetting names the one at fault and what is wrong with it.

    Each is a table `[[scenario]]` with a `name`, a `policy` or several (ids), and `set`, a table of parameters.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadSetting(f"{path} is larger than 1 MB")
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting(f"{path} cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path} is no TOML ({error})") from None
    found = tables.get("scenario")
    if set(tables) != {"scenario"} or not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BadSetting(f"{path}: give each scenario as a table [[scenario]], and nothing else")
    if len(found) > _MOST:
        raise BadSetting(f"{path} has more than {_MOST} scenarios")
    scenarios = tuple(_scenario(table, f"{path}: scenario {n}", policies, day) for n, table in enumerate(found, 1))
    names = [each.name for each in scenarios]
    if len(set(names)) < len(names):
        raise BadSetting(f"{path}: two scenarios have the same name")
    return scenarios


def _scenario(table: Mapping[str, Any], place: str, policies: tuple[Policy, ...], day: date) -> Scenario:
    name = table.get("name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= _LONGEST_NAME or not name.isprintable():
        raise BadSetting(f"{place} needs a name of 1 to {_LONGEST_NAME} characters")
    if unknown := sorted(set(table) - _KEYS):
        raise BadSetting(f"{place} has {unknown[0]}: known are name, set and policy")
    named, values = table.get("policy", ()), table.get("set", {})
    ids = [named] if isinstance(named, str) else named
    if not isinstance(ids, list | tuple) or not all(isinstance(each, str) for each in ids):
        raise BadSetting(f"{place}: policy must be an id, or a list of ids")
    if not isinstance(values, dict) or not (ids or values):
        raise BadSetting(f"{place} changes nothing: give policy, or set = {{ parameter = value }}")
    try:
        judged_under = policies_in_use(",".join(ids)) if ids else policies
    except BadSetting as error:
        raise BadSetting(f"{place}: {str(error).removeprefix('PUMP_CDS_POLICIES ')}") from None
    overrides = {key: _value(key, value, judged_under, day, place) for key, value in values.items()}
    return Scenario(name.strip(), overrides, tuple(policy.id for policy in judged_under) if ids else ())


def _value(name: str, value: Any, policies: tuple[Policy, ...], day: date, place: str) -> Any:
    """The value of a parameter, of the kind that the policy's own value is of."""
    own = [policy.on(day).parameters[name] for policy in policies if name in policy.on(day).parameters]
    if own and all(policy.parameters[name].fixed for policy in policies if name in policy.parameters):
        raise BadSetting(f"{place}: the text itself says what {name} is: no plan's setting changes it")
    if not own:
        ids = ", ".join(policy.id for policy in policies)
        raise BadSetting(f"{place}: {name} is no parameter of {ids}; `insulin-pump-cds policy` lists them")
    kind = type(own[0])
    if kind is float and type(value) is int:
        value = float(value)
    if kind in (list, tuple) and isinstance(value, list):
        return tuple(value)
    if type(value) is not kind:
        raise BadSetting(f"{place}: {name} must be {_KINDS.get(kind, 'a list')}")
    return value


_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    tuple: "a list",
}
