"""Every third-party chart and request: a well-formed answer, in time, whatever is wrong with it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.facts import ChartSection
from cds_service.services.answer_hook import EXTENSION
from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.conformance.checker import check_error, check_response
from tests.integration.charts import (
    REFERRAL,
    TWIN,
    Resource,
    family,
    glucose_charts,
    patient_charts,
    read_chart,
    read_folder,
)
from tests.integration.sekmet import FhirServer
from tests.integration.test_same_answer import comparable
from tests.support import JSON

pytestmark = pytest.mark.real

SIGN, SELECT = "/cds-services/insulin-pump-order-sign", "/cds-services/insulin-pump-order-select"
REQUESTS = sorted((support.SHARED / "data" / "requests").glob("*/*.json"))
CHARTS = [*patient_charts(), *glucose_charts()]
NOTHING_ELSE = dict.fromkeys(section.value for section in ChartSection)
# A call has 4.5 s; the largest chart is 1.5 MB.
SECONDS = 2.0


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(Settings()).test_client()


def _named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem[:30]}"


def _chart(path: Path) -> list[Resource]:
    return read_folder(path) if path.is_dir() else read_chart(path)


def _patient(chart: list[Resource]) -> str:
    """The chart's patient; the sensotrend record names one and does not hold it."""
    held = [each["id"] for each in chart if each["resourceType"] == "Patient"]
    return held[0] if held else chart[0]["subject"]["reference"].removeprefix("Patient/")


def _call(patient: str, **members: Any) -> JSON:
    """A pump order for a patient, with nothing of the chart but what is given here."""
    call = support.call(support.order(subject={"reference": f"Patient/{patient}"}))
    call["context"]["patientId"] = patient
    return call | {"prefetch": {}} | members


def _bundle(chart: list[Resource]) -> JSON:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in chart]}


def _answered(client: FlaskClient, request: pytest.FixtureRequest, call: JSON, path: str = SIGN) -> JSON | None:
    """The checked body of a 200; None for a checked refusal. Anything else fails. The time is kept for the report."""
    body = json.dumps(call)
    began = time.perf_counter()
    reply = client.post(path, data=body, content_type="application/json")
    seconds = time.perf_counter() - began
    request.config.stash[TIMES].append((seconds, request.node.name))
    assert seconds < SECONDS
    if reply.status_code == 200:
        assert check_response(reply.get_json(), call) == []
        found: JSON = reply.get_json()
        return found
    assert 400 <= reply.status_code < 500, reply.data
    assert check_error(reply.status_code, reply.content_type, reply.get_json()) == []
    return None


TIMES = pytest.StashKey[list[tuple[float, str]]]()


@pytest.fixture(scope="module", autouse=True)
def slowest(request: pytest.FixtureRequest) -> Iterator[None]:
    """Print the slowest calls of this module (shown with -s, or when a test fails)."""
    times = request.config.stash.setdefault(TIMES, [])
    yield
    for seconds, name in sorted(times, reverse=True)[:3]:
        print(f"{seconds * 1000:.0f} ms {name}")


def _findings(found: JSON | None) -> list[JSON]:
    assert found is not None
    (determination,) = found["extension"][EXTENSION]
    tops = [*determination.get("criteria", ()), *determination.get("exclusions", ())]
    return [each for top in tops for each in (top, *top.get("parts", ()))]


# ---------------------------------------------------------------- charts


@pytest.mark.parametrize("path", CHARTS, ids=_named)
def test_a_chart_under_a_key_of_the_clients_own(
    client: FlaskClient, request: pytest.FixtureRequest, path: Path
) -> None:
    """No known key and no server: what the bundle does not show is not retrieved, never absent."""
    chart = _chart(path)
    for found in _findings(_answered(client, request, _call(_patient(chart), prefetch={"chart": _bundle(chart)}))):
        assert found.get("gap") != "not-documented", found


@pytest.mark.parametrize("path", CHARTS, ids=_named)
def test_a_chart_as_all_there_is(client: FlaskClient, request: pytest.FixtureRequest, path: Path) -> None:
    """All known keys are null: there is nothing beside the bundle, so nothing is left to retrieve."""
    chart = _chart(path)
    call = _call(_patient(chart), prefetch={"chart": _bundle(chart)} | NOTHING_ELSE)
    errors = any(each["resourceType"] == "OperationOutcome" for each in chart)
    for found in _findings(_answered(client, request, call)) if not errors else ():
        assert found.get("gap") != "not-retrieved", found


@pytest.mark.parametrize("path", CHARTS, ids=_named)
def test_a_chart_read_live(
    client: FlaskClient, fhir_server: FhirServer, request: pytest.FixtureRequest, path: Path
) -> None:
    patient = _patient(_chart(path))
    if path.is_dir() and (path / f"Patient-{patient}.json").exists():
        patient = f"{path.name}-{patient}"
    for found in _findings(_answered(client, request, _call(patient, fhirServer=fhir_server.base_url))):
        assert found.get("gap") != "not-retrieved" or "patient" in found["explanation"], found


def _both_ways(client: FlaskClient, server: FhirServer, path: Path) -> list[list[JSON]]:
    """Determinations of a chart that is given whole, and of the same chart read live."""
    chart = _chart(path)
    given = _call(_patient(chart), prefetch={"chart": _bundle(chart)} | NOTHING_ELSE)
    live = _call(_patient(chart), fhirServer=server.base_url)
    return [comparable(client.post(SIGN, json=call).get_json()) for call in (given, live)]


@pytest.mark.parametrize("path", [p for p in patient_charts() if not p.name.startswith(REFERRAL)], ids=_named)
def test_a_chart_is_judged_the_same_given_and_read_live(
    client: FlaskClient, fhir_server: FhirServer, path: Path
) -> None:
    given, live = _both_ways(client, fhir_server, path)
    assert given == live


def test_insulin_statements_are_read_given_and_live(client: FlaskClient, fhir_server: FhirServer) -> None:
    """This letter has its insulin as MedicationStatement; of two letters about one patient, one is put."""
    (path,) = [path for path in family("hl7au") if path.name.startswith(REFERRAL) and path.name != TWIN]
    given, live = ({each["id"]: each for each in one[0]["criteria"]} for one in _both_ways(client, fhir_server, path))
    assert given["D.I.F"]["truth"] == "met"
    assert live["D.I.F"]["truth"] == "met"


# ---------------------------------------------------------------- requests


@pytest.mark.parametrize("service", [SIGN, SELECT], ids=["sign", "select"])
@pytest.mark.parametrize("path", REQUESTS, ids=_named)
def test_a_request_of_others(client: FlaskClient, request: pytest.FixtureRequest, path: Path, service: str) -> None:
    """As it stands: none of them orders a pump, so none makes the service ask a server."""
    call = json.loads(path.read_text(encoding="utf-8"))
    found = _answered(client, request, call, service)
    hook = service.removeprefix("/cds-services/insulin-pump-")
    assert (found is not None) is (call.get("hook") == hook)
    if found is not None:
        assert found["cards"] == []
        assert {each["outcome"] for each in found["extension"][EXTENSION]} == {"not-applicable"}


@pytest.mark.parametrize("path", REQUESTS, ids=_named)
def test_a_pump_order_in_a_request_of_others(
    client: FlaskClient, fhir_server: FhirServer, request: pytest.FixtureRequest, path: Path
) -> None:
    """The same call with a pump order beside its own, and with the address of a server that is there."""
    call = json.loads(path.read_text(encoding="utf-8"))
    if call.get("hook") != "order-sign":
        return
    call["fhirServer"] = fhir_server.base_url
    subject = {"reference": f"Patient/{call['context']['patientId']}"}
    call["context"]["draftOrders"]["entry"].append({"resource": support.order(subject=subject)})
    found = _answered(client, request, call)
    assert found is not None
    judged = {each["order"]: each for each in found["extension"][EXTENSION]}
    # One patient of these has Medicare Part B, which pays for pumps; Part A and the plans of others do not.
    of_medicare = "pat014" in call["context"]["patientId"]
    pump = judged["DeviceRequest/pump-1"]
    assert (pump["coverage"] == "governed") is of_medicare
    assert pump.get("policy", {}).get("id") == "L33794" if of_medicare else pump["outcome"] != "likely-approved"
