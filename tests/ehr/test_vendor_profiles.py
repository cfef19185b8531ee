"""Every case chart read live from eight vendors' servers: judged as from its own prefetch, save what docs/ lists."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cds_service.ehr.client import FhirClient
from cds_service.errors import ServiceError
from cds_service.facts import ChartSection
from cds_service.services.answer_hook import answer
from cds_service.settings import Settings
from tests.cases.runner import PUBLIC_URL, CaseFile, all_cases, determinations, findings
from tests.ehr.vendor_charts import TRAITS
from tests.ehr.vendor_server import BASE, VendorServer, profiles
from tests.support import JSON, bundle

PAGE = Path(__file__).parents[2] / "docs" / "vendor-differences.md"
CASES = all_cases()
# In CI every chart is read from every server, elsewhere one in ten from each.
ALL = os.environ.get("PUMP_TESTS_REQUIRE_ALL") == "1"
Differences = dict[str, str]


class _Client(FhirClient):
    """Waits for every page, so that the same chart always has the same answer."""

    @property
    def unfinished(self) -> frozenset[ChartSection]:
        return frozenset()


@cache
def _requests() -> dict[str, JSON]:
    return {case.name: json.loads(case.request.decode("utf-8-sig")) for case in CASES}


def _resources(value: Any) -> Iterator[JSON]:
    """The resources of a prefetch value, whatever it is wrapped in."""
    if isinstance(value, list):
        for each in value:
            yield from _resources(each)
    elif isinstance(value, dict):
        if value.get("resourceType") == "Bundle" or "resourceType" not in value:
            yield from _resources(value.get("entry") or [])
            yield from _resources(value.get("resource") or [])
        elif isinstance(value["resourceType"], str) and value["resourceType"] != "OperationOutcome":
            yield value


def _chart(request: JSON) -> list[JSON]:
    """The resources of a call's prefetch, each once."""
    found = [r for value in (request.get("prefetch") or {}).values() for r in _resources(value)]
    return list({json.dumps(resource, sort_keys=True): resource for resource in found}.values())


def _judged(case: CaseFile, request: JSON, server: VendorServer | None) -> Differences:
    """Truth, basis and gap of every section, and the outcome, as one word each; of an error its kind."""
    noon = datetime.combine(case.as_of, time(12), ZoneInfo("America/New_York")).astimezone(UTC)
    settings = Settings(public_url=PUBLIC_URL, deadline_seconds=120, policies=case.policies)

    def opened(base: str, token: str, patient: str, day: date, seconds: float, scope: str | None) -> FhirClient:
        return _Client(BASE, "", patient, day, seconds=seconds, max_pages=40, transport=server)

    try:
        response = answer(json.dumps(request).encode(), case.service, settings, noon, opened if server else None)
    except ServiceError as error:
        return {"error": type(error).__name__}
    told: Differences = {}
    for order, found in determinations(json.loads(json.dumps(response, default=str))).items():
        told[f"{order} outcome"] = found["outcome"]
        for section, finding in findings(found).items():
            told[f"{order} {section}"] = " ".join(filter(None, map(finding.get, ("truth", "basis", "gap"))))
    return told


@cache
def _from_prefetch(name: str) -> Differences:
    """The answer to the chart when all of it comes with the call."""
    case = next(case for case in CASES if case.name == name)
    request = _requests()[name]
    chart = _chart(request)
    patients = [r for r in chart if r["resourceType"] == "Patient"]
    rest = bundle(*(r for r in chart if r not in patients))
    prefetch: JSON = {section.value: None for section in ChartSection}
    prefetch |= {"patient": patients[0] if patients else None, "conditions": rest}
    return _judged(case, request | {"prefetch": prefetch, "fhirServer": BASE}, None)


def _differences(case: CaseFile, profile: str) -> list[tuple[str, str, str]]:
    """Sections that are judged otherwise when the chart is read from a vendor's server: from, to."""
    request = {k: v for k, v in _requests()[case.name].items() if k not in ("prefetch", "fhirAuthorization")}
    server = VendorServer(profiles()[profile], _chart(_requests()[case.name]))
    live = _judged(case, request | {"fhirServer": BASE}, server)
    given = _from_prefetch(case.name)
    keys = [key for key in {**given, **live} if given.get(key) != live.get(key)]
    return [(key.split(" ", 1)[-1], given.get(key, "-"), live.get(key, "-")) for key in keys]


def _told(profile: str) -> dict[str, set[tuple[str, str, str]]]:
    """The rows of the page for one vendor, with those of all eight: by case, what differs."""
    found: dict[str, set[tuple[str, str, str]]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and cells[0] in (profiles()[profile]["name"], "all eight"):
            found.setdefault(cells[1], set()).add((cells[2], cells[3], cells[4]))
    return found


def _chosen(profile: str) -> list[CaseFile]:
    shift = list(profiles()).index(profile)
    return [case for number, case in enumerate(CASES) if ALL or number % 10 == shift]


@pytest.mark.parametrize("profile", profiles())
def test_a_chart_is_judged_as_from_its_own_prefetch(profile: str) -> None:
    told, chosen = _told(profile), _chosen(profile)
    found = {case.name: set(_differences(case, profile)) for case in chosen}
    assert {name: each for name, each in found.items() if each} == {
        case.name: told[case.name] for case in chosen if case.name in told
    }


def test_the_page_names_cases_that_are_there() -> None:
    names = {case.name for case in CASES}
    assert {name for profile in profiles() for name in _told(profile)} <= names


def test_every_trait_of_a_profile_has_its_source() -> None:
    for name, profile in profiles().items():
        traits = {*profile, *profile.get("charts", ())} - {"name", "sources", "charts", "ignored_code"}
        assert traits == set(profile["sources"]), name
        assert set(profile.get("charts", ())) <= set(TRAITS)
