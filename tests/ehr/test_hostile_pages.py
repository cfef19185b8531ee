"""Pages: links of every kind, pages of every size, lists that do not end, and what an incomplete list decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests import support
from tests.ehr.hostile_server import (
    Asked,
    HostileServer,
    Reply,
    call,
    chart,
    edited,
    judge,
    leading_to,
    on_page,
    refuse,
    say,
    without_end,
)
from tests.support import JSON

CRITERIA = [f"D.I.{letter}" for letter in "ABCDEFGHI"]
MONTHS = range(1, 11)


@pytest.fixture
def ehr() -> Iterator[HostileServer]:
    with HostileServer(*chart()) as server:
        yield server


def _with_history(server: HostileServer, newest: float = 6.4) -> None:
    """Ten results above 7 % and a newest one, which is held last."""
    old = (support.observation(f"h{n}", "4548-4", 8.0 + n / 10, "%", f"2026-{n:02}-10") for n in MONTHS)
    server.held += [*old, support.observation("newest", "4548-4", newest, "%", "2026-11-15")]


def _hba1c(asked: Asked) -> bool:
    return "4548-4" in asked.values("code")


# ---------------------------------------------------------------- links


@pytest.mark.parametrize("form", ["{url}", "{path}", "{end}"])
def test_next_links_absolute_from_the_root_and_relative(ehr: HostileServer, form: str) -> None:
    """bug-log 36; rule 4: the links carry the search's own parameters, and lead to the last page."""
    ehr.next_form = form
    ehr.page_size = {"Observation": 5, "Condition": 1, "MedicationRequest": 1}
    _with_history(ehr)
    found = judge(call(ehr), max_pages=40)
    assert found.unread == set()
    assert found["D.I.I.1"]["evidence"][0]["reference"] == "Observation/newest"
    assert {asked.headers["authorization"] for asked in ehr.asked} == {"Bearer token-4711-secret"}


@pytest.mark.parametrize("form", ["{root}", "", "/"])
def test_a_next_link_that_holds_a_url_in_a_parameter(ehr: HostileServer, form: str) -> None:
    """bug-log 36: `/app/r4/Observation?_page=2&code=http://loinc.org%7C4548-4` goes to this server."""
    ehr.page_size["Observation"] = 1
    _with_history(ehr)
    lead = {"{root}": f"{ehr.url}/", "/": "/r4/", "": ""}[form]

    def link(body: JSON, asked: Asked) -> None:
        following = [each for each in body["link"] if each["relation"] == "next"]
        for each in following:
            each["url"] = f"{lead}Observation?patient=p1&_count=1&_page={asked.page + 1}&code=http://loinc.org%7C4548-4"

    ehr.on("Observation", edited(link), when=_with_code)
    found = judge(call(ehr, ["hba1c"]))
    assert found["D.I.I.1"]["evidence"][0]["reference"] == "Observation/newest"
    assert len(ehr.asked) == 12  # 10 of the history, the newest, and the one of the chart


def _with_code(asked: Asked) -> bool:
    return any("4548-4" in value for value in asked.values("code"))


ELSEWHERE = {
    "another port": "http://127.0.0.1:{port}/r4/Observation?page=2",
    "no scheme": "//127.0.0.1:{port}/r4/Observation?page=2",
    "own host as user": "http://{own}@127.0.0.1:{port}/r4/Observation?page=2",
    "another name": "http://localhost:{port}/r4/Observation?page=2",
    "backslash": "http://127.0.0.1:{port}\\@{own}/r4/Observation?page=2",
    "another scheme": "https://{own}/r4/Observation?page=2",
    "a file": "file:///etc/passwd",
    "no URL": "http://[",
    "no port": "http://127.0.0.1:port/r4/Observation",
}


@pytest.mark.parametrize("kind", sorted(ELSEWHERE))
def test_next_links_elsewhere_are_not_followed(ehr: HostileServer, kind: str) -> None:
    """Rule 4; requirement 84: same origin only; the token goes nowhere else, and the list is incomplete."""
    with HostileServer(*chart()) as other:
        own, port = ehr.root.removeprefix("http://"), other.root.rsplit(":", 1)[1]
        target = ELSEWHERE[kind].format(own=own, port=port)
        ehr.on("Observation", leading_to(lambda asked: target), when=_hba1c)
        found = judge(call(ehr))
        assert other.asked == []
    assert found.truth("D.I.I.1") == "not-retrieved"
    assert [found.truth(name) for name in CRITERIA[:8]] == ["met"] * 8
    assert len([asked for asked in ehr.asked if _hba1c(asked)]) == 1


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize("size", [1, 1000])
def test_pages_of_one_and_of_a_thousand(ehr: HostileServer, size: int) -> None:
    """Rule 4: 1,200 readings in two pages of 1,000, or eleven results in pages of one."""
    if size == 1:
        _with_history(ehr)
        ehr.page_size["Observation"] = 1
        ehr.on(
            "Observation",
            say(Reply(body=support.bundle(*support.readings()))),
            when=lambda a: "41653-7" in a.values("code"),
        )
    else:
        hours = [(day, hour) for day in range(1, 20) for hour in range(24)]
        ehr.held = [r for r in ehr.held if not r["id"].startswith("g")]
        ehr.held += [
            support.observation(
                f"t{day}-{hour}-{n}", "41653-7", 100 + n, "mg/dL", f"2026-11-{day:02}T{hour:02}:{n:02}:00-05:00"
            )
            for day, hour in hours
            for n in range(3)
        ]
    found = judge(call(ehr))
    assert found.unread == set()
    if size == 1:
        assert found["D.I.I.1"]["evidence"][0]["reference"] == "Observation/newest"
    else:
        # 72 readings a day are no person's: they count as a sensor's, and all of them were read.
        assert f"{19 * 24 * 3:,} readings" in found["D.I.G"]["explanation"]


def test_empty_pages_with_a_next_are_passed(ehr: HostileServer) -> None:
    """Rule 4: page 1 and 2 are empty and have a next, the results come on page 3."""
    real = [support.observation("a1", "4548-4", 8.1, "%", "2026-10-01")]

    def pages(asked: Asked, answer: Callable[[Asked], Reply]) -> Reply:
        body = support.bundle(*(real if asked.page == 3 else []))
        if asked.page < 3:
            body["link"] = [{"relation": "next", "url": f"{ehr.url}/Observation?code=4548-4&_page={asked.page + 1}"}]
        return Reply(body=body)

    ehr.on("Observation", pages, when=_hba1c)
    found = judge(call(ehr, ["hba1c"]))
    assert found.truth("D.I.I.1") == "met"
    assert len(ehr.asked) == 3


def test_the_same_resource_on_two_pages_counts_once(ehr: HostileServer) -> None:
    """Rule 4: pages that overlap: 119 readings, one of them twice."""
    ehr.held = [r for r in ehr.held if r["id"] != "g0"]
    ehr.page_size["Observation"] = 60
    ehr.on("Observation", edited(lambda body, asked: body["entry"].extend(body["entry"][-3:])))
    assert judge(call(ehr))["D.I.G"]["explanation"].startswith("119 self-tests")


def test_a_total_that_is_too_low_is_not_believed(ehr: HostileServer) -> None:
    """Rule 4: total 0 beside entries, and total 1 beside a next link."""
    ehr.page_size["Observation"] = 7
    ehr.on("*", edited(lambda body, asked: body.update(total=asked.page - 1)), when=lambda asked: "/" not in asked.path)
    assert judge(call(ehr)).unread == set()


def test_a_total_that_is_not_reached_is_incomplete(ehr: HostileServer) -> None:
    """Rule 4; bug-log 10: the last page is read, and the server speaks of more."""
    ehr.on("Observation", edited(lambda body, asked: body.update(total=500)))
    found = judge(call(ehr))
    assert found.truth("D.I.I.1") == "not-retrieved"
    assert found.truth("D.I.G") == "met"


# ---------------------------------------------------------------- lists that do not end


@pytest.mark.parametrize("back_to", [1, 2])
def test_pages_that_loop_end(ehr: HostileServer, back_to: int) -> None:
    """bug-log 38: the next link of page 2 is page 1, or page 2 itself."""
    ehr.page_size["Observation"] = 6
    _with_history(ehr)
    link = f"{ehr.url}/Observation?code=4548-4&_count=6&_page="
    ehr.on("Observation", leading_to(lambda asked: link + str(2 if asked.page == 1 else back_to)), when=_hba1c)
    found = judge(call(ehr, ["hba1c"]))
    assert found.truth("D.I.I.1") == "not-retrieved"
    assert len(ehr.asked) <= 4


def test_a_next_link_to_nothing_at_the_end(ehr: HostileServer) -> None:
    """bug-log 38: `next` though there is no next page: the page behind it is empty and has none."""
    ehr.on(
        "Observation",
        leading_to(lambda asked: f"{ehr.url}/Observation?code=4548-4&_page=9"),
        when=lambda a: _hba1c(a) and a.page == 1,
    )
    assert judge(call(ehr, ["hba1c"])).truth("D.I.I.1") == "met"


def test_a_list_without_end_is_cut_at_the_cap(ehr: HostileServer) -> None:
    """Rule 4: the cap of Settings.max_pages, and a newest result is not decided from what came."""
    without_end(ehr, "Observation", "4548-4")
    found = judge(call(ehr, ["hba1c"]), max_pages=7)
    assert found.truth("D.I.I.1") == "not-retrieved"
    assert len(ehr.asked) == 7


def test_three_hundred_pages_of_one(ehr: HostileServer) -> None:
    """Rule 4: 300 results in pages of one: read to the cap of 20, or to the end when the cap allows."""
    ehr.held += [
        support.observation(f"k{n}", "9318-7", 50, "mg/g", f"2026-0{n % 9 + 1}-{n % 28 + 1:02}") for n in range(298)
    ]
    ehr.page_size["Observation"] = 1
    found = judge(call(ehr, ["albuminCreatinine"]))
    assert found.truth("D.I.H.1") == "not-retrieved"  # newer ones may follow
    assert len(ehr.asked) <= 20
    ehr.asked.clear()
    assert judge(call(ehr, ["albuminCreatinine"]), max_pages=400).truth("D.I.H.1") == "met"
    assert len(ehr.asked) == 300


# ---------------------------------------------------------------- pages that fail


def test_a_refused_second_page_leaves_an_incomplete_list(ehr: HostileServer) -> None:
    """bug-log 37: the page behind next is a 400; what was read stays, a newest result is not decided."""
    _with_history(ehr)
    ehr.page_size["Observation"] = 6
    ehr.on("Observation", refuse(400, "invalid"), when=lambda asked: _hba1c(asked) and asked.page == 2)
    found = judge(call(ehr))
    assert found.truth("D.I.I.1") == "not-retrieved"
    assert [found.truth(name) for name in CRITERIA[:8]] == ["met"] * 8


def test_a_token_that_ends_between_two_pages(ehr: HostileServer) -> None:
    """Rule 4: 401 on every second page: what came with the first one counts as far as it decides."""
    ehr.page_size["Observation"] = 60
    _with_history(ehr)
    ehr.on("*", refuse(401, "login"), when=on_page(2))
    found = judge(call(ehr))
    assert found.truth("D.I.G") == "not-retrieved"  # 60 of 120 readings
    assert found.truth("D.I.H.1") == "met"
    assert found.truth("D.I.I.1") == "not-met"  # twelve results fit on one page


def test_a_page_of_rubbish_in_the_middle(ehr: HostileServer) -> None:
    """Rule 4: an HTML page in place of page 2 makes the list incomplete, not the answer a 500."""
    ehr.page_size["Observation"] = 60
    ehr.on("Observation", say(Reply(200, b"<html>sorry</html>", {"Content-Type": "text/html"})), when=on_page(2))
    assert judge(call(ehr)).truth("D.I.G") == "not-retrieved"
