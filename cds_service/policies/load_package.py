"""A policy that is data alone: policy.toml says whom it governs and which shared rule reads each section.

The other files are those of every policy package (engine/load_policy.py): versions, sections, parameters, wording,
questionnaire. docs/policies.md tells how such a package is written.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any

from cds_service.concepts import Product
from cds_service.engine.finding import Finding
from cds_service.engine.load_policy import load_texts
from cds_service.engine.pathways import every_part, one_way
from cds_service.engine.policy import Governs, Policy, Replacement
from cds_service.engine.rule import Rule, RuleTemplate, shared_rule
from cds_service.facts import ChartSection, ResultKind
from cds_service.facts.known_results import KNOWN
from cds_service.policies.rules.case import Case
from cds_service.policies.rules.catalog import CATALOG
from cds_service.policies.rules.documentation import charted_answers
from cds_service.policies.rules.glycemic_indication import any_indication
from cds_service.policies.rules.later_events import later_events
from cds_service.policies.rules.plots import plots_of
from cds_service.policies.rules.replacement import may_replace, takes_replacement_path
from cds_service.policies.rules.search_days import search_days
from cds_service.policies.rules.self_testing import figures, tests_often_enough
from cds_service.policies.rules.stated import pump_in_use, stated

Row = Mapping[str, Any]
_GROUPS = ("part", "criterion", "exclusion", "replacement_rule")
_KEYS = {"section", "title", "rule"}
_COMBINING: Mapping[str, set[str]] = {
    "every_part": {"parts"},
    "one_way": {"ways"},
    "any_indication": {"parts"},
    "stated": {"asks", "yes", "no", "closes", "charted"},
}


def load_policy(package: str) -> Policy:
    """The policy of a package of data, by its module name. ValueError for what cannot be meant."""
    return policy_of(lambda name: files(package).joinpath(name).read_text(encoding="utf-8"))


def policy_of(read: Callable[[str], str]) -> Policy:
    """The policy of a folder of data. `read`: one of its files as text. ValueError for what cannot be meant."""
    table = tomllib.loads(read("policy.toml"))
    rules = _Rules(table)
    return Policy(
        **load_texts(read),
        id=table["id"],
        title=table["title"],
        governs=_governs(table["governs"]),
        criteria=rules.of("criterion"),
        parts=rules.of("part"),
        exclusions=rules.of("exclusion"),
        replacement=_replacement(table.get("replacement"), rules),
        dependencies=_dependencies(rules.every),
        case=Case,
        results=_results(rules.every),
        prefill=charted_answers,
        plots=plots_of(table.get("plots", {})),
        later=later_events,
        figures=figures if any(rule.function is tests_often_enough.function for rule in rules.every) else lambda _: {},
        search_days=search_days,
    )


def _governs(row: Row) -> Governs:
    """ValueError for a product that nobody knows."""
    return Governs(
        row["payer"],
        row["payer_name"],
        Product(row["product"]),
        row["product_name"],
        states=row.get("states"),
        identifiers=row.get("identifiers", ""),
        payer_data=row.get("payer_data"),
        also=tuple(map(Product, row.get("also", ()))),
    )


class _Rules:
    """The rules of a policy.toml by section; one that combines others is made after them."""

    def __init__(self, table: Row) -> None:
        self._groups = {group: [row["section"] for row in table.get(group, ())] for group in _GROUPS}
        self._made: dict[str, Rule] = {}
        for group in _GROUPS:
            for row in table.get(group, ()):
                rule = self._rule(row)
                self._made[rule.section] = rule if group != "exclusion" else _excluding(rule)

    @property
    def every(self) -> Iterable[Rule]:
        """All rules."""
        return self._made.values()

    def of(self, group: str) -> tuple[Rule, ...]:
        """The rules of a group, in the text's order."""
        return self.named(self._groups[group])

    def named(self, sections: Iterable[str]) -> tuple[Rule, ...]:
        """The rules of these sections. ValueError for a section without one."""
        return tuple(map(self.one, sections))

    def one(self, section: str) -> Rule:
        """The rule of a section. ValueError when it has none, or only one that stands further below."""
        if section not in self._made:
            raise ValueError(f"policy.toml: no rule stands above that reads {section}")
        return self._made[section]

    def _rule(self, row: Row) -> Rule:
        name, section = row["rule"], row["section"]
        if section in self._made:
            raise ValueError(f"policy.toml: {section} has two rules")
        if name in CATALOG:
            _only(row, _KEYS)
            return CATALOG[name].at(section, row.get("title", ""))
        if name not in _COMBINING:
            raise ValueError(f"policy.toml: {section}: no rule is called {name}")
        _only(row, _KEYS | _COMBINING[name])
        if name == "stated":
            given = {key: row[key] for key in _COMBINING["stated"] & {*row}}
            return stated(**given).at(section, row.get("title", ""))
        if name == "any_indication":
            return any_indication(*self.named(row["parts"])).at(section, row.get("title", ""))
        return (self._every_part(row) if name == "every_part" else self._one_way(row)).at(section)

    def _every_part(self, row: Row) -> RuleTemplate:
        parts = self.named(row["parts"])

        def rule(case: Case) -> Finding:
            return every_part(map(case.finding, case.in_force(parts)))

        rule.__doc__ = "All of its parts have to hold."
        return shared_rule(row["title"])(rule)

    def _one_way(self, row: Row) -> RuleTemplate:
        ways: Sequence[Row] = row["ways"]
        rules, names = self.named(way["section"] for way in ways), {way["section"]: way["called"] for way in ways}
        of_pump_users = [way["section"] for way in ways if way.get("with_a_pump")]

        def rule(case: Case) -> Finding:
            findings = tuple(map(case.finding, case.in_force(rules)))
            remote = () if not of_pump_users or pump_in_use(case) else of_pump_users
            return one_way(findings, lambda way: names[way.id], remote=remote)

        rule.__doc__ = "One way is enough. Where none is shown, the one that lacks least is named first."
        return shared_rule(row["title"])(rule)


def _only(row: Row, known: set[str]) -> None:
    unknown = sorted({*row} - known)
    if unknown:
        raise ValueError(f"policy.toml: {row['section']}: unknown key {', '.join(unknown)}")


def _excluding(rule: Rule) -> Rule:
    return replace(rule, excludes=True)


def _replacement(row: Row | None, rules: _Rules) -> Replacement | None:
    if row is None:
        return None
    return Replacement(
        root=row["root"],
        rules=rules.of("replacement_rule"),
        also_required=rules.named(row.get("also_required", ())),
        required=rules.named(row["required"]),
        refusals=rules.named(row.get("refusals", ())),
        justification=rules.one(row["justification"]),
        accepted_reasons=rules.named(row.get("accepted_reasons", ())),
        question=row["question"],
        taken=takes_replacement_path,
        possible=may_replace,
    )


def _dependencies(rules: Iterable[Rule]) -> dict[str, tuple[str, ...]]:
    """Which sections each part of the chart feeds, as the rules say themselves."""
    fed: dict[str, list[str]] = {ChartSection.PATIENT: ["coverage"], ChartSection.COVERAGE: ["coverage"]}
    for rule, name in _reads(rules):
        fed.setdefault(name, []).append(rule.section)
    return {name: tuple(sections) for name, sections in fed.items()}


def _results(rules: Iterable[Rule]) -> tuple[ResultKind, ...]:
    """The kinds of results that the rules read beside the parts of the chart that every policy may read."""
    wanted = {name for _, name in _reads(rules)}
    return tuple(kind for kind in KNOWN if {kind.key, kind.section} & wanted)


def _reads(rules: Iterable[Rule]) -> Iterator[tuple[Rule, str]]:
    return ((rule, name) for rule in rules for name in rule.reads)
