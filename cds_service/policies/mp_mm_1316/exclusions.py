"""D.II: what makes a pump not medically necessary."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from cds_service.concepts import WITHOUT_STATUS, Concept
from cds_service.engine.days import compared, within
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, not_met, unknown
from cds_service.engine.section import criterion
from cds_service.engine.truth import MET, NOT_MET
from cds_service.facts import Diagnosis, LabResult, Record, Topic
from cds_service.policies.mp_mm_1316.case import Case, attestation, cite, named, usable

_REVIEW = "A nephrology note that says whether the kidney disease is end stage"


@criterion(
    "D.II.A.1",
    "End-stage complications such as renal failure",
    "dialysis_window_days",
    "dialysis_chronic_days",
    "kidney_failure_egfr",
    "egfr_days_apart",
)
def end_stage_complications(case: Case) -> Finding:
    """Active confirmed end-stage renal disease or dependence on dialysis, or maintenance dialysis in the last 90
    days with no acute injury charted, meets it. Stage 5, codes that mean stage 5 or end stage, unspecified failure,
    eGFR below 15 twice 90 days apart, and a transplant beside an old end-stage code need a reviewer. Earlier stages
    and acute injury do not meet it; nothing charted does not meet it by absence, once the chart was read."""
    finding = _kidneys(case)
    return case.guarded(finding, Topic.CONDITIONS, Topic.EGFR, Topic.EDUCATION)


def _kidneys(case: Case) -> Finding:
    end_stage = case.active(Concept.END_STAGE_RENAL_DISEASE)
    transplant = _transplants(case)
    if end_stage and transplant:
        words = f"{named(end_stage)} is charted beside a kidney transplant ({transplant[0].label})"
        return unknown(Gap.NEEDS_REVIEW, words, _REVIEW, map(cite, (*end_stage, *transplant)))
    if end_stage:
        return met(f"End-stage renal disease: {named(end_stage)}", Basis.DOCUMENTED, map(cite, end_stage))
    on_dialysis = _dialysis(case)
    if on_dialysis is not None:
        return on_dialysis
    review = (*case.active(Concept.KIDNEY_FAILURE_FOR_REVIEW), *_doubtful(case))
    if review:
        return unknown(Gap.NEEDS_REVIEW, f"Charted: {named(review)}", _REVIEW, map(cite, review))
    low = _low_egfr(case)
    if low:
        shown = ", ".join(f"{r.shown} on {r.when}" for r in low)
        return unknown(Gap.NEEDS_REVIEW, f"eGFR {shown}", _REVIEW, [cite(r, r.shown) for r in low])
    mild = case.active(Concept.CHRONIC_KIDNEY_DISEASE, Concept.ACUTE_KIDNEY_INJURY)
    if mild:
        return not_met(f"Kidney disease that is not end stage: {named(mild)}", Basis.DOCUMENTED, map(cite, mild))
    return not_met("No end-stage complication charted")


def _doubtful(case: Case) -> list[Diagnosis]:
    """End-stage disease that is charted without being confirmed, or without saying whether it is active."""
    return [
        d
        for d in case.chart.diagnoses
        if Concept.END_STAGE_RENAL_DISEASE in d.concepts
        and usable(d.when, case.as_of)
        and (not d.confirmed or d.status == WITHOUT_STATUS or case.contradicts_itself(d))
    ]


def _transplants(case: Case) -> list[Record]:
    charted = case.active(Concept.KIDNEY_TRANSPLANT)
    done = [r for r in case.chart.dialysis if Concept.KIDNEY_TRANSPLANT in r.concepts]
    return [*charted, *(r for r in done if usable(r.when, case.as_of))]


def _dialysis(case: Case) -> Finding | None:
    start = case.days_ago("dialysis_window_days")
    sessions = [
        r
        for r in case.chart.dialysis
        if r.concepts & {Concept.CHRONIC_DIALYSIS, Concept.DIALYSIS} and usable(r.when, case.as_of)
    ]
    recent = [r for r in sessions if within(r.when, start, case.as_of) is MET]
    if not recent:
        return None
    acute = case.active(Concept.ACUTE_KIDNEY_INJURY)
    if acute:
        words = f"Dialysis on {recent[-1].when}, with acute kidney injury charted ({named(acute)})"
        return not_met(words, Basis.DOCUMENTED, map(cite, (*recent[-3:], *acute)))
    maintained = any(Concept.CHRONIC_DIALYSIS in r.concepts for r in recent)
    if maintained or _spread(sessions) >= timedelta(days=case.parameters["dialysis_chronic_days"]):
        words = f"Chronic dialysis, last {recent[-1].when}"
        return met(words, Basis.DOCUMENTED, map(cite, recent[-3:]))
    words = f"Dialysis on {recent[-1].when}, not shown to be chronic"
    return unknown(Gap.NEEDS_REVIEW, words, _REVIEW, map(cite, recent[-3:]))


def _low_egfr(case: Case) -> list[LabResult]:
    limit = case.parameters["kidney_failure_egfr"]
    low = [
        r
        for r in case.chart.egfr
        if not r.pending and within(r.when, date.min, case.as_of) is MET and _surely_below(r, limit)
    ]
    apart = timedelta(days=case.parameters["egfr_days_apart"])
    return [low[0], low[-1]] if len(low) > 1 and _spread(low) >= apart else []


def _surely_below(result: LabResult, limit: float) -> bool:
    if result.comparator in (">", ">="):
        return False
    if result.value == limit:
        return result.comparator == "<"
    return compared(result, limit) is NOT_MET


def _spread(records: Sequence[Record]) -> timedelta:
    days = [r.when.first for r in records if r.when is not None]
    return max(days) - min(days) if days else timedelta(0)


@criterion("D.II.A.2", "Nobody is able to operate the pump or to test often")
def nobody_can_operate(case: Case) -> Finding:
    """Only an attestation can say that neither the member nor anyone assisting is able: no diagnosis says it."""
    answer = case.answer("D.II.A.2")
    if answer is None or not isinstance(answer.value, bool):
        words = "No code says whether somebody is able to operate a pump"
        return unknown(Gap.NEEDS_ATTESTATION, words, "A statement that somebody is able to operate it and test often")
    evidence = [attestation(answer, "D.II.A.2")]
    if answer.value:
        return not_met("Somebody is able to operate it and test often (attested)", Basis.ATTESTED, evidence)
    return met("Attested: nobody is able to operate it or to test often", Basis.ATTESTED, evidence)


@criterion("D.II.B.1", "Requested purely for convenience or preference")
def convenience_only(case: Case) -> Finding:
    """Only an attestation can say so: it is never inferred from missing data."""
    answer = case.answer("D.II.B.1")
    if answer is None or not isinstance(answer.value, bool):
        return unknown(Gap.NEEDS_ATTESTATION, "Nobody said so", "A statement that it is not for convenience only")
    evidence = [attestation(answer, "D.II.B.1")]
    if answer.value:
        return met("Attested: purely for convenience or preference", Basis.ATTESTED, evidence)
    return not_met("Attested: not purely for convenience", Basis.ATTESTED, evidence)


@criterion("D.II.B.2", "Surgically implanted infusion device")
def implanted_device(case: Case) -> Finding:
    """The order's own code says so."""
    return _by_code(case, Concept.IMPLANTED_DEVICE, "a surgically implanted infusion device")


@criterion("D.II.B.3", "Jet pressure device")
def jet_pressure_device(case: Case) -> Finding:
    """The order's own code says so."""
    return _by_code(case, Concept.JET_DEVICE, "a jet pressure device")


@criterion("D.II.B.4", "Device for chronic intermittent intravenous insulin therapy")
def intermittent_intravenous(case: Case) -> Finding:
    """The order's own code says so; G9147 names both intravenous therapies."""
    return _by_code(case, Concept.INTRAVENOUS_INSULIN_THERAPY, "intermittent intravenous insulin therapy")


@criterion("D.II.B.5", "Device for pulsatile intravenous therapy")
def pulsatile_intravenous(case: Case) -> Finding:
    """The order's own code says so; G9147 names both intravenous therapies."""
    return _by_code(case, Concept.INTRAVENOUS_INSULIN_THERAPY, "pulsatile intravenous therapy")


def _by_code(case: Case, concept: Concept, words: str) -> Finding:
    evidence = [Evidence(case.order.reference, case.order.label)]
    if concept in case.order.concepts:
        return met(f"The order is for {words} ({case.order.label})", Basis.DOCUMENTED, evidence)
    return not_met(f"The order is not for {words}", Basis.DOCUMENTED, evidence)
