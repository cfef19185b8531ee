"""Clients of the load test: what they send, and what came back and after how long."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from uuid import uuid4

import requests

from tests.benchmarks.charts import sensor_month, typical

SIGN, CRD_SIGN = "/cds-services/insulin-pump-order-sign", "/cds-services/crd-order-sign"
ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request: how often of a thousand, what, and the status that it is answered with."""

    name: str
    weight: int
    path: str
    body: bytes | None
    status: int = 200
    media_type: str = "application/json"

    @property
    def is_call(self) -> bool:
        """Whether it is a hook call that gets an answer, which the store keeps."""
        return self.body is not None and self.status == 200 and not self.path.endswith("/feedback")


def _for_crd(body: bytes) -> bytes:
    """A call with what the CRD services need beside it: the payer's identifier."""
    call = json.loads(body)
    coverage = call["prefetch"]["coverage"]["entry"][0]["resource"]
    coverage["payor"] = [{"display": "CareSource", "identifier": {"system": "urn:example:payers", "value": "31114"}}]
    coverage["subscriberId"] = "M-1"
    return json.dumps(call, separators=(",", ":")).encode()


def _feedback() -> bytes:
    reason = {"reason": {"code": "guideline-not-met", "system": "urn:example:reasons"}, "userComment": "known"}
    entry = {"outcome": "overridden", "overrideReason": reason, "outcomeTimestamp": "2026-11-25T10:00:00Z"}
    return json.dumps({"feedback": [{"card": "CARD", **entry}]}).encode()


def kinds() -> tuple[Kind, ...]:
    """The mix: mostly typical charts, now and then a month of sensor readings, a few clients that err."""
    chart = typical()
    return (
        Kind("order-sign", 500, SIGN, chart),
        Kind("crd-order-sign", 300, CRD_SIGN, _for_crd(chart)),
        Kind("discovery", 80, "/cds-services", None),
        Kind("feedback", 80, f"{SIGN}/feedback", _feedback()),
        Kind("sensor month", 5, SIGN, sensor_month()),
        Kind("bad JSON", 15, SIGN, chart[:-20], 400),
        Kind(
            "no context",
            10,
            CRD_SIGN,
            b'{"hook":"order-sign","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"}',
            400,
        ),
        Kind("no such service", 5, "/cds-services/order-sing", chart, 404),
        Kind("wrong media type", 5, SIGN, b"<Bundle/>", 415, "application/xml"),
    )


@dataclass(slots=True)
class Counted:
    """What the clients saw. Times are in seconds, by kind."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    calls: int = 0
    feedback: int = 0

    def add(self, other: Counted) -> None:
        """Takes in what another client saw."""
        for name, seconds in other.times.items():
            self.times[name] += seconds
        self.statuses += other.statuses
        self.unexpected += other.unexpected
        self.broken += other.broken
        self.calls += other.calls
        self.feedback += other.feedback


class Client(threading.Thread):
    """One client with one connection that is kept; sends the next request as soon as the last is answered."""

    def __init__(self, url: str, seed: int, until: float) -> None:
        super().__init__(name=f"client-{seed}")
        self._url, self._until = url, until
        self._random = random.Random(seed)
        self._last = ("nothing", 0.0)
        self.counted = Counted()

    def run(self) -> None:
        """Sends until the time is over."""
        mix = kinds()
        weights = [kind.weight for kind in mix]
        with requests.Session() as session:
            session.trust_env = False
            while time.monotonic() < self._until:
                self._send(session, *self._random.choices(mix, weights))

    def _send(self, session: requests.Session, kind: Kind) -> None:
        body = kind.body
        if body is not None:  # every card that is told about is another one, so that each is a row of its own
            body = body.replace(b'"CARD"', f'"{uuid4()}"'.encode())
        began = time.monotonic()
        try:
            if body is None:
                reply = session.get(self._url + kind.path, timeout=ANSWER_SECONDS)
            else:
                headers = {"Content-Type": kind.media_type}
                reply = session.post(self._url + kind.path, data=body, headers=headers, timeout=ANSWER_SECONDS)
        except requests.RequestException as error:
            last, ended = self._last
            self.counted.broken.append(f"{kind.name}, {began - ended:.3f} s after {last}: {error!r}"[:300])
            return
        self._last = (kind.name, time.monotonic())
        self.counted.times[kind.name].append(self._last[1] - began)
        self.counted.statuses[kind.name, reply.status_code] += 1
        if reply.status_code != kind.status:
            self.counted.unexpected.append(f"{kind.name}: {reply.status_code} {reply.text[:200]}")
        self.counted.calls += kind.is_call and reply.status_code == 200
        self.counted.feedback += kind.name == "feedback" and reply.status_code == 200
