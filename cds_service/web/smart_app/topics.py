"""The blocks of the documentation page: a finding with what was found, its plot and the questions about it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from cds_service.engine.assessment import Assessment
from cds_service.engine.chart_and_statement import charted_findings, contradicts
from cds_service.engine.finding import Finding
from cds_service.engine.open_questions import OpenQuestions
from cds_service.engine.plot_data import PlotData
from cds_service.engine.truth import MET
from cds_service.web.finding_rows import date_text
from cds_service.web.plots.draw import draw

# Resource types in words, for users who do not know FHIR.
_TYPES_IN_WORDS = {
    "Condition": "diagnosis",
    "Device": "device",
    "DeviceRequest": "order",
    "DeviceUseStatement": "device in use",
    "Encounter": "visit",
    "MedicationDispense": "dispense",
    "MedicationRequest": "medication order",
    "MedicationStatement": "medication statement",
    "Observation": "result",
    "Practitioner": "clinician",
    "PractitionerRole": "clinician",
    "Procedure": "procedure",
    "QuestionnaireResponse": "signed statement",
    "ServiceRequest": "order",
}
_MOST_EVIDENCE = 5
# What names the question before a stated value: a name for computers.
_LINK_ID = re.compile(r"^[A-Z][\w.]*: ")
# Characters of a finding that are shown at once; the rest is folded, so that the question stays in view.
_MOST_SHOWN = 220


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of evidence: its value, its date, and in words what kind of record it is."""

    value: str
    date: str
    where: str


@dataclass(frozen=True, slots=True)
class Topic:
    """One block. `id`: of its finding, or of a section whose questions are about no single finding.

    `found`: what was found, `rest` what is folded of it. `charted`: what the chart says by itself, where a statement
    says more or otherwise; `differs`: the statement contradicts it. `helps`: what closes it. `idle`: parts that are of
    no account, under `idle_title`. `interpretation`: how the section is read. `needed`: it has to be settled itself.
    """

    id: str
    title: str
    heading: str
    word: str
    tone: str
    found: str
    rest: str = ""
    remarks: tuple[str, ...] = ()
    evidence: tuple[Piece, ...] = ()
    more: int = 0
    charted: str = ""
    differs: bool = False
    plot: PlotData | None = None
    drawing: Markup | None = None
    asked: OpenQuestions | None = None
    help: str = ""
    helps: str = ""
    interpretation: str = ""
    changed: bool = False
    needed: bool = False
    parts: tuple[Topic, ...] = ()
    idle: tuple[Topic, ...] = ()
    idle_title: str = ""

    @property
    def is_stated(self) -> bool:
        """Whether a signed statement is among its evidence."""
        return any(piece.where.startswith(_TYPES_IN_WORDS["QuestionnaireResponse"]) for piece in self.evidence)

    @property
    def is_asked(self) -> bool:
        """Whether an answer is wanted here."""
        return self.asked is not None and self.asked.open

    @property
    def every(self) -> tuple[Topic, ...]:
        """The block itself and its parts."""
        return (self, *self.parts, *self.idle)

    @property
    def first_asked(self) -> Topic | None:
        """The block itself or its first part of which an answer is wanted; None where none is."""
        return next((topic for topic in self.every if topic.is_asked), None)


@dataclass(frozen=True)
class TopicMaker:
    """Makes the blocks of one order's findings. `changed`: ids of findings that an answer has just changed."""

    assessment: Assessment
    questions: Mapping[str, OpenQuestions]
    changed: Collection[str] = ()
    _plots: dict[str, PlotData] = field(init=False)
    _charted: dict[str, Finding] = field(init=False)
    _findings: dict[str, Finding] = field(init=False)
    _needed: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Draws nothing yet: only what is shown is drawn."""
        case, policy = self.assessment.case, self.assessment.policy
        plots = {plot.section: plot for plot in policy.policy.plots(case)} if case is not None else {}
        object.__setattr__(self, "_plots", plots)
        object.__setattr__(self, "_charted", charted_findings(case, policy) if case is not None else {})
        determination = self.assessment.determination
        object.__setattr__(self, "_findings", determination.findings)
        object.__setattr__(self, "_needed", frozenset(f.id for f in determination.findings_in_question))

    def topics(self, rows: list[dict[str, Any]]) -> dict[str, Topic]:
        """The blocks of a group's rows by id, each with its parts inside."""
        tops: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {}
        for row in rows:
            if row["part"]:
                next(reversed(tops.values()))[1].append(row)
            else:
                tops[row["id"]] = (row, [])
        return {name: self._topic(row, parts) for name, (row, parts) in tops.items()}

    def of_questions(self, name: str, found: str = "") -> Topic:
        """A block for questions that are about no single finding. `found`: why they are asked."""
        title, help_text = self._titled(name)
        return Topic(
            name,
            title,
            title,
            "not answered",
            "open",
            found,
            asked=self.questions[name],
            help=help_text,
            interpretation=self.assessment.policy.says(name),
        )

    def _topic(self, row: dict[str, Any], part_rows: list[dict[str, Any]]) -> Topic:
        name, policy = row["id"], self.assessment.policy
        asked, finding = self.questions.get(name), self._findings[name]
        title, help_text = self._titled(name)
        found, rest = _split(row["explanation"])
        charted = self._charted.get(name)
        plot = self._plots.get(name)
        parts = [self._topic(part, []) for part in part_rows]
        idle = [part for part, row in zip(parts, part_rows, strict=True) if _is_idle(part, row, finding)]
        return Topic(
            name,
            row["title"],
            title if asked is not None and asked.open and asked.section == name else row["title"],
            row["word"],
            row["tone"],
            found,
            rest,
            tuple(row.get("remarks", ())),
            tuple(map(_piece, row["evidence"][:_MOST_EVIDENCE])),
            max(0, len(row["evidence"]) - _MOST_EVIDENCE),
            _charted_text(charted, finding),
            charted is not None and contradicts(charted, finding),
            plot,
            draw(plot) if plot is not None else None,
            asked,
            help_text,
            policy.what_helps(finding) if row["tone"] in ("open", "bad") else "",
            policy.interpretation(name),
            name in self.changed,
            name in self._needed,
            tuple(part for part in parts if part not in idle),
            tuple(idle),
            _idle_title(finding, len(idle)),
        )

    def _titled(self, name: str) -> tuple[str, str]:
        """What the questions of a block are called, and their help."""
        asked = self.questions.get(name)
        groups = [g for g in self.assessment.policy.question_groups if asked is not None and g.section == asked.section]
        return (groups[0].title, groups[0].help) if groups else (self.assessment.policy.title(name), "")


def _is_idle(part: Topic, row: dict[str, Any], whole: Finding) -> bool:
    """Whether a part is of no account: another one is enough, or nothing was found about it."""
    if row["truth"] == MET or part.is_asked or part.needed:
        return False
    return whole.truth is MET or not (part.evidence or part.plot)


def _idle_title(whole: Finding, count: int) -> str:
    return f"{count} not needed: one is enough" if whole.truth is MET else f"{count} with nothing in the chart"


def _charted_text(charted: Finding | None, finding: Finding) -> str:
    """What the chart says by itself; empty where the finding rests on it already."""
    if charted is None or set(charted.evidence) <= set(finding.evidence):
        return ""
    return charted.explanation


def _split(text: str) -> tuple[str, str]:
    """The beginning of a long text up to the end of a clause, and the rest."""
    if len(text) <= _MOST_SHOWN:
        return text, ""
    cut = max(text.rfind(mark, 0, _MOST_SHOWN) for mark in ("; ", ". ", ", "))
    return (text[:cut], text[cut + 2 :]) if cut > 0 else (text, "")


def _piece(evidence: Mapping[str, str]) -> Piece:
    kind = evidence["reference"].rpartition("/")[0].rsplit("/", 1)[-1]
    where = f"{_TYPES_IN_WORDS.get(kind, kind)} in the chart" if kind else "in the chart"
    value = evidence.get("value", "")
    if kind == "QuestionnaireResponse":
        value = _LINK_ID.sub("", value)
    return Piece(value, date_text(evidence.get("date", "")), where)
