"""How a DTR client prefills the questionnaire from the chart: by CQL of the package's libraries, or by FHIRPath.

Each answer's CQL is the name of a definition; the FHIRPath that says the same stands beside it as the alternative. The
policy brings both as data.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from typing import Any

from cds_service.concepts import Concept
from cds_service.engine.policy import PolicyOnDay
from cds_service.engine.prepopulation import ChartSearch, LogicLibrary
from fhir_mappings.common.terminology import codes_in

JSON = dict[str, Any]
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire"
CORE = "http://hl7.org/fhir/StructureDefinition"


# ---------------------------------------------------------------- libraries


def libraries(policy: PolicyOnDay, public_url: str) -> list[JSON]:
    """The Libraries of the policy's questionnaire, with their CQL and ELM; none where it has no prepopulation."""
    held = policy.prepopulation.libraries if policy.prepopulation is not None else ()
    return [_library(policy, public_url, library, held[1:] if library is held[0] else ()) for library in held]


def library_url(public_url: str, identity: str) -> str:
    """A library's canonical; without a version, as clients match it against the package's Libraries by the bare url."""
    return f"{public_url}/fhir/Library/{identity}"


def _library(policy: PolicyOnDay, public_url: str, library: LogicLibrary, needed: tuple[LogicLibrary, ...]) -> JSON:
    depends = [{"type": "depends-on", "resource": library_url(public_url, other.id)} for other in needed]
    resource: JSON = {
        "resourceType": "Library",
        "id": library.id,
        "url": library_url(public_url, library.id),
        "version": library.version,
        "name": library.name,
        "title": library.title,
        "status": "active",
        "experimental": False,
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/library-type", "code": "logic-library"}]},
        "date": policy.version,
        "publisher": "insulin-pump-cds",
        "description": f"{library.title}, for {policy.payer} medical policy {policy.id}.",
    }
    contents = (("text/cql", library.cql), ("application/elm+json", library.elm))
    content = [{"contentType": media_type, "data": _base64(text)} for media_type, text in contents]
    return resource | ({"relatedArtifact": depends} if depends else {}) | {"content": content}


@cache
def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


# ---------------------------------------------------------------- extensions of the questionnaire


def launch_context() -> JSON:
    """The launchContext extension: a DTR client starts with the patient."""
    patient = {"system": "http://hl7.org/fhir/uv/sdc/CodeSystem/launchContext", "code": "patient"}
    parts = [{"url": "name", "valueCoding": patient}, {"url": "type", "valueCode": "Patient"}]
    return {"url": f"{SDC}-launchContext", "extension": parts}


def library_reference(policy: PolicyOnDay, public_url: str) -> Iterator[JSON]:
    """Which library the CQL is in; nothing where the policy has no CQL."""
    if policy.prepopulation is not None and policy.prepopulation.libraries:
        first = policy.prepopulation.libraries[0]
        yield {"url": f"{CORE}/cqf-library", "valueCanonical": library_url(public_url, first.id)}


def variables(policy: PolicyOnDay, section: str) -> Iterator[JSON]:
    """Searches whose results the FHIRPath of a section's questions reads."""
    searches = policy.prepopulation.searches if policy.prepopulation is not None else ()
    for search in searches:
        if search.section == section:
            language = "application/x-fhir-query"
            expression = {"name": search.name, "language": language, "expression": _query(search)}
            yield {"url": f"{CORE}/variable", "valueExpression": expression}


def _query(search: ChartSearch) -> str:
    if not search.value_set:
        return search.search
    codes = codes_in(Concept(search.value_set), system=search.code_system)
    if not codes:
        raise ValueError(f"{search.value_set} holds no code of {search.code_system}: {search.name} would find all")
    return search.search.replace("{codes}", ",".join(codes))


def initial_expression(policy: PolicyOnDay, link_id: str) -> Iterator[JSON]:
    """What a question's answer is prefilled with, if it is: CQL, and FHIRPath for clients that cannot evaluate it.

    FHIRPath alone where no definition of the CQL is right on this day.
    """
    prepopulation = policy.prepopulation
    answer = prepopulation.answers.get(link_id) if prepopulation is not None else None
    if prepopulation is None or answer is None:
        return
    by_path: JSON = {"language": "text/fhirpath", "expression": answer.fhirpath}
    expression = by_path
    if answer.definition:
        expression = {
            "extension": [{"url": f"{CORE}/cqf-alternativeExpression", "valueExpression": by_path}],
            "language": "text/cql",
            "expression": f'"{prepopulation.libraries[0].name}"."{answer.definition}"',
        }
    yield {"url": f"{SDC}-initialExpression", "valueExpression": expression}
