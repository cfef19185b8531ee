"""How a DTR client prefills the questionnaire from the chart: by CQL of the package's libraries, or by FHIRPath.

Each answer's CQL is the name of a definition; the FHIRPath that says the same stands beside it as the alternative. The
ELM is what the reference translator makes of the CQL; both lie in cql/, and a test holds them together.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from cds_service.concepts import Concept
from cds_service.policies.mp_mm_1316 import PAYER, POLICY_ID, VERSIONS
from fhir_mappings.common.code_systems import HCPCS, LOINC
from fhir_mappings.common.terminology import codes_in

JSON = dict[str, Any]
LONGEST_TEXT = 200
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire"
CORE = "http://hl7.org/fhir/StructureDefinition"
LIBRARY_VERSION = "1.0.0"
_PREPOPULATION = "MpMm1316Prepopulation"
# Ids by the names that the CQL has; the first is the one that the questionnaire refers to.
_LIBRARIES = {_PREPOPULATION: "mp-mm-1316-prepopulation", "MpMm1316Conversions": "mp-mm-1316-conversions"}
LIBRARY_IDS = tuple(_LIBRARIES.values())
_TITLES = {
    _PREPOPULATION: "What the chart says to the questions",
    "MpMm1316Conversions": "Conversions that the other library needs",
}


# ---------------------------------------------------------------- libraries


def libraries(public_url: str) -> list[JSON]:
    """The Libraries of the package, with their CQL and ELM."""
    return [_library(public_url, name) for name in _LIBRARIES]


def library_url(public_url: str, name: str = _PREPOPULATION) -> str:
    """A library's canonical; without a version, as clients match it against the package's Libraries by the bare url."""
    return f"{public_url}/fhir/Library/{_LIBRARIES[name]}"


def _library(public_url: str, name: str) -> JSON:
    others = [other for other in _LIBRARIES if other != name] if name == _PREPOPULATION else []
    needs = [{"type": "depends-on", "resource": library_url(public_url, other)} for other in others]
    found: JSON = {
        "resourceType": "Library",
        "id": _LIBRARIES[name],
        "url": library_url(public_url, name),
        "version": LIBRARY_VERSION,
        "name": name,
        "title": _TITLES[name],
        "status": "active",
        "experimental": False,
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/library-type", "code": "logic-library"}]},
        "date": VERSIONS[0].isoformat(),
        "publisher": "insulin-pump-cds",
        "description": f"{_TITLES[name]}, for {PAYER} medical policy {POLICY_ID}.",
    }
    return found | ({"relatedArtifact": needs} if needs else {}) | {"content": _content(name)}


@cache
def _content(name: str) -> list[JSON]:
    folder = files(__package__).joinpath("cql")
    kinds = {"text/cql": ".cql", "application/elm+json": ".elm.json"}
    return [
        {"contentType": kind, "data": b64encode(folder.joinpath(f"{name}{ending}").read_bytes()).decode()}
        for kind, ending in kinds.items()
    ]


# ---------------------------------------------------------------- extensions of the questionnaire


def launch_context() -> JSON:
    """What a client knows when it begins: the patient."""
    patient = {"system": "http://hl7.org/fhir/uv/sdc/CodeSystem/launchContext", "code": "patient"}
    parts = [{"url": "name", "valueCoding": patient}, {"url": "type", "valueCode": "Patient"}]
    return {"url": f"{SDC}-launchContext", "extension": parts}


def library_reference(public_url: str) -> JSON:
    """Which library the CQL is in."""
    return {"url": f"{CORE}/cqf-library", "valueCanonical": library_url(public_url)}


def variables(section: str) -> Iterator[JSON]:
    """Searches whose results the FHIRPath of a section's questions reads."""
    # Codes of self-management education in general are left out: they count only with a diabetes reason.
    education = ",".join(codes_in(Concept.DIABETES_EDUCATION, system=HCPCS))
    tests = ",".join(codes_in(Concept.GLUCOSE_SELF_TEST, system=LOINC))
    month = "date=ge{{today() - 30 days}}&date=lt{{today()}}"
    found = {
        "D.I.D": (
            "education",
            f"Procedure?patient={{{{%patient.id}}}}&code={education}&status=completed&_sort=-date&_count=1",
        ),
        "D.I.G": ("selfTests", f"Observation?patient={{{{%patient.id}}}}&code={tests}&{month}&_count=1000"),
    }.get(section)
    if found is not None:
        expression = {"name": found[0], "language": "application/x-fhir-query", "expression": found[1]}
        yield {"url": f"{CORE}/variable", "valueExpression": expression}


_SESSION = "%education.entry.resource.ofType(Procedure).first()"
# A reading counts once: the same minute, value and code again is a duplicate. More pages than one are not counted.
_TESTS = (
    "%selfTests.where(link.where(relation = 'next').empty()).entry.resource.ofType(Observation)"
    ".where(status in ('final' | 'amended' | 'corrected') and value.exists())"
    ".select(effective.toString().substring(0, 16) & '|' & value.ofType(Quantity).value.toString() & '|'"
    " & code.coding.first().code).distinct()"
)
# Only what the chart says: no yes or no, and nothing where it is silent, since no readings are no statement of none.
# By linkId: the definition in the CQL, and the FHIRPath.
_EXPRESSIONS = {
    "D.I.D.date": (
        "Education Date",
        f"{_SESSION}.select(performed.ofType(dateTime) | performed.ofType(Period).end).first().toString()"
        ".where(length() >= 10).substring(0, 10).toDate()",
    ),
    "D.I.D.educator": ("Educator", f"{_SESSION}.performer.actor.display.first().substring(0, {LONGEST_TEXT})"),
    "D.I.G.average": (
        "Self Tests A Day",
        f"{_TESTS}.count().where($this > 0).select(($this * 10 / 30).truncate() / 10)",
    ),
}


def initial_expression(link_id: str) -> Iterator[JSON]:
    """What a question's answer is prefilled with, if it is: CQL, and FHIRPath for clients that cannot evaluate it."""
    if link_id in _EXPRESSIONS:
        definition, path = _EXPRESSIONS[link_id]
        alternative = {"language": "text/fhirpath", "expression": path}
        told = {
            "extension": [{"url": f"{CORE}/cqf-alternativeExpression", "valueExpression": alternative}],
            "language": "text/cql",
            "expression": f'"{_PREPOPULATION}"."{definition}"',
        }
        yield {"url": f"{SDC}-initialExpression", "valueExpression": told}
