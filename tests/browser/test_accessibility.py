"""Every page under axe-core, in light and dark, on a phone and on a desk. A new page is one line of PLACES."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, jsonify

from cds_service.demo.ehr.server import DemoEhr
from cds_service.demo.live import running_sandbox
from cds_service.demo.pages import create_demo
from cds_service.demo.sandbox_server import is_installed
from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.browser import shots
from tests.browser.axe import IMPACTS, faults
from tests.browser.conftest import unavailable
from tests.browser.serving import served
from tests.cli.test_report import fill, run
from tests.store.samples import call_record, determination, feedback_record

pytestmark = pytest.mark.real

OUTCOMES = ("likely-approved", "needs-documentation", "excluded", "not-applicable")
UNFOLD = """for (const each of document.querySelectorAll("details")) {
  each.open = !each.parentElement.closest(".json details details");
}"""
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (375, 1200)]
HEIGHT = 900


@dataclass(frozen=True)
class Place:
    """A page: the fixture with its site's address, its path there, and what to do on it before it is looked at.

    `{site}` in a path stands for the address.
    """

    site: str
    path: str
    first: Callable[[Any], None] | None = None

    def __str__(self) -> str:
        name = f"{self.site}{self.path.partition('?')[0]}".replace("/", "-").replace("#", "-")
        return f"{name}-{self.first.__name__}" if self.first else name

    def open(self, page: Any, address: str) -> None:
        """Goes there, and unfolds everything; of JSON the outer levels, since the inner ones look the same."""
        page.goto(address + self.path.replace("{site}", address))
        if self.first:
            self.first(page)
        page.get_by_role("heading", level=1).wait_for()
        page.evaluate(UNFOLD)


def signed(page: Any) -> None:
    page.get_by_role("button", name="Sign the order", exact=True).click()
    page.wait_for_url("**#card")


def accepted_and_overridden(page: Any) -> None:
    """Accepts the first suggestion of the card, and gives a reason for going on without it."""
    signed(page)
    page.locator(".offers button").first.click()
    page.wait_for_url("**#drafts")
    page.locator("summary", has_text="Go on without it").click()
    page.locator("input[name=reason]").first.check()
    page.get_by_role("button", name="Send the reason").click()
    page.wait_for_url("**#told")


def mistyped(page: Any) -> None:
    page.get_by_label("The request, a CDS Hooks call").fill('{"hook": }')
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("alert").wait_for()


def allowed_for_nobody(page: Any) -> None:
    """Presses Allow with no patient chosen, past the browser's own check."""
    page.locator("form").evaluate("form => form.noValidate = true")
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("alert").wait_for()


SIGN_IN = (
    "/demo/ehr/authorize?response_type=code&client_id=insulin-pump-cds&redirect_uri=http://127.0.0.1:1/back"
    f"&state=s&scope=launch/patient+patient/*.rs&aud={{site}}/demo/ehr/fhir"
    f"&code_challenge={'c' * 43}&code_challenge_method=S256"
)
PLACES = [
    Place("site", "/demo"),
    Place("site", "/demo/type-1-by-attestation"),
    Place("site", "/demo/type-1-by-attestation", signed),
    Place("site", "/demo/replacement-of-worn-out-pump", signed),
    Place("site", "/demo/one-chart-two-plans", signed),
    Place("site", "/demo/patient-on-dialysis", signed),
    Place("site", "/demo/medicaid-coverage", signed),
    Place("site", "/demo/education-too-old", accepted_and_overridden),
    Place("site", "/demo/signed/own"),
    Place("site", "/demo/signed/own", mistyped),
    Place("site", "/demo/feedback"),
    Place("ehr_site", "/"),
    Place("site", "/policy/MP-MM-1316"),
    Place("site", "/policy/MP-MM-1316#D.I.F"),
    Place("live_site", "/demo"),
    Place("live_site", "/demo/type-1-with-meter-download"),
    Place("live_site", "/demo/type-1-with-meter-download", signed),
    Place("live_site", "/smart/documentation"),
    Place("live_site", "/smart/launch?iss=http://127.0.0.1:1/unknown"),
    Place("report", "/report.html"),
    Place("report_of_two", "/report.html"),
    Place("ehr_site", SIGN_IN),
    Place("ehr_site", SIGN_IN, allowed_for_nobody),
    Place("ehr_site", "/demo/ehr/authorize?client_id=nobody"),
]


@pytest.fixture(scope="module", name="context")
def _context(browser: Any, axe: None) -> Iterator[Any]:
    """A browser in which axe may run on pages that allow no script."""
    opened = browser.new_context(bypass_csp=True)
    yield opened
    opened.close()


@pytest.fixture(name="page")
def _page(context: Any) -> Iterator[Any]:
    opened = context.new_page()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a report with an order of each outcome and feedback, as an address."""
    return _report(tmp_path_factory.mktemp("report"), [determination(outcome=each) for each in OUTCOMES])


@pytest.fixture(scope="module")
def report_of_two(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a report on orders under two policies."""
    other = {"policy": {"id": "L33794", "version": "2026-01-01"}}
    orders = [determination(outcome=each, **members) for each in OUTCOMES for members in ({}, other)]
    return _report(tmp_path_factory.mktemp("report-of-two"), orders)


def _report(folder: Path, orders: list[dict[str, Any]]) -> str:
    variables = {
        "PUMP_CDS_DATABASE_URL": f"sqlite:///{folder}/x.db",
        "PUMP_CDS_SPOOL_FOLDER": str(folder / "spool"),
    }
    calls = [call_record(determinations=[each]) for each in orders]
    fill(variables, *calls, feedback_record(calls[0].cards[0]["uuid"], outcome="overridden", override_code="elsewhere"))
    assert run(variables, str(folder / "out"), "--small-cells").exit_code == 0
    return (folder / "out").as_uri()


@pytest.fixture(scope="module")
def live_site() -> Iterator[str]:
    """Serve the demo with its FHIR server and EHR at the address that apps are sent back to, and give it."""
    if not is_installed():
        unavailable("sekmet-fhir is not installed")
    with running_sandbox(support.today()) as sandbox:
        app = create_demo(Settings(), sandbox)
        with served(app) as address:
            app.config["SETTINGS"] = replace(app.config["SETTINGS"], public_url=address)
            yield address


@pytest.fixture(scope="module")
def ehr_site() -> Iterator[str]:
    """Serve the demo's own EHR before a FHIR server with one patient, and give its address."""
    fhir = Flask("fhir")
    patient = {"resourceType": "Patient", "id": "p1", "name": [{"text": "Sample patient"}]}
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": patient}]}
    fhir.add_url_rule("/fhir/Patient", "patients", lambda: jsonify(bundle))
    app = create_app(Settings(database_url="off"))
    with served(fhir) as behind:
        app.register_blueprint(DemoEhr(f"{behind}/fhir").blueprint)
        with served(app) as address:
            yield address


def look(page: Any, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": HEIGHT})


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_page_has_no_fault_that_is_more_than_minor(place: Place, page: Any, request: pytest.FixtureRequest) -> None:
    place.open(page, request.getfixturevalue(place.site))
    found = []
    for scheme, width in LOOKS:
        look(page, scheme, width)
        shots.shot(page, f"{request.node.callspec.id}-{scheme}-{width}")
        found += [f"{scheme}, {width} px: {fault}" for fault in faults(page, ("moderate", *IMPACTS))]
    assert found == []


def test_a_number_of_the_report_keeps_its_columns_name_on_a_phone(page: Any, report: str) -> None:
    look(page, "light", 375)
    page.goto(f"{report}/report.html")
    table = page.get_by_role("region", name="Orders by outcome: the numbers").get_by_role("table")
    excluded = table.get_by_role("row").nth(1).get_by_role("cell").nth(2)
    assert excluded.inner_text() == "1"
    assert excluded.evaluate("cell => getComputedStyle(cell, '::before').content") == '"excluded: "'
    assert excluded.evaluate("cell => getComputedStyle(cell).textAlign") == "left"


# ---------------------------------------------------------------- what axe sees

WHOLE = """<!doctype html><html lang="en"><head><title>A page</title><style>
body { background: #fff; color: #000; }
%s
</style></head><body><main><h1>A page</h1>%s</main></body></html>"""
PALE = '<p style="color: #999">Words</p>'
SMALL = '<button aria-label="x" style="width: 9px; height: 9px; padding: 0"></button>'


def test_a_sound_page_has_no_fault(page: Any) -> None:
    page.set_content(WHOLE % ("", "<p>Words</p><label>Name <input></label>"))
    assert faults(page) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f'<input id="a">{PALE}<input id="b">', ["color-contrast at p", "label at #a", "label at #b"]),
        ('<img src="data:,">', ["image-alt at img"]),
        (f"<p>{SMALL}{SMALL}</p>", ["target-size at button:nth-child(1)", "target-size at button:nth-child(2)"]),
    ],
)
def test_faults_are_named_with_their_places_and_what_helps(page: Any, body: str, expected: list[str]) -> None:
    page.set_content(WHOLE % ("", body))
    found = [fault.partition(": ") for fault in faults(page)]
    assert sorted(name for name, _, _ in found) == expected
    assert all(len(words.split()) > 2 for _, _, words in found)


def test_what_is_not_serious_is_left_out_unless_it_is_asked_for(page: Any) -> None:
    page.set_content(WHOLE % ("", "<h4>Two levels down</h4>"))
    assert faults(page) == []
    [fault] = faults(page, ("moderate",))
    assert fault.startswith("heading-order at h4: ")


@pytest.mark.parametrize(
    ("condition", "seen"),
    [
        ("prefers-color-scheme: dark", [("dark", 375), ("dark", 1200)]),
        ("max-width: 400px", [("light", 375), ("dark", 375)]),
        ("min-width: 1000px", [("light", 1200), ("dark", 1200)]),
    ],
)
def test_a_fault_of_one_look_is_seen_in_that_look(page: Any, condition: str, seen: list[tuple[str, int]]) -> None:
    page.set_content(WHOLE % (f"@media ({condition}) {{ p {{ color: #999 }} }}", "<p>Words</p>"))
    found = []
    for scheme, width in LOOKS:
        look(page, scheme, width)
        found += [(scheme, width)] if faults(page) else []
    assert found == seen


# ---------------------------------------------------------------- pictures


def test_a_picture_is_saved_where_the_variable_says(page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page.set_content(WHOLE % ("", '<p style="height: 3000px">Words</p>'))
    runpy.run_path(shots.__file__)["shot"](page, "none")
    monkeypatch.setenv("PUMP_TESTS_SHOTS", str(tmp_path / "new"))
    runpy.run_path(shots.__file__)["shot"](page, "one")
    [picture] = tmp_path.rglob("*.png")
    assert picture == tmp_path / "new" / "one.png"
    head = picture.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    assert int.from_bytes(head[20:24], "big") > 3000
