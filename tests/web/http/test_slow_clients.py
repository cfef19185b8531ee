"""Two hundred clients that send slowly, or never to the end, keep nobody else waiting."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.http.slow_clients import ATTACKS, Attack, measure, served

# The flood of answers that nobody reads is work for the server as well: its time says nothing of waiting.
ONLY_SLOW = [attack for attack in ATTACKS if attack.name != "answers that are not read"]


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    with served(tmp_path_factory.mktemp("served")) as started:
        yield started


@pytest.mark.real
@pytest.mark.parametrize("attack", ONLY_SLOW, ids=lambda attack: attack.name)
def test_two_hundred_slow_clients_keep_neither_health_nor_a_call_waiting(
    server: tuple[str, int], attack: Attack
) -> None:
    seen = measure(*server, attack, seconds=0.4, patience=5.0)
    assert seen.opened == 200
    if seen.slowest_health >= 1.0:  # once more, in case another program had the processors: who is held waits again
        seen = measure(*server, attack, seconds=0.4, patience=5.0)
    assert seen.slowest_health < 1.0
    assert seen.slowest_call < 2.0
