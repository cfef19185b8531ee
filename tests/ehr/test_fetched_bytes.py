"""What a call reads of a FHIR server is bounded for the call, and let go once it was read."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.ehr.fetched import FetchedAnswers, HttpAnswer
from cds_service.ehr.transport import Transport
from cds_service.trust.servers import ServerRule
from tests.ehr.hostile_server import Asked, HostileServer, Reply, call, chart, edited, judge, say
from tests.support import JSON


@pytest.fixture
def ehr() -> Iterator[HostileServer]:
    with HostileServer(*chart()) as server:
        yield server


def _padded(size: int) -> Any:
    def change(body: JSON, _asked: Asked) -> None:
        body["padding"] = "x" * size

    return edited(change)


def test_many_answers_below_the_limit_do_not_exceed_it_together(ehr: HostileServer) -> None:
    ehr.on("*", _padded(50_000))
    whole = judge(call(ehr))
    assert whole.unread == set()
    found = judge(call(ehr), max_fetched_bytes=120_000)
    assert found.unread
    assert "the answers of the FHIR server are too large" in str(found.body)


def test_pages_of_zeros_do_not_fill_the_memory(ehr: HostileServer) -> None:
    """45 MB of one letter are 45 kB of gzip, and each search is answered so."""
    body = gzip.compress(b'{"resourceType":"Bundle","entry":[],"padding":"' + b"x" * 45_000_000 + b'"}')
    ehr.on("*", say(Reply(200, body, {"Content-Encoding": "gzip"})))
    request = call(ehr)
    judge(request | {"fhirServer": "http://127.0.0.1:9"})
    tracemalloc.start()
    try:
        judge(request)
        assert tracemalloc.get_traced_memory()[1] < 250_000_000
    finally:
        tracemalloc.stop()


def test_an_answer_with_more_values_than_fhir_is_not_read(ehr: HostileServer) -> None:
    ehr.on("Condition", say(Reply(200, b'{"resourceType":"Bundle","entry":[' + b",".join([b"1"] * 50_000) + b"]}")))
    assert "holds more values than FHIR does" in str(judge(call(ehr)).body)


def test_a_large_answer_is_let_go_once_it_was_read(ehr: HostileServer) -> None:
    rule = ServerRule(others=True, loopback=True)
    transport = Transport(rule.base(ehr.url) + "/", "", 10, rule, 10_000_000)
    large, small = f"{rule.base(ehr.url)}/Patient/p1", f"{rule.base(ehr.url)}/Practitioner/d1"
    ehr.on("Patient", _padded(300_000))
    assert transport.get(large).status == transport.get(small).status == 200
    assert transport.cached_answer(large) is None
    assert transport.cached_answer(small) is not None
    transport.close()


def test_small_answers_are_kept_up_to_a_sum() -> None:
    fetched = FetchedAnswers(100_000_000)
    for number in range(100):
        fetched.cache(str(number), HttpAnswer(200, b"x" * 200_000))
    assert sum(fetched.cached(str(number)) is not None for number in range(100)) == 25
