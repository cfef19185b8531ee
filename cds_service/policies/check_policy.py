"""What is wrong with a policy: citations, parameters, placeholders of the wording, questions. All of it, not the first.

`file_faults` reads the files of a package before anything is made of them; `faults` reads the policy.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from string import Formatter
from typing import Any

from cds_service.engine.policy import Policy, PolicyOnDay, Section
from cds_service.engine.questions import Question
from cds_service.engine.remedies import LONGEST_STEP
from cds_service.engine.rule import Rule
from cds_service.engine.wording import fill
from cds_service.facts import ChartSection


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `topic`: citations, parameters, wording or questions; `what`: with how it is mended."""

    topic: str
    where: str
    what: str


# ---------------------------------------------------------------- files

# By file: the list of tables in it, empty where the tables are named; and what each of them needs.
_TABLES: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "versions.toml": ("version", ("from", "source"), "citations"),
    "sections.toml": ("section", ("id", "title", "says"), "citations"),
    "parameters.toml": ("", ("section", "unit", "says", "source", "values"), "parameters"),
    "questionnaire.toml": ("group", ("section", "title", "help", "question"), "questions"),
}
_MEND = {
    "from": "the first day on which it is in force, as a date",
    "source": "the document that says it, or `reading` with the reason",
    "unit": "what it is counted in",
    "values": "at least one value with its first day: [{ from = 2026-01-01, value = 3 }]",
    "section": "the id of the section that it belongs to",
    "says": "what it says, in your own words",
}


def file_faults(read: Callable[[str], str]) -> list[Fault]:
    """What the data files lack. `read`: one of them as text. ValueError for one that is no TOML, OSError for none."""
    found: list[Fault] = []
    for name, (key, needed, topic) in _TABLES.items():
        table = _parsed(name, read(name))
        rows = table.get(key, ()) if key else [{"id": name, **row} for name, row in table.items()]
        for number, row in enumerate(rows, 1):
            where = f"{name}: {row.get('id') or row.get('section') or f'{key} {number}'}"
            found += [
                Fault(topic, where, f"has no `{member}`: give {_MEND.get(member, f'its {member}')}")
                for member in needed
                if not row.get(member)
            ]
            if not key:
                found += (Fault(topic, where, what) for what in _dates(row.get("values") or ()))
        if key and not rows:
            found.append(Fault(topic, name, f"has no [[{key}]]: there has to be one"))
    return found


def _parsed(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{name} is no TOML: {error}") from None


def _dates(values: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    starts = [row.get("from") for row in values]
    days = [start for start in starts if type(start) is date]
    if len(days) < len(starts):
        yield "has a value without a first day: give each one `from`, as a date"
    elif any(later <= earlier for earlier, later in pairwise(days)):
        yield "has first days that do not ascend: write the oldest value first"


# ---------------------------------------------------------------- the policy


def faults(policy: Policy) -> list[Fault]:
    """What is wrong with a policy, by topic."""
    return [*_citations(policy), *_parameters(policy), *_wording(policy), *_questions(policy)]


def _citations(policy: Policy) -> Iterator[Fault]:
    ids = set(policy.sections)
    for section in policy.sections.values():
        if section.why_not is not None and section.id in policy.rules:
            yield Fault("citations", f"section {section.id}", "has a rule and says `why_not`: take one of them away")
        elif not _is_accounted_for(policy, section):
            what = "is read by no rule and says no reason: give it a rule, or `why_not`"
            yield Fault("citations", f"section {section.id}", what)
    for version in policy.versions:
        if not version.source.strip():
            yield Fault("citations", f"version {version.start}", f"has no `source`: give {_MEND['source']}")
    for parameter in policy.parameters.values():
        if parameter.section not in ids:
            what = f"cites {parameter.section}, which sections.toml has not"
            yield Fault("citations", f"parameter {parameter.name}", what)


def _is_accounted_for(policy: Policy, section: Section) -> bool:
    """Whether a section is read by a rule, is part of one or heads some, holds a number, or says why not."""
    cited = {*policy.rules, *(parameter.section for parameter in policy.parameters.values())}
    above = any(section.id.startswith(f"{other}.") for other in policy.rules)
    below = any(other.startswith(f"{section.id}.") for other in policy.sections)
    root = policy.replacement.root if policy.replacement is not None else None
    heads = (root, policy.wording.get("whole"), policy.wording.get("whole_of_replacement"))
    modelled = section.id in cited or above or below or section.id in heads
    return modelled or section.why_not is not None or section.defines or "{" in section.says


def _parameters(policy: Policy) -> Iterator[Fault]:
    first = policy.first_day()
    for rule in policy.rules.values():
        for name in rule.parameters:
            if name not in policy.parameters:
                what = f"needs a parameter {name}, which parameters.toml has not"
                yield Fault("parameters", f"rule of {rule.section}", what)
            elif policy.parameters[name].values[0].start > (policy.sections[rule.section].start or first):
                yield Fault("parameters", f"parameter {name}", f"has no value on the first day of {rule.section}")
    for parameter in policy.parameters.values():
        for member in ("unit", "says", "source"):
            if not getattr(parameter, member).strip():
                yield Fault("parameters", f"parameter {parameter.name}", f"has no `{member}`: give {_MEND[member]}")


# ---------------------------------------------------------------- wording

# What a sentence may name beside parameters and the policy's figures.
_OUTLINE = ("below", "last_criterion", "version", "first_version")


def _wording(policy: Policy) -> Iterator[Fault]:
    for day in sorted(policy.starts):
        figures = policy.figures(
            {
                name: parameter.on(day)
                for name, parameter in policy.parameters.items()
                if parameter.values[0].start <= day
            }
        )
        known = {*policy.parameters, *figures, *_OUTLINE}
        bad = [Fault("wording", where, what) for where, text in _texts(policy) for what in _unknown(text, known)]
        if bad:
            yield from bad
            return
        try:
            yield from _too_long(policy.on(day), day)
        except (KeyError, ValueError, IndexError) as error:
            yield Fault("wording", f"as of {day}", f"a placeholder cannot be filled: {error}")
    sections = set(policy.sections)
    for name in ("steps", "steps_against", "helps", "helps_against_statement"):
        for section in getattr(policy.remedies, name):
            if section not in sections:
                yield Fault("wording", f"[{name}] {section}", "is for a section that sections.toml has not")


def _texts(policy: Policy) -> Iterator[tuple[str, str]]:
    """Every sentence with a place to find it at."""
    for section in policy.sections.values():
        for text in (section.title, section.says, section.why_not or ""):
            yield f"section {section.id}", text
    for rule in policy.rules.values():
        yield f"title of the rule of {rule.section}", rule.title
        yield f"reading of {rule.section}", rule.interpretation
    for name, text in {**policy.groups, **policy.wording}.items():
        yield f"wording {name}", text
    for name in ("steps", "steps_against", "helps", "helps_against_statement", "steps_of_gap"):
        for key, text in getattr(policy.remedies, name).items():
            yield f"[{name}] {key if isinstance(key, str) else key[0]}", text
    for group in policy.questions:
        yield f"help of {group.section}", group.help
        for question in group.questions:
            yield f"question {question.link_id}", question.text


def _unknown(text: str, known: set[str]) -> Iterator[str]:
    try:
        names = [
            name.partition("[")[0].partition(".")[0] for _, name, _, _ in Formatter().parse(text) if name is not None
        ]
    except ValueError as error:
        yield f"has a broken placeholder ({error}): {text}"
        return
    for name in names:
        if name not in known and name != "parts":
            yield f"names {{{name}}}, which is no parameter and no figure of the policy: {text}"


def _too_long(on_day: PolicyOnDay, day: date) -> Iterator[Fault]:
    remedies = on_day.remedies
    of_gap = {section: step for (section, _), step in remedies.steps_of_gap.items()}
    for section, step in (*remedies.steps.items(), *remedies.steps_against.items(), *of_gap.items()):
        if len(step) > LONGEST_STEP:
            yield Fault(
                "wording", f"step of {section} on {day}", f"has {len(step)} characters: {LONGEST_STEP} fit a title"
            )
    for rule in on_day.rules.values():
        on_day.interpretation(rule.section)
    for name in on_day.policy.wording:
        on_day.words(name)


# ---------------------------------------------------------------- questions


def _questions(policy: Policy) -> Iterator[Fault]:
    sections = set(policy.sections)
    asked = [question for group in policy.questions for question in group.questions]
    for question in asked:
        if question.section not in sections:
            what = f"is asked for {question.section}, which sections.toml has not"
            yield Fault("questions", f"question {question.link_id}", what)
    names = {question.name for question in asked}
    for rule in policy.rules.values():
        for name in rule.asks:
            if name not in names:
                what = f"is decided by the answer to `{name}`, and no question of questionnaire.toml asks that"
                yield Fault("questions", f"rule of {rule.section}", what)
        own = any(_is_for(question.section, rule.section) for question in asked)
        own = own or any(_is_for(question.link_id, rule.section) for question in asked)
        own = own or _is_asked_with_others(policy, rule, asked)
        if not own and _only_stated(rule):
            what = "only a statement shows it, and no question asks for it: add one to questionnaire.toml"
            yield Fault("questions", f"rule of {rule.section}", what)
        elif not (own or _has_step(policy, rule.section) or rule.excludes):
            what = "has neither a question nor a step: say in [steps] of wording.toml how its gap is closed"
            yield Fault("questions", f"rule of {rule.section}", what)


def _is_for(asked: str, section: str) -> bool:
    return f"{asked}.".startswith(f"{section}.")


def _only_stated(rule: Rule) -> bool:
    return rule.reads == (ChartSection.ATTESTATIONS,)


def _has_step(policy: Policy, section: str) -> bool:
    remedies = policy.remedies
    of_gap = {name for name, _ in remedies.steps_of_gap}
    parts = [other for other in policy.rules if other.startswith(f"{section}.")]
    known = {*remedies.steps, *remedies.steps_against, *of_gap}
    return section in known or (bool(parts) and all(_has_step(policy, part) for part in parts))


def _is_asked_with_others(policy: Policy, rule: Rule, asked: Iterable[Question]) -> bool:
    """Whether a rule is of the pathway for replacements, whose reason one question asks for."""
    replacement = policy.replacement
    if replacement is None or rule not in replacement.rules:
        return False
    return any(_is_for(question.link_id, replacement.root) for question in asked if question.choices)


def described(policy: Policy) -> str:
    """The policy in a line: what it holds."""
    counts = {"sections": policy.sections, "rules": policy.rules, "parameters": policy.parameters}
    held = ", ".join(f"{len(each)} {name}" for name, each in counts.items())
    return fill(f"{policy.payer} {policy.id}, {policy.title}: {held}", {})
