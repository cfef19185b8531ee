"""Orders that a card may offer because they would close a gap, each for the section of a policy that it is for."""

from __future__ import annotations

from cds_service.engine.finding import Finding, Gap
from cds_service.engine.offers import Offer
from cds_service.engine.truth import NOT_MET

_HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
_LOINC = "http://loinc.org"
_SNOMED = "http://snomed.info/sct"
LABORATORY = (_SNOMED, "108252007", "Laboratory procedure")
_EDUCATION_CATEGORY = (_SNOMED, "409073007", "Education")


def hba1c(section: str) -> Offer:
    """An HbA1c."""
    codes = frozenset({"4548-4", "17856-6", "4549-2", "83036", "83037"})
    return laboratory_test(f"Order an HbA1c ({section})", "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", codes)


def albumin_creatinine_ratio(section: str) -> Offer:
    """A urine albumin-creatinine ratio."""
    codes = frozenset({"9318-7", "14959-1", "32294-1", "30000-4"})
    label = f"Order a urine albumin-creatinine ratio ({section})"
    return laboratory_test(label, "9318-7", "Albumin/Creatinine [Mass Ratio] in Urine", codes)


def c_peptide(section: str) -> Offer:
    """A C-peptide."""
    codes = frozenset({"1986-9", "84681"})
    return laboratory_test(
        f"Order a fasting C-peptide ({section})", "1986-9", "C peptide [Mass/volume] in Serum or Plasma", codes
    )


def fasting_glucose(section: str) -> Offer:
    """The fasting glucose of the same draw."""
    codes = frozenset({"1558-6", "82947"})
    label = f"Order the fasting glucose of the same draw ({section})"
    return laboratory_test(label, "1558-6", "Fasting glucose [Mass/volume] in Serum or Plasma", codes)


def gad_antibody(section: str) -> Offer:
    """A GAD65 antibody."""
    codes = frozenset({"13926-1", "56540-8", "58451-6", "86341"})
    label = f"Order a GAD65 antibody ({section})"
    return laboratory_test(label, "13926-1", "Glutamate decarboxylase 65 Ab [Units/volume] in Serum", codes)


def laboratory_test(label: str, code: str, display: str, ordered_as: frozenset[str]) -> Offer:
    """A laboratory test by its LOINC; `ordered_as`: codes under which it may already be ordered."""
    return Offer(label, _LOINC, code, display, LABORATORY, ordered_as)


def education(section: str) -> Offer:
    """Diabetes self-management education."""
    return Offer(
        f"Order diabetes self-management education ({section})",
        _HCPCS,
        "G0108",
        "Diabetes outpatient self-management training services, individual, per 30 minutes",
        _EDUCATION_CATEGORY,
        frozenset(
            {"G0108", "G0109", "6143009", "385805005", "1269545001", "S9140", "S9141", "S9455", "S9460", "S9465"}
        ),
    )


def may_close(finding: Finding | None) -> bool:
    """Whether an order would help: nothing was found, or what was found contradicts the criterion.

    Not where something was found that has only to be completed, reviewed or read.
    """
    return finding is not None and (finding.truth is NOT_MET or finding.gap is Gap.NOT_DOCUMENTED)


def may_close_hba1c(part: Finding, whole: Finding) -> bool:
    """Whether an HbA1c would help `whole`, of which it is a part: it is stale, or missing and not on its way."""
    if part.stale:
        return True  # it decides, but it is stale
    pending = part.gap is Gap.NOT_DOCUMENTED and bool(part.evidence)
    wanted = whole.gap is not None or whole.truth is NOT_MET
    return wanted and part.gap in (Gap.NOT_DOCUMENTED, Gap.INCOMPLETE) and not pending
