"""Orders that a card offers because they would close a gap: education, an HbA1c, an albumin-creatinine ratio."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cds_service.engine.determination import Determination
from cds_service.engine.finding import Finding, Gap
from cds_service.engine.offers import Offer
from cds_service.engine.truth import MET, NOT_MET

_HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
_LOINC = "http://loinc.org"
_SNOMED = "http://snomed.info/sct"
_LABORATORY = (_SNOMED, "108252007", "Laboratory procedure")
_EDUCATION_CATEGORY = (_SNOMED, "409073007", "Education")

_HBA1C = Offer(
    "Order an HbA1c (D.I.I.1)",
    _LOINC,
    "4548-4",
    "Hemoglobin A1c/Hemoglobin.total in Blood",
    _LABORATORY,
    frozenset({"4548-4", "17856-6", "4549-2", "83036", "83037"}),
)
_RATIO = Offer(
    "Order a urine albumin-creatinine ratio (D.I.H.1)",
    _LOINC,
    "9318-7",
    "Albumin/Creatinine [Mass Ratio] in Urine",
    _LABORATORY,
    frozenset({"9318-7", "14959-1", "32294-1", "30000-4"}),
)
_EDUCATION = Offer(
    "Order diabetes self-management education (D.I.D)",
    _HCPCS,
    "G0108",
    "Diabetes outpatient self-management training services, individual, per 30 minutes",
    _EDUCATION_CATEGORY,
    frozenset({"G0108", "G0109", "6143009", "385805005", "1269545001", "S9140", "S9141", "S9455", "S9460", "S9465"}),
)


def offers(determination: Determination) -> list[Offer]:
    """The orders that would close a gap of a new pump."""
    return list(_offers(determination.findings))


def _offers(findings: Mapping[str, Finding]) -> Iterator[Offer]:
    if _may_close(findings.get("D.I.D")):
        yield _EDUCATION
    if _wants_hba1c(findings):
        yield _HBA1C
    if _wants_ratio(findings):
        yield _RATIO


def _may_close(finding: Finding | None) -> bool:
    """Whether an order would help: nothing was found, or what was found stands against it.

    Where something was found that only has to be completed, reviewed or read, nobody is told to do it again.
    """
    return finding is not None and (finding.truth is NOT_MET or finding.gap is Gap.NOT_DOCUMENTED)


def _wants_hba1c(findings: Mapping[str, Finding]) -> bool:
    part, whole = findings.get("D.I.I.1"), findings.get("D.I.I")
    if part is None or whole is None:
        return False
    if part.stale:
        return True  # it decides, but it is stale
    pending = part.gap is Gap.NOT_DOCUMENTED and bool(part.evidence)
    return whole.truth is not MET and part.gap in (Gap.NOT_DOCUMENTED, Gap.INCOMPLETE) and not pending


def _wants_ratio(findings: Mapping[str, Finding]) -> bool:
    part, whole = findings.get("D.I.H.1"), findings.get("D.I.H")
    if part is None or whole is None or whole.truth is MET:
        return False
    return part.gap in (Gap.NOT_DOCUMENTED, Gap.INCOMPLETE)
