"""The template variables of the documentation page: what is open first, everything else folded under a count."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cds_service.engine.assessment import Assessment
from cds_service.engine.determination import Determination, Outcome
from cds_service.engine.finding import Finding
from cds_service.engine.plain_text import day_text
from cds_service.hooks.determinations import as_json
from cds_service.services.document_order import OrderPage
from cds_service.web.finding_rows import SHOWN_GROUPS, date_text, group_title, rows
from cds_service.web.smart_app.sessions import SignedIn
from cds_service.web.smart_app.topics import Topic, TopicMaker

OUTCOMES = {
    "likely-approved": ("Likely approved", "Every criterion is met on what was found, and nothing excludes the pump."),
    "needs-documentation": ("Needs documentation", "What is open below stands between this order and approval."),
    "excluded": ("Excluded", "The policy excludes this order. What would lift that is below; nothing else does."),
    "not-applicable": ("Not judged", "The policy does not govern this order."),
}
_COVERAGES = {
    "governed": "verified",
    "not-governed": "not under this policy",
    "not-in-force": "not in force",
    "unverified": "not verified",
}
# Why exclusions that need nothing are folded.
_NO_EXCLUSION = "{} exclusions: none was found to apply"


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks that need no attention, under a heading with their number."""

    name: str
    title: str
    topics: tuple[Topic, ...]

    def asks_any(self, link_ids: Collection[str]) -> bool:
        """Whether one of these questions is asked in it: what was typed is never folded away."""
        asked = [topic.asked for whole in self.topics for topic in whole.every if topic.asked is not None]
        return any(question.link_id in link_ids for group in asked for question in group.questions)


@dataclass(frozen=True, slots=True)
class Arranged:
    """The blocks of a page. `open` need something, those with a question first; `differing` are closed by a statement
    that contradicts the chart; `groups`: all findings by their group, for print."""

    open: tuple[Topic, ...]
    differing: tuple[Topic, ...]
    folds: tuple[Fold, ...]
    groups: tuple[Fold, ...]

    def statements(self, section: str) -> list[Topic]:
        """The blocks that a statement on a section of the questionnaire is about, as far as one is in force there."""
        every = [topic for group in self.groups for whole in group.topics for topic in whole.every]
        own = [topic for topic in every if topic.id == section or topic.id.startswith(f"{section}.")]
        return [topic for topic in own if topic.is_stated]


def view_of(page: OrderPage, session: SignedIn, public_url: str) -> dict[str, Any]:
    """The template's variables."""
    banner = page.banner if session.shows_banner else None
    view: dict[str, Any] = {
        "banner": banner,
        "born": date_text(page.banner.birth_date),
        "order": page.order,
        "dated": day_text(page.dated) if page.dated else "",
        "today": day_text(page.today),
        "others": page.others,
        "also": page.also,
        "signer": page.signer or session.user,
        "foreign_link": session.foreign_link,
        "determination": None,
        "patient": page.banner,
    }
    if page.assessment is None:
        return view
    policy = page.assessment.policy
    body = as_json(page.assessment.determination, session.patient)
    now = summary_of(page) or {}
    before = _before(session, now)
    arranged = _arranged(page, page.assessment, body, {name for name, _, _ in (before or {}).get("changes", ())})
    first = session.opened.get(now["about"], [])
    return view | {
        "determination": body,
        "payer": policy.payer,
        "policy": policy,
        "version": date_text(body["policy"].get("version", "")),
        "coverage": _COVERAGES.get(body["coverage"], body["coverage"]),
        "policy_url": f"{public_url}{policy.page}",
        "outcome": OUTCOMES[body["outcome"]],
        "before": before,
        "page": arranged,
        "progress": (len(now["open"]), len({*first, *now["open"]})),
        "next": _next(page.assessment, arranged),
        "titles": {group.section: group.title for group in policy.question_groups},
    }


def summary_of(page: OrderPage) -> dict[str, Any] | None:
    """Outcome, statuses by finding and what is open, with which the next page shows what has changed."""
    assessment = page.assessment
    if assessment is None:
        return None
    determination = assessment.determination
    body = as_json(determination, "")
    every = [row for name in SHOWN_GROUPS for row in rows(body, name, assessment.policy) if not row["part"]]
    return {
        "about": f"{assessment.order.reference} {assessment.policy.id}",
        "outcome": determination.outcome.value,
        "words": {row["id"]: row["word"] for row in every},
        "open": [finding.id for finding in _needing(determination)] + _asked_of_no_finding(page),
    }


def _needing(determination: Determination) -> list[Finding]:
    """The findings that need something, each whole, though only a part of it may be what has to be settled."""
    wholes = (*determination.criteria, *determination.exclusions, *determination.replacement)
    of_part = {part.id: whole for whole in wholes for part in _with_parts(whole)}
    found = {whole.id: whole for each in determination.findings_in_question if (whole := of_part.get(each.id))}
    return list(found.values())


def _with_parts(finding: Finding) -> Iterator[Finding]:
    yield finding
    for part in finding.parts:
        yield from _with_parts(part)


def _asked_of_no_finding(page: OrderPage) -> list[str]:
    """Open questions about no finding that needs something, such as whether the order is a replacement."""
    assessment = page.assessment
    if assessment is None:
        return []
    needing = [each.id for finding in _needing(assessment.determination) for each in _with_parts(finding)]
    names = [name for name, questions in (page.questions or {}).items() if questions.open]
    return [name for name in names if not any(each == name or each.startswith(f"{name}.") for each in needing)]


def _before(session: SignedIn, now: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was shown before the statement that was just written; None when none was."""
    old = session.before
    if not session.saved or old is None or old.get("about") != now.get("about") or "words" not in old:
        return None
    changes = [(name, old["words"].get(name, "not judged"), word) for name, word in now["words"].items()]
    return {
        "title": OUTCOMES[old["outcome"]][0],
        "outcome": old["outcome"],
        "changes": [(name, was, word) for name, was, word in changes if was != word],
        "saved": session.saved,
    }


# ---------------------------------------------------------------- where each block stands


def _arranged(page: OrderPage, assessment: Assessment, body: dict[str, Any], changed: set[str]) -> Arranged:
    policy, maker = assessment.policy, TopicMaker(assessment, page.questions or {}, changed)
    tables = {name: maker.topics(rows(body, name, policy)) for name in SHOWN_GROUPS}
    every = {name: topic for table in tables.values() for name, topic in table.items()}
    determination = assessment.determination
    needing = [every[finding.id] for finding in _needing(determination) if finding.id in every]
    needing = [*_alone(page, maker), *_with_pathway_question(needing, assessment, maker)]
    shown = {topic.id for topic in needing}
    differing = [topic for name, topic in every.items() if topic.differs and name not in shown]
    shown |= {topic.id for topic in differing}
    required = {finding.id for finding in determination.required_findings}
    left = {
        name: [topic for topic in table.values() if topic.id not in shown and _counts(name, topic, required)]
        for name, table in tables.items()
    }
    return Arranged(
        tuple(sorted(needing, key=lambda topic: topic.first_asked is None)),
        tuple(differing),
        tuple(_folds(left, assessment, maker)),
        tuple(_printed(tables, assessment, required)),
    )


def _counts(group: str, topic: Topic, required: set[str]) -> bool:
    """Whether a block is shown at all: on the pathway of a replacement, most criteria of a new pump are not asked."""
    return group != "criteria" or topic.id in required


def _alone(page: OrderPage, maker: TopicMaker) -> list[Topic]:
    """Open questions about no finding that needs something: they come first, since they may decide the pathway."""
    assessment = maker.assessment
    replacement = assessment.policy.policy.replacement
    root = replacement.root if replacement is not None else ""
    why = assessment.policy.words("ask_replacement") if replacement is not None else ""
    known = assessment.determination.findings
    names = [name for name in _asked_of_no_finding(page) if name not in known]
    return [maker.of_questions(name, why if name == root else "") for name in names]


def _with_pathway_question(topics: list[Topic], assessment: Assessment, maker: TopicMaker) -> list[Topic]:
    """The question about the pathway stands with the first finding of the pathway that needs something."""
    replacement = assessment.policy.policy.replacement
    asked = maker.questions.get(replacement.root) if replacement is not None else None
    if replacement is None or asked is None or not asked.open:
        return topics
    of_pathway = [topic.id for topic in topics if topic.id.startswith(f"{replacement.root}.")]
    of_pathway.sort(key=lambda name: name != replacement.justification.section)
    whole = maker.of_questions(replacement.root)
    return [replace(t, asked=asked, help=whole.help) if t.id in of_pathway[:1] else t for t in topics]


def _folds(left: Mapping[str, list[Topic]], assessment: Assessment, maker: TopicMaker) -> Iterator[Fold]:
    """What needs nothing: criteria and pathway by status, exclusions, and the pathway's question where it is closed."""
    determination, policy = assessment.determination, assessment.policy
    needed = [*left["criteria"], *(left["replacement"] if determination.on_replacement_path else ())]
    still_open = [topic for topic in needed if topic.tone in ("open", "bad")]
    if still_open:
        yield Fold("later", f"{len(still_open)} open, should the exclusion be lifted", tuple(still_open))
    met = [topic for topic in needed if topic not in still_open]
    if met:
        yield Fold("met", f"{len(met)} met", tuple(met))
    other_path = [] if determination.on_replacement_path else left["replacement"]
    replacement = policy.policy.replacement
    if replacement is not None and replacement.root in maker.questions and not maker.questions[replacement.root].open:
        other_path = [maker.of_questions(replacement.root), *other_path]
    if other_path:
        yield Fold("replacement", group_title("replacement", policy), tuple(other_path))
    if left["exclusions"]:
        excluded = determination.outcome is Outcome.EXCLUDED
        count = len(left["exclusions"])
        title = f"{count} other exclusions" if excluded else _NO_EXCLUSION.format(count)
        yield Fold("exclusions", title, tuple(left["exclusions"]))


def _next(assessment: Assessment, arranged: Arranged) -> tuple[str, str]:
    """What to do now, and the block where it is done; empty where nothing is."""
    asked = [topic for whole in arranged.open if (topic := whole.first_asked) is not None]
    if asked:
        return f"answer below: {asked[0].heading}", asked[0].id
    findings = assessment.determination.findings_in_question
    if findings:
        return assessment.policy.next_step(findings[0]), findings[0].id
    return "", ""


def _printed(
    tables: Mapping[str, Mapping[str, Topic]], assessment: Assessment, required: Iterable[str]
) -> Iterator[Fold]:
    """Every finding that counts, by group, in the policy's order."""
    needed = set(required)
    for name, table in tables.items():
        if name == "replacement" and not assessment.determination.on_replacement_path:
            continue
        topics = [topic for topic in table.values() if _counts(name, topic, needed)]
        if topics:
            yield Fold(name, group_title(name, assessment.policy), tuple(topics))
