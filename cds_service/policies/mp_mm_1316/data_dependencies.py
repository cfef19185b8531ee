"""Which sections each part of the chart feeds: what a reader has to know when a part could not be read."""

from __future__ import annotations

from cds_service.facts import ChartSection

SECTIONS_BY_CHART_SECTION: dict[str, tuple[str, ...]] = {
    ChartSection.PATIENT: ("coverage", "time zone"),
    ChartSection.COVERAGE: ("coverage",),
    ChartSection.CONDITIONS: ("D.I.A", "D.I.H", "D.I.I", "D.II.A.1", "D.III.A"),
    ChartSection.HBA1C: ("D.I.H.2", "D.I.I.1"),
    ChartSection.GLUCOSE: ("D.I.G", "D.I.I"),
    ChartSection.ALBUMIN_CREATININE: ("D.I.H.1",),
    ChartSection.EGFR: ("D.II.A.1", "D.III.A.2"),
    ChartSection.INSULIN: ("D.I.A", "D.I.F", "D.III.A.1"),
    ChartSection.EDUCATION: ("D.I.D", "D.I.E", "D.II.A.1", "D.III.A.2"),
    ChartSection.DEVICES: ("D.I.E", "D.I.G", "D.III"),
    ChartSection.ENCOUNTERS: ("D.I.D", "D.I.G", "D.I.I"),
    ChartSection.ATTESTATIONS: (*(f"D.I.{letter}" for letter in "CDEFGHI"), "D.II.A.2", "D.II.B.1", "D.III"),
    ChartSection.REQUESTER: ("D.I.B", "D.I.C"),
}
