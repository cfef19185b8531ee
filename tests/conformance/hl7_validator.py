"""The HL7 validator: base R4 validation of resources, by the program in validator/ under a JVM."""

from __future__ import annotations

import atexit
import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.conformance import maven

HERE = Path(__file__).parent / "validator"
POM, WHAT = HERE / "pom.xml", "the HL7 validator"
JSON = dict[str, Any]


class ValidatorError(Exception):
    """The validator did not run to its end."""


def why_not() -> str | None:
    """Why the validator cannot run here, None when it can."""
    return maven.why_not(POM, WHAT)


class _Validator:
    """The program, running for as long as the tests do: its start costs more than most of its work."""

    def __init__(self) -> None:
        command = ["java", "-XX:+UseSerialGC", "-cp", maven.class_path(POM, WHAT), str(HERE / "Validate.java")]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the program runs)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)
        self._known = ""  # nothing told yet; the first call tells it, if only an empty Bundle
        self._found: dict[tuple[str, str], list[str]] = {}
        atexit.register(self.close)

    def errors_of(self, resource: JSON, known: str) -> list[str]:
        """The errors of one resource, judged by the Bundle `known`, as JSON; equal ones are validated once."""
        line = json.dumps(resource)
        if (known, line) not in self._found:
            if known != self._known:
                self._ask(f"known {known}")
                self._known = known
            self._found[known, line] = self._ask(line)
        return self._found[known, line]

    def _ask(self, line: str) -> list[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # A program that is gone breaks the pipe or answers nothing, whichever is noticed first.
        answer = b""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            code = self._process.wait(timeout=30)
            self._errors.seek(0)
            raise ValidatorError(f"the validator ended early, exit code {code}: {self._errors.read().decode()[-2000:]}")
        return json.loads(answer)

    def close(self) -> None:
        """Ends the program with its input."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it may have ended already, with a line unread
                self._process.stdin.close()
        self._process.wait(timeout=30)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()


@cache
def _running() -> _Validator:
    return _Validator()


def validate(resources: Sequence[JSON], known: Sequence[JSON] = ()) -> list[list[str]]:
    """The errors of each resource against base R4, in order.

    `known`: Questionnaires, ValueSets and CodeSystems that the resources refer to, and by which they are judged.
    """
    entries = [{"resource": resource} for resource in known]
    bundle = json.dumps({"resourceType": "Bundle", "type": "collection", **({"entry": entries} if entries else {})})
    return [_running().errors_of(resource, bundle) for resource in resources]


def resources_sent(response: JSON) -> Iterator[JSON]:
    """Every FHIR resource that an answer carries: of system actions and of suggestions."""
    offers = [offer for card in response.get("cards", ()) for offer in card.get("suggestions", ())]
    actions = [*response.get("systemActions", ()), *(a for offer in offers for a in offer.get("actions", ()))]
    yield from (action["resource"] for action in actions if "resource" in action)
