"""Which sections each part of the chart feeds: what a reader has to know when a part could not be read."""

from __future__ import annotations

from cds_service.facts import Topic

SECTIONS_BY_CHART_SECTION: dict[str, tuple[str, ...]] = {
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
