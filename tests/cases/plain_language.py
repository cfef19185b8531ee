"""What no text says that a clinician reads: words of ours, codes, internal names, dates that a computer writes."""

from __future__ import annotations

import re

# Words of ours and of FHIR: a clinician says them otherwise.
_JARGON = (
    r"not-(?:met|documented|retrieved|applicable|governed|in-force)|needs-(?:review|attestation|documentation)",
    r"supported|govern(?:ed|s|ing)?|unverified|not retrieved|judged?|attested|attestation|programme",
    r"searchset|prefetch|OperationOutcome|FHIR server|truth|rivals?",
)
_BRITISH = (
    r"\w*(?:recogn|organ|normal|summar|author|util|analy|harmon|categor)(?:is|ys)(?:e|ed|es|ing|ation)\b",
    r"colou?red|colour|favour\w*|behaviour|labell(?:ed|ing)|cancell(?:ed|ing)|centre|licence|paediatric\w*|haemo\w*"
    r"|hypoglycaemi\w*|hyperglycaemi\w*|glycaemi\w*|anaemi\w*|tonne|whilst|grey|dear as",
)
FORBIDDEN = {
    "jargon": re.compile(rf"\b(?:{'|'.join(_JARGON)})\b", re.IGNORECASE),
    "British spelling": re.compile(rf"\b(?:{'|'.join(_BRITISH)})\b", re.IGNORECASE),
    "a date as a computer writes it": re.compile(r"\b\d{4}-\d{2}(?:-\d{2})?\b"),
    "a name of a question": re.compile(r"\b[A-Z](?:\.[A-Z0-9]+)+\.[a-z]{2,}\b"),
    "a reference to a resource": re.compile(
        r"\b(?:Observation|Condition|Procedure|Encounter|QuestionnaireResponse|Coverage|Patient|Practitioner|Device"
        r"|(?:Medication|Device|Service|Supply)Request|MedicationStatement|MedicationDispense)/[A-Za-z0-9.-]+"
    ),
    "the name of a code system": re.compile(r"https?:|urn:|\boid:|snomed|loinc|rxnorm|icd-?10", re.IGNORECASE),
    "a code of a diagnosis": re.compile(r"\b(?!D\d)[A-TV-Z]\d{2}\.[0-9A-Z]{1,4}\b|\b[A-TV-Z]\d{2}\b(?!\d)(?<!T1D)"),
    "a drug as a drug list names it": re.compile(r"\bUNT\b|\bUNT/ML\b|Injectable Solution|Pen Injector|\bMG/ML\b"),
    "a provider as a taxonomy names it": re.compile(
        r"Allopathic|Osteopathic Physicians|Service Providers|\d{3}[0-9A-Z]{6}X"
    ),
    "a unit as a computer writes it": re.compile(r"\{[^}]*\}"),
}


def faults(text: str) -> list[str]:
    """What a text says that it should not, each with the words."""
    return [f"{name}: {found[0]}" for name, pattern in FORBIDDEN.items() if (found := pattern.search(text))]
