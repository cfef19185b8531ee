"""Code systems under all their names, and codes in one spelling.

The same system comes as a URL, an OID, a bare word or an HL7 v2 table value. ICD-10 has editions: the US
clinical modification is what rules read, and a code that exists in it alone is that code wherever it stands.
"""

from __future__ import annotations

import re
from enum import Enum

from fhir_mappings.common.free_text import cached_for_short_texts

# The key of the US editions; ICD-10-PCS shares it, since no code has the shape of both.
ICD10CM, ICD9CM = "icd-10-cm", "icd-9-cm"
SNOMED, LOINC, RXNORM, HCPCS, NDC, ATC, NUCC = "snomed", "loinc", "rxnorm", "hcpcs", "ndc", "atc", "nucc"
# Longer codes exist in no system that is read.
LONGEST_CODE = 100

# As seen in public data; scheme, "urn:oid:", version and letter case are taken off before the look-up. HCPCS
# level I is CPT, so both share a key.
_ALIASES = {
    "2.16.840.1.113883.6.96": SNOMED,
    "www.ihtsdo.org/snomed-ct/concepts": SNOMED,
    "sct": SNOMED,
    "snomed": SNOMED,
    "snomedct": SNOMED,
    "snomed-ct": SNOMED,
    "snomed ct": SNOMED,
    "loinc.org": LOINC,
    "2.16.840.1.113883.6.1": LOINC,
    "ln": LOINC,
    "loinc": LOINC,
    "hl7.org/fhir/sid/icd-10-cm": ICD10CM,
    "hl7.org/fhir/sid/icd-10-us": ICD10CM,
    "hl7.org/fhir/sid/icd-10-pcs": ICD10CM,
    "terminology.hl7.org/codesystem/icd10cm": ICD10CM,
    "terminology.hl7.org/codesystem/icd10pcs": ICD10CM,
    "www.cdc.gov/nchs/icd/icd10cm.htm": ICD10CM,
    "www.icd10data.com/icd10pcs": ICD10CM,
    "2.16.840.1.113883.6.90": ICD10CM,
    "2.16.840.1.113883.6.4": ICD10CM,
    # CMS's address is published for ICD-10-PCS; the Department of Veterans Affairs files diagnoses under it.
    "www.cms.gov/medicare/coding/icd10": ICD10CM,
    "i10c": ICD10CM,
    "i10p": ICD10CM,
    "icd-10-cm": ICD10CM,
    "icd10cm": ICD10CM,
    "icd-10-pcs": ICD10CM,
    "icd10pcs": ICD10CM,
    "hl7.org/fhir/sid/icd-9-cm": ICD9CM,
    "terminology.hl7.org/codesystem/icd9cm": ICD9CM,
    "2.16.840.1.113883.6.103": ICD9CM,
    "2.16.840.1.113883.6.104": ICD9CM,
    "i9c": ICD9CM,
    "icd9": ICD9CM,
    "icd-9": ICD9CM,
    "icd9cm": ICD9CM,
    "2.16.840.1.113883.6.285": HCPCS,
    "2.16.840.1.113883.6.14": HCPCS,
    "2.16.840.1.113883.6.13": HCPCS,
    "2.16.840.1.113883.6.12": HCPCS,
    "www.ama-assn.org/go/cpt": HCPCS,
    "terminology.hl7.org/codesystem/cpt": HCPCS,
    "cpt": HCPCS,
    "cpt4": HCPCS,
    "cpt-4": HCPCS,
    "c4": HCPCS,
    "www.nlm.nih.gov/research/umls/rxnorm": RXNORM,
    "2.16.840.1.113883.6.88": RXNORM,
    "rxnorm": RXNORM,
    "hl7.org/fhir/sid/ndc": NDC,
    "2.16.840.1.113883.6.69": NDC,
    "ndc": NDC,
    "www.whocc.no/atc": ATC,
    "2.16.840.1.113883.6.73": ATC,
    "nucc.org/provider-taxonomy": NUCC,
    "www.nucc.org/provider-taxonomy": NUCC,
    "taxonomy.nucc.org": NUCC,
    "terminology.hl7.org/codesystem/nuccprovidercodes": NUCC,
    "2.16.840.1.113883.6.101": NUCC,
    "hl7.org/fhir/v3/actcode": "terminology.hl7.org/codesystem/v3-actcode",
    "2.16.840.1.113883.5.4": "terminology.hl7.org/codesystem/v3-actcode",
    "hl7.org/fhir/v2/0004": "terminology.hl7.org/codesystem/v2-0004",
    "2.16.840.1.113883.12.4": "terminology.hl7.org/codesystem/v2-0004",
}
_ICD_SHAPE = re.compile(r"^[A-Z]\d[0-9A-Z](?:\.?[0-9A-Z]{1,4})?$")
_HCPCS_SHAPE = re.compile(r"^([A-Z]\d{4}|\d{5}|\d{4}[A-Z])(?:[-: ,](.*))?$", re.DOTALL)
_WHO_ICD10 = ("2.16.840.1.113883.6.3", "i10")


class Edition(Enum):
    """In which editions of ICD-10 a code exists."""

    US_ONLY = "the US clinical modification alone"
    SAME = "several editions, with one meaning"
    DIFFERS = "several editions, with other meanings or unknown ones"


# Codes of the US edition with one character behind the dot or none that the WHO edition lacks, and those that it
# has with the same title (WHO ICD-10 2019 against ICD-10-CM 2026). WHO's N18.5 includes dialysis, its I12.0 and
# I13.- speak of renal failure: they stand in neither list.
_US_ONLY = frozenset({"N18.6", "Z79.4", "Z83.3"})
_SAME = frozenset(
    {
        *("E10.9", "E11.9", "E16.0", "E16.1", "E16.2", "E23.2", "E89.1"),
        *("N17.0", "N17.9", "N18.1", "N18.2", "N18.4", "N18.9", "N19", "Z94.0", "Z99.2"),
    }
)


@cached_for_short_texts(512)
def system_key(system: str | None) -> str | None:
    """A short name for a code system under any of its spellings; the folded URI itself when it is no known one."""
    folded = _folded(system)
    if not folded:
        return None
    if folded.startswith(("snomed.info/sct", "snomed.info/id")):
        return SNOMED
    known = _ALIASES.get(folded)
    if known is not None:
        return known
    if "hcpcs" in folded or (folded.startswith("www.cms.gov/") and "icd" not in folded):
        return HCPCS  # every address that says HCPCS, and CMS's pages that name no other system
    return folded


def _folded(system: str | None) -> str:
    """A system without scheme, `urn:oid:`, version, trailing slash and letter case."""
    folded = (system or "")[:300].strip().split("|", 1)[0].rstrip("/").casefold()
    return folded.removeprefix("http://").removeprefix("https://").removeprefix("urn:oid:").removeprefix("oid:")


@cached_for_short_texts(512)
def names_icd(system: str | None) -> bool:
    """Whether a system says that its codes are of some edition of ICD-10."""
    folded = _folded(system)
    if system_key(system) == ICD10CM or folded in _WHO_ICD10:
        return True
    return "icd" in folded and not any(other in folded for other in ("icd-9", "icd9", "icd-11", "icd11"))


def edition_of(code: str) -> Edition | None:
    """In which editions an ICD-10 code exists, by its normal spelling; None when it is no ICD-10 code."""
    if not _ICD_SHAPE.match(code):
        return Edition.US_ONLY if re.fullmatch(r"[0-9A-HJ-NP-Z]{7}", code) else None  # ICD-10-PCS
    if code in _SAME:
        return Edition.SAME
    # WHO's codes end with one digit behind the dot wherever rules read them; what is longer is the US edition's.
    _, _, behind = code.partition(".")
    return Edition.US_ONLY if len(behind) > 1 or behind.isalpha() or code in _US_ONLY else Edition.DIFFERS


def normal_code(system: str | None, code: str) -> str:
    """A code as its system (a key) spells it: trimmed, upper case, ICD dot restored, NDC on eleven digits."""
    code = code[: LONGEST_CODE + 1].strip()
    if system in (ICD10CM, ICD9CM):
        code = code.upper()
        if "." not in code and len(code) > 3 and _ICD_SHAPE.match(code):
            return f"{code[:3]}.{code[3:]}"
        return code.rstrip(".")
    if system == HCPCS:
        shape = _HCPCS_SHAPE.match(code.upper())
        return shape[1] if shape else code.upper()
    if system == NDC:
        return _ndc11(code)
    if system == SNOMED:
        return code.rsplit("/", 1)[-1]
    if system in (LOINC, RXNORM):
        return code
    return code.upper()


def modifiers_in(code: str | None) -> list[str]:
    """HCPCS modifiers written behind a code: `E0784-RA` has RA."""
    shape = _HCPCS_SHAPE.match(code.strip().upper()) if code and len(code) <= LONGEST_CODE else None
    return re.findall(r"[A-Z0-9]{2}", shape[2]) if shape and shape[2] else []


def has_hcpcs_shape(code: str) -> bool:
    """Whether a code looks like one of HCPCS or CPT, with or without modifiers."""
    return len(code) <= LONGEST_CODE and bool(_HCPCS_SHAPE.match(code.strip().upper()))


def is_odd_spelling(system: str | None) -> bool:
    """Whether this is HCPCS under another address than the one that CRD and CMS print."""
    plain = re.sub(r"^https?://", "", (system or "")[:300].strip())
    usual = ("www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "www.ama-assn.org/go/cpt")
    return system_key(system) == HCPCS and plain not in usual


def _ndc11(code: str) -> str:
    parts = code.split("-")
    if len(parts) == 3:
        return "".join(part.zfill(width) for part, width in zip(parts, (5, 4, 2), strict=True))
    return code.replace("-", "")
