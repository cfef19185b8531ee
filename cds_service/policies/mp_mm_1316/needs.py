"""Which criteria each part of the chart feeds: what a reader has to know when a part could not be read."""

from __future__ import annotations

from collections.abc import Iterable

from cds_service.facts import Topic

FEEDS: dict[Topic, tuple[str, ...]] = {
    Topic.PATIENT: ("coverage", "time zone"),
    Topic.COVERAGE: ("coverage",),
    Topic.CONDITIONS: ("D.I.A", "D.I.H", "D.I.I", "D.II.A.1", "D.III.A"),
    Topic.HBA1C: ("D.I.H.2", "D.I.I.1"),
    Topic.GLUCOSE: ("D.I.G", "D.I.I"),
    Topic.ALBUMIN_CREATININE: ("D.I.H.1",),
    Topic.EGFR: ("D.II.A.1", "D.III.A.2"),
    Topic.INSULIN: ("D.I.A", "D.I.F", "D.III.A.1"),
    Topic.EDUCATION: ("D.I.D", "D.I.E", "D.II.A.1", "D.III.A.2"),
    Topic.DEVICES: ("D.I.E", "D.I.G", "D.III"),
    Topic.ENCOUNTERS: ("D.I.D", "D.I.G", "D.I.I"),
    Topic.ATTESTATIONS: (*(f"D.I.{letter}" for letter in "CDEFGHI"), "D.II.A.2", "D.II.B.1", "D.III"),
    Topic.REQUESTER: ("D.I.B", "D.I.C"),
}

# What each part of the chart is called in a sentence.
NAMES: dict[Topic, str] = {
    Topic.PATIENT: "the patient",
    Topic.COVERAGE: "coverage",
    Topic.CONDITIONS: "diagnoses",
    Topic.HBA1C: "HbA1c results",
    Topic.GLUCOSE: "glucose readings",
    Topic.ALBUMIN_CREATININE: "albumin-creatinine ratios",
    Topic.EGFR: "eGFR results",
    Topic.INSULIN: "insulin orders",
    Topic.EDUCATION: "procedures and education",
    Topic.DEVICES: "devices",
    Topic.ENCOUNTERS: "visits",
    Topic.ATTESTATIONS: "signed statements",
    Topic.REQUESTER: "the ordering provider",
}


def feeds_any(topics: Iterable[Topic], section: str) -> bool:
    """Whether one of these parts of the chart feeds a section, the whole of it or a part."""
    fed = (each for topic in topics for each in FEEDS[topic])
    return any(each.startswith(section) or section.startswith(each) for each in fed)
