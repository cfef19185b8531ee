"""The words of a card: its one-line summary and its detail in GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from cds_service.engine.determination import CoverageStanding, Determination, Outcome
from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth
from cds_service.facts import Chart, DeviceOrder, Topic
from cds_service.hooks.markdown import escaped, plain, shortened
from cds_service.policies.mp_mm_1316 import PARAMETERS, PAYER, POLICY_ID, UNITS
from cds_service.policies.mp_mm_1316.needs import FEEDS, feeds_any

SUMMARY_LIMIT = 139
# The single next step, in a few words, for the summary.
_NEXT_STEP = {
    "D.I.A": "document the diabetes type",
    "D.I.B": "have a credentialed provider order it",
    "D.I.C": "state the team's pump expertise",
    "D.I.D": "add the diabetes education date and educator",
    "D.I.E": "state who can operate the pump",
    "D.I.F": "show the insulin injection regimen",
    "D.I.G": "add a meter download of the last 30 days",
    "D.I.H": "add a sign of complication risk, such as albuminuria",
    "D.I.I": "add an HbA1c result or another listed condition",
    "D.III.A.3": "state the reason for the replacement",
}
_STEP_OF_GAP: dict[tuple[str, Gap | None], str] = {
    ("D.I.A", Gap.INCOMPLETE): "confirm the diagnosis, with insulin dependency for type 2",
    ("D.I.B", Gap.NEEDS_REVIEW): "have a physician or NP, PA or CNS sign it",
    ("D.I.F", Gap.NEEDS_ATTESTATION): "state the injections before the pump, or that this replaces it",
    ("D.I.G", Gap.NEEDS_REVIEW): "add finger-sticks, or ask whether sensor glucose counts",
    ("D.I.H", Gap.NEEDS_REVIEW): "send the charted complications for a reviewer",
    ("D.I.H", Gap.INCOMPLETE): "complete the sign of complication risk that was found",
    ("D.I.I", Gap.NEEDS_REVIEW): "send the readings or records for a reviewer",
}
# What is there is not asked for again: the step depends on what a part has found.
_STEP_OF_PART: dict[tuple[str, Truth, Gap | None], str] = {
    ("D.I.I.1", NOT_MET, None): "HbA1c is not above 7 %, show another listed condition",
    ("D.I.I.1", UNKNOWN, Gap.INCOMPLETE): "complete the HbA1c result, or show another listed condition",
    ("D.III.C.2", UNKNOWN, Gap.INCOMPLETE): "add the estimate of the repair cost",
}
_STEP_AGAINST = {
    "D.I.C": "involve a team with pump expertise",
    "D.I.D": "renew the diabetes education, the last is too old",
    "D.I.E": "train the member or a caregiver",
    "D.I.F": "update the insulin orders, they show under 3 injections a day",
    "D.I.G": "complete the meter download, it shows under 4 tests a day",
    "D.I.I": "HbA1c is not above 7 %, show another listed condition",
}
# What can be done where the chart stands against a criterion.
_MEND = {
    "D.I.B": "Have a credentialed provider sign the order",
    "D.I.C": "Involve a team with pump expertise, then state it",
    "D.I.D": "If a newer programme was completed, add its date and educator; else complete one again",
    "D.I.E": "Train the member or a caregiver, then state it",
    "D.I.F": "If the insulin orders are out of date, bring them up to date; else the regimen comes first",
    "D.I.G": "Add what is missing from the meter; else the testing has to be done first",
    "D.I.I": "A newer HbA1c, or another of the six conditions, would change this",
    "D.III.A.3": "State a reason that the policy accepts",
}
_HOW = {
    Gap.NOT_DOCUMENTED: "Add it to the chart in coded form, or attach it to the request",
    Gap.INCOMPLETE: "Complete it in the chart, or attach it to the request",
    Gap.NEEDS_REVIEW: "A plan reviewer has to look: attach the record",
    Gap.NEEDS_ATTESTATION: "State it in the questionnaire or in a signed note",
}


def _excluding(determination: Determination) -> list[Finding]:
    """Exclusions that are met on documented or attested evidence."""
    refusing = [f for f in determination.replacement if f.id in ("D.III.B", "D.III.C.5.a", "D.III.C.5.b")]
    everything = (*determination.exclusions, *(refusing if determination.on_replacement_path else ()))
    return [f for f in everything if f.truth is MET and f.basis in (Basis.DOCUMENTED, Basis.ATTESTED)]


def _required(determination: Determination) -> list[Finding]:
    """The criteria that this order has to meet: on the replacement path D.I.A and D.III.A."""
    if not determination.on_replacement_path:
        return list(determination.criteria)
    return [determination.criteria[0], *(f for f in determination.replacement if f.id.startswith("D.III.A"))]


def _open(determination: Determination) -> list[Finding]:
    """What stands between the order and approval, what contradicts first."""
    required = [f for f in _required(determination) if f.truth is not MET]
    doubts = [f for f in determination.exclusions if _is_doubt(f)]
    return [f for f in required if f.truth is NOT_MET] + doubts + [f for f in required if f.truth is UNKNOWN]


def _is_doubt(exclusion: Finding) -> bool:
    return exclusion.truth is UNKNOWN and exclusion.gap in (Gap.NEEDS_REVIEW, Gap.NOT_RETRIEVED)


def in_question(determination: Determination) -> list[Finding]:
    """The findings that a reader has to act on: what excludes, else what is open."""
    if determination.outcome is Outcome.EXCLUDED:
        return _excluding(determination)
    return _open(determination)


# ---------------------------------------------------------------- summary


def summary(determination: Determination) -> str:
    """One line under 140 characters: the outcome and the single most useful next step."""
    what = "Insulin pump replacement" if determination.on_replacement_path else "Insulin pump"
    what += _COVERAGE_IN_TITLE.get(determination.coverage, "")
    if determination.outcome is Outcome.LIKELY_APPROVED:
        which = "D.III is shown" if determination.on_replacement_path else "all criteria are shown"
        return f"{what}: likely approved, {which} ({PAYER} {POLICY_ID})"
    if determination.outcome is Outcome.EXCLUDED:
        first = _excluding(determination)[0]
        return shortened(f"{what}: excluded by {POLICY_ID} {first.id}. {first.explanation}", SUMMARY_LIMIT)
    step, more = _next(determination)
    whole = f"{what}: needs documentation. Next: {step}{more}"
    return whole if len(whole) <= SUMMARY_LIMIT else f"{what}. Next: {step}"


_COVERAGE_IN_TITLE = {
    CoverageStanding.UNVERIFIED: ", coverage not verified",
    CoverageStanding.NOT_IN_FORCE: ", coverage not in force",
}


def _next(determination: Determination) -> tuple[str, str]:
    """The next step, and how many more there are."""
    gaps = _open(determination)
    if determination.eligibility:
        return determination.eligibility, f"; {len(gaps)} more" if gaps else ""
    if not gaps:
        return "add the HCPCS code to the order", ""
    return f"{_step(gaps[0])} ({gaps[0].id})", f"; {len(gaps) - 1} more" if len(gaps) > 1 else ""


def _step(finding: Finding) -> str:
    if finding.gap is Gap.NOT_RETRIEVED:
        return "let the chart be read"
    if finding.truth is NOT_MET and finding.id in _STEP_AGAINST:
        return _STEP_AGAINST[finding.id]
    for part in finding.parts:
        if (part.id, part.truth, part.gap) in _STEP_OF_PART and finding.gap is not Gap.NEEDS_REVIEW:
            return _STEP_OF_PART[part.id, part.truth, part.gap]
    if (finding.id, finding.gap) in _STEP_OF_GAP:
        return _STEP_OF_GAP[finding.id, finding.gap]
    if finding.id in _NEXT_STEP:
        return _NEXT_STEP[finding.id]
    return shortened(plain(finding.closes or "document it"), 60)


# ---------------------------------------------------------------- detail


def detail(order: DeviceOrder, determination: Determination, chart: Chart, today: date) -> Iterator[str]:
    """The paragraphs of a card's detail, most important first."""
    version = f"{PAYER} {POLICY_ID} (version {determination.policy_version})"
    yield f"**{escaped(order.label)}**, judged as of {determination.as_of} under {version}."
    if determination.eligibility:
        yield f"**First**: {escaped(determination.eligibility)} with {PAYER}."
    if determination.outcome is Outcome.EXCLUDED:
        yield "The policy text excludes this, and a plan reviewer will say no:"
        yield _lines(_item(f, ()) for f in _excluding(determination))
        yield "If the chart or the statement is wrong, correct it and sign again; else remove the order."
    if determination.reason:
        yield f"{escaped(determination.reason)}."
    if determination.outcome is not Outcome.EXCLUDED:
        yield from _gaps(determination)
    yield from _other_path(determination)
    yield from _not_read(determination, chart)
    lines = remarks(order, determination, today)
    if lines:
        yield "**Note**\n\n" + _lines(lines)
    excluded = determination.outcome is Outcome.EXCLUDED
    shown = [] if excluded else [f for f in _required(determination) if f.truth is MET]
    if shown:
        yield "**Shown**\n\n" + _lines(f"{_name(f)}: {escaped(f.explanation)}{_weak(f)}" for f in shown)
    yield "This predicts what a reviewer will say; it decides nothing."


def first_step(determination: Determination) -> str:
    """What has to be settled with the plan before anything else, and why."""
    step = f"{determination.eligibility[:1].upper()}{determination.eligibility[1:]}"
    return f"{step} with {PAYER}: {determination.coverage_note}"


def _gaps(determination: Determination) -> Iterator[str]:
    gaps = _open(determination)
    against = [f for f in gaps if f.truth is NOT_MET]
    unread = [f for f in gaps if f.gap is Gap.NOT_RETRIEVED]
    missing = [f for f in gaps if f.truth is UNKNOWN and f.gap is not Gap.NOT_RETRIEVED]
    if against:
        yield "**The chart shows otherwise**\n\n" + _lines(_item(f, _mend(f)) for f in against)
    if missing:
        yield "**To add**\n\n" + _lines(_item(f, _steps(f)) for f in missing)
    if unread:
        yield "**Could not be read**\n\n" + _lines(_item(f, _steps(f)) for f in unread)


def _not_read(determination: Determination, chart: Chart) -> Iterator[str]:
    """One line on what could not be read whole and could change something, what it feeds, and what to do."""
    lacking = [topic for topic in Topic if topic in chart.unread or topic in chart.partial]
    sections = [finding.id for finding in (*_open(determination), *determination.replacement)]
    topics = [topic for topic in lacking if _may_change(topic, sections)]
    if topics and determination.outcome is Outcome.NEEDS_DOCUMENTATION:
        named = "; ".join(f"{topic.value} ({', '.join(FEEDS[topic])})" for topic in topics)
        yield f"**Not read whole**: {named}. Let the service read these in the EHR, or send the records to the plan."


def _may_change(topic: Topic, sections: Iterable[str]) -> bool:
    """Whether a part of the chart feeds a section that is open, or says whose plan it is and where the member lives."""
    return "coverage" in FEEDS[topic] or any(feeds_any([topic], section) for section in sections)


def _other_path(determination: Determination) -> Iterator[str]:
    if _asks_for_path(determination):
        needed = [f for f in determination.replacement if f.id.startswith("D.III.A")]
        yield "**If it replaces or repairs the pump in use (D.III)**\n\n" + _lines(
            f"{_name(f)}: {f.truth.value}. {escaped(f.explanation)}." for f in needed
        )


def what_helps(finding: Finding) -> str:
    """What can be done about an open finding, in plain words: what would mend it, or what would close it."""
    if finding.truth is NOT_MET:
        return f"What helps: {_MEND.get(finding.id, 'If the chart is wrong, correct it')}."
    return f"To close: {finding.closes or 'document it'}."


def _mend(finding: Finding) -> tuple[str, ...]:
    return (escaped(what_helps(finding)),)


def _steps(finding: Finding) -> tuple[str, ...]:
    how = _HOW.get(finding.gap) if finding.gap else None
    return (f"{escaped(what_helps(finding))}{f' {how}.' if how else ''}",)


def _item(finding: Finding, steps: Iterable[str]) -> str:
    found = f"{_name(finding)}: {escaped(finding.explanation)}."
    parts = [
        f"{escaped(p.explanation)} ({p.id})"
        for p in finding.parts
        if p.evidence and p.truth is UNKNOWN and p.explanation not in finding.explanation
    ]
    if parts:
        found += f" Found: {'; '.join(parts)}."
    return " ".join((found, *steps))


def _name(finding: Finding) -> str:
    return f"**{finding.id} {UNITS[finding.id].title}**" if finding.id in UNITS else f"**{finding.id}**"


def _weak(finding: Finding) -> str:
    """Says when a met criterion rests on less than documentation."""
    if finding.basis is Basis.SUPPORTED:
        return " (supported; a reviewer may still ask)"
    told = "attested" in finding.explanation.casefold()
    return " (attested)" if finding.basis is Basis.ATTESTED and not told else ""


def remarks(order: DeviceOrder, determination: Determination, today: date, *, coverage: bool = True) -> list[str]:
    """What a reader should know beside the findings, in Markdown; `coverage`: also that it was not verified."""
    lines = []
    if coverage and determination.coverage is CoverageStanding.UNVERIFIED:
        why = escaped(determination.coverage_note)
        lines.append(f"Coverage was not verified: {why}. This holds if the member has a {PAYER} Marketplace plan.")
    age = (today - determination.as_of).days
    if age > PARAMETERS["order_age_days"].on(determination.as_of):
        lines.append(f"The order is {age} days old (of {determination.as_of}) and was judged at that date.")
    for finding in determination.criteria:
        for part in (finding, *finding.parts):
            lines += [f"{escaped(remark)}." for remark in part.remarks]
    if _asks_for_path(determination):
        lines.append(
            "A pump is in use. Is this order a replacement or repair (D.III)? Say so on the order (modifier RA or RB) "
            "or in the questionnaire; then D.I.A, the reason and the exclusions are judged instead."
        )
    if not order.coded:
        lines.append("The order has no code: add HCPCS E0784, E0787, A9274 or S1034.")
    return list(dict.fromkeys(lines))


def _asks_for_path(determination: Determination) -> bool:
    """A pump in use and no word about replacement: the clinician is asked which path this is, and sees both."""
    return bool(determination.replacement) and not determination.on_replacement_path


def _lines(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
