"""A visit with the treating practitioner every so often, for as long as a pump stays covered."""

from __future__ import annotations

from collections.abc import Sequence

from cds_service.engine.finding import Basis, Finding, Gap, best_supported, met, not_met, unknown
from cds_service.engine.plain_text import day_text
from cds_service.engine.recurring_duty import Interval, fulfilled_until, is_due
from cds_service.engine.rule import shared_rule
from cds_service.engine.truth import MET
from cds_service.facts import ChartSection, PractitionerVisit, SeenHow, When
from cds_service.facts.known_results import VISITS
from cds_service.policies.rules.case import Case, cite

# Seen and evaluated in person or by video; whether a call by telephone is that, a reviewer has to say.
_SEEN = frozenset({SeenHow.OFFICE, SeenHow.VIRTUAL, SeenHow.HOME})
_FOR_A_REVIEWER = frozenset({SeenHow.TELEPHONE, SeenHow.UNREAD})


@shared_rule(
    "Seen by the treating practitioner every {visit_interval}",
    "visit_interval",
    reads=(VISITS.key, ChartSection.ATTESTATIONS, ChartSection.REQUESTER),
)
def seen_regularly(case: Case) -> Finding:
    """The newest visit in the office, at home or by video counts, and is good for {visit_interval}, its last day
    included. With the one who orders, or in endocrinology, it documents that the treating practitioner saw the patient;
    with another practitioner it supports it. Telephone calls and visits whose kind cannot be read are for a reviewer;
    emergency visits, hospital stays, messages and refills are other things. A stated visit attests it."""
    finding = case.guarded(_charted(case), VISITS.key)
    stated = _stated(case)
    if stated is None:
        return finding
    met_ones = [each for each in (finding, stated) if each.truth is MET]
    return best_supported(*(met_ones or (finding, stated)))


def _charted(case: Case) -> Finding:
    closes = f"Add a visit with the treating practitioner within {case.parameters['visit_interval']} before the order"
    visits = [v for v in case.chart.practitioner_visits if v.when is not None and v.when.first <= case.as_of]
    seen = [v for v in visits if v.how in _SEEN]
    own = [v for v in seen if _is_treating(case, v)]
    for of_whom, basis in ((own, Basis.DOCUMENTED), (seen, Basis.SUPPORTED)):
        last = _newest(of_whom)
        if last is not None and not _is_expired(case, last):
            return met(_in_words(case, last), basis, [cite(last, last.how.value)])
    unsure = [v for v in visits if v.how in _FOR_A_REVIEWER and not _is_expired(case, v)]
    if unsure:
        last = _newest(unsure) or unsure[0]
        words = f"{last.how.value.capitalize()} on {_on_date(last)}: a reviewer has to say whether the patient was seen"
        return unknown(Gap.NEEDS_REVIEW, words, closes, [cite(last, last.how.value)])
    last = _newest(seen)
    if last is not None:
        return not_met(_in_words(case, last), Basis.DOCUMENTED, [cite(last, last.how.value)])
    return unknown(Gap.NOT_DOCUMENTED, "No visit with a practitioner found", closes)


def _stated(case: Case) -> Finding | None:
    answer = case.answer("last-evaluation")
    if answer is None or not isinstance(answer.value, When):
        return None
    closes, evidence = "State the day of the last visit", [case.attestation(answer)]
    found = fulfilled_until([answer.value], case.as_of, _interval(case))
    if found is None:
        words = f"The stated visit on {day_text(answer.value)} lies after the order"
        return unknown(Gap.INCOMPLETE, words, closes, evidence, next_step="correct the day of the last visit")
    words = f"Seen {day_text(answer.value)} (stated {day_text(answer.authored)}), good until {day_text(found.until)}"
    make = not_met if is_due(found, case.as_of) else met
    return make(words, Basis.ATTESTED, evidence, names_statement=True)


def _is_treating(case: Case, visit: PractitionerVisit) -> bool:
    orderer = case.order.orderer
    return visit.endocrinology or (orderer is not None and orderer.reference in visit.practitioners)


def _newest(visits: Sequence[PractitionerVisit]) -> PractitionerVisit | None:
    return max(visits, key=lambda v: (str(v.when), v.reference), default=None)


def _is_expired(case: Case, visit: PractitionerVisit) -> bool:
    return visit.when is not None and is_due(fulfilled_until([visit.when], case.as_of, _interval(case)), case.as_of)


def _interval(case: Case) -> Interval:
    return Interval.parsed(case.parameters["visit_interval"])


def _in_words(case: Case, visit: PractitionerVisit) -> str:
    assert visit.when is not None  # only dated visits are looked at
    found = fulfilled_until([visit.when], case.as_of, _interval(case))
    until = f", good until {day_text(found.until)}" if found is not None else ""
    return f"{visit.how.value.capitalize()} on {_on_date(visit)}{_with_practitioner(visit)}{until}"


def _with_practitioner(visit: PractitionerVisit) -> str:
    return f" with {visit.practitioner_names[0]}" if visit.practitioner_names else ""


def _on_date(visit: PractitionerVisit) -> str:
    return day_text(visit.when) if visit.when is not None else "an unstated day"
