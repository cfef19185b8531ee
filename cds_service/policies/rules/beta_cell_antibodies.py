"""A positive beta cell antibody: proof of autoimmune loss of the cells that make insulin."""

from __future__ import annotations

from cds_service.concepts import Concept
from cds_service.engine.finding import Basis, Finding, Gap, met, not_met, unknown
from cds_service.engine.rule import shared_rule
from cds_service.engine.truth import MET
from cds_service.engine.wording import listed
from cds_service.facts import ChartSection, LabResult, TestOutcome, Unusable
from cds_service.facts.known_results import ANTIBODIES
from cds_service.policies.rules.case import Case, cite
from cds_service.policies.rules.once_in_a_lifetime import best_of_both, best_result, dated, results_of

_TESTS = {
    "ICA": Concept.ISLET_CELL_ANTIBODY,
    "GAD65": Concept.GAD_ANTIBODY,
    "IA-2": Concept.IA2_ANTIBODY,
    "ZnT8": Concept.ZNT8_ANTIBODY,
    "IAA": Concept.INSULIN_ANTIBODY,
}
_NAMES = {concept: name for name, concept in _TESTS.items()}


@shared_rule(
    "Positive beta cell antibody",
    "accepted_antibodies",
    "insulin_antibody_tests",
    reads=(ANTIBODIES.key, ChartSection.ATTESTATIONS),
)
def positive_antibody(case: Case) -> Finding:
    """A positive result of {accepted_antibodies}, whenever it was, is enough: by the laboratory's own interpretation, a
    coded value, or a value or titer above the range of its report; no limit of another laboratory is put in its place.
    Equivocal and weakly positive results are for a reviewer, and so is a positive {insulin_antibody_tests}, which
    insulin treatment itself brings about. A negative result stands against only where no other test is open."""
    results = results_of(case, ANTIBODIES.key)
    charted = best_result(_of_antibody(case, result) for result in results)
    if charted is None:
        closes = f"Add a positive result of one of {listed(case.parameters['accepted_antibodies'], 'or')}"
        charted = unknown(Gap.NOT_DOCUMENTED, "No beta cell antibody result is charted", closes)
    charted = case.guarded(charted, ANTIBODIES.key)
    yes, no = "A beta cell antibody test was positive", "No beta cell antibody test was positive"
    stated = case.attested("beta-cell-antibody", yes, no)
    return charted if stated is None or charted.truth is MET else best_of_both(charted, stated)


def _of_antibody(case: Case, result: LabResult) -> Finding:
    accepted = {_TESTS[name] for name in case.parameters["accepted_antibodies"]}
    for_review = {_TESTS[name] for name in case.parameters["insulin_antibody_tests"]}
    tests = result.all_concepts & frozenset(_NAMES)
    name = listed(sorted(_NAMES[concept] for concept in tests), "or") if tests else result.label
    outcome = result.report.outcome if result.report is not None else None
    words = f"{name} antibody {outcome.value if outcome else 'not readable'}{dated(result.when)}"
    evidence = [cite(result, result.shown or None)]
    closes = f"Add the laboratory's report of a positive {listed(case.parameters['accepted_antibodies'], 'or')} test"
    if result.pending:
        step = "send the antibody result when it is final"
        return unknown(Gap.NOT_DOCUMENTED, f"{name} antibody is pending", closes, evidence, next_step=step)
    if outcome is TestOutcome.NEGATIVE and result.unusable is not Unusable.NAMED_ONLY:
        return not_met(words, Basis.DOCUMENTED, evidence)
    if outcome is TestOutcome.POSITIVE and not tests & accepted and tests & for_review:
        words += ": insulin treatment itself makes this test positive"
        return unknown(Gap.NEEDS_REVIEW, words, closes, evidence)
    sure = result.unusable is None and bool(result.concepts & accepted)
    if outcome is TestOutcome.POSITIVE and sure:
        return met(words, Basis.DOCUMENTED, evidence)
    why = f" ({result.unusable.value})" if result.unusable is not None else ""
    return unknown(Gap.NEEDS_REVIEW, f"{words}{why}: a reviewer has to read it", closes, evidence)
