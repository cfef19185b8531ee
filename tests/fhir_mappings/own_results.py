"""FHIR JSON of laboratory results, and what is read of it where policies ask for the results that are known."""

from __future__ import annotations

from typing import Any

from cds_service.facts import LabReport, LabResult, Person
from cds_service.facts.known_results import KNOWN
from fhir_mappings.chart.draws import Draws
from fhir_mappings.chart.observations import read_observations
from fhir_mappings.json.clinical_views import Observation
from fhir_mappings.json.laboratory_views import DiagnosticReport
from tests.fhir_mappings.builders import JSON, chart_context, located
from tests.support import LOINC, PATIENT

NG_ML: JSON = {"unit": "ng/mL", "system": "http://unitsofmeasure.org", "code": "ng/mL"}


def lab(name: str, loinc: str, /, **members: Any) -> JSON:
    """A final laboratory result of 2026-10-01 at 08:00, with members added or replaced; None takes one away."""
    base = {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": loinc}]},
        "subject": PATIENT,
        "effectiveDateTime": "2026-10-01T08:00:00-04:00",
    }
    return {key: value for key, value in (base | members).items() if value is not None}


def c_peptide(value: Any = 0.9, unit: JSON = NG_ML, **members: Any) -> JSON:
    """A C-peptide with the range of ARUP's test 0070103, 0.5 to 3.3 ng/mL."""
    ranges = [{"low": {"value": 0.5, **NG_ML}, "high": {"value": 3.3, **NG_ML}, "text": "0.5-3.3 ng/mL"}]
    own = {"valueQuantity": {"value": value, **unit}, "referenceRange": ranges}
    return lab("cp", "1986-9", **(own | members))


def antibody(loinc: str = "56540-8", /, **members: Any) -> JSON:
    """A result of an antibody test, without a value; of GAD65 where no other code is given."""
    return lab("ab", loinc, **members)


def read_all(*resources: JSON, person: Person | None = None) -> tuple[dict[str, list[LabResult]], list[str]]:
    """The results by the key of their kind, and the notes."""
    context = chart_context(*resources)
    context.person = person or Person()
    views = located(*resources)
    observations = [each for each in views if isinstance(each[0], Observation)]
    reports = [each for each in views if isinstance(each[0], DiagnosticReport)]
    facts = read_observations(observations, context, KNOWN, Draws(context, reports, observations))
    return facts.of_kinds, context.all_notes()


def read_one(key: str, *resources: JSON, person: Person | None = None) -> LabResult:
    """The only result of a kind."""
    (result,) = read_all(*resources, person=person)[0][key]
    return result


def report_of(result: LabResult) -> LabReport:
    """What stands beside the value."""
    assert result.report is not None
    return result.report
