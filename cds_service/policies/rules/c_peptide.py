"""A low fasting C-peptide: proof that the body makes little insulin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain

from cds_service.engine.days import at_most
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, not_met, unknown
from cds_service.engine.laboratory import at_most_share_of_low, same_draw
from cds_service.engine.plain_text import day_text, in_one_step
from cds_service.engine.rule import shared_rule
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.engine.wording import listed
from cds_service.facts import ChartSection, Fasting, LabResult, Unusable, When
from cds_service.facts.known_results import C_PEPTIDE, CREATININE, GLUCOSE_OF_DRAW, WEIGHT
from cds_service.policies.rules.case import Case, cite
from cds_service.policies.rules.creatinine_clearance import ClearanceFinding, clearance_for
from cds_service.policies.rules.once_in_a_lifetime import best_of_both, best_result, dated, results_of

_REPORT = (
    "Add the laboratory report of a fasting C-peptide with its reference range, and the fasting glucose of that draw"
)
# No person has more C-peptide results, nor glucose results of one draw: what is compared with each other is bounded.
_MOST_RESULTS, _MOST_OF_NO_DAY = 200, 100
_FOR_REVIEW = (Unusable.TEXT_ONLY, Unusable.NAMED_ONLY, Unusable.ODD_COMPARATOR)


@shared_rule(
    "Fasting C-peptide at or below {c_peptide_share:.0%} of the lab's lower limit",
    "c_peptide_share",
    "c_peptide_share_renal",
    "low_clearance",
    "clearance_window_months",
    "draw_glucose",
    "draw_minutes",
    reads=(C_PEPTIDE.key, CREATININE.key, WEIGHT.key, ChartSection.ATTESTATIONS),
)
def low_c_peptide(case: Case) -> Finding:
    """Each C-peptide of the record is held against the lower limit of normal of its own report; one that meets the
    limit is enough, however old, and whatever later ones say. It counts only with a fasting glucose of the same draw
    (same specimen, report or time; up to {draw_minutes:minutes} apart a reviewer has to say) at or below {draw_glucose}
    mg/dL. Above {c_peptide_share:.0%} and up to {c_peptide_share_renal:.0%} the creatinine clearance decides: measured,
    or computed by Cockcroft-Gault from the creatinine and weight nearest to the draw, within
    {clearance_window_months:months} of it; at or below {low_clearance} mL/min the higher limit holds. An estimated GFR
    is not that clearance. A report without a reference range decides nothing: no limit of another laboratory is put in
    its place."""
    charted = best_result(_of_result(case, result) for result in results_of(case, C_PEPTIDE.key)[:_MOST_RESULTS])
    charted = charted or unknown(Gap.NOT_DOCUMENTED, "No C-peptide result is charted", _REPORT)
    charted = case.guarded(charted, C_PEPTIDE.key)
    stated = _stated_c_peptide(case)
    if stated is None or charted.truth is MET:
        return charted
    return best_of_both(charted, stated)


@dataclass(frozen=True, slots=True)
class _MissingPart:
    """Something missing from a C-peptide result. `why`: a clause; `closes`: the remedy; `step`: the next step."""

    gap: Gap
    why: str
    closes: str
    step: str


def _of_result(case: Case, result: LabResult) -> Finding:
    """What one C-peptide result shows."""
    p, named = case.parameters, f"C-peptide {result.shown or result.label}{dated(result.when)}"
    if result.pending:
        step = "send the C-peptide result when it is final"
        return unknown(
            Gap.NOT_DOCUMENTED, f"{named} is pending", "Send the final result", [cite(result)], next_step=step
        )
    if result.unusable is not None:
        gap = Gap.NEEDS_REVIEW if result.unusable in _FOR_REVIEW else Gap.INCOMPLETE
        return unknown(gap, f"{named}: {result.unusable.value}", _REPORT, [cite(result, result.shown or None)])
    glucose, lack_of_glucose = _glucose_of(case, result)
    evidence = [cite(result, _with_range(result))]
    evidence += [cite(glucose, glucose.shown)] if glucose is not None else []
    low = at_most_share_of_low(result, p["c_peptide_share"])
    high = at_most_share_of_low(result, p["c_peptide_share_renal"])
    missing_parts = list(lack_of_glucose)
    if low.truth is UNKNOWN and high.truth is not NOT_MET:
        missing_parts.append(_no_range(low.why))
    clearance = clearance_for(case, result) if low.truth is NOT_MET and high.truth is MET else None
    if clearance is not None and clearance.low is UNKNOWN:
        missing_parts.append(_no_clearance(clearance))
    evidence += clearance.evidence if clearance is not None else []
    if missing_parts:
        return _incomplete(named, missing_parts, evidence)
    beside = f"fasting glucose {glucose.shown} in the same draw" if glucose is not None else ""
    limits = listed(_limit(each.low, p["c_peptide_share"]) for each in low.ranges if each.low is not None)
    if low.truth is MET:
        words = f"{named}, at or below {p['c_peptide_share']:.0%} of the lab's lower limit ({limits}); {beside}"
        return met(words, Basis.DOCUMENTED, evidence)
    if clearance is not None and clearance.low is MET:
        words = f"{named}, at or below {p['c_peptide_share_renal']:.0%} of the lab's lower limit"
        words += f"; {clearance.words}; {beside}"
        return met(words, Basis.DOCUMENTED, evidence)
    words = f"{named} is above {p['c_peptide_share']:.0%} of the lab's lower limit ({limits})"
    words += f", and {clearance.words}" if clearance is not None else ""
    return not_met(words, Basis.DOCUMENTED, evidence)


def _incomplete(named: str, missing_parts: Sequence[_MissingPart], evidence: Sequence[Evidence]) -> Finding:
    gap = Gap.NEEDS_REVIEW if all(part.gap is Gap.NEEDS_REVIEW for part in missing_parts) else Gap.INCOMPLETE
    step = missing_parts[0].step if len(missing_parts) == 1 else "add the full C-peptide report, with range and glucose"
    closes = in_one_step(part.closes for part in missing_parts)
    return unknown(gap, f"{named}: {'; '.join(part.why for part in missing_parts)}", closes, evidence, next_step=step)


def _no_range(why: str) -> _MissingPart:
    closes = "Add the C-peptide report with the laboratory's reference range, in the unit of the result"
    return _MissingPart(Gap.INCOMPLETE, why, closes, "add the lab's reference range for the C-peptide")


def _no_clearance(clearance: ClearanceFinding) -> _MissingPart:
    closes = "Add a creatinine clearance, or body weight and serum creatinine near the draw"
    return _MissingPart(Gap.INCOMPLETE, clearance.words, closes, "add a creatinine clearance for the C-peptide")


def _limit(low: float, share: float) -> str:
    return f"{round(low * share, 4):g}"


def _with_range(result: LabResult) -> str:
    ranges = result.report.ranges if result.report is not None else ()
    shown = listed((each.shown for each in ranges if each.shown), "or") if any(each.shown for each in ranges) else ""
    return f"{result.shown} (range {shown})" if shown else result.shown


# ---------------------------------------------------------------- the glucose of the draw


def _glucose_of(case: Case, result: LabResult) -> tuple[LabResult | None, list[_MissingPart]]:
    """The fasting glucose of the same draw as a C-peptide, and what is missing from it."""
    matches = [(r, same_draw(result, r, case.parameters["draw_minutes"])) for r in _glucose_near(case, result)]
    same = [r for r, match in matches if match.truth is MET]
    if not same:
        maybe = [(r, match) for r, match in matches if match.truth is UNKNOWN]
        if maybe:
            near, match = maybe[0]
            why = f"a reviewer has to say whether glucose {near.shown} is of the same draw ({match.why})"
            step = "show that C-peptide and glucose are of one draw"
            return near, [
                _MissingPart(Gap.NEEDS_REVIEW, why, "Add the report that shows both results of one draw", step)
            ]
        why, step = "no glucose of the same draw was found", "add the fasting glucose drawn with the C-peptide"
        return None, [_MissingPart(Gap.INCOMPLETE, why, "Add the fasting glucose drawn with the C-peptide", step)]
    fasting = sorted(same, key=lambda r: _fasting_of(result, r) is not Fasting.FASTING)
    glucose = fasting[0]
    return glucose, list(_missing_of_glucose(case, result, glucose))


def _glucose_near(case: Case, result: LabResult) -> list[LabResult]:
    """The usable glucose results of the day of a C-peptide, the newest first; of one that is known to no day the
    newest of all, as many as a chart of one draw could hold."""
    by_day: dict[date | None, list[LabResult]] | None = case.computed.get("glucose by day")
    if by_day is None:
        by_day = case.computed["glucose by day"] = {}
        for each in results_of(case, GLUCOSE_OF_DRAW.key):
            if each.unusable is None and not each.pending:
                by_day.setdefault(_day_of(each), []).append(each)
    day = _day_of(result)
    if day is None:
        return list(chain.from_iterable(by_day.values()))[:_MOST_OF_NO_DAY]
    return [*by_day.get(day, ()), *by_day.get(None, ())[:_MOST_OF_NO_DAY]]


def _day_of(result: LabResult) -> date | None:
    """The day of a result; None where it is not known to the day."""
    when = result.when
    return when.first if when is not None and when.first == when.last else None


def _missing_of_glucose(case: Case, result: LabResult, glucose: LabResult) -> Iterator[_MissingPart]:
    most, state = case.parameters["draw_glucose"], _fasting_of(result, glucose)
    again = f"Add a fasting C-peptide with a fasting glucose of the same draw at or below {most} mg/dL"
    level = at_most(glucose, most)
    if level is NOT_MET:
        step = f"repeat the C-peptide, the glucose with it was above {most}"
        yield _MissingPart(
            Gap.INCOMPLETE, f"it does not count, glucose {glucose.shown} is above {most} mg/dL", again, step
        )
    elif level is UNKNOWN:
        why, step = f"glucose {glucose.shown} is not exact", "give the exact glucose drawn with the C-peptide"
        yield _MissingPart(Gap.INCOMPLETE, why, again, step)
    if state is Fasting.NOT_FASTING:
        step = "repeat the C-peptide fasting"
        yield _MissingPart(Gap.INCOMPLETE, "it does not count, the draw was not fasting", again, step)
    elif state is Fasting.CONFLICTING:
        why, step = "the report says both fasting and not fasting", "settle whether the C-peptide was drawn fasting"
        yield _MissingPart(Gap.NEEDS_REVIEW, why, "Ask the laboratory whether the draw was fasting", step)
    elif state is Fasting.UNSTATED:
        why, step = "nothing says that the draw was fasting", "show that the C-peptide was drawn fasting"
        yield _MissingPart(Gap.INCOMPLETE, why, "Add a report or note that says that the draw was fasting", step)


def _fasting_of(one: LabResult, other: LabResult) -> Fasting:
    """Whether one draw was fasting, by what is said of either result."""
    said = {r.report.fasting for r in (one, other) if r.report is not None} - {Fasting.UNSTATED}
    if not said:
        return Fasting.UNSTATED
    return said.pop() if len(said) == 1 else Fasting.CONFLICTING


# ---------------------------------------------------------------- a statement of a report on paper


def _stated_c_peptide(case: Case) -> Finding | None:
    """A C-peptide report that is not in the chart, as a clinician states it; None when the statement is incomplete."""
    names = ("c-peptide-value", "c-peptide-limit", "c-peptide-glucose")
    answers = [case.answer(name) for name in names]
    numbers = [a.value for a in answers if a is not None and isinstance(a.value, int | float)]
    drawn = case.answer("c-peptide-date")
    if len(numbers) < len(names) or drawn is None or not isinstance(drawn.value, When):
        return None
    value, limit, glucose = numbers
    evidence = [case.attestation(answer) for answer in answers if answer is not None]
    named = f"C-peptide {value:g} of {day_text(drawn.value)}, lower limit {limit:g} (stated {day_text(drawn.authored)})"
    p = case.parameters
    if drawn.value.first > case.as_of or limit <= 0:
        wrong = "the date lies after the order" if limit > 0 else "the lower limit is not more than nothing"
        step = "correct the stated C-peptide"
        return unknown(Gap.INCOMPLETE, f"{named}: {wrong}", _REPORT, evidence, next_step=step)
    if glucose > p["draw_glucose"]:
        step = f"repeat the C-peptide, the glucose with it was above {p['draw_glucose']}"
        words = f"{named} does not count, glucose {glucose:g} is above {p['draw_glucose']} mg/dL"
        return unknown(Gap.INCOMPLETE, words, _REPORT, evidence, next_step=step)
    if round(value, 9) <= round(limit * p["c_peptide_share"], 9):
        return met(f"{named}, glucose {glucose:g} mg/dL", Basis.ATTESTED, evidence, names_statement=True)
    return not_met(f"{named} is above {p['c_peptide_share']:.0%} of the limit", Basis.ATTESTED, evidence)
