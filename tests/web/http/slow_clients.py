"""Clients that send their requests slowly or never to the end, many at once, and what others notice of them.

`python -m tests.web.http.slow_clients [URL PROCESS]` prints a table of all attacks, on a running server or on one that
it starts itself; PUMP_TESTS_ATTACK_SECONDS is how long each takes.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from tests import support

ROOT = Path(__file__).parents[3]
SIGN = "/cds-services/insulin-pump-order-sign"
SOCKETS = 200
_DROP_SECONDS = 1.0
_TICKS = os.sysconf("SC_CLK_TCK")

_GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
_POST = f"POST {SIGN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()


@dataclass(frozen=True, slots=True)
class Attack:
    """What each socket sends at once, what it sends every second after that, and whether it reads answers."""

    name: str
    opening: bytes
    drop: bytes = b""
    reads: bool = True


ATTACKS = (
    Attack("nothing at all", b""),
    Attack("one byte", b"G"),
    Attack("half a head", _POST),
    Attack("half a body", _POST + b"Content-Length: 1000\r\n\r\n" + b" " * 500),
    Attack("half a chunk", _POST + b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + b" " * 500),
    Attack("a head drop by drop", _GET + b"X-Slow: ", b"a"),
    Attack("a body drop by drop", _POST + b"Content-Length: 100000\r\n\r\n", b" "),
    Attack("a connection kept open", _GET + b"\r\n"),
    Attack("half a second request", _GET + b"\r\n" + _POST),
    Attack("a close that is waited for", _GET + b"Connection: close\r\n\r\n", reads=False),
    Attack("answers that are not read", b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 100, reads=False),
)


def attack_named(name: str) -> Attack:
    """One of the attacks."""
    return next(attack for attack in ATTACKS if attack.name == name)


@dataclass
class SlowClients(threading.Thread):
    """Keeps so many sockets of one kind open; where the server closes one, the next is opened in its place."""

    url: str
    attack: Attack
    sockets: int = SOCKETS
    opened: int = 0
    closed: int = 0
    answers: dict[bytes, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(name="slow clients", daemon=True)
        self._ended = threading.Event()
        self._selector = selectors.DefaultSelector()
        self.kept: set[socket.socket] = set()
        self.all_open = threading.Event()

    def __hash__(self) -> int:
        return id(self)

    def __enter__(self) -> SlowClients:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        due = time.monotonic() + _DROP_SECONDS
        while not self._ended.is_set():
            for _ in range(self.sockets - len(self.kept)):
                self._open()
            self.all_open.set()
            for key, _ in self._selector.select(0.05):
                self._read(key.fileobj)  # type: ignore[arg-type]
            if not self.attack.reads:
                time.sleep(0.05)
            if self.attack.drop and time.monotonic() > due:
                due += _DROP_SECONDS
                for each in self.kept:
                    with suppress(OSError):
                        each.send(self.attack.drop)
        for each in self.kept:
            each.close()
        self._selector.close()

    def _open(self) -> None:
        made = socket.socket()
        if not self.attack.reads:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        made.settimeout(5)
        try:
            made.connect(address(self.url))
            made.sendall(self.attack.opening)
        except OSError:
            made.close()
            return
        made.setblocking(False)
        self.kept.add(made)
        self.opened += 1
        if self.attack.reads:
            self._selector.register(made, selectors.EVENT_READ)

    def _read(self, opened: socket.socket) -> None:
        try:
            answer = opened.recv(65_536)
        except OSError:
            answer = b""
        if answer:
            status = answer[9:12]
            self.answers[status] = self.answers.get(status, 0) + 1
        else:
            self.closed += 1
            self._selector.unregister(opened)
            self.kept.discard(opened)
            opened.close()


@dataclass(frozen=True, slots=True)
class Measured:
    """What an honest client saw during an attack, and what the server spent on it."""

    health_seconds: list[float]
    call_seconds: list[float]
    opened: int
    closed: int
    cpu_seconds: float
    resident_mib: float

    @property
    def slowest_health(self) -> float:
        return max(self.health_seconds)

    @property
    def slowest_call(self) -> float:
        return max(self.call_seconds)


def measure(url: str, process: int, attack: Attack, seconds: float, patience: float = 60.0) -> Measured:
    """Asks for health ten times a second and for a determination once, each on a connection of its own."""
    health: list[float] = []
    calls: list[float] = []
    before = cpu_seconds(process)
    with SlowClients(url, attack) as clients:
        clients.all_open.wait(30)
        until, next_call = time.monotonic() + seconds, 0.0
        while time.monotonic() < until:
            health.append(ask_health(url, patience))
            if time.monotonic() > next_call:
                calls.append(ask_a_determination(url, patience))
                next_call = time.monotonic() + 1.0
            time.sleep(0.1)
        spent, held = cpu_seconds(process) - before, resident_mib(process)
    return Measured(health, calls, clients.opened, clients.closed, spent, held)


def ask_health(url: str, patience: float = 60.0) -> float:
    """Seconds until /healthz answered."""
    return _asked(url, "GET", "/healthz", None, patience)


def ask_a_determination(url: str, patience: float = 60.0) -> float:
    """Seconds until an honest hook call was answered."""
    return _asked(url, "POST", SIGN, json.dumps(support.call()).encode(), patience)


def _asked(url: str, method: str, path: str, body: bytes | None, patience: float) -> float:
    began = time.monotonic()
    connection = HTTPConnection(*address(url), timeout=patience)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json", "Connection": "close"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, (method, path, answer.status)
    except TimeoutError:
        return patience
    finally:
        connection.close()
    return time.monotonic() - began


def address(url: str) -> tuple[str, int]:
    """Host and port."""
    host, port = url.removeprefix("http://").split(":")
    return host, int(port)


def _family(process: int) -> Iterator[int]:
    """A process and all that it started, as far as /proc tells."""
    yield process
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def cpu_seconds(process: int) -> float:
    """Computing time of a server with its workers; 0 where /proc does not tell."""
    spent = 0
    for each in _family(process):
        with suppress(OSError):
            columns = Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
            spent += int(columns[11]) + int(columns[12])
    return spent / _TICKS


def resident_mib(process: int) -> float:
    """Memory of a server with its workers; 0 where /proc does not tell."""
    held = 0
    for each in _family(process):
        with suppress(OSError):
            lines = Path(f"/proc/{each}/status").read_text().splitlines()
            held += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return held / 1024


@contextmanager
def served(folder: Path, files: int = 0, **settings: str) -> Iterator[tuple[str, int]]:
    """URL and process of a server with one worker, which may have so many files open."""
    env_kept = {name: value for name, value in os.environ.items() if not name.startswith("PUMP_CDS_")}
    env = env_kept | {"PUMP_CDS_DATABASE_URL": "off", "XDG_DATA_HOME": str(folder)} | settings
    command = [sys.executable, "-m", "cds_service.cli", "serve", "--port", "0"]
    if files:
        command = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *command]
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1], process.pid
        finally:
            process.terminate()
            process.wait(20)


def _print_all(url: str, process: int, seconds: float) -> None:
    ask_a_determination(url)
    print(f"{'attack':<28}{'health':>8}{'call':>8}{'opened':>8}{'closed':>8}{'cpu':>7}{'MiB':>7}")
    for attack in ATTACKS:
        seen = measure(url, process, attack, seconds)
        print(
            f"{attack.name:<28}{seen.slowest_health:>8.2f}{seen.slowest_call:>8.2f}{seen.opened:>8}{seen.closed:>8}"
            f"{seen.cpu_seconds:>7.1f}{seen.resident_mib:>7.0f}",
            flush=True,
        )


if __name__ == "__main__":
    import tempfile

    if len(sys.argv) > 2:
        _print_all(sys.argv[1], int(sys.argv[2]), float(os.environ.get("PUMP_TESTS_ATTACK_SECONDS", "20")))
    else:
        with tempfile.TemporaryDirectory() as made, served(Path(made)) as (own_url, own_process):
            _print_all(own_url, own_process, float(os.environ.get("PUMP_TESTS_ATTACK_SECONDS", "20")))
