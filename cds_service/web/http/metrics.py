"""Prometheus metrics: calls, outcomes, criteria, gaps, fetches, failures. No label ever holds patient data."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from flask import Blueprint, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from cds_service.engine.determination import GROUPS
from fhir_mappings.json.search_result import SearchNote

blueprint = Blueprint("metrics", __name__)
Metric = TypeVar("Metric", Counter, Histogram)

CALLS = Counter("pump_cds_calls", "Hook calls by service and HTTP status", ["service", "status"])
SECONDS = Histogram(
    "pump_cds_call_seconds",
    "Time of a whole hook call",
    ["service"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
OUTCOMES = Counter("pump_cds_outcomes", "Determinations by hook, outcome and coverage", ["hook", "outcome", "coverage"])
CRITERIA = Counter("pump_cds_criteria", "Findings by criterion, truth and gap", ["criterion", "truth", "gap"])
FETCHES = Counter("pump_cds_fetches", "Searches of FHIR servers by type and how they went", ["type", "went"])
REFUSED = Counter("pump_cds_refused_callers", "Calls that could not be authenticated")
LAUNCHES = Counter("pump_cds_smart_launches", "Launches of the SMART app by what became of them", ["result"])
STATEMENTS = Counter("pump_cds_statements", "Statements sent to FHIR servers by what became of them", ["result"])
FEEDBACK = Counter("pump_cds_feedback", "Feedback entries by outcome", ["outcome"])
# The lost records of a worker that has ended still count; its waiting records are taken over by another worker.
LOST = Gauge("pump_cds_records_lost", "Records that could not be stored", multiprocess_mode="sum")
WAITING = Gauge("pump_cds_records_waiting_bytes", "Records that wait for the store", multiprocess_mode="livesum")


@blueprint.get("/metrics")
def metrics() -> Response:
    """All metrics, of all worker processes where there are several."""
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


@lru_cache(maxsize=4096)
def labeled(metric: Metric, *labels: str) -> Metric:
    """A metric with its labels, cached: the look-up costs more than the counting."""
    return metric.labels(*labels)


def count_answer(hook: str, determinations: list[Mapping[str, Any]], searches: Iterable[SearchNote]) -> None:
    """Counts determinations with their findings, and searches by the type that was asked for."""
    for determination in determinations:
        labeled(OUTCOMES, hook, determination["outcome"], determination["coverage"]).inc()
        for group in GROUPS:
            for finding in determination.get(group, ()):
                labeled(CRITERIA, finding["id"], finding["truth"], finding.get("gap", "")).inc()
    for search in searches:
        FETCHES.labels(search.kind, search.outcome.value).inc()
