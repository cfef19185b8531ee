"""What nobody can do to a session of the documentation page from elsewhere, and what happens only once."""

from __future__ import annotations

import threading
import time
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from cds_service.ehr.writing import NotWritten
from cds_service.settings import Settings
from cds_service.web import create_app
from cds_service.web.smart_app import launch as smart
from cds_service.web.smart_app import write_statement
from tests.web.smart_app.clinic import HTML, SECONDS, Page, Visitor, query

pytestmark = pytest.mark.real

CHART, OTHER = "sensor-without-finger-sticks", "hba1c-exactly-seven"
COOKIE = "pump_cds_smart"
EDUCATOR = "R. Example, CDCES"


def _typed(page: Page) -> dict[str, str]:
    return {name: value for name, value in page.fields.items() if value and name.startswith("D.")}


def _with_draft(visitor: Visitor) -> Page:
    """A page with something typed and not sent."""
    page = visitor.sign_in(CHART)
    done = visitor.send(page, "D.I.C", D_I_C="yes", D_I_D_educator=EDUCATOR)
    assert _typed(done)["D.I.D.educator"] == EDUCATOR
    return done


# ---------------------------------------------------------------- a link on a page elsewhere


@pytest.mark.parametrize("times", [1, 6])
def test_a_launch_from_elsewhere_ends_no_session_and_clears_nothing(visitor: Visitor, times: int) -> None:
    _with_draft(visitor)
    session = visitor.browser.cookies[COOKIE]
    for _ in range(times):
        launch = visitor.get(f"{visitor.clinic.address}/smart/launch?iss={visitor.clinic.iss}")
        assert launch.status_code == 302
    assert visitor.browser.cookies[COOKIE] == session
    page = visitor.page()
    assert (page.status, _typed(page)["D.I.D.educator"]) == (200, EDUCATOR)
    assert visitor.send(page, "D.I.G", D_I_G_average="4.5").status == 303


def test_launches_from_elsewhere_leave_few_cookies(visitor: Visitor) -> None:
    """A browser that holds too many of one host lets go of old ones, the session's among them."""
    for _ in range(40):
        visitor.get(f"{visitor.clinic.address}/smart/launch?iss={visitor.clinic.iss}")
    assert len([each for each in visitor.browser.cookies if each.name.startswith("pump_cds")]) <= 4


def test_answers_from_elsewhere_end_no_session(visitor: Visitor) -> None:
    page = visitor.sign_in(CHART)
    for end in ("?code=x&state=y", "?error=access_denied&state=y", "", "?state="):
        visitor.get(f"{visitor.clinic.address}/smart/callback{end}")
        assert visitor.page().status == 200
    assert visitor.send(page, "D.I.G", D_I_G_average="4.5").status == 303


def test_a_new_sign_in_for_the_same_patient_clears_nothing_that_was_typed(visitor: Visitor) -> None:
    """As when a launch from elsewhere goes through, because the EHR asks nobody."""
    before = _with_draft(visitor)
    visitor.sign_in(CHART)
    assert _typed(visitor.page())["D.I.D.educator"] == EDUCATOR
    assert visitor.send(before, "D.I.G", D_I_G_average="4.5").status == 303, "the form in the other tab still counts"


def test_a_sign_in_for_another_patient_takes_nothing_along(visitor: Visitor) -> None:
    _with_draft(visitor)
    assert "D.I.D.educator" not in _typed(visitor.sign_in(OTHER))


def test_a_link_to_another_order_clears_nothing_of_this_one(visitor: Visitor) -> None:
    _with_draft(visitor)
    order = next(iter(_orders(visitor)))
    visitor.get(f"{visitor.clinic.address}/smart/documentation?order=DeviceRequest/nobodys")
    back = Page(visitor.get(f"{visitor.clinic.address}/smart/documentation?order={order}"))
    assert _typed(back)["D.I.D.educator"] == EDUCATOR
    assert order in back.text


def _orders(visitor: Visitor) -> list[str]:
    words = visitor.page().text.replace("(", " ").replace(")", " ").split()
    return [word for word in words if word.startswith("DeviceRequest/")]


def test_two_sign_ins_in_two_tabs_both_come_to_their_end(visitor: Visitor) -> None:
    urls = [visitor.callback(CHART) for _ in range(2)]
    cookies = {query(url)["state"] for url in urls}
    assert len(cookies) == 2
    assert visitor.get(urls[1]).status_code == 303
    assert visitor.get(urls[0]).status_code == 303
    assert visitor.page().status == 200


# ---------------------------------------------------------------- back


def test_back_shows_no_error_while_the_session_lives(visitor: Visitor) -> None:
    """Every address of ours that the browser's history may hold."""
    visitor.sign_in(CHART)
    own = [each for each in visitor.visited if "/smart/" in each and "/smart/launch" not in each]
    assert any("/smart/callback" in each for each in own)
    for url in own:
        answer = visitor.browser.get(urljoin(visitor.clinic.address, url), headers=HTML, timeout=SECONDS)
        assert (answer.status_code, "Insulin pump documentation" in answer.text) == (200, True), url


# ---------------------------------------------------------------- twice


def test_the_same_form_sent_twice_writes_once(visitor: Visitor) -> None:
    page = visitor.sign_in(CHART)
    first = visitor.send(page, "D.I.G", D_I_G_average="4.5")
    again = visitor.send(page, "D.I.G", D_I_G_average="4.5")
    assert (first.status, again.status) == (303, 303)
    assert len(visitor.clinic.written()) == 1
    assert visitor.send(page, "D.I.G", D_I_G_average="4.6").status == 303, "another answer in it is another statement"
    assert visitor.send(visitor.page(), "D.I.G", D_I_G_average="4.6").status == 303, "and so is another form"
    assert len(visitor.clinic.written()) == 3


def test_a_double_click_writes_once_and_both_see_what_became_of_it(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, real = visitor.sign_in(CHART), write_statement.create

    def slow(*arguments: Any) -> str | None:
        time.sleep(1.0)
        return real(*arguments)

    monkeypatch.setattr(write_statement, "create", slow)
    fields = page.fields | {"D.I.G.average": "4.5", "save": "D.I.G"}
    got: list[requests.Response] = []

    def send() -> None:
        got.append(
            requests.post(
                f"{visitor.clinic.address}/smart/documentation",
                data=fields,
                headers=HTML | {"Cookie": f"{COOKIE}={visitor.browser.cookies[COOKIE]}"},
                allow_redirects=False,
                timeout=SECONDS,
            )
        )

    threads = [threading.Thread(target=send) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.status_code for each in got] == [303] * 4
    assert len(visitor.clinic.written()) == 1
    assert "Your statement is signed and in the EHR: Glucose self-testing" in visitor.page().text


def test_a_form_that_was_refused_is_not_taken_for_one_that_was_written(visitor: Visitor) -> None:
    page = visitor.sign_in(CHART)
    visitor.clinic.ehr.options.refuse_writes = 500
    assert visitor.send(page, "D.I.G", D_I_G_average="4.5").status == 502
    visitor.clinic.ehr.options.refuse_writes = 0
    assert visitor.send(page, "D.I.G", D_I_G_average="4.5").status == 303
    assert len(visitor.clinic.written()) == 1


def test_a_form_of_which_nobody_knows_is_not_written_a_second_time_by_itself(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, real = visitor.sign_in(CHART), write_statement.create

    def lost(*arguments: Any) -> str | None:
        real(*arguments)
        raise NotWritten("the FHIR server did not answer", uncertain=True)

    monkeypatch.setattr(write_statement, "create", lost)
    monkeypatch.setattr(write_statement, "_OTHER_REQUEST_SECONDS", 0.5)
    first = visitor.send(page, "D.I.G", D_I_G_average="4.5")
    assert "It is not known whether this was written" in first.text
    again = visitor.send(page, "D.I.G", D_I_G_average="4.5")
    assert (again.status, _typed(again)["D.I.G.average"]) == (502, "4.5")
    assert len(visitor.clinic.written()) == 1


# ---------------------------------------------------------------- size, slashes, lives


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("save=all&x=" + "x" * 64_000, "application/x-www-form-urlencoded", 413),
        ("&".join(f"a{n}=1" for n in range(2000)), "application/x-www-form-urlencoded", 413),
        ("save=all", "text/plain", 415),
        (
            '--x\r\nContent-Disposition: form-data; name="save"\r\n\r\nall\r\n--x--',
            "multipart/form-data; boundary=x",
            415,
        ),
    ],
    ids=["large", "many fields", "no form", "multipart"],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_no_form_is_larger_than_a_form(visitor: Visitor, body: str, kind: str, status: int, chunked: bool) -> None:
    visitor.sign_in(CHART)
    url = f"{visitor.clinic.address}/smart/documentation"
    data = iter([body.encode()]) if chunked else body.encode()
    answer = visitor.browser.post(url, data=data, headers={"Content-Type": kind}, timeout=SECONDS)
    assert answer.status_code == status
    assert visitor.page().status == 200


@pytest.mark.parametrize(
    "path", ["//smart/launch", "/smart//documentation", "//healthz", "//static/style.css", "/static//style.css", "//x"]
)
def test_no_double_slash_leads_to_the_host_that_the_caller_names(path: str) -> None:
    client = create_app(Settings(database_url="off")).test_client()
    answer = client.get("/", environ_overrides={"PATH_INFO": path}, headers={"Host": "evil.example.invalid"})
    assert answer.status_code in (200, 400, 404), "served as with one slash, or not at all"
    assert "Location" not in answer.headers
    answer.close()


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (10**400, 3600),
        (-(10**400), 3600),
        ("9" * 400, 3600),
        ("300", 300),
        (300.5, 300.5),
        (True, 3600),
        ("x", 3600),
        ([1], 3600),
        (None, 3600),
        (float("nan"), 3600),
        (float("inf"), 3600),
        (7200, 3600),
        (-1, 3600),
    ],
    ids=lambda value: str(value)[:9],
)
def test_no_life_of_a_token_breaks_a_sign_in(told: Any, seconds: float) -> None:
    with create_app(Settings(database_url="off")).app_context():
        assert smart._seconds(told) == seconds
