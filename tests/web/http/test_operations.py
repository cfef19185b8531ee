"""Health, readiness, metrics and logs: what whoever runs the service sees, and that no patient is in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cds_service.settings import Settings
from cds_service.web import create_app
from cds_service.web.http import logs
from tests import support
from tests.ehr.hostile_server import HostileServer, chart
from tests.services.crd import coverage, crd_call
from tests.support import JSON, bundle, order

SIGN = "/cds-services/insulin-pump-order-sign"
SECRETS = ("Zebulon", "4711-token", "p1", "pump-1", "M-77", "E10.65", "2026-11-20", "d1577c69")
PATIENT = {"resourceType": "Patient", "id": "p1", "name": [{"family": "Zebulon"}], "birthDate": "1971-03-04"}


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Logs as the command writes them."""
    written = io.StringIO()
    logger = logging.getLogger("cds_service")
    before = (list(logger.handlers), logger.level, logger.propagate)
    logs.configure()
    handler = logger.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    yield written
    logger.handlers[:], logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


def _app(tmp_path: Path, **settings: Any) -> Any:
    base = {"database_url": f"sqlite:///{tmp_path}/store.sqlite3", "spool_folder": str(tmp_path / "spool")}
    return create_app(Settings(**base | settings))


def _calls(server: HostileServer) -> list[tuple[str, Any]]:
    """Calls of every kind, with something of the patient in each."""
    granted = {"access_token": "4711-token", "token_type": "Bearer", "expires_in": 300, "scope": "user/*.read"}
    live: JSON = support.call() | {"prefetch": {}, "fhirServer": server.url, "fhirAuthorization": granted}
    covered = bundle(coverage(subscriberId="M-77"))
    return [
        (SIGN, support.call(patient=PATIENT)),
        (SIGN, live),
        ("/cds-services/crd-order-sign", crd_call(patient=PATIENT, coverage=covered)),
        ("/cds-services/crd-order-sign", crd_call(patient=PATIENT, coverage=None)),
        ("/cds-services/crd-order-sign", crd_call(order(subject={"reference": 5, "display": "Zebulon"}))),
        (SIGN, support.call(patient=PATIENT | {"id": "Zebulon"})),
        (SIGN, {"hook": "Zebulon"}),
        (SIGN, {**support.call(), "hookInstance": "Zebulon"}),
        (f"{SIGN}/feedback", {"feedback": [{"card": "Zebulon", "outcome": "Zebulon"}]}),
        (f"{SIGN}/feedback", {"card": "c", "outcome": "overridden", "overrideReason": {"userComment": "Zebulon"}}),
        ("/cds-services/Zebulon", support.call(patient=PATIENT)),
    ]


def test_no_patient_and_no_token_is_in_logs_and_metrics(tmp_path: Path, lines: io.StringIO) -> None:
    app = _app(tmp_path)
    with HostileServer(*chart()) as server:
        server.on("Observation", lambda asked, answer: type(answer(asked))(body=b"Zebulon"))
        statuses = [app.test_client().post(path, json=body).status_code for path, body in _calls(server)]
    assert statuses == [200, 200, 200, 400, 400, 400, 400, 400, 400, 200, 404]
    told = lines.getvalue() + app.test_client().get("/metrics").get_data(as_text=True)
    assert [secret for secret in SECRETS if secret in told] == []
    assert app.config["STORE"].recorder.flush()


def test_every_call_is_a_line_of_json_with_the_id_that_the_answer_has(tmp_path: Path, lines: io.StringIO) -> None:
    reply = _app(tmp_path).test_client().post(SIGN, json=support.call())
    rows = [json.loads(line) for line in lines.getvalue().splitlines()]
    (row,) = (row for row in rows if row["logger"] == "cds_service.calls")
    assert row["correlation"] == reply.headers["X-Correlation-Id"]
    assert row["message"] == f"POST {SIGN.rsplit('/', 1)[0]}/<service_id> from -: 200"
    assert row["level"] == "info"


def test_a_fault_is_logged_without_its_words(
    tmp_path: Path, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cds_service.web import hooks

    def faulty(*_: Any, **__: Any) -> Any:
        raise RuntimeError("Zebulon")

    monkeypatch.setattr(hooks, "answer_call", faulty)
    reply = _app(tmp_path).test_client().post(SIGN, json=support.call())
    assert reply.status_code == 500
    assert reply.headers["X-Correlation-Id"] in lines.getvalue()
    assert "Zebulon" not in lines.getvalue()


def test_an_exception_in_a_log_is_named_by_its_kind() -> None:
    try:
        raise ValueError("Zebulon")
    except ValueError:
        record = logging.getLogger("x").makeRecord("x", logging.ERROR, "f", 1, "it %s", ("broke",), _caught())
    line = json.loads(logs.JsonLines().format(record))
    assert (line["message"], line["exception"]) == ("it broke", "ValueError")
    assert "Zebulon" not in json.dumps(line)


def _caught() -> Any:
    import sys

    return sys.exc_info()


def _samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def test_metrics_count_calls_outcomes_criteria_gaps_fetches_and_failures(tmp_path: Path) -> None:
    client = _app(tmp_path).test_client()

    def now() -> dict[Any, float]:
        return _samples(client.get("/metrics").get_data(as_text=True))

    before = now()
    with HostileServer(*chart()) as server:
        live = support.call() | {"prefetch": {}, "fhirServer": server.url}
        assert client.post(SIGN, json=live).status_code == 200
    client.post(SIGN, json=support.call(attestations=None))
    client.post(SIGN, json={})
    client.post(f"{SIGN}/feedback", json={"card": "c", "outcome": "accepted"})
    after = now()

    def grown(name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return after.get(key, 0.0) - before.get(key, 0.0)

    service = SIGN.rsplit("/", 1)[1]
    assert grown("pump_cds_calls_total", service=service, status="200") == 3
    assert grown("pump_cds_calls_total", service=service, status="400") == 1
    assert grown("pump_cds_outcomes_total", hook="order-sign", outcome="likely-approved", coverage="governed") == 1
    assert grown("pump_cds_criteria_total", criterion="D.I.C", truth="unknown", gap="needs-attestation") == 1
    assert grown("pump_cds_fetches_total", type="Observation", went="complete") > 0
    assert grown("pump_cds_call_seconds_count", service=service) == 4
    assert grown("pump_cds_feedback_total", outcome="accepted") == 1


def test_ready_when_the_store_is(tmp_path: Path) -> None:
    client = _app(tmp_path).test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200
    away = _app(tmp_path, database_url=f"sqlite:///{tmp_path}/nowhere/store.sqlite3").test_client()
    assert away.get("/healthz").status_code == 200
    reply = away.get("/readyz")
    assert reply.status_code == 503
    assert "store" in reply.get_data(as_text=True)
    assert away.post(SIGN, json=support.call()).status_code == 200, "an answer does not wait for the store"
    off = create_app(Settings(database_url="off")).test_client()
    assert off.get("/readyz").status_code == 200
