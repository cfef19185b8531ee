"""FHIR JSON → what the mappings are handed, by the product's own way in: bytes through `reading.read`."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from fhir_mappings.chart.context import ChartContext
from fhir_mappings.chart.dosage import Dosing, read_dosing
from fhir_mappings.common.datatypes import CodeableConcept, Dosage, Quantity
from fhir_mappings.common.dates import Calendar
from fhir_mappings.common.references import PatientIdentity
from fhir_mappings.json.clinical_views import Resource
from fhir_mappings.json.fhir_json import read
from fhir_mappings.json.search_result import SearchResult

JSON = dict[str, Any]
SERVER = "https://ehr.example.invalid/fhir"
SNOMED = "http://snomed.info/sct"
NDC = "http://hl7.org/fhir/sid/ndc"
ATC = "http://www.whocc.no/atc"
CPT = "http://www.ama-assn.org/go/cpt"
UCUM = "http://unitsofmeasure.org"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def chart_context(*beside: JSON, zone: str = "America/New_York") -> ChartContext:
    """The surroundings of patient p1 on SERVER; `beside` are resources that others may refer to."""
    context = ChartContext(PatientIdentity("p1", SERVER), Calendar(ZoneInfo(zone)), SERVER)
    context.index(SearchResult(resources=located(*beside)).by_type())
    return context


def located(*resources: JSON) -> list[tuple[Any, str | None]]:
    """Resources as views; `fullUrl` beside `resourceType` is taken as the entry's."""
    entries = []
    for resource in resources:
        body = {key: value for key, value in resource.items() if key != "fullUrl"}
        entries.append({"fullUrl": resource.get("fullUrl"), "resource": body})
    found = read(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode())
    assert not found.set_aside, found.set_aside
    return found.resources


def view(resource: JSON) -> Resource:
    """One resource as its view."""
    return located(resource)[0][0]


def quantity(value: float | str | None, unit: str | None = None, comparator: str | None = None) -> Quantity:
    """A Quantity whose unit and UCUM code are the same."""
    return Quantity(value, comparator, unit, unit)


def words(text: str) -> CodeableConcept:
    """A concept in words alone."""
    return CodeableConcept(text=text)


def dosing(*lines: JSON) -> Dosing:
    """What some lines of directions add up to."""
    return read_dosing(msgspec.convert(list(lines), list[Dosage]))
