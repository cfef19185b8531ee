"""A served application with two worker processes that authenticates its callers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests import support
from tests.trust import tokens
from tests.web.backend_services.test_backend_services import KIND, assertion
from tests.web.test_fhir import PACKAGE

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[3]
SIGN = "/cds-services/insulin-pump-order-sign"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Address and log of the server; its public address is another one, as behind a proxy."""
    with serving(tmp_path_factory.mktemp("workers")) as started:
        yield started


@contextmanager
def serving(folder: Path, **variables: str) -> Iterator[tuple[str, Path]]:
    """A server with its own settings in a folder."""
    log = folder / "log"
    env = os.environ | {
        "XDG_DATA_HOME": str(folder),
        "PUMP_CDS_TRUSTED_CLIENTS": str(tokens.clients_file(folder)),
        "PUMP_CDS_PUBLIC_URL": f"{tokens.PUBLIC_URL}/pump/",
        **variables,
    }
    command = [sys.executable, "-m", "cds_service.cli", "serve", "--host", "0.0.0.0", "--port", "0", "--workers", "2"]
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        port = process.stdout.readline().rsplit(":", 1)[-1].strip()
        yield f"http://127.0.0.1:{port}", log
        process.terminate()
        assert process.wait(20) == 0


def _post(url: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
    return requests.post(f"{url}{SIGN}", json=support.call(), headers=headers, timeout=30).status_code


def test_of_many_tries_with_one_token_one_gets_in(served: tuple[str, Path]) -> None:
    """Requirement 218, whichever of the workers is asked; an address with a path before it is an audience like any."""
    url, _ = served
    for _ in range(3):
        assert _of_twelve(url) == {200: 1, 401: 11}


def test_no_token_is_used_once_a_worker_where_nothing_is_stored(tmp_path: Path) -> None:
    """The workers of a run remember together, in its folder; how many of them there are makes no difference."""
    with serving(tmp_path, PUMP_CDS_DATABASE_URL="off") as (url, _):
        assert [_of_twelve(url) for _ in range(4)] == [{200: 1, 401: 11}] * 4


def _of_twelve(url: str) -> Counter[int]:
    """What twelve calls at once with one new token are answered."""
    token = tokens.signed(f"{tokens.PUBLIC_URL}/pump{SIGN}")
    with ThreadPoolExecutor(12) as pool:
        return Counter(pool.map(lambda _: _post(url, token), range(12)))


def test_an_assertion_gets_one_token_which_is_good_in_both_workers(served: tuple[str, Path]) -> None:
    """SMART backend services, whichever of the workers is asked."""
    url, _ = served
    signed = assertion(aud=f"{tokens.PUBLIC_URL}/pump/token")
    form = {"grant_type": "client_credentials", "client_assertion_type": KIND, "client_assertion": signed}

    def ask(_: int) -> requests.Response:
        return requests.post(f"{url}/token", data=form, headers={"Connection": "close"}, timeout=30)

    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(ask, range(12)))
    assert Counter(reply.status_code for reply in replies) == {200: 1, 400: 11}
    (token,) = (reply.json()["access_token"] for reply in replies if reply.ok)
    questionnaire = {"name": "questionnaire", "valueCanonical": "http://any/Questionnaire/mp-mm-1316"}
    body = {"resourceType": "Parameters", "parameter": [questionnaire]}

    def fetch(_: int) -> int:
        headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
        return requests.post(f"{url}{PACKAGE}", json=body, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(fetch, range(24))) == {200}


def test_the_host_that_a_caller_names_is_no_audience(served: tuple[str, Path]) -> None:
    """Requirement 216: the public address is configured, never taken from a header."""
    url, _ = served
    evil = {"Host": "evil.example.invalid", "X-Forwarded-Host": "evil.example.invalid"}
    token = tokens.signed(f"https://evil.example.invalid{SIGN}")
    headers = evil | {"Authorization": f"Bearer {token}"}
    assert requests.post(f"{url}{SIGN}", json=support.call(), headers=headers, timeout=30).status_code == 401


def test_the_log_is_json_without_tokens(served: tuple[str, Path]) -> None:
    url, log = served
    token = tokens.signed(f"{tokens.PUBLIC_URL}/pump{SIGN}")
    assert (_post(url, token), _post(url, token)) == (200, 401)
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert {"a caller was refused: it was used before"} <= {line["message"] for line in lines}
    assert "eyJ" not in log.read_text(encoding="utf-8")
    assert "WARNING" not in log.read_text(encoding="utf-8")


def test_metrics_are_those_of_both_workers(served: tuple[str, Path]) -> None:
    url, _ = served
    for _ in range(12):
        assert _post(url, tokens.signed(f"{tokens.PUBLIC_URL}/pump{SIGN}")) == 200
    text = requests.get(f"{url}/metrics", timeout=30).text
    (line,) = (x for x in text.splitlines() if x.startswith("pump_cds_calls_total") and 'status="200"' in x)
    assert float(line.rsplit(" ", 1)[1]) >= 15
