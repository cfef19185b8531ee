"""The demo with its FHIR server and its EHR, and a clinician who goes through a SMART sign-in in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from flask import Flask

from cds_service.demo.charts import all_charts
from cds_service.demo.ehr.server import DemoEhr
from cds_service.demo.live import Sandbox, running_sandbox
from cds_service.demo.pages import create_demo
from cds_service.demo.sandbox_server import is_installed
from cds_service.demo.send import SERVICE
from cds_service.services.answer_hook import EXTENSION
from cds_service.settings import Settings
from tests import support
from tests.browser.conftest import unavailable
from tests.browser.serving import free_port, served

SECONDS = 30


@dataclass
class World:
    """Everything that a loop needs: the service, its EHR, and the real FHIR server behind both."""

    address: str
    sandbox: Sandbox
    app: Flask

    @property
    def ehr(self) -> DemoEhr:
        """The EHR with its options, which a test may change while it runs."""
        found: DemoEhr = self.app.config["EHR"]
        return found

    @property
    def iss(self) -> str:
        """The FHIR base that apps are told."""
        return f"{self.address}/demo/ehr/fhir"

    def statements(self, chart_id: str) -> list[dict[str, Any]]:
        """The QuestionnaireResponses about a chart's patient that the real FHIR server holds."""
        found = requests.get(f"{self.sandbox.base_url}/QuestionnaireResponse?_count=200", timeout=SECONDS).json()
        subject = f"Patient/{all_charts()[chart_id].request['context']['patientId']}"
        held = [entry["resource"] for entry in found.get("entry", ())]
        return [each for each in held if each.get("subject", {}).get("reference") == subject]

    def delete(self, statement: dict[str, Any]) -> None:
        """Takes a statement off the real FHIR server, so that a chart is again as it was."""
        requests.delete(f"{self.sandbox.base_url}/QuestionnaireResponse/{statement['id']}", timeout=SECONDS)

    def fire(self, chart_id: str, **more: Any) -> dict[str, Any]:
        """The hook's answer for a chart, read from the real FHIR server."""
        call = self.sandbox.call(all_charts()[chart_id]) | more
        answer = requests.post(f"{self.address}{SERVICE}", json=call, timeout=SECONDS).json()
        (judged,) = answer["extension"][EXTENSION]
        return {"outcome": judged["outcome"], "cards": answer["cards"], "judged": judged}


@contextmanager
def world(**settings: Any) -> Iterator[World]:
    """Start a FHIR server with every sample chart, and the service with an EHR before it."""
    if not is_installed():
        unavailable("sekmet-fhir is not installed")
    port = free_port()
    made = Settings(public_url=f"http://127.0.0.1:{port}", database_url="off", **settings)
    with running_sandbox(support.today()) as sandbox:
        app = create_demo(made, sandbox)
        with served(app, port) as address:
            yield World(address, sandbox, app)


def follow_card(page: Any, world: World, chart_id: str) -> None:
    """Signs the order of a chart on the demo's page, and follows its card's link as far as the EHR's question."""
    page.goto(f"{world.address}/demo/{chart_id}")
    page.get_by_role("button", name="Sign the order", exact=True).click()
    page.wait_for_url("**#card")
    page.get_by_role("button", name="Answer the open questions").click()
    page.wait_for_url("**/authorize**")


def sign_in(page: Any, world: World, chart_id: str) -> None:
    """The same, and lets the app in."""
    follow_card(page, world, chart_id)
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url("**/smart/documentation")


def send(page: Any, section: str) -> None:
    """Presses a section's button, and waits until the page has answered."""
    button = page.get_by_role("button", name=f"Sign and send {section}", exact=True)
    with page.expect_response(lambda answer: "/smart/documentation" in answer.url and answer.status != 303):
        button.click()
    page.wait_for_load_state()
    # A selector, not wait_for_function: that evaluates its text in the page, which the page's own policy refuses.
    page.locator("main:not(:has(#statement button:disabled))").wait_for()


def outcome(page: Any) -> str:
    """The line that says where the order stands."""
    return " ".join(page.locator("#outcome .verdict").inner_text().split())
