"""Every sentence that the rules can put on a card: whole, short, true to what was found, and cited."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cds_service.engine.determination import Applicability, Determination, Outcome
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, conjunction, met, not_met, unknown
from cds_service.engine.remedies import LONGEST_STEP
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.facts import Chart, ChartSection
from cds_service.hooks.card_text import detail, word_limit
from cds_service.hooks.card_title import title
from cds_service.hooks.markdown import escaped, plain, whole_clauses
from cds_service.policies.mp_mm_1316 import POLICY
from tests.hooks.sentences import alone, assessed, excludes, findings, key, off_replacement_path, top_findings
from tests.policies.charts import AS_OF, DIABETES, ORDER, determine

REMEDIES = POLICY.on(AS_OF).remedies
next_step, what_helps = REMEDIES.next_step, REMEDIES.what_helps

# The steps that were read aloud, by section, truth, and basis or gap. A new one has to be read, and added there.
READ: dict[str, list[str]] = tomllib.loads((Path(__file__).parent / "next_steps.toml").read_text(encoding="utf-8"))
# What a card lists by itself, as something to act on.
ASKED = [finding for finding in top_findings() if finding in alone(finding).findings_in_question]
NAMES = [f"{number}: {key(finding)}" for number, finding in enumerate(ASKED)]
each_asked = pytest.mark.parametrize("finding", ASKED, ids=NAMES)

_ABSENCE = re.compile(r"(?:no|none|nothing|neither)\b", re.IGNORECASE)
_ASKS_AS_MISSING = re.compile(r"(?:add an? (?!second)|document )")
_JARGON = re.compile(
    r"not-(?:met|documented|retrieved)|needs-(?:review|attestation)|not retrieved|"
    r"\b(?:Observation|Condition|Procedure|Encounter|QuestionnaireResponse|MedicationRequest|DeviceRequest)/|"
    r"D\.I{1,3}(?:\.[A-Z0-9])*\.[a-z]{2,}"
)


def _detail(determination: Determination) -> str:
    return detail(assessed(determination), Chart(), AS_OF).replace("\u00a0", " ")


def _evidence(finding: Finding) -> list[Finding]:
    """The finding and its parts, as far as something was found for them."""
    return [each for each in (finding, *finding.parts) if each.evidence]


def _is_attested(finding: Finding) -> bool:
    return any("statement" in each.explanation.casefold() for each in _evidence(finding))


def test_the_rules_make_what_was_read_aloud_and_nothing_else() -> None:
    """A truth, basis or gap that no chart reaches any more, and a step that nobody has read, both fail here."""
    made: dict[str, set[str]] = {}
    for finding in findings():
        asked = finding in ASKED and finding.truth is not MET
        made.setdefault(key(finding), set()).update([_undated(next_step(finding))] if asked else [])
    assert {name: sorted(steps) for name, steps in made.items()} == {name: sorted(each) for name, each in READ.items()}


def _undated(step: str) -> str:
    return re.sub(r"[A-Z][a-z]{2} \d{1,2}, \d{4}", "DATE", step)


@each_asked
def test_a_title_is_one_whole_sentence_with_its_section(finding: Finding) -> None:
    for standing in (Applicability.GOVERNED, Applicability.UNVERIFIED, Applicability.NOT_IN_FORCE):
        said = title(assessed(replace(alone(finding), coverage=standing)))
        assert len(said) < 140
        assert "…" not in said
        assert finding.id in said
        assert said.count("(") == said.count(")")
        assert not said.rstrip().endswith((",", ";", ":", "(", " and", " or", " the", " a", " of"))
        assert _JARGON.search(said) is None


@each_asked
def test_a_step_fits_into_the_longest_title(finding: Finding) -> None:
    step = next_step(finding)
    assert 0 < len(step) <= LONGEST_STEP
    assert step == plain(step)
    assert not step.endswith(".")
    assert step[0].islower() or step.startswith(("HbA1c", "NP"))


@each_asked
def test_what_was_found_is_not_called_missing(finding: Finding) -> None:
    if not _evidence(finding):
        return
    assert _is_attested(finding) or _ABSENCE.match(finding.explanation) is None
    # Of a section with parts, what has no evidence itself may be asked for; other diagnoses are not diabetes.
    first = finding.parts[0] if finding.parts else finding
    if first.evidence and key(finding) != "D.I.A unknown not-documented":
        assert _ASKS_AS_MISSING.match(next_step(finding)) is None


@each_asked
def test_a_gap_says_what_closes_it_and_cites_its_section(finding: Finding) -> None:
    text = _detail(alone(finding))
    (line,) = (line for line in text.splitlines() if line.startswith(f"- **{finding.id} "))
    if finding.truth is MET:
        assert "**To lift it**: " in line  # it excludes
        return
    what, to_do = what_helps(finding), line.partition("**To do**: ")[2]
    assert escaped(what) == to_do or next_step(finding).casefold() in to_do.casefold()
    assert finding.truth is NOT_MET or (finding.closes and finding.gap)
    assert _JARGON.search(text.replace(ORDER.reference, "")) is None
    assert ".." not in text
    assert "…" not in text


@each_asked
def test_an_hba1c_that_is_there_is_not_asked_for(finding: Finding) -> None:
    hba1c = next((part for part in finding.parts if part.id == "D.I.I.1"), None)
    if hba1c is None or not hba1c.evidence or hba1c.gap is Gap.NOT_RETRIEVED:
        return
    assert "add an HbA1c" not in next_step(finding)
    assert "HbA1c above" not in (finding.closes or "").replace("a newer HbA1c above", "")
    assert "None of the six" not in finding.explanation


@each_asked
def test_a_sensor_wearer_is_not_told_that_only_a_meter_download_helps(finding: Finding) -> None:
    said = " ".join((finding.explanation, *finding.remarks)).casefold()
    if finding.id != "D.I.G" or "glucose sensor" not in said or finding.gap is Gap.NOT_RETRIEVED:
        return
    assert "meter" not in next_step(finding)
    assert "sensor" in what_helps(finding).casefold()


@each_asked
def test_an_exclusion_that_is_open_is_said_to_be_one(finding: Finding) -> None:
    """What may exclude the pump is not something to add."""
    text = _detail(alone(finding))
    assert ("(may exclude the pump)" in text) is (finding.truth is UNKNOWN and excludes(finding))


@each_asked
def test_a_card_is_short(finding: Finding) -> None:
    determination = alone(finding)
    assert len(_detail(determination).split()) <= word_limit(determination)


# ---------------------------------------------------------------- approvals


def _with(*, supported: int = 0, attested: int = 0) -> Determination:
    """Likely approved, with so many of the nine criteria on less than documents."""
    determination = alone(met("Documented", Basis.DOCUMENTED).with_id("D.I.A"))
    bases = [Basis.SUPPORTED] * supported + [Basis.ATTESTED] * attested
    weaker = [replace(f, basis=basis) for f, basis in zip(determination.criteria, bases, strict=False)]
    return replace(determination, criteria=(*weaker, *determination.criteria[len(weaker) :]))


@pytest.mark.parametrize("number", range(10))
def test_an_approval_counts_what_a_reviewer_may_still_ask_about(number: int) -> None:
    determination = _with(supported=number, attested=min(2, 9 - number))
    said = title(assessed(determination))
    assert "likely approved" in said
    assert "all 9 criteria" not in said or number in (0, 9)
    assert ("A reviewer may still ask" in _detail(determination)) is (number > 0)
    counted = {0: "all 9 criteria are met", 9: "a reviewer may still ask about all 9 criteria"}
    assert counted.get(number, f"a reviewer may still ask about {number} of 9 criteria") in said


def test_an_approved_replacement_counts_its_own_criteria() -> None:
    broken = met("Charted: breakdown of the pump", Basis.SUPPORTED).with_id("D.III.A.3")
    said = title(assessed(replace(alone(broken), coverage=Applicability.UNVERIFIED)))
    assert "may still ask about 1 of 4 criteria" in said
    assert len(said) < 140


# ---------------------------------------------------------------- what decides without a rule's own finding


@pytest.mark.parametrize("section", ["D.II.A.1", "D.II.B.2", "D.III.B"])
def test_an_exclusion_on_indirect_evidence_is_named_and_settled(section: str) -> None:
    """No rule makes one today; the outcome knows it, so the card has to say it."""
    found = met("Charted: something that implies it", Basis.SUPPORTED).with_id(section)
    determination = replace(alone(found), outcome=Outcome.NEEDS_DOCUMENTATION)
    assert f"({section})" in title(assessed(determination))
    assert "HCPCS" not in title(assessed(determination))
    text = _detail(determination)
    assert "(may exclude the pump)" in text
    assert "Charted: something that implies it" in text
    assert "**To lift it**" not in text


def test_an_order_that_names_the_pump_only_in_words_is_asked_for_its_code() -> None:
    determination = replace(_with(), outcome=Outcome.NEEDS_DOCUMENTATION, reason="The order names a pump only in words")
    assert title(assessed(determination)) == "Insulin pump: needs documentation. Next: add the HCPCS code to the order"


def test_eligibility_comes_before_every_other_step() -> None:
    finding = unknown(Gap.NOT_DOCUMENTED, "No diabetes education found", "A date").with_id("D.I.D")
    step = "check eligibility (on file: Jan 1, 2026 to Sep 14, 2026)"
    determination = replace(alone(finding), coverage=Applicability.NOT_IN_FORCE, eligibility=step)
    assert title(assessed(determination)).endswith(f"Next: {step}; 1 more")
    assert "coverage not in force" in title(assessed(determination))


def test_what_stands_against_an_order_comes_first() -> None:
    """Then what may exclude the pump, then what is open; each step is counted once."""
    against = not_met("The newest education is of 2024", Basis.SUPPORTED).with_id("D.I.D")
    doubt = unknown(Gap.NEEDS_REVIEW, "N18.5 is charted", "A note").with_id("D.II.A.1")
    openly = unknown(Gap.NOT_DOCUMENTED, "No diabetes found", "A diagnosis").with_id("D.I.A")
    determination = alone(against)
    determination = replace(
        determination,
        criteria=(openly, *determination.criteria[1:]),
        exclusions=(doubt, *determination.exclusions[1:]),
    )
    assert [f.id for f in determination.findings_in_question] == ["D.I.D", "D.II.A.1", "D.I.A"]
    assert title(assessed(determination)).endswith("(D.I.D); 2 more")
    text = _detail(determination)
    places = [text.index(section) for section in ("**D.I.D ", "**D.II.A.1 ", "**D.I.A ")]
    assert places == sorted(places)


def test_both_paths_are_told_in_words() -> None:
    """A pump in use and no word about a replacement: where the other path stands, without enum words."""
    openly = unknown(Gap.NEEDS_ATTESTATION, "No reason for the replacement is stated", "The reason").with_id(
        "D.III.A.3"
    )
    determination = off_replacement_path(alone(openly))
    text = _detail(determination)
    assert "For a replacement or repair, still open: D.III.A.3 Justification." in text
    assert _JARGON.search(text) is None


# ---------------------------------------------------------------- the pieces


def test_an_exclusion_with_a_long_name_is_called_by_its_section() -> None:
    order = "The order is for a surgically implanted infusion device (" + "programmable " * 20 + ")"
    said = title(assessed(alone(met(order, Basis.DOCUMENTED).with_id("D.II.B.2"))))
    assert said == "Insulin pump: excluded by MP-MM-1316 D.II.B.2. Surgically implanted infusion device"


def test_long_reasons_lose_whole_clauses() -> None:
    text = "; ".join(f"finding {number} with 8.1 % on 2026-09-01" for number in range(40))
    cut = whole_clauses(text, 200)
    assert len(cut) <= 200
    assert cut.endswith("2026-09-01; and more")
    assert text.startswith(cut.removesuffix("; and more"))
    assert whole_clauses("short. And whole", 200) == "short. And whole"
    assert len(whole_clauses("word " * 100, 200)) <= 200


def test_the_step_of_a_group_is_that_of_the_part_that_speaks() -> None:
    parts: list[Any] = [
        unknown(Gap.NOT_DOCUMENTED, "a", "A", next_step="first"),
        unknown(Gap.INCOMPLETE, "b", "B", next_step="second"),
    ]
    assert conjunction(parts, "both").next_step == "second"
    assert conjunction([*parts, not_met("c", next_step="third")], "all").next_step == "third"


def test_of_the_parts_the_one_that_found_most_speaks() -> None:
    """Of the same gap first, then what stands against it, then what is open for another reason, then chance."""
    some = [Evidence("Observation/o1")]
    parts = {
        "D.I.I.1": not_met("HbA1c 6.8 %", Basis.DOCUMENTED, some, next_step="against"),
        "D.I.I.2": unknown(Gap.INCOMPLETE, "one low", "two lows", some, next_step="open"),
        "D.I.I.4": unknown(Gap.INCOMPLETE, "one morning", "seven mornings", some, next_step="chance"),
    }
    parts = {name: part.with_id(name) for name, part in parts.items()}

    def step(gap: Gap, *names: str) -> str:
        group = unknown(gap, "several", "one of them").with_id("D.I.I")
        return next_step(replace(group, parts=tuple(parts[name] for name in names)))

    assert step(Gap.INCOMPLETE, *parts) == "open"
    assert step(Gap.NEEDS_REVIEW, "D.I.I.2", "D.I.I.1") == "against"
    assert step(Gap.INCOMPLETE, "D.I.I.4", "D.I.I.1") == "against"
    assert step(Gap.NEEDS_REVIEW, "D.I.I.4", "D.I.I.2") == "open"
    assert step(Gap.INCOMPLETE, "D.I.I.4") == "chance"


def test_statements_that_could_not_be_read_are_said_once_for_all_reasons() -> None:
    chart = Chart(diagnoses=(DIABETES,), unread={ChartSection.ATTESTATIONS: "the server did not answer"})
    determination = determine(replace(ORDER, replacement_sign="modifier RA"), chart, AS_OF)
    assert determination.on_replacement_path
    assert [finding.id for finding in determination.findings_in_question] == ["D.III.A.3"]
