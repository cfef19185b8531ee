"""A clinician without a browser: the demo with its EHR and a real FHIR server, gone through over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from flask import Flask

from cds_service.demo.charts import all_charts
from cds_service.demo.ehr.server import DemoEhr, EhrOptions
from cds_service.demo.live import Sandbox, running_sandbox
from cds_service.demo.pages import SERVICE, create_demo
from cds_service.demo.sandbox_server import is_installed
from cds_service.settings import Settings
from tests import support
from tests.browser.serving import free_port, served
from tests.integration.charts import unavailable
from tests.support import JSON

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SECONDS = 30


class Page(HTMLParser):
    """What stands on a page: the fields as a browser would send them, errors by field, text, buttons."""

    def __init__(self, answer: requests.Response) -> None:
        """Reads the body."""
        super().__init__()
        self.status = answer.status_code
        self.headers = answer.headers
        self.fields: dict[str, str] = {}
        self.shown: set[str] = set()
        self.errors: dict[str, str] = {}
        self.described: dict[str, str] = {}
        self.buttons: list[str] = []
        self._select = self._error = ""
        self._words: list[str] = []
        self.source = answer.text
        self.feed(answer.text)
        self.text = " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Fields, buttons, marks."""
        told = {name: value or "" for name, value in attrs}
        name = told.get("name", "")
        if tag == "input" and told.get("type") == "radio":
            self.shown.add(name)
            if "checked" in told:
                self.fields[name] = told["value"]
        elif tag == "input":
            self.shown.add(name)
            self.fields[name] = told.get("value", "")
        elif tag == "select":
            self._select = name
            self.shown.add(name)
            self.fields[name] = ""
        elif tag == "option" and "selected" in told:
            self.fields[self._select] = told["value"]
        elif tag == "button" and told.get("type") != "button":
            self.buttons.append(told.get("value", ""))
        if "aria-describedby" in told:
            self.described[told.get("name") or told.get("id", "").removeprefix("q-")] = told["aria-describedby"]
        if told.get("class") == "error":
            self._error = told["id"].removeprefix("e-")

    def handle_data(self, data: str) -> None:
        """Words, and those of errors."""
        self._words.append(data)
        if self._error:
            self.errors[self._error] = data
            self._error = ""


@dataclass
class Clinic:
    """The service, its EHR, and the real FHIR server behind both."""

    address: str
    sandbox: Sandbox
    app: Flask
    first: frozenset[str] = frozenset()

    @property
    def ehr(self) -> DemoEhr:
        """The EHR with its options, which a test may change."""
        found: DemoEhr = self.app.config["EHR"]
        return found

    @property
    def iss(self) -> str:
        """The FHIR base that apps are told."""
        return f"{self.address}/demo/ehr/fhir"

    def held(self) -> dict[str, JSON]:
        """All statements on the real server, by id."""
        found = requests.get(f"{self.sandbox.base_url}/QuestionnaireResponse?_count=500", timeout=SECONDS).json()
        return {entry["resource"]["id"]: entry["resource"] for entry in found.get("entry", ())}

    def written(self) -> list[JSON]:
        """The statements that were not there at the beginning."""
        return [each for name, each in self.held().items() if name not in self.first]

    def tidy(self) -> None:
        """As at the beginning."""
        for each in self.written():
            requests.delete(f"{self.sandbox.base_url}/QuestionnaireResponse/{each['id']}", timeout=SECONDS)
        fresh = EhrOptions(patient_names=self.ehr.options.patient_names)
        for name, value in vars(fresh).items():
            setattr(self.ehr.options, name, value)

    def fire(self, chart: str) -> JSON:
        """The hook's answer for a chart, read from the real FHIR server."""
        call = self.sandbox.call(all_charts()[chart])
        answer: JSON = requests.post(f"{self.address}{SERVICE}", json=call, timeout=SECONDS).json()
        return answer

    def app_context(self, chart: str) -> str:
        """What the card's link hands to the EHR."""
        links = [link for card in self.fire(chart)["cards"] for link in card["links"] if link["type"] == "smart"]
        context: str = links[0]["appContext"]
        return context

    def launch_url(self, chart: str, context: str | None = None) -> str:
        """Where the EHR sends the browser for a card's link."""
        told = all_charts()[chart].request["context"]
        launch = self.ehr.begin_launch(told["patientId"], told["userId"], context)
        return f"{self.address}/smart/launch?iss={self.iss}&launch={launch}"


@contextmanager
def open_clinic(**settings: Any) -> Iterator[Clinic]:
    """Start a FHIR server with every sample chart, and the service with an EHR before it."""
    if not is_installed():
        unavailable("sekmet-fhir is not installed")
    port = free_port()
    made = Settings(public_url=f"http://127.0.0.1:{port}", database_url="off", **settings)
    with running_sandbox(support.today()) as sandbox:
        app = create_demo(made, sandbox)
        with served(app, port) as address:
            clinic = Clinic(address, sandbox, app)
            clinic.first = frozenset(clinic.held())
            yield clinic


@dataclass
class Visitor:
    """One browser: its cookies, and the addresses that it was sent to."""

    clinic: Clinic
    browser: requests.Session = field(default_factory=requests.Session)
    visited: list[str] = field(default_factory=list)

    def get(self, url: str, **headers: str) -> requests.Response:
        """One request; redirects are not followed."""
        self.visited.append(url)
        return self.browser.get(url, headers=HTML | headers, allow_redirects=False, timeout=SECONDS)

    def consent(self, url: str, decision: str = "allow") -> str:
        """Answers the EHR's question; the address of the app that it leads to."""
        page = Page(self.get(url))
        answer = self.browser.post(
            f"{self.clinic.address}/demo/ehr/authorize",
            data=page.fields | {"decision": decision},
            allow_redirects=False,
            timeout=SECONDS,
        )
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def callback(self, chart: str, decision: str = "allow", context: str | None = "") -> str:
        """Follows a card's link as far as the address of the app that the EHR leads back to."""
        context = self.clinic.app_context(chart) if context == "" else context
        launched = self.get(self.clinic.launch_url(chart, context))
        assert launched.status_code == 302, launched.text
        return self.consent(launched.headers["Location"], decision)

    def sign_in(self, chart: str, context: str | None = "") -> Page:
        """Follows a card's link to the page."""
        done = self.get(self.callback(chart, context=context))
        assert done.status_code == 303, done.text
        self.visited.append(done.headers["Location"])
        return self.page()

    def page(self) -> Page:
        """The page as it is now."""
        return Page(self.get(f"{self.clinic.address}/smart/documentation"))

    def send(self, page: Page, save: str = "all", **answers: str) -> Page:
        """Presses a button of a page with some answers typed; keys use _ for the dots of linkIds."""
        typed = {name.replace("_", "."): value for name, value in answers.items()}
        return self.post(page.fields | typed | {"save": save})

    def post(self, fields: dict[str, str]) -> Page:
        """Sends these fields; what a redirect leads to is read."""
        url = f"{self.clinic.address}/smart/documentation"
        answer = self.browser.post(url, data=fields, headers=HTML, allow_redirects=False, timeout=SECONDS)
        if answer.status_code != 303:
            return Page(answer)
        self.visited.append(urljoin(url, answer.headers["Location"]))
        found = self.page()
        assert found.status == 200
        found.status = 303
        return found


def query(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def answers_of(statement: JSON) -> dict[str, Any]:
    """The answers of a QuestionnaireResponse, by linkId."""
    found: dict[str, Any] = {}
    waiting = list(statement["item"])
    while waiting:
        item = waiting.pop()
        waiting += item.get("item", ())
        for answer in item.get("answer", ()):
            ((_, found[item["linkId"]]),) = [row for row in answer.items() if row[0].startswith("value")]
    return found
