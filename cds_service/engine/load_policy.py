"""Reads the data files of a policy package: versions, sections, wording, questionnaire, prepopulation."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from cds_service.engine.finding import Gap
from cds_service.engine.parameters import Parameter, load_parameters
from cds_service.engine.policy_parts import QuestionnaireIdentity, Section, Version
from cds_service.engine.prepopulation import ChartSearch, InitialAnswer, LogicLibrary, Prepopulation
from cds_service.engine.questions import AnswerType, Question, QuestionGroup
from cds_service.engine.remedies import Remedies


class PolicyTexts(TypedDict):
    """What the data files of every policy package say, by the fields of Policy."""

    versions: tuple[Version, ...]
    sections: dict[str, Section]
    parameters: dict[str, Parameter]
    questionnaire: QuestionnaireIdentity
    questions: tuple[QuestionGroup, ...]
    remedies: Remedies
    wording: dict[str, str]
    groups: dict[str, str]


def load_texts(read: Callable[[str], str]) -> PolicyTexts:
    """The five files that every package has. `read`: one of them as text. ValueError for what cannot be meant."""
    remedies, wording, groups = load_wording(read("wording.toml"))
    questionnaire, questions = load_questionnaire(read("questionnaire.toml"))
    return PolicyTexts(
        versions=load_versions(read("versions.toml")),
        sections=load_sections(read("sections.toml")),
        parameters=load_parameters(read("parameters.toml")),
        questionnaire=questionnaire,
        questions=questions,
        remedies=remedies,
        wording=wording,
        groups=groups,
    )


def load_versions(text: str) -> tuple[Version, ...]:
    """versions.toml: one [[version]] a text, with `from` and `source`, the oldest first."""
    versions = tuple(Version(row["from"], row["source"]) for row in tomllib.loads(text)["version"])
    if list(versions) != sorted(versions, key=lambda version: version.start) or not versions:
        raise ValueError("versions.toml: there is a version, and the oldest stands first")
    return versions


def load_sections(text: str) -> dict[str, Section]:
    """sections.toml: one [[section]] with `id`, `title`, `says`.

    Where they apply also with `why_not`, `from`, `source`, and `defines` for one that only says what the text is about.
    """
    return {row["id"]: _section(row) for row in tomllib.loads(text)["section"]}


def _section(row: Mapping[str, Any]) -> Section:
    more = (row.get("why_not"), row.get("from"), row.get("source", ""), row.get("defines", False))
    return Section(row["id"], row["title"], row["says"], *more)


def load_wording(text: str) -> tuple[Remedies, dict[str, str], dict[str, str]]:
    """wording.toml: the remedies, the sentences by name, and the titles of the groups of findings."""
    table = tomllib.loads(text)
    more = table.get("remedies", {})
    remedies = Remedies(
        steps=table.get("steps", {}),
        steps_of_gap={
            (section, Gap(gap)): step
            for gap, steps in table.get("steps_of_gap", {}).items()
            for section, step in steps.items()
        },
        steps_against=table.get("steps_against", {}),
        helps=table.get("helps", {}),
        helps_against_statement=table.get("helps_against_statement", {}),
        lifts=table.get("lifts", {}),
        by_chance=frozenset(more.get("by_chance", ())),
    )
    return remedies, table["words"], table["groups"]


def load_questionnaire(text: str) -> tuple[QuestionnaireIdentity, tuple[QuestionGroup, ...]]:
    """questionnaire.toml: its id, version and name, and its groups of questions in the order that they are asked."""
    table = tomllib.loads(text)
    identity = QuestionnaireIdentity(table["id"], table["version"], table["name"])
    return identity, tuple(_group(row, table.get("choices", {})) for row in table["group"])


def load_prepopulation(text: str, read: Callable[[str], str]) -> Prepopulation:
    """prepopulation.toml: its [[library]], [[search]] and [[answer]] tables. `read`: a file beside it as text.

    The CQL of a library lies in cql/NAME.cql, its ELM in cql/NAME.elm.json.
    """
    table = tomllib.loads(text)
    libraries = (
        LogicLibrary(
            row["id"],
            row["name"],
            row["version"],
            row["title"],
            cql=read(f"cql/{row['name']}.cql"),
            elm=read(f"cql/{row['name']}.elm.json"),
        )
        for row in table["library"]
    )
    searches = (
        ChartSearch(row["section"], row["name"], row["search"], row.get("value_set", ""), row.get("code_system", ""))
        for row in table.get("search", ())
    )
    answers = {
        row["link_id"]: InitialAnswer(row["definition"], row["fhirpath"], row.get("written_for", {}))
        for row in table["answer"]
    }
    return Prepopulation(tuple(libraries), tuple(searches), answers)


def _group(row: Mapping[str, Any], choices: Mapping[str, Mapping[str, Any]]) -> QuestionGroup:
    questions = tuple(_question(question, row["section"], choices) for question in row["question"])
    return QuestionGroup(row["section"], row["title"], row["help"], questions, row.get("unless"))


def _question(row: Mapping[str, Any], section: str, choices: Mapping[str, Mapping[str, Any]]) -> Question:
    choice_set = row.get("choices", "")
    listed = choices[choice_set] if choice_set else {}
    return Question(
        link_id=row["link_id"],
        section=section,
        text=row["text"],
        kind=AnswerType(row.get("kind", "boolean")),
        required=row.get("required", True),
        least=row.get("least"),
        most=row.get("most"),
        choices=listed.get("codes", {}),
        choice_set=choice_set,
        choice_title=listed.get("title", ""),
        only_if=row.get("only_if"),
        same_as=row.get("same_as", ""),
        asks=row.get("asks", ""),
    )
