"""The CQL of the questionnaire's package: its ELM, its codes, and what it fills in, by the reference implementation."""

from __future__ import annotations

import json
import re
import subprocess
from base64 import b64decode
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import fhirpathpy
import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhirpathpy.models import models

from cds_service.concepts import Concept
from cds_service.engine.questions import LONGEST_TEXT
from cds_service.policies.registry import POLICIES
from fhir_mappings.common.code_systems import HCPCS, LOINC
from fhir_mappings.common.terminology import codes_in
from fhir_mappings.output.prefill import libraries, library_url
from fhir_mappings.output.questionnaires import package, questionnaire
from tests.cases.runner import CaseFile, all_cases
from tests.conformance import maven
from tests.support import JSON, bundle

HERE = Path(__file__).parent / "cql"
FOLDER = Path(__file__).parents[2] / "cds_service" / "policies" / "mp_mm_1316" / "cql"
POM, WHAT = HERE / "pom.xml", "the translator from CQL"
URL = "https://cds.example.invalid"
POLICY = POLICIES[0].on(date(2026, 11, 20))
NAMES = ("MpMm1316Prepopulation", "MpMm1316Conversions")
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire"
DEFINITIONS = {
    "D.I.D.date": "Education Date",
    "D.I.D.educator": "Educator",
    "D.I.G.average": "Self Tests A Day",
}
SYSTEMS = {
    "Procedure": ("http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", Concept.DIABETES_EDUCATION, HCPCS),
    "Observation": ("http://loinc.org", Concept.GLUCOSE_SELF_TEST, LOINC),
}


def _java(source: str, *arguments: str, told: str = "") -> str:
    """What a program of this folder prints; skips, saying why, where it cannot run."""
    if reason := maven.why_not(POM, WHAT):
        pytest.skip(reason)
    command = ["java", "-XX:+UseSerialGC", "-cp", maven.class_path(POM, WHAT), str(HERE / source), *arguments]
    done = subprocess.run(command, input=told, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


# ---------------------------------------------------------------- what is in the package


def test_the_package_holds_the_libraries_with_cql_and_elm() -> None:
    held = [entry["resource"] for entry in package(POLICY, URL)["entry"]]
    found = [each for each in held if each["resourceType"] == "Library"]
    assert [each["name"] for each in found] == list(NAMES)
    for library in found:
        get_fhir_model_class("Library").model_validate(library)
        content = {each["contentType"]: b64decode(each["data"]) for each in library["content"]}
        assert set(content) == {"text/cql", "application/elm+json"}
        named = json.loads(content["application/elm+json"])["library"]["identifier"]
        assert (named["id"], named["version"]) == (library["name"], library["version"])
        assert f"library {library['name']} version '{library['version']}'" in content["text/cql"].decode()


def test_what_a_library_includes_is_in_the_package() -> None:
    held = {library["url"]: library for library in libraries(POLICY, URL)}
    (first, *_) = held.values()
    assert [each["resource"] for each in first["relatedArtifact"]] == [library_url(URL, "mp-mm-1316-conversions")]
    elm = json.loads((FOLDER / f"{NAMES[0]}.elm.json").read_text(encoding="utf-8"))["library"]
    included = [each["path"] for each in elm["includes"]["def"]]
    assert included == [held[each["resource"]]["name"] for each in first["relatedArtifact"]]


def test_every_prefilled_question_names_a_definition_and_has_fhirpath_beside_it() -> None:
    """DTR's requirements 62 and 64: expressions are CQL of a library that the questionnaire refers to."""
    found, first = questionnaire(POLICY, URL), library_url(URL, "mp-mm-1316-prepopulation")
    assert [e["valueCanonical"] for e in found["extension"] if e["url"].endswith("/cqf-library")] == [first]
    expressions = _expressions(found)
    assert set(expressions) == set(DEFINITIONS)
    for link, told in expressions.items():
        assert (told["language"], told["expression"]) == ("text/cql", f'"{NAMES[0]}"."{DEFINITIONS[link]}"')
        (beside,) = told["extension"]
        assert beside["url"].endswith("/cqf-alternativeExpression")
        assert beside["valueExpression"]["language"] == "text/fhirpath"
    assert not any("valueExpression" in extension for extension in found["extension"]), "the kit wants these in CQL"


def test_the_codes_of_the_cql_are_those_of_the_value_sets() -> None:
    text = (FOLDER / f"{NAMES[0]}.cql").read_text(encoding="utf-8")
    for kind, (system, concept, known) in SYSTEMS.items():
        (name,) = re.findall(rf"codesystem \"(\w+)\": '{re.escape(system)}'", text)
        defined = re.findall(rf"^code \"([^\"]+)\": '([^']+)' from \"{name}\"$", text, re.MULTILINE)
        assert sorted(code for _, code in defined) == sorted(codes_in(concept, system=known))
        assert all(label == code for label, code in defined)
        assert sorted(re.findall(rf"\[{kind}: \"([^\"]+)\"\]", text)) == sorted(code for _, code in defined)


def test_the_numbers_in_the_cql_are_those_of_the_parameters() -> None:
    """The CQL cannot read parameters: `written_for` says which of its numbers are one, and on which value it rests."""
    text = (FOLDER / f"{NAMES[0]}.cql").read_text(encoding="utf-8")
    definitions = dict(re.findall(r'^define "([^"]+)":\n((?:  .*\n)+)', text, re.MULTILINE))
    window = POLICIES[0].parameters["self_test_window_days"].on(date(2026, 11, 20))
    assert POLICIES[0].prepopulation.answers["D.I.G.average"].written_for == {"self_test_window_days": window}
    assert f"Today() - {window} days" in definitions["Self Tests"]
    assert f"* 10 / {window}) / 10" in definitions["Self Tests A Day"]
    assert f", 0, {LONGEST_TEXT})" in definitions["Educator"]
    numbers = {n for body in definitions.values() for n in re.findall(r"(?<![\w'\-\"])\d+(?![\w'\"])", body)}
    # 0: where a text begins; 10: a tenth; 16: characters of a minute.
    assert numbers == {"0", "10", "16", str(window), str(LONGEST_TEXT)}


@pytest.mark.real
@pytest.mark.parametrize("name", NAMES)
def test_the_elm_is_what_the_reference_translator_makes_of_the_cql(name: str) -> None:
    fresh = _java("Translate.java", str(FOLDER / f"{name}.cql"))
    assert json.loads(fresh) == json.loads((FOLDER / f"{name}.elm.json").read_text(encoding="utf-8"))


# ---------------------------------------------------------------- what it fills in


def _items(node: JSON) -> Iterator[JSON]:
    for item in node.get("item", ()):
        yield item
        yield from _items(item)


def _expressions(found: JSON) -> dict[str, JSON]:
    """The initial expressions of a questionnaire by linkId."""
    return {
        item["linkId"]: extension["valueExpression"]
        for item in _items(found)
        for extension in item.get("extension", ())
        if extension["url"] == f"{SDC}-initialExpression"
    }


PATHS = {
    link: told["extension"][0]["valueExpression"]["expression"]
    for link, told in _expressions(questionnaire(POLICY, URL)).items()
}


def _resources(case: CaseFile) -> Iterator[JSON]:
    """Procedures and Observations of a case under the codes in question, as far as they are FHIR."""
    try:
        prefetch = json.loads(case.request).get("prefetch") or {}
    except ValueError:
        return
    for value in prefetch.values():
        entries = value.get("entry") or () if isinstance(value, dict) else ()
        for entry in entries if isinstance(entries, list) else ():
            resource = entry.get("resource") if isinstance(entry, dict) else None
            if isinstance(resource, dict) and resource.get("resourceType") in SYSTEMS and _is_asked_for(resource):
                yield resource


def _is_asked_for(resource: JSON) -> bool:
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(dict(resource))
    except ValueError:
        return False
    system, concept, known = SYSTEMS[resource["resourceType"]]
    codes = codes_in(concept, system=known)
    return any(c.get("system") == system and c.get("code") in codes for c in resource["code"].get("coding", ()))


def _by_fhirpath(resources: Sequence[JSON], noon: datetime) -> list[str]:
    """What the FHIRPath fills in, over the answers of a server that does what the searches ask."""
    sessions = [r for r in resources if r["resourceType"] == "Procedure" and r["status"] == "completed"]
    sessions.sort(key=lambda r: _ended(r)[:10] if len(_ended(r)) >= 10 else "", reverse=True)
    first, day = (noon.date() - timedelta(30)).isoformat(), noon.date().isoformat()
    tests = [r for r in resources if r["resourceType"] == "Observation"]
    tests = [r for r in tests if first <= r.get("effectiveDateTime", "")[:10] < day]
    variables = {"education": bundle(*sessions[:1]), "selfTests": bundle(*tests)}
    return [_told(fhirpathpy.evaluate({}, path, variables, models["r4"])) for path in PATHS.values()]


def _ended(procedure: JSON) -> str:
    return str(procedure.get("performedDateTime") or procedure.get("performedPeriod", {}).get("end", ""))


def _told(found: list[Any]) -> str:
    """A value as the program prints it."""
    return str(found[0]) if found else "null"


def _session(performed: JSON, *names: str, status: str = "completed") -> JSON:
    concept = {"coding": [{"system": SYSTEMS["Procedure"][0], "code": "G0108"}]}
    performer = [{"actor": {"display": name}} for name in names]
    made = {"resourceType": "Procedure", "id": "e", "status": status, "code": concept, "subject": SUBJECT, **performed}
    return made | ({"performer": performer} if performer else {})


def _test(when: str, value: float = 120, status: str = "final") -> JSON:
    concept = {"coding": [{"system": "http://loinc.org", "code": "41653-7"}]}
    quantity = {"value": value, "unit": "mg/dL"}
    made = {"resourceType": "Observation", "id": "g", "status": status, "code": concept, "subject": SUBJECT}
    return made | {"effectiveDateTime": when, "valueQuantity": quantity}


SUBJECT = {"reference": "Patient/p1"}
NOON = datetime(2026, 11, 20, 12, tzinfo=ZoneInfo("America/New_York"))
TWICE = [
    _test("2026-11-15T08:00:00-05:00"),
    _test("2026-11-15T08:00:30-05:00"),
    _test("2026-11-15T08:00:00-05:00", 121),
]
# What no case file has.
MADE: dict[str, list[JSON]] = {
    "an educator": [_session({"performedDateTime": "2026-06-01"}, "A. Educator, RD, CDCES", "another")],
    "a long name": [_session({"performedDateTime": "2026-06-01"}, "x" * 300)],
    "a period": [_session({"performedPeriod": {"start": "2026-05-04", "end": "2026-06-02T10:00:00Z"}}, "B. Nurse, RN")],
    "late in the evening": [_session({"performedDateTime": "2026-06-01T23:30:00-05:00"})],
    "early in the morning elsewhere": [_session({"performedPeriod": {"end": "2026-06-02T01:00:00Z"}})],
    "a month": [_session({"performedDateTime": "2026-06"}, "C. Nurse, RN")],
    "a period without end": [_session({"performedPeriod": {"start": "2026-06-01"}})],
    "the newest of two": [_session({"performedDateTime": f"2026-0{n}-01"}, f"{n}. Nurse, RN") for n in (6, 8, 7)],
    "not completed": [_session({"performedDateTime": "2026-06-01"}, status="not-done")],
    "twice in a minute": TWICE * 2,
    "four a day": [
        _test(f"2026-11-{day:02}T{hour:02}:00:00-05:00") for day in range(1, 20) for hour in (7, 12, 17, 22)
    ],
    "none that counts": [_test("2026-11-15T08:00:00-05:00", status="entered-in-error")],
    "the window's ends": [_test(f"2026-{day}T12:00:00-05:00") for day in ("10-20", "10-21", "11-19", "11-20") * 9],
    "by day alone": [_test(f"2026-11-{day:02}", 100 + day) for day in range(1, 20)],
    "corrected": [_test(f"2026-11-0{n}T08:00:00-05:00", status="corrected") for n in range(1, 10)],
}


@pytest.mark.real
def test_cql_and_fhirpath_fill_in_the_same() -> None:
    """Over the charts of the case files, and over what they do not have."""
    charts: dict[str, tuple[list[str], str]] = {}
    for case in all_cases():
        noon = datetime.combine(case.as_of, time(12), ZoneInfo("America/New_York"))
        resources = list(_resources(case))
        charts.setdefault(_line(resources, noon), (_by_fhirpath(resources, noon), case.name))
    for name, resources in MADE.items():
        charts.setdefault(_line(resources, NOON), (_by_fhirpath(resources, NOON), name))
    printed = _java("Evaluate.java", str(FOLDER / f"{NAMES[0]}.cql"), *DEFINITIONS.values(), told="\n".join(charts))
    found = [line.split("\t") for line in printed.splitlines()]
    assert len(found) == len(charts) > 50
    told = {name: (by_path, by_cql) for (by_path, name), by_cql in zip(charts.values(), found, strict=True)}
    assert {name: both for name, both in told.items() if not _same(*both)} == {}
    for index in range(len(DEFINITIONS)):
        assert len({by_cql[index] for _, by_cql in told.values()} - {"null"}) > 2, "something is compared"


def _line(resources: Sequence[JSON], noon: datetime) -> str:
    entries = [{"resource": each} for each in (*resources, {"resourceType": "Patient", "id": "p1"})]
    return f"{noon.isoformat()}\t{json.dumps({'resourceType': 'Bundle', 'type': 'collection', 'entry': entries})}"


def _same(by_path: list[str], by_cql: list[str]) -> bool:
    *texts, average = by_path
    if texts != by_cql[:-1] or (average == "null") != (by_cql[-1] == "null"):
        return False
    return average == "null" or float(average) == float(by_cql[-1])
