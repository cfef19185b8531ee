"""A toy policy of three rules, another payer's and not shipped: what serves it knows nothing of it but this package.

W.1 reads a kind of result that no other policy asks for, W.2 has a question of its own, W.3 excludes implanted devices.
"""

from __future__ import annotations

from pathlib import Path

from cds_service.concepts import Concept, Product
from cds_service.engine.case import Case, cite
from cds_service.engine.days import within
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, not_met, unknown
from cds_service.engine.load_policy import load_texts
from cds_service.engine.policy import Governs, Policy
from cds_service.engine.rule import criterion, exclusion
from cds_service.engine.truth import MET
from cds_service.facts import ChartSection, ResultKind

LOINC = "http://loinc.org"
# A pound is 0.45359237 kg.
WEIGHT = ResultKind(
    "weight", "body weights", frozenset({(LOINC, "29463-7")}), {"kg": 1.0, "[lb_av]": 0.45359237}, (1.0, 400.0)
)


@criterion("W.1", "Weighs at least {least_weight_kg} kg", "least_weight_kg", "weight_window_days")
def weighs_enough(case: Case) -> Finding:
    """The newest body weight of the last {weight_window_days} days decides."""
    least, days = case.parameters["least_weight_kg"], case.parameters["weight_window_days"]
    start = case.days_ago("weight_window_days")
    weights = [
        (result.when.last, result.reference, result.value, result)
        for result in case.chart.results.get(WEIGHT.key, ())
        if result.when is not None and within(result.when, start, case.as_of) is MET
        if result.value is not None and result.unusable is None and not result.pending
    ]
    if not weights:
        words = f"No body weight of the last {days} days"
        return case.guarded(unknown(Gap.NOT_DOCUMENTED, words, "A body weight, in kg or pounds"), WEIGHT.key)
    _, _, value, newest = max(weights, key=lambda each: each[:2])
    make = met if value >= least else not_met
    return make(f"Weighs {newest.shown} ({newest.when})", Basis.DOCUMENTED, [cite(newest, newest.shown)])


@criterion("W.2", "Keeps a glucose log")
def keeps_a_log(case: Case) -> Finding:
    """Only a statement says so."""
    stated = case.attested("W.2", "The member keeps a glucose log", "The member keeps no glucose log")
    return stated or unknown(Gap.NEEDS_ATTESTATION, "No statement on a glucose log", "A statement on a glucose log")


@exclusion("W.3", "Implanted device")
def implanted(case: Case) -> Finding:
    """The order's own code says so."""
    evidence = [Evidence(case.order.reference, case.order.label)]
    if Concept.IMPLANTED_DEVICE in case.order.concepts:
        return met("The order is for an implanted device", Basis.DOCUMENTED, evidence)
    return not_met("The order is for no implanted device", Basis.DOCUMENTED, evidence)


def _data(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


POLICY = Policy(
    **load_texts(_data),
    id="TOY-1",
    title="Toy pump policy",
    governs=Governs(
        "toy-health",
        "Toy Health",
        Product.MEDICAID,
        "Medicaid",
        payer_data={
            "name": "Toy Health",
            "names": ["toy health"],
            "product": [{"product": "Medicaid", "names": ["medicaid"]}],
        },
    ),
    criteria=(weighs_enough, keeps_a_log),
    exclusions=(implanted,),
    dependencies={
        ChartSection.PATIENT: ("coverage",),
        ChartSection.COVERAGE: ("coverage",),
        ChartSection.ATTESTATIONS: ("W.2",),
        WEIGHT.key: ("W.1",),
    },
    results=(WEIGHT,),
)
