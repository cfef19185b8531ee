"""Readings → chart: duplicates, versions of one resource, and the order of arrival."""

from __future__ import annotations

import itertools
import json

import pytest

from cds_service.facts import Chart, ChartSection
from fhir_mappings.chart.chart_reader import ChartReader
from fhir_mappings.json.fhir_json import read
from tests.fhir_mappings.builders import JSON, SERVER
from tests.support import bundle, condition, insulin, observation


def reader(*resources: JSON, patient: JSON | None = None) -> ChartReader:
    """A reader of one answer."""
    answer = read(json.dumps(bundle(*resources, *([patient] if patient else []))).encode())
    return ChartReader({ChartSection.CONDITIONS: answer}, [], "p1", SERVER, "America/New_York")


def chart(*resources: JSON) -> Chart:
    """The chart of one answer."""
    return reader(*resources).chart()


def hba1c(value: float, meta: JSON | None = None, name: str = "a1") -> JSON:
    """An HbA1c, in one of its versions."""
    return observation(name, "4548-4", value, "%", "2026-10-01") | ({"meta": meta} if meta else {})


NEWER = {
    "by lastUpdated": ({"lastUpdated": "2026-10-01T08:00:00Z"}, {"lastUpdated": "2026-10-02T08:00:00Z"}),
    "by versionId": ({"versionId": "1"}, {"versionId": "2"}),
    "by versionId, which is a number": ({"versionId": "9"}, {"versionId": "10"}),
    "with a version beside without": (None, {"versionId": "1"}),
    "by the moment, whatever its offset": (
        # 20:00-05:00 is 01:00Z of the next day: an hour after 00:00Z.
        {"lastUpdated": "2026-10-02T00:00:00Z"},
        {"lastUpdated": "2026-10-01T20:00:00-05:00"},
    ),
}


@pytest.mark.parametrize(("older", "newer"), NEWER.values(), ids=NEWER.keys())
def test_of_two_versions_the_newer_counts(older: JSON | None, newer: JSON) -> None:
    for pair in itertools.permutations([hba1c(6.5, older), hba1c(8.1, newer)]):
        assert [result.value for result in chart(*pair).hba1c] == [8.1]


def test_the_same_resource_again_counts_once() -> None:
    assert len(chart(hba1c(8.1), hba1c(8.1)).hba1c) == 1
    assert len(chart(condition("c1", "E10.9"), condition("c1", "E10.9")).diagnoses) == 1
    assert len(chart(insulin("m1", "86009", 3, "2026-01-05"), insulin("m1", "86009", 3, "2026-01-05")).insulin) == 1


def test_finger_sticks_are_in_order_of_time_one_without_a_time_before_the_others_of_its_day() -> None:
    sticks = [
        observation(name, "41653-7", value, "mg/dL", when)
        for name, value, when in (
            ("noon", 120, "2026-11-02T12:00:00-05:00"),
            ("day-before", 120, "2026-11-01T21:00:00-05:00"),
            ("untimed", 120, "2026-11-02"),
            ("morning-1", 120, "2026-11-02T08:00:00-05:00"),
            ("morning-2", 99, "2026-11-02T08:00:00-05:00"),
        )
    ]
    for order in (sticks, sticks[::-1]):
        found = [test.reference.removeprefix("Observation/") for test in chart(*order).self_tests]
        assert found == ["day-before", "untimed", "morning-1", "morning-2", "noon"]


def test_resources_without_id_count_once_each() -> None:
    nameless = {key: value for key, value in hba1c(8.1).items() if key != "id"}
    other = nameless | {"effectiveDateTime": "2026-07-01"}
    assert len(chart(nameless, nameless, other).hba1c) == 2


def test_one_id_of_two_types_is_two_resources() -> None:
    found = chart(hba1c(8.1, name="x"), condition("x", "E10.9"))
    assert (len(found.hba1c), len(found.diagnoses)) == (1, 1)


def test_two_versions_without_any_mark_give_the_same_chart_in_either_order() -> None:
    one, other = hba1c(6.5), hba1c(8.1)
    assert chart(one, other) == chart(other, one)
    assert len(chart(one, other).hba1c) == 1


def test_order_of_arrival_never_matters() -> None:
    resources = [
        hba1c(8.1),
        hba1c(7.4, name="a2"),
        condition("c1", "E10.9"),
        condition("c2", "E11.9"),
        observation("g1", "41653-7", 120, "mg/dL", "2026-11-01T07:00:00-05:00"),
        observation("g2", "41653-7", 120, "mg/dL", "2026-11-01T07:00:30-05:00"),
    ]
    first = chart(*resources)
    for order in itertools.islice(itertools.permutations(resources), 0, None, 37):
        assert chart(*order) == first


ADDRESSES = {
    "Ohio": ({"use": "home", "state": "OH", "postalCode": "43215"}, "OH", "America/New_York"),
    "a state in full": ({"use": "home", "state": "Indiana", "postalCode": "46402"}, "IN", "America/Chicago"),
    "lower case": ({"state": "in", "postalCode": "46204"}, "IN", "America/New_York"),
    "no address": ({}, None, "America/New_York"),
}


@pytest.mark.parametrize(("address", "state", "zone"), ADDRESSES.values(), ids=ADDRESSES.keys())
def test_home_of_the_member(address: JSON, state: str | None, zone: str) -> None:
    found = reader(patient={"resourceType": "Patient", "id": "p1", "address": [address]})
    assert (found.state, found.zone.key) == (state, zone)


def test_the_home_address_counts_before_another() -> None:
    addresses = [{"use": "work", "state": "IL"}, {"use": "old", "state": "KY"}, {"use": "home", "state": "WV"}]
    assert reader(patient={"resourceType": "Patient", "id": "p1", "address": addresses}).state == "WV"


def test_another_patients_address_is_not_the_members() -> None:
    stranger = {"resourceType": "Patient", "id": "p2", "address": [{"use": "home", "state": "OH"}]}
    assert reader(patient=stranger).state is None


def test_the_patient_under_a_uuid_in_the_same_bundle() -> None:
    url = "urn:uuid:3d0e3d3c-0c4b-4f55-9a4e-1f0c9f6a2b11"
    entries = [
        {"fullUrl": url, "resource": {"resourceType": "Patient", "id": "p1"}},
        {"resource": condition("c1", "E10.9") | {"subject": {"reference": url}}},
        {"resource": condition("c2", "E11.9") | {"subject": {"reference": "urn:uuid:other"}}},
    ]
    answer = read(json.dumps({"resourceType": "Bundle", "entry": entries}).encode())
    found = ChartReader({ChartSection.CONDITIONS: answer}, [], "p1", SERVER, "America/New_York").chart()
    assert [d.reference for d in found.diagnoses] == ["Condition/c1"]
    assert any("c2" in note for note in found.notes)


def test_what_could_not_be_read_is_named_by_its_topic() -> None:
    answers = {
        ChartSection.HBA1C: read(b"<html>"),
        ChartSection.INSULIN: read(json.dumps(bundle() | {"total": 3}).encode()).checked(),
    }
    found = ChartReader(answers, [], "p1", SERVER, "America/New_York").chart()
    assert set(found.unread) == {ChartSection.HBA1C}
    assert set(found.partial) == {ChartSection.INSULIN}
