"""What a policy is: one value that holds everything that is known of a payer's text.

A policy is a package that exports one `Policy`. Cards, questionnaire, pages, prefetch and searches are made from it,
so that a number or a section id stands nowhere else. `Policy.on` gives it as it reads on one day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Any

from cds_service.engine.case import Case, PolicyContext
from cds_service.engine.coverage_assertion import PriorAuthorization
from cds_service.engine.determination import Determination
from cds_service.engine.finding import Finding
from cds_service.engine.offers import Offer
from cds_service.engine.parameters import Parameter, values_on
from cds_service.engine.plot_data import PlotData
from cds_service.engine.policy_parts import Governs, QuestionnaireIdentity, Replacement, Section, Version, lacking
from cds_service.engine.prepopulation import Prepopulation
from cds_service.engine.questions import Question, QuestionGroup
from cds_service.engine.remedies import Remedies
from cds_service.engine.rule import Rule
from cds_service.engine.statements import answers_for
from cds_service.engine.wording import fill
from cds_service.facts import SECTION_NAMES, Answer, Chart, DeviceOrder, ResultKind, When

__all__ = [
    "AnswerValue",
    "Governs",
    "Policy",
    "PolicyOnDay",
    "QuestionnaireIdentity",
    "Replacement",
    "Section",
    "Version",
]

AnswerValue = bool | float | str | date
# Days and plans differ little: more readings of one policy than these are made anew each time.
_MOST_READINGS = 64


def _nothing(_case: Any) -> tuple[Any, ...]:
    return ()


def _nothing_by_name(_given: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Policy:
    """A payer's policy as this version holds it.

    `criteria` are all required and `exclusions` refuse, in the text's order; `parts` are rules that a criterion
    combines. `dependencies`: which sections each part of the chart feeds, by prefetch key. `results`: laboratory values
    of its own that a chart is read for. `wording`: sentences for cards and pages by name. `groups`: titles of criteria,
    exclusions and replacement. `refill`: what supplies that are ordered alone have to meet, none where they are not
    judged. `prefill`: answers that the chart already gives. `offers`: orders that close a gap. `plots`: what a page
    draws. `later`: notes on later events. `figures`: numbers that follow from the parameters, by their names in
    sentences. `search_days`: how many days back results are searched for, by `glucose` and `sensor`. `prepopulation`:
    how a DTR client answers questions from the chart. `prior_authorization`: where it stands for what is covered.
    """

    id: str
    title: str
    governs: Governs
    versions: tuple[Version, ...]
    sections: Mapping[str, Section]
    parameters: Mapping[str, Parameter]
    criteria: tuple[Rule, ...]
    exclusions: tuple[Rule, ...]
    dependencies: Mapping[str, tuple[str, ...]]
    questionnaire: QuestionnaireIdentity
    questions: tuple[QuestionGroup, ...]
    remedies: Remedies
    wording: Mapping[str, str]
    groups: Mapping[str, str]
    parts: tuple[Rule, ...] = ()
    replacement: Replacement | None = None
    refill: tuple[Rule, ...] = ()
    case: type[Case] = Case
    results: tuple[ResultKind, ...] = ()
    prefill: Callable[[Any], Mapping[str, AnswerValue | When]] = _nothing_by_name
    offers: Callable[[Determination], Sequence[Offer]] = _nothing
    plots: Callable[[Any], Sequence[PlotData]] = _nothing
    later: Callable[[Any], Sequence[str]] = _nothing
    figures: Callable[[Mapping[str, Any]], Mapping[str, Any]] = _nothing_by_name
    search_days: Callable[[Mapping[str, Any]], Mapping[str, int]] = _nothing_by_name
    prepopulation: Prepopulation | None = None
    prior_authorization: PriorAuthorization = PriorAuthorization.NEEDED
    # Not copied by dataclasses.replace: what it holds was read from this policy.
    _readings: dict[Any, PolicyOnDay] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """ValueError for a policy that lacks what every policy has, before any card needs it."""
        replaces = self.replacement is not None
        missing = lacking(self.parameters, self.wording, self.sections, self.rules, replaces=replaces)
        if missing:
            raise ValueError(f"{self.id} lacks: {', '.join(missing)}")

    @property
    def payer(self) -> str:
        """The payer's name."""
        return self.governs.payer_name

    @cached_property
    def rules(self) -> Mapping[str, Rule]:
        """Every rule by its section."""
        replacement = self.replacement.rules if self.replacement is not None else ()
        every = (*self.criteria, *self.parts, *self.exclusions, *replacement, *self.refill)
        return {rule.section: rule for rule in every}

    @cached_property
    def section_names(self) -> Mapping[str, str]:
        """What each part of the chart is called in a sentence, the policy's own results among them."""
        return {**SECTION_NAMES, **{kind.key: kind.name for kind in self.results}}

    @cached_property
    def question_meanings(self) -> Mapping[str, str]:
        """By linkId, the general name of what each of its questions asks; empty for one that has none."""
        return {question.link_id: question.same_as for group in self.questions for question in group.questions}

    def version_on(self, day: date) -> str | None:
        """The version in force on a day, named by its start date; None before the first."""
        held = [version.start for version in self.versions if version.start <= day]
        return max(held).isoformat() if held else None

    def first_day(self) -> date:
        """The first day of the oldest version that is held."""
        return self.versions[0].start

    def on(self, day: date, overrides: Mapping[str, Any] | None = None) -> PolicyOnDay:
        """The policy as it reads on a day, with a plan's own parameter values on top, where the text leaves them to it.

        Before the first version it reads as on its first day: nothing is judged by it then.
        """
        epoch = max((start for start in self.starts if start <= day), default=self.first_day())
        own = {name: value for name, value in (overrides or {}).items() if name not in self._fixed}
        key = (epoch, tuple(sorted(own.items())))
        found = self._readings.get(key)
        if found is None:
            parameters = {**values_on(self.parameters, epoch), **own}
            found = PolicyOnDay(self, epoch, parameters)
            if len(self._readings) < _MOST_READINGS:
                self._readings[key] = found
        return found

    @cached_property
    def _fixed(self) -> frozenset[str]:
        return frozenset(name for name, parameter in self.parameters.items() if parameter.fixed)

    @cached_property
    def starts(self) -> frozenset[date]:
        """Every day on which a version, a section or a parameter begins."""
        values = {dated.start for parameter in self.parameters.values() for dated in parameter.values}
        sections = {section.start for section in self.sections.values() if section.start is not None}
        return frozenset({*values, *sections, *(version.start for version in self.versions)})


class PolicyOnDay:
    """A policy as it reads on one day: rules and sections that are in force, every sentence with its numbers.

    A sentence may name each parameter and each of the policy's `figures`; how many sections stand directly below one,
    as `{below[B.2]}`; the id of the last criterion, as `{last_criterion}`; the first days of the `{version}` in
    force and of the `{first_version}`.
    """

    def __init__(self, policy: Policy, day: date, parameters: Mapping[str, Any]) -> None:
        """`day`: the first one on which it reads so; `parameters`: their values then."""
        self.policy, self.day = policy, day
        self.id, self.payer = policy.id, policy.payer
        self.version = policy.version_on(day) or policy.first_day().isoformat()
        self.parameters: Mapping[str, Any] = MappingProxyType(dict(parameters))
        held = {s.id: s for s in policy.sections.values() if s.start is None or s.start <= day}
        self._values = {**self.parameters, **policy.figures(parameters), **self._outline(held)}
        self.sections = {name: self._filled_section(section) for name, section in held.items()}
        self.criteria = self.in_force(policy.criteria)
        self.exclusions = self.in_force(policy.exclusions)
        self.rules = {rule.section: rule for rule in self.in_force(policy.rules.values())}
        self.titles = {section: self._filled(rule.title) for section, rule in self.rules.items()}
        self.groups = {name: self._filled(title) for name, title in policy.groups.items()}
        self.remedies = policy.remedies.filled(self._filled, self.sections)
        self.question_groups = tuple(self._questions())
        self.questions = tuple(question for group in self.question_groups for question in group.questions)
        named = {question.name: question.link_id for question in self.questions if question.name}
        path = policy.replacement.root if policy.replacement is not None else ""
        self._context = PolicyContext(frozenset(self.sections), policy.section_names, named, policy.wording, path)
        prepopulation = policy.prepopulation
        self.prepopulation = prepopulation.on(self._values) if prepopulation is not None else None

    def _outline(self, held: Collection[str]) -> dict[str, Any]:
        """What sentences may say about the sections that are held on a day, and about the versions."""
        criteria = [rule.section for rule in self.policy.criteria if rule.section in held]
        below = Counter(name.rpartition(".")[0] for name in held)
        return {
            "below": below,
            "last_criterion": criteria[-1] if criteria else "",
            "version": date.fromisoformat(self.version),
            "first_version": self.policy.first_day(),
        }

    def _filled(self, text: str) -> str:
        return fill(text, self._values)

    def _filled_section(self, section: Section) -> Section:
        why_not = self._filled(section.why_not) if section.why_not is not None else None
        return replace(section, title=self._filled(section.title), says=self._filled(section.says), why_not=why_not)

    @property
    def page(self) -> str:
        """The path of its page; where the policy reads otherwise on other days, of the page as of this one."""
        return f"/policy/{self.id}{f'?on={self.day}' if len(self.policy.starts) > 1 else ''}"

    def in_force(self, rules: Iterable[Rule]) -> tuple[Rule, ...]:
        """Those of these rules whose section the text has on this day."""
        return tuple(rule for rule in rules if rule.section in self.sections)

    def _questions(self) -> Iterable[QuestionGroup]:
        for group in self.policy.questions:
            kept = [q for q in group.questions if q.section not in self.policy.sections or q.section in self.sections]
            if kept:
                yield replace(
                    group,
                    title=self._filled(group.title),
                    help=self._filled(group.help),
                    questions=tuple(self._filled_question(question) for question in kept),
                )

    def _filled_question(self, question: Question) -> Question:
        choices = {code: self._filled(text) for code, text in question.choices.items()}
        return replace(question, text=self._filled(question.text), choices=choices)

    def words(self, name: str, **values: Any) -> str:
        """A sentence of the policy's wording by its name; `values` fill placeholders that are no parameters.

        KeyError when the policy has no such sentence.
        """
        return fill(self.policy.wording[name], {**self._values, **values})

    def title(self, section: str) -> str:
        """What a section is called; empty for one that is not in force."""
        known = self.sections.get(section)
        return self.titles.get(section) or (known.title if known is not None else "")

    def labeled(self, section: str) -> str:
        """A section's id with its short title."""
        known = self.sections.get(section)
        return f"{section} {known.title}" if known is not None else section

    def says(self, section: str) -> str:
        """What a section asks, in our words."""
        return self.sections[section].says if section in self.sections else self.title(section)

    def interpretation(self, section: str) -> str:
        """How the service reads a section; empty where it has no rule."""
        rule = self.rules.get(section)
        parts = self._values["below"][section]
        return fill(rule.interpretation, {**self._values, "parts": parts}) if rule is not None else ""

    def question(self, link_id: str) -> Question | None:
        """The question of a linkId; None when the policy asks no such one on this day."""
        return next((question for question in self.questions if question.link_id == link_id), None)

    def feeds_any(self, chart_sections: Iterable[str], section: str) -> bool:
        """Whether one of these parts of the chart feeds a section, the whole of it or a part."""
        fed = (each for name in chart_sections for each in self.policy.dependencies.get(name, ()))
        return any(each.startswith(section) or section.startswith(each) for each in fed)

    def next_step(self, finding: Finding) -> str:
        """What to do about a finding, in a few words."""
        return self.remedies.next_step(finding)

    def what_helps(self, finding: Finding) -> str:
        """What would change a finding that is not met, close one that is open, or lift an exclusion, as a sentence."""
        return self.remedies.what_helps(finding)

    def make_case(self, order: DeviceOrder, chart: Chart, as_of: date) -> Case:
        """The order and the chart as the policy's rules read them, with the statements that count for it."""
        answers = answers_for(self.policy.questionnaire.id, self.questions, chart.answers)
        own = chart if answers is chart.answers else replace(chart, answers=answers)
        return self.policy.case(order, own, as_of, self.parameters, self._context)

    def prefilled(self, case: Case) -> dict[str, AnswerValue]:
        """What each question is answered with already: by the newest signed statement, else by the chart.

        Never a guess: a time that is known as a month or a year only fills no date.
        """
        charted: dict[str, AnswerValue | When] = dict(self.policy.prefill(case))
        answers: list[tuple[str, Answer | None]] = [(q.link_id, case.answer(q.link_id)) for q in self.questions]
        stated = {link_id: answer.value for link_id, answer in answers if answer is not None}
        values = {**charted, **stated}
        exact = {name: v for name, v in values.items() if not isinstance(v, When) or v.first == v.last}
        return {name: value.last if isinstance(value, When) else value for name, value in exact.items()}
