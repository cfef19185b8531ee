"""Third-party glucose records judged by hand. Their dates are moved by whole days to before the day of the order."""

from __future__ import annotations

from datetime import date

import pytest

from cds_service.demo.charts import shifted
from tests.integration.charts import GLUCOSE, Resource, glucose_charts, read_folder, unavailable
from tests.integration.judging import determination, hold

pytestmark = pytest.mark.real

PATIENT = "patientExample"


def moved(folder: str, days: int, *patterns: str) -> list[Resource]:
    """Return what some files of a folder hold, with every date moved by whole days."""
    if not glucose_charts():
        unavailable(f"no glucose records in {GLUCOSE}")
    found = [each for pattern in patterns for each in read_folder(GLUCOSE / folder, pattern)]
    assert found
    return [shifted(each, days) for each in found]


def test_three_finger_sticks_of_a_german_meter() -> None:
    """2339-0 with a DeviceMetric of a glucometer, no category, no subject: one of 2025-10-23 reads "<30"."""
    chart = moved("gematik-hddt", 365, "Observation-example-blood-glucose*.json", "Device*.json")
    expect = {
        "D.I.G": "unknown incomplete: 3 tests on 2 of 30 days are no complete record",
        "D.I.I.2": "unknown incomplete: '<30' is below 70 whatever it is, on one day, and recurring takes two days",
    }
    hold(determination(chart, PATIENT, date(2026, 10, 24)), expect, {"D.I.G": "3 self-tests on 2 of 30 days"})


def test_a_sensor_reading_and_a_summary_of_days_of_wear() -> None:
    """99504-3 and 104636-6 within the month; the month of the summary is the month before the order."""
    chart = moved("hl7-cgm-ig", 903, "Observation-*.json", "Patient-*.json")
    expect = {
        "D.I.G": "unknown needs-review: sensor readings are not self-tests by the policy's words, and no finger-stick",
        "D.I.I.1": "unknown not-documented: 6.8 % is a GMI, and a GMI is no HbA1c",
    }
    hold(determination(chart, PATIENT, date(2026, 11, 20)), expect)


def test_a_summary_alone_names_the_days_of_wear() -> None:
    """28 days of wear in the 30 days before the order, and not one reading."""
    chart = moved("gematik-hddt", 365, "Bundle-example-cgm-summary-bundle.json", "Patient-*.json")
    expect = {"D.I.G": "unknown needs-review: sensor data and no finger-sticks, naming the days of wear"}
    hold(determination(chart, PATIENT, date(2026, 10, 1)), expect, {"D.I.G": "28"})


def test_a_pump_and_sensor_record_is_neither_self_tests_nor_an_order() -> None:
    """637 readings under 14745-4 (body fluid) in mmol/L and 312 doses as MedicationAdministration, three days."""
    chart = moved("sensotrend", 1900, "bundle.json")
    expect = {
        "D.I.F": "unknown not-documented: what a pump gave is no order for injections",
        "D.I.G": "unknown: body fluid is not blood, so 212 readings a day are no self-tests",
        "D.I.I.2": "unknown not-documented: readings below 70 count from a meter only",
    }
    hold(determination(chart, "7257379", date(2026, 11, 20)), expect)


# ---------------------------------------------------------------- wear, in whatever form it comes


def test_an_hour_of_sensor_readings_as_sampled_data_shows_wear() -> None:
    """99504-3 with an effectivePeriod and valueSampledData, every minute for an hour."""
    chart = moved("gematik-hddt", 365, "Observation-example-cgm-series.json", "Device*.json", "Patient-*.json")
    expect = {"D.I.G": "unknown needs-review: sensor data and no finger-sticks is for a reviewer, in whatever form"}
    hold(determination(chart, PATIENT, date(2026, 11, 20)), expect)


def test_a_summary_that_began_before_the_month_shows_wear() -> None:
    """28 days of wear in a period of which 26 of 30 days lie in the month before the order."""
    chart = moved("gematik-hddt", 365, "Bundle-example-cgm-summary-bundle.json", "Patient-*.json")
    expect = {"D.I.G": "unknown needs-review: sensor data and no finger-sticks; most of its days lie in the month"}
    hold(determination(chart, PATIENT, date(2026, 10, 5)), expect)
