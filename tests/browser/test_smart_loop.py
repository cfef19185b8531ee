"""The loop in a real browser: hook, card, SMART sign-in, questions, a signed answer on a real FHIR server, approval."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse

from cds_service.demo.charts import all_charts
from cds_service.demo.ehr.server import EhrClient
from cds_service.demo.send import SERVICE
from cds_service.services.answer_hook import EXTENSION
from tests import support
from tests.browser.axe import faults
from tests.browser.shots import shot
from tests.browser.smart import SECONDS, World, follow_card, outcome, send, sign_in, world

pytestmark = pytest.mark.real

DESKTOP = {"width": 1100, "height": 900}
# Within the last 12 months (D.I.D), as a date field takes it.
RECENT = (support.today() - timedelta(days=60)).isoformat()


@pytest.fixture(scope="module", name="world")
def _world() -> Iterator[World]:
    with world() as started:
        yield started


@pytest.fixture(name="page", params=[True, False], ids=["with-script", "without-script"])
def _page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    yield from _tab(browser, request.param)


@pytest.fixture(name="scripted")
def _scripted(browser: Any) -> Iterator[Any]:
    yield from _tab(browser, True)


def _tab(browser: Any, script: bool) -> Iterator[Any]:
    """A page of a new browser profile; a script that fails, or is refused by the page's policy, fails the test."""
    context = browser.new_context(viewport=DESKTOP, java_script_enabled=script)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Security Policy" in said.text else None)
    yield page
    context.close()
    assert complaints == []


# ---------------------------------------------------------------- from the hook to approval

LOOPS = {
    # D.I.G: 4.5 a day is at least 4. The chart holds a meter download of 20 days only.
    True: ("meter-download-of-20-days", "D.I.G", {"How many glucose self-tests": "4.5"}),
    # D.I.D: completed within the last 12 months, by an educator with a credential.
    False: ("education-too-old", "D.I.D", {"When was the comprehensive": RECENT, "Who taught it": "R. Example, CDCES"}),
}


def test_an_answer_turns_the_next_signing_into_an_approval(world: World, page: Any) -> None:
    chart, section, texts = LOOPS[_runs_scripts(page)]
    before = world.fire(chart)
    assert before["outcome"] == "needs-documentation"
    sign_in(page, world, chart)
    assert outcome(page) == "Needs documentation"
    shot(page, f"documentation-{chart}")
    row = page.locator(f"[id='row-{section}']")
    for label, text in texts.items():
        row.get_by_label(label).fill(text)
    held = len(world.statements(chart))
    send(page, section)
    assert outcome(page) == "Needs documentation before, now Likely approved"
    assert "now met" in page.locator("#outcome").inner_text()
    shot(page, f"documentation-{chart}-approved")
    written = world.statements(chart)
    assert len(written) == held + 1
    assert world.fire(chart)["outcome"] == "likely-approved"
    _assert_counts_by_itself(world, chart, written)


def _runs_scripts(page: Any) -> bool:
    """Whether the fixture gave a tab with JavaScript."""
    page.set_content("<noscript><p>no script</p></noscript>")
    return page.get_by_text("no script").count() == 0


def _assert_counts_by_itself(world: World, chart: str, held: list[dict[str, Any]]) -> None:
    """The statement, sent as prefetch beside the very chart that needed documentation, makes it likely approved."""
    new = max(held, key=lambda each: each["authored"])
    QuestionnaireResponse.model_validate(new)
    context = all_charts()[chart].request["context"]
    assert new["author"]["reference"].endswith(context["userId"])
    assert new["source"] == new["author"]
    assert new["questionnaire"] == f"{world.address}/fhir/Questionnaire/mp-mm-1316|1.0.0"
    about = [each["valueReference"]["reference"] for each in new["extension"] if each["url"].endswith("/qr-context")]
    order = context["draftOrders"]["entry"][0]["resource"]
    assert f"DeviceRequest/{order['id']}" in about
    assert any(each.startswith("Coverage/") for each in about)
    call = all_charts()[chart].call_on(world.sandbox.day)
    assert _judged(world, call) == "needs-documentation"
    kept = call["prefetch"].get("attestations") or {"resourceType": "Bundle", "type": "searchset", "entry": []}
    call["prefetch"]["attestations"] = kept | {"entry": [*kept["entry"], {"resource": new}]}
    assert _judged(world, call) == "likely-approved"


def _judged(world: World, call: dict[str, Any]) -> str:
    answer = requests.post(f"{world.address}{SERVICE}", json=call, timeout=SECONDS).json()
    return str(answer["extension"][EXTENSION][0]["outcome"])


def test_a_replacement_is_stated_and_approved_on_its_own_path(world: World, scripted: Any) -> None:
    sign_in(scripted, world, "pump-in-use-not-marked")
    block = scripted.locator("[id='row-D.III']")
    block.get_by_role("group", name="Does this order replace").get_by_label("Yes").check()
    send(scripted, "D.III")
    assert "needed beside your other answer" in scripted.locator("#problem").inner_text()
    block.get_by_label("Why is the pump replaced").select_option("worn-out")
    send(scripted, "D.III")
    assert "now Likely approved" in outcome(scripted)
    assert world.fire("pump-in-use-not-marked")["outcome"] == "likely-approved"


def test_an_exclusion_that_was_stated_by_mistake_is_taken_back(world: World, scripted: Any) -> None:
    sign_in(scripted, world, "convenience-only")
    assert outcome(scripted) == "Excluded"
    question = scripted.get_by_role("group", name="Is the pump requested purely")
    assert question.get_by_label("Yes").is_checked()
    question.get_by_label("No", exact=True).check()
    send(scripted, "D.II")
    assert outcome(scripted).startswith("Excluded before, now")
    assert world.fire("convenience-only")["outcome"] != "excluded"


# ---------------------------------------------------------------- what goes wrong


REFUSED = {True: "sensor-without-finger-sticks", False: "type-2-without-insulin"}


def test_answers_survive_a_server_that_refuses_them(world: World, page: Any) -> None:
    chart = REFUSED[_runs_scripts(page)]
    sign_in(page, world, chart)
    injections = chart == "type-2-without-insulin"
    section = "D.I.F" if injections else "D.I.G"
    fields = [page.get_by_label("How many insulin injections" if injections else "How many glucose self-tests")]
    fields[0].fill("5")
    if injections:
        fields.append(page.get_by_label("Since which day"))
        fields[1].fill("2024-01-31")
        page.get_by_role("group", name="Does the member adjust").get_by_label("Yes").check()
    typed = [field.input_value() for field in fields]
    held = len(world.statements(chart))
    for status in (500, 403, 422):
        world.ehr.options.refuse_writes = status
        send(page, section)
        problem = page.locator("#problem").inner_text()
        assert "Nothing was written" in problem
        assert str(status) in problem
        assert [field.input_value() for field in fields] == typed
        assert len(world.statements(chart)) == held
    shot(page, "documentation-refused")
    world.ehr.options.refuse_writes = 0
    send(page, section)
    assert "before, now" in outcome(page)
    assert "now met" in page.locator("#outcome").inner_text()
    assert len(world.statements(chart)) == held + 1


def _unfold_team(page: Any) -> None:
    """Opens the question about the team, which is folded where the chart suggests it."""
    page.locator("#fold-met > summary").click()
    page.locator("[id='row-D.I.C'] summary", has_text="State it").click()


def test_answers_survive_the_end_of_the_session(world: World, page: Any) -> None:
    sign_in(page, world, "free-text-order")
    _unfold_team(page)
    page.locator("[id='row-D.I.C']").get_by_label("Yes").check()
    page.context.clear_cookies()
    page.locator("[id='row-D.I.C']").get_by_role("button").click()
    page.get_by_role("heading", name="Your session has ended").wait_for()
    assert "expert-level experience" in page.locator("dl").inner_text()
    shot(page, "documentation-ended")
    other = page.context.new_page()
    sign_in(other, world, "free-text-order")
    held = len(world.statements("free-text-order"))
    page.get_by_role("button", name="Send again").click()
    page.locator("#problem").wait_for()
    assert page.locator("[id='row-D.I.C']").get_by_label("Yes").is_checked()
    assert len(world.statements("free-text-order")) == held, "nothing is written that was not seen and sent"
    send(page, "D.I.C")
    assert len(world.statements("free-text-order")) == held + 1


def test_answers_of_one_patient_never_reach_another(world: World, scripted: Any) -> None:
    sign_in(scripted, world, "basal-insulin-only")
    _unfold_team(scripted)
    scripted.locator("[id='row-D.I.C']").get_by_label("Yes").check()
    sign_in(scripted.context.new_page(), world, "hba1c-exactly-seven")
    send(scripted, "D.I.C")
    assert "another patient or order" in scripted.locator("#problem").inner_text()
    assert scripted.get_by_label("Yes").and_(scripted.locator(":checked")).count() == 0


def test_denied_consent_says_so_and_writes_nothing(world: World, page: Any) -> None:
    follow_card(page, world, "ordered-by-a-nurse")
    page.get_by_role("button", name="Deny").click()
    page.wait_for_url("**/smart/callback**")
    assert "Access was not granted" in page.get_by_role("alert").inner_text()
    page.goto(f"{world.address}/smart/documentation")
    assert "Nobody is signed in" in page.get_by_role("alert").inner_text()


def test_an_answer_that_nobody_asked_for_is_refused(world: World, page: Any) -> None:
    follow_card(page, world, "ordered-by-a-nurse")
    page.goto(f"{world.address}/smart/callback?code=stolen&state=guessed")
    assert "state does not belong" in page.get_by_role("alert").inner_text().lower()
    assert page.goto(f"{world.address}/smart/documentation").status == 403


@pytest.mark.parametrize("iss", ["https://ehr.example.invalid/fhir", "http://169.254.169.254/fhir", "no-url"])
def test_a_server_that_nobody_trusts_is_not_asked(world: World, page: Any, iss: str) -> None:
    answer = page.goto(f"{world.address}/smart/launch?iss={iss}&launch=x")
    assert answer.status == 403
    assert "not a FHIR server that this service trusts" in page.get_by_role("alert").inner_text()


# ---------------------------------------------------------------- kinds of EHRs


@pytest.mark.parametrize(
    ("scopes", "well_known"), [("v1", True), ("v2", True), ("v1", False)], ids=["v1", "v2", "v1-metadata-only"]
)
def test_each_generation_of_smart_is_spoken(world: World, scripted: Any, scopes: Any, well_known: bool) -> None:
    options = world.ehr.options
    options.scopes, options.well_known = scopes, well_known
    try:
        sign_in(scripted, world, "hba1c-exactly-seven")
        assert outcome(scripted) == "Needs documentation"
        assert scripted.get_by_role("button", name="Sign and send D.I.I").count() == 1
    finally:
        options.scopes, options.well_known = "both", True


def test_the_page_opens_from_its_own_address_too(world: World, page: Any) -> None:
    page.goto(f"{world.address}/smart/launch?iss={world.iss}")
    page.wait_for_url("**/authorize**")
    chart = all_charts()["basal-insulin-only"]
    page.get_by_label("Whose chart may it open?").select_option(label=chart.title)
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url("**/smart/documentation")
    assert "No order for an insulin pump was found" in page.locator("main").inner_text()
    # With no card to come from, the order is found once the EHR has it on its server.
    order = chart.call_on(world.sandbox.day)["context"]["draftOrders"]["entry"][0]["resource"] | {"status": "active"}
    place = f"{world.sandbox.base_url}/DeviceRequest/{order['id']}"
    requests.put(place, json=order, timeout=SECONDS).raise_for_status()
    page.reload()
    assert outcome(page) == "Needs documentation"
    requests.delete(place, timeout=SECONDS).raise_for_status()


def test_a_client_with_a_secret_signs_in(scripted: Any, tmp_path: Any) -> None:
    (tmp_path / "secret").write_text("s3cret\n", encoding="utf-8")
    with world(smart_client_id="hospital-app", smart_client_secret_file=str(tmp_path / "secret")) as started:
        started.ehr.options.clients = (EhrClient("hospital-app", ("*",), secret="s3cret"),)
        sign_in(scripted, started, "hba1c-exactly-seven")
        assert outcome(scripted) == "Needs documentation"
        started.ehr.options.clients = (EhrClient("hospital-app", ("*",), secret="another"),)
        follow_card(scripted, started, "hba1c-exactly-seven")
        scripted.get_by_role("button", name="Allow").click()
        scripted.wait_for_url("**/smart/callback**")
        assert "did not accept the sign-in" in scripted.get_by_role("alert").inner_text()


def test_what_the_ehr_did_not_grant_is_said(world: World, scripted: Any) -> None:
    options = world.ehr.options
    kept = options.grant
    try:
        options.grant = lambda scope: " ".join(s for s in scope.split() if s not in ("openid", "fhirUser"))
        sign_in(scripted, world, "hba1c-exactly-seven")
        assert "did not say who you are" in scripted.locator("main").inner_text()
        assert scripted.get_by_role("button", name="Sign and send").count() == 0
    finally:
        options.grant = kept


# ---------------------------------------------------------------- for everybody


def test_the_loop_is_gone_through_by_keyboard_alone(world: World, scripted: Any) -> None:
    sign_in(scripted, world, "hba1c-exactly-seven")
    for _ in range(60):
        scripted.keyboard.press("Tab")
        if scripted.evaluate("document.activeElement.name") == "save":
            break
        if scripted.evaluate("document.activeElement.type") == "radio":
            scripted.keyboard.press("Space")
    assert scripted.evaluate("document.activeElement.name") == "save"
    with scripted.expect_response("**/smart/documentation"):
        scripted.keyboard.press("Enter")


@pytest.mark.usefixtures("axe")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_the_loop_has_a_serious_fault(browser: Any, world: World, scheme: Any) -> None:
    context = browser.new_context(viewport=DESKTOP, bypass_csp=True, color_scheme=scheme)
    page = context.new_page()
    found: dict[str, list[str]] = {}
    follow_card(page, world, "hba1c-exactly-seven")
    found["consent"] = faults(page)
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url("**/smart/documentation")
    found["page"] = faults(page)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    found["everything open"] = faults(page)
    page.get_by_label("When was the comprehensive").fill("2020-01-01")
    send(page, "D.I.D")
    # Errors are announced, and lead to their fields.
    found["errors"] = faults(page)
    context.clear_cookies()
    page.get_by_role("button", name="Sign and send D.I.I").click()
    page.get_by_role("heading", name="Your session has ended").wait_for()
    found["ended"] = faults(page)
    page.goto(f"{world.address}/smart/documentation")
    found["refused"] = faults(page)
    page.goto(f"{world.address}/smart/launch?iss={world.iss}")
    page.wait_for_url("**/authorize**")
    found["choice of a patient"] = faults(page)
    context.close()
    assert {name: lines for name, lines in found.items() if lines} == {}
