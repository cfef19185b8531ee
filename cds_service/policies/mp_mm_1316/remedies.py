"""What to do about a finding that is not met or open: the step in a card's title, and the sentences in its detail.

A rule that knows the step best sets it on its finding. What stands here holds for every other finding of its section
and gap, so it must be true of all of them: nothing is asked for as missing that such a finding may have found.
"""

from __future__ import annotations

from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN

# The longest step that fits into the longest title.
LONGEST_STEP = 70
_READ = "let the chart be read"
# A section's step, where its gap has none of its own.
_STEP = {
    "D.I.A": "document the diabetes diagnosis and its type",
    "D.I.B": "name the provider who orders it",
    "D.I.C": "state the team's pump expertise",
    "D.I.D": "add the diabetes education date and educator",
    "D.I.E": "state who can operate the pump",
    "D.I.F": "show the insulin injection regimen",
    "D.I.G": "add a meter download of the last month",
    "D.I.H": "add a sign of complication risk, such as albuminuria",
    "D.I.H.1": "add albumin-creatinine ratios of two days",
    "D.I.H.2": "add the member's log and a statement of difficult control",
    "D.I.I": "add an HbA1c result or another listed condition",
    "D.I.I.1": "add an HbA1c result or another listed condition",
    "D.I.I.2": "add the records of low glucose, or state that it recurs",
    "D.I.I.3": "add readings before meals, or state that they vary widely",
    "D.I.I.4": "add early-morning readings, or state the dawn phenomenon",
    "D.I.I.5": "add the records of severe excursions, or state them",
    "D.I.I.6": "add the discharge summaries of the hospital stays",
    "D.II.A.1": "send a specialist's note on whether this is end stage",
    "D.II.A.2": "state whether somebody can operate the pump and test often",
    "D.II.B.1": "state whether the pump is only for convenience",
    "D.III.A.2": "show that a pump is still medically necessary",
    "D.III.A.3": "state the reason for the replacement",
    "D.III.C.1": "state the reason for the replacement",
}
_DEVICE_CODE = "put the device's HCPCS code on the order"
_STEP |= dict.fromkeys(("D.II.B.2", "D.II.B.3", "D.II.B.4", "D.II.B.5"), _DEVICE_CODE)
_STEP_OF_GAP: dict[tuple[str, Gap | None], str] = {
    ("D.I.A", Gap.INCOMPLETE): "confirm the diabetes diagnosis in the chart",
    ("D.I.A", Gap.NEEDS_REVIEW): "have a reviewer confirm the diabetes type",
    ("D.I.B", Gap.NEEDS_REVIEW): "have a physician or NP, PA or CNS sign it",
    ("D.I.C", Gap.NEEDS_REVIEW): "confirm the team's pump expertise in a statement",
    ("D.I.D", Gap.INCOMPLETE): "complete the diabetes education date and educator",
    ("D.I.D", Gap.NEEDS_REVIEW): "confirm that this visit was diabetes education",
    ("D.I.E", Gap.NEEDS_REVIEW): "confirm who can operate the pump in a statement",
    ("D.I.F", Gap.INCOMPLETE): "complete the record of the insulin injections",
    ("D.I.F", Gap.NEEDS_ATTESTATION): "state the injections before the pump, or that this replaces it",
    ("D.I.F", Gap.NEEDS_REVIEW): "settle the insulin injections: chart and statement differ",
    ("D.I.G", Gap.INCOMPLETE): "complete the record of self-tests of the last month",
    ("D.I.G", Gap.NEEDS_REVIEW): "settle the self-testing: chart and statement differ",
    ("D.I.H", Gap.INCOMPLETE): "complete the sign of complication risk that was found",
    ("D.I.H", Gap.NEEDS_REVIEW): "send the signs of complications to a reviewer",
    ("D.I.H.1", Gap.INCOMPLETE): "complete the albumin-creatinine ratios, or show another sign",
    ("D.I.H.1", Gap.NEEDS_REVIEW): "send the albumin-creatinine ratios to a reviewer",
    ("D.I.H.2", Gap.INCOMPLETE): "state the difficult control despite compliance, with a log",
    ("D.I.H.2", Gap.NEEDS_REVIEW): "send the member's log and a statement to a reviewer",
    ("D.I.I", Gap.INCOMPLETE): "complete what was found, or show another listed condition",
    ("D.I.I", Gap.NEEDS_REVIEW): "send the readings or records to a reviewer",
    ("D.I.I.1", Gap.INCOMPLETE): "clarify the HbA1c result, or show another listed condition",
    ("D.I.I.1", Gap.NEEDS_REVIEW): "have a reviewer read the HbA1c result",
    ("D.I.I.2", Gap.INCOMPLETE): "show that the low glucose recurs, or another listed condition",
    ("D.I.I.2", Gap.NEEDS_REVIEW): "send the records of low glucose to a reviewer",
    ("D.I.I.3", Gap.NEEDS_REVIEW): "send the readings before meals to a reviewer",
    ("D.I.I.4", Gap.INCOMPLETE): "complete the early-morning readings, or show another condition",
    ("D.I.I.5", Gap.INCOMPLETE): "show that severe lows recur, or another listed condition",
    ("D.I.I.5", Gap.NEEDS_REVIEW): "send the records of severe excursions to a reviewer",
    ("D.I.I.6", Gap.INCOMPLETE): "show the hospital stays, or another listed condition",
    ("D.I.I.6", Gap.NEEDS_REVIEW): "send the discharge summaries to a reviewer",
    ("D.III.A.3", Gap.INCOMPLETE): "complete the reason for the replacement",
    ("D.III.A.3", Gap.NEEDS_REVIEW): "confirm the reason for the replacement in the questionnaire",
    ("D.III.C.2", Gap.INCOMPLETE): "add the estimate of the repair cost",
    ("D.III.C.1", Gap.NEEDS_REVIEW): "confirm the reason for the replacement in the questionnaire",
}
# Where the evidence stands against a criterion.
_STEP_AGAINST = {
    "D.I.B": "have a physician or NP, PA or CNS order it",
    "D.I.C": "involve a team with pump expertise",
    "D.I.D": "renew the diabetes education, the last is too old",
    "D.I.E": "train the member or a caregiver",
    "D.I.F": "review the insulin regimen, it is below what is needed",
    "D.I.G": "review the self-testing, it is below what is needed",
    "D.I.I": "show one of the other listed conditions",
    "D.I.H.1": "show a sign of complication risk other than albuminuria",
    "D.I.I.1": "HbA1c is not high enough, show another listed condition",
    "D.III.A.1": "order a device that the policy covers",
    "D.III.A.2": "show that a pump is still medically necessary",
    "D.III.A.3": "check the stated reason, the policy does not accept it",
}
_AGAINST = "correct what is wrong in the chart or the statement"
_MAY_EXCLUDE = "settle with the plan whether this exclusion applies"

# What helps where the chart, or a signed statement, stands against a criterion.
_HELPS = {
    "D.I.B": "Have a physician, nurse practitioner, physician assistant or clinical nurse specialist order it",
    "D.I.C": "Involve a team with pump expertise, then state it",
    "D.I.D": "If a newer program was completed, add its date and educator; else complete one again",
    "D.I.E": "Train the member or a caregiver, then state it",
    "D.I.F": "If the insulin orders are out of date, bring them up to date; else the regimen comes first",
    "D.I.G": "Add what is missing from the meter; else the testing has to be done first",
    "D.I.I": "A newer HbA1c, or another of the six conditions, would change this",
    "D.III.A.1": "Order a device that the policy covers",
    "D.III.A.2": "If the chart is wrong, correct it",
    "D.III.A.3": "If another reason applies, state that one",
}
_HELPS_AGAINST_STATEMENT = {
    "D.I.F": "If the statement is out of date, sign a newer one; else the regimen comes first",
    "D.I.G": "If the statement is out of date, sign a newer one; else the testing has to be done first",
    "D.I.I": "If the statement is out of date, sign a newer one; a result or record of one of the six also counts",
}
# How a gap is closed, beside what closes it.
_HOW = {
    Gap.NOT_DOCUMENTED: "Add it to the chart in coded form, or attach it to the request",
    Gap.INCOMPLETE: "Complete it in the chart, or attach it to the request",
    Gap.NEEDS_REVIEW: "A plan reviewer has to look: attach the record",
    Gap.NEEDS_ATTESTATION: "State it in the questionnaire or in a signed note",
}
# Where what closes it says how already.
_SAYS_HOW = ("D.I.B", "D.II.B.2", "D.II.B.3", "D.II.B.4", "D.II.B.5", "D.III.A.3")


def next_step(finding: Finding) -> str:
    """The step that helps most, in a few words; of a section with parts, that of the part that found something."""
    if finding.truth is MET:
        return _MAY_EXCLUDE
    if finding.gap is Gap.NOT_RETRIEVED:
        return _READ
    if finding.next_step:
        return finding.next_step
    part = _speaking_part(finding)
    if part is not None:
        return next_step(part)
    if finding.truth is NOT_MET:
        return _STEP_AGAINST.get(finding.id, _AGAINST)
    return _STEP_OF_GAP.get((finding.id, finding.gap)) or _STEP.get(finding.id, "document it")


def _speaking_part(finding: Finding) -> Finding | None:
    """The part whose evidence the step has to respect: an open one of the finding's gap, else one against it."""
    found = [part for part in finding.parts if part.evidence and part.gap is not Gap.NOT_RETRIEVED]
    still_open = [part for part in found if part.truth is UNKNOWN]
    against = [part for part in found if part.truth is NOT_MET and part.id in _STEP_AGAINST]
    meant = [part for part in still_open if part.id not in _BY_CHANCE]
    return next(iter((*(p for p in meant if p.gap is finding.gap), *against, *meant, *still_open)), None)


# A few readings of any meter happen to lie in the early morning: what else was found says more.
_BY_CHANCE = ("D.I.I.4",)


def what_helps(finding: Finding) -> str:
    """What would change a finding that is not met, or close one that is open."""
    if finding.truth is MET:
        return "To close: a record that shows that this does not apply."
    if finding.truth is UNKNOWN:
        return f"To close: {finding.closes or 'document it'}."
    helps = finding.closes or _HELPS.get(finding.id)
    if finding.closes is None and finding.basis is Basis.ATTESTED:
        helps = _HELPS_AGAINST_STATEMENT.get(finding.id, helps) or "If the statement is wrong, sign a corrected one"
    return f"What helps: {helps or 'If the chart is wrong, correct it'}."


def how_to_close(finding: Finding) -> str:
    """How that is handed in; empty where nothing has to be said."""
    if finding.truth is not UNKNOWN or finding.gap is None or finding.id in _SAYS_HOW:
        return ""
    return _HOW.get(finding.gap, "")
