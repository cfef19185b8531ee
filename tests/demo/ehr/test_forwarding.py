"""Handing requests on to the FHIR server: to this machine only, within limits."""

from __future__ import annotations

import time

import pytest

from cds_service.ehr.forwarding import Forwarder, NotForwarded
from tests.trust.web import Site


@pytest.mark.parametrize(
    "base", ["http://example.invalid/fhir", "https://127.0.0.1/fhir", "file:///x", "", "http:///x"]
)
def test_requests_are_handed_on_to_this_machine_only(base: str) -> None:
    with pytest.raises(ValueError, match="this machine only"):
        Forwarder(base)


def test_a_slow_and_a_large_answer_are_given_up() -> None:
    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        if path == "/slow":
            time.sleep(0.5)
        return 200, {}, b"x" * 1000

    with Site(answer) as site:
        with pytest.raises(NotForwarded, match="in time"):
            Forwarder(site.url, seconds=0.1).send("GET", "slow")
        with pytest.raises(NotForwarded, match="too large"):
            Forwarder(site.url, most_bytes=999).send("GET", "large")
        assert Forwarder(site.url, most_bytes=1000).send("GET", "large").body == b"x" * 1000
        port = site.port
    with pytest.raises(NotForwarded, match="could not be reached"):
        Forwarder(f"http://127.0.0.1:{port}").send("GET", "x")


def test_redirects_are_handed_back() -> None:
    with Site(lambda _: (302, {"Location": "http://example.invalid/"}, b"")) as site:
        assert Forwarder(site.url).send("GET", "x").status == 302
