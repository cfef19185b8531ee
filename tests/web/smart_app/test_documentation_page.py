"""The documentation page from a card's link to a signed statement on a real FHIR server, and what goes wrong there."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import requests
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse

from cds_service.demo.charts import all_charts
from cds_service.engine.plain_text import day_text
from cds_service.services.answer_hook import EXTENSION
from tests import support
from tests.support import JSON
from tests.web.smart_app.clinic import SECONDS, Clinic, Page, Visitor, answers_of

pytestmark = pytest.mark.real

SENSOR, REPLACED, HBA1C = "sensor-without-finger-sticks", "pump-in-use-not-marked", "hba1c-exactly-seven"
EDUCATION, CONVENIENCE, NO_INSULIN = "education-too-old", "convenience-only", "type-2-without-insulin"
METER = "meter-download-of-20-days"
YESTERDAY = (support.today() - timedelta(days=1)).isoformat()
RECENT = (support.today() - timedelta(days=60)).isoformat()
LONG_AGO = (support.today() - timedelta(days=400)).isoformat()
EDUCATOR = "R. Example, CDCES"


def _typed(page: Page) -> dict[str, str]:
    """What stands in the fields for answers."""
    return {name: value for name, value in page.fields.items() if value and name.startswith("D.")}


# ---------------------------------------------------------------- each section, signed

SECTIONS: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "D.I.C": (SENSOR, {"D_I_C": "yes"}, {"D.I.C": True}),
    "D.I.D": (
        EDUCATION,
        {"D_I_D_date": RECENT, "D_I_D_educator": f"  {EDUCATOR} "},
        {"D.I.D.date": RECENT, "D.I.D.educator": EDUCATOR},
    ),
    "D.I.E": (SENSOR, {"D_I_E": "yes"}, {"D.I.E": True}),
    "D.I.F": (
        REPLACED,
        {"D_I_F_injections": "4", "D_I_F_since": LONG_AGO, "D_I_F_adjusts": "yes"},
        {"D.I.F.injections": 4, "D.I.F.since": LONG_AGO, "D.I.F.adjusts": True},
    ),
    "D.I.G": (SENSOR, {"D_I_G_average": "4.5"}, {"D.I.G.average": 4.5}),
    "D.I.H": (NO_INSULIN, {"D_I_H_2": "yes"}, {"D.I.H.2": True}),
    "D.I.I": (HBA1C, {"D_I_I_2": "yes", "D_I_I_5": "no"}, {"D.I.I.2": True, "D.I.I.5": False}),
    "D.II": (CONVENIENCE, {"D_II_B_1": "no"}, {"D.II.B.1": False}),
    "D.III": (
        REPLACED,
        {"D_III_replacement": "yes", "D_III_reason": "worn-out"},
        {"D.III.replacement": True, "D.III.reason": "worn-out"},
    ),
}


@pytest.mark.parametrize("button", ["section", "all"])
@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_is_signed_and_says_what_was_answered(visitor: Visitor, section: str, button: str) -> None:
    chart, typed, expected = SECTIONS[section]
    page = visitor.sign_in(chart)
    assert section in page.buttons
    done = visitor.send(page, section if button == "section" else "all", **typed)
    assert done.status == 303
    assert f"({section})" in done.text.partition("Your statement is signed and in the EHR:")[2].partition(".  ")[0]
    (statement,) = visitor.clinic.written()
    found = answers_of(statement)
    coded = {name: value["code"] if isinstance(value, dict) else value for name, value in found.items()}
    assert coded == expected


def test_the_statement_says_who_signed_what_when_and_about_what(visitor: Visitor) -> None:
    page = visitor.sign_in(SENSOR)
    began = datetime.now(UTC)
    visitor.send(page, "D.I.G", D_I_G_average="4.5")
    (statement,) = visitor.clinic.written()
    QuestionnaireResponse.model_validate(statement)
    told = all_charts()[SENSOR].request["context"]
    assert statement["status"] == "completed"
    assert statement["subject"] == {"reference": f"Patient/{told['patientId']}"}
    # The identity token names the user by an address at the EHR; the chart by a relative reference.
    assert statement["author"]["reference"].endswith(told["userId"])
    assert statement["source"] == statement["author"]
    assert statement["questionnaire"] == f"{visitor.clinic.address}/fhir/Questionnaire/mp-mm-1316|1.0.0"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", statement["authored"])
    authored = datetime.fromisoformat(statement["authored"])
    assert began.replace(microsecond=0) <= authored <= datetime.now(UTC)
    assert f"DeviceRequest/{told['draftOrders']['entry'][0]['resource']['id']}" in _about(statement)
    assert [each for each in _about(statement) if each.startswith("Coverage/")]


def _about(statement: JSON) -> list[str]:
    found = [each for each in statement["extension"] if each["url"].endswith("/qr-context")]
    return [each["valueReference"]["reference"] for each in found]


def test_the_questionnaire_that_a_statement_names_is_served(visitor: Visitor) -> None:
    visitor.send(visitor.sign_in(SENSOR), "D.I.G", D_I_G_average="4.5")
    (statement,) = visitor.clinic.written()
    address, _, version = statement["questionnaire"].partition("|")
    answer = requests.get(address, timeout=SECONDS).json()
    assert (answer["resourceType"], answer["version"]) == ("Questionnaire", version)


def test_a_signed_answer_turns_the_next_signing_into_an_approval(visitor: Visitor) -> None:
    """Policy D.I.G: at least 4 a day. Of this chart nothing else is open."""
    page = visitor.sign_in(SENSOR)
    assert "Needs documentation" in page.text
    done = visitor.send(page, "D.I.G", D_I_G_average="4.5")
    assert "Needs documentation before, now Likely approved" in done.text
    assert "(D.I.G): needs review, now met" in done.text
    assert "0 of 1 open" in done.text
    assert "Next: sign the order again" in done.text
    (card,) = visitor.clinic.fire(SENSOR)["cards"]
    assert [link for link in card["links"] if link["type"] == "smart"] == [], "nothing is open any more"


def test_a_number_is_not_rounded_up_to_the_goal(visitor: Visitor) -> None:
    done = visitor.send(visitor.sign_in(SENSOR), "D.I.G", D_I_G_average="3.96")
    assert "now Likely approved" not in done.text
    (statement,) = visitor.clinic.written()
    assert answers_of(statement) == {"D.I.G.average": 3.96}


def test_what_was_stated_by_mistake_is_taken_back(visitor: Visitor) -> None:
    page = visitor.sign_in(CONVENIENCE)
    assert (page.fields["D.II.B.1"], "Excluded" in page.text) == ("yes", True)
    assert "Excluded before, now" in visitor.send(page, "D.II", D_II_B_1="no").text


def test_a_figure_is_signed_with_its_source_and_its_last_day(visitor: Visitor) -> None:
    page = visitor.sign_in(METER)
    done = visitor.send(page, "D.I.G", D_I_G_average="4.2", D_I_G_source="meter-download", D_I_G_through=YESTERDAY)
    (statement,) = visitor.clinic.written()
    answers = answers_of(statement)
    assert answers["D.I.G.source"]["code"] == "meter-download"
    assert (answers["D.I.G.average"], answers["D.I.G.through"]) == (4.2, YESTERDAY)
    signed = f"4.2 self-tests a day on average, meter download through {day_text(date.fromisoformat(YESTERDAY))}"
    assert signed in done.text
    # What the chart holds does not go out of sight with the statement.
    assert "The chart by itself: 100 self-tests on 20 of 30 days" in done.text
    judged = visitor.clinic.fire(METER)["extension"][EXTENSION][0]
    (finding,) = (each for each in judged["criteria"] if each["id"] == "D.I.G")
    assert finding["explanation"].startswith(signed)
    assert finding["evidence"][0]["value"] == signed.replace("self-tests a day on average", "a day")


def test_what_contradicts_the_chart_is_shown_before_it_is_signed(visitor: Visitor) -> None:
    """The chart has a pump training; the answer says that nobody can operate the pump."""
    page = visitor.sign_in(SENSOR)
    shown = visitor.send(page, "D.I.E", D_I_E="no", D_I_C="yes")
    assert (shown.status, visitor.clinic.written()) == (422, [])
    assert "The chart says otherwise. Nothing was written yet" in shown.text
    assert "The chart: Pump training" in shown.text
    assert "Sign and send although the chart differs" in shown.text
    assert (shown.fields["D.I.E"], shown.fields["D.I.C"]) == ("no", "yes"), "what was typed stays"
    again = visitor.send(shown, "D.I.E", D_I_E="no")
    assert again.status == 303
    (statement,) = visitor.clinic.written()
    assert answers_of(statement) == {"D.I.E": False}
    assert "The chart by itself: Pump training" in again.text, "and it stays visible"
    assert "Chart and statement differ" in visitor.page().text


def test_another_answer_than_the_one_that_was_shown_is_shown_again(visitor: Visitor) -> None:
    shown = visitor.send(visitor.sign_in(SENSOR), "D.I.E", D_I_E="no")
    forged = visitor.post(shown.fields | {"seen": "0" * 64, "save": "D.I.E"})
    assert (forged.status, visitor.clinic.written()) == (422, [])
    assert visitor.send(shown, "all", D_I_C="no", D_I_E="no").status == 422, "two answers were not shown"
    assert visitor.send(shown, "D.I.E", D_I_E="yes").status == 303, "what agrees needs nothing"


def test_save_all_signs_what_was_answered_in_any_section_and_nothing_else(visitor: Visitor) -> None:
    done = visitor.send(visitor.sign_in(HBA1C), D_I_C="yes", D_I_I_4="yes")
    assert "in the EHR: Provider and team are expert in insulin pump management (D.I.C), Symptoms" in done.text
    (statement,) = visitor.clinic.written()
    assert answers_of(statement) == {"D.I.C": True, "D.I.I.4": True}


def test_one_section_is_signed_and_what_was_typed_in_others_stays_unsent(visitor: Visitor) -> None:
    page = visitor.sign_in(HBA1C)
    done = visitor.send(page, "D.I.C", D_I_C="yes", D_I_I_4="yes", D_I_D_educator=EDUCATOR)
    (statement,) = visitor.clinic.written()
    assert answers_of(statement) == {"D.I.C": True}
    assert _typed(done) == {"D.I.I.4": "yes", "D.I.D.educator": EDUCATOR}
    assert _typed(visitor.page()) == _typed(done), "still there when the page is read again"
    again = visitor.send(done, "D.I.I")
    assert answers_of(next(each for each in visitor.clinic.written() if each != statement)) == {"D.I.I.4": True}
    assert _typed(again) == {"D.I.D.educator": EDUCATOR}


def _begun(clinic: Clinic, chart: str) -> None:
    """A signed statement on the server that has a date of education and no educator."""
    told = all_charts()[chart].request["context"]
    item = {"linkId": "D.I.D.date", "answer": [{"valueDate": RECENT}]}
    statement = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{clinic.address}/fhir/Questionnaire/mp-mm-1316|1.0.0",
        "status": "completed",
        "subject": {"reference": f"Patient/{told['patientId']}"},
        "authored": f"{support.today() - timedelta(days=2)}T12:00:00Z",
        "author": {"reference": told["userId"]},
        "item": [item],
    }
    headers = {"Content-Type": "application/fhir+json"}
    answer = requests.post(
        f"{clinic.sandbox.base_url}/QuestionnaireResponse", json=statement, headers=headers, timeout=SECONDS
    )
    assert answer.status_code == 201, answer.text


def _signed_here(clinic: Clinic) -> list[dict[str, Any]]:
    """Answers of the statements that the page wrote: those have a source."""
    return [answers_of(each) for each in clinic.written() if "source" in each]


def test_what_is_filled_in_and_not_whole_is_not_signed_by_save_all(visitor: Visitor) -> None:
    _begun(visitor.clinic, EDUCATION)
    page = visitor.sign_in(EDUCATION)
    assert _typed(page) == {"D.I.D.date": RECENT}
    assert visitor.send(page).status == 422, "nobody answered anything"
    assert visitor.send(page, D_I_C="yes").status == 303
    assert _signed_here(visitor.clinic) == [{"D.I.C": True}]


def test_what_is_filled_in_is_signed_once_somebody_completes_it(visitor: Visitor) -> None:
    _begun(visitor.clinic, EDUCATION)
    done = visitor.send(visitor.sign_in(EDUCATION), D_I_D_educator=EDUCATOR)
    assert "now Likely approved" in done.text
    assert _signed_here(visitor.clinic) == [{"D.I.D.date": RECENT, "D.I.D.educator": EDUCATOR}]


def test_a_filled_in_answer_that_was_cleared_stays_clear_when_another_section_is_sent(visitor: Visitor) -> None:
    _begun(visitor.clinic, EDUCATION)
    page = visitor.sign_in(EDUCATION)
    done = visitor.send(page, "D.I.C", D_I_C="yes", D_I_D_date="", D_I_D_educator="A. Sample, RN")
    assert _typed(done) == {"D.I.D.educator": "A. Sample, RN"}


# ---------------------------------------------------------------- answers that cannot be signed

IN_A_YEAR = (support.today() + timedelta(days=365)).isoformat()
WRONG: dict[str, tuple[str, dict[str, str], str, list[str]]] = {
    "a date in the future": (EDUCATION, {"D_I_D_date": IN_A_YEAR}, "D.I.D", ["D.I.D.date", "D.I.D.educator"]),
    "the year 26": (EDUCATION, {"D_I_D_date": "0026-03-01", "D_I_D_educator": EDUCATOR}, "D.I.D", ["D.I.D.date"]),
    "a short year": (EDUCATION, {"D_I_D_date": "26-03-01", "D_I_D_educator": EDUCATOR}, "D.I.D", ["D.I.D.date"]),
    "31 February": (EDUCATION, {"D_I_D_date": "2026-02-31", "D_I_D_educator": EDUCATOR}, "D.I.D", ["D.I.D.date"]),
    "words for a date": (EDUCATION, {"D_I_D_date": "spring", "D_I_D_educator": EDUCATOR}, "D.I.D", ["D.I.D.date"]),
    "no educator": (EDUCATION, {"D_I_D_date": RECENT}, "D.I.D", ["D.I.D.educator"]),
    "only blanks": (EDUCATION, {"D_I_D_date": RECENT, "D_I_D_educator": "   "}, "D.I.D", ["D.I.D.educator"]),
    "long text": (EDUCATION, {"D_I_D_date": RECENT, "D_I_D_educator": "RN " * 100}, "D.I.D", ["D.I.D.educator"]),
    "only control characters": (
        EDUCATION,
        {"D_I_D_date": RECENT, "D_I_D_educator": "\x01\x02"},
        "D.I.D",
        ["D.I.D.educator"],
    ),
    "a replacement without a reason": (REPLACED, {"D_III_replacement": "yes"}, "D.III", ["D.III.reason"]),
    "a reason without a replacement": (REPLACED, {"D_III_reason": "lost"}, "D.III", ["D.III.replacement"]),
    "no such reason": (
        REPLACED,
        {"D_III_replacement": "yes", "D_III_reason": "bored"},
        "D.III",
        ["D.III.reason"],
    ),
    "half a regimen": (REPLACED, {"D_I_F_injections": "3"}, "D.I.F", ["D.I.F.since", "D.I.F.adjusts"]),
    "neither yes nor no": (SENSOR, {"D_I_C": "perhaps"}, "D.I.C", ["D.I.C"]),
} | {
    f"self-tests: {text}": (SENSOR, {"D_I_G_average": text}, "D.I.G", ["D.I.G.average"])
    for text in ("-1", "50.1", "1e999", "NaN", "sNaN", "-Infinity", "four", "4,5", "9" * 5000)
} | {
    f"injections: {text[:9]}": (
        REPLACED,
        {"D_I_F_injections": text, "D_I_F_since": LONG_AGO, "D_I_F_adjusts": "yes"},
        "D.I.F",
        ["D.I.F.injections"],
    )
    for text in ("-1", "21", "3.5", "9" * 5000)
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_signed_is_said_at_its_field_and_nothing_is_lost(visitor: Visitor, name: str) -> None:
    chart, typed, section, fields = WRONG[name]
    page = visitor.sign_in(chart)
    refused = visitor.send(page, section, **typed, D_I_E="yes")
    assert refused.status == 422
    assert visitor.clinic.written() == []
    assert list(refused.errors) == fields
    for each in fields:
        assert f"e-{each}" in refused.described[each].split(), "tied to its field"
        assert f'href="#q-{each}"' in refused.source, "and listed above"
    for link, value in {name.replace("_", "."): value for name, value in typed.items()}.items():
        if link in ("D.I.C", "D.III.reason") and link in fields:
            continue  # a choice that there is not cannot be shown
        assert refused.fields[link].split() == value.replace("\x01", " ").replace("\x02", " ").split()
    assert refused.fields["D.I.E"] == "yes", "answers of other sections stay too"
    assert "Nothing was written yet" in refused.text


def test_an_answer_that_is_wrong_elsewhere_does_not_hold_up_a_section(visitor: Visitor) -> None:
    page = visitor.sign_in(EDUCATION)
    done = visitor.send(page, "D.I.C", D_I_C="yes", D_I_D_date="2026-02-31")
    assert done.status == 303
    assert done.fields["D.I.D.date"] == "2026-02-31"


def test_a_wrong_answer_holds_up_save_all(visitor: Visitor) -> None:
    page = visitor.sign_in(EDUCATION)
    refused = visitor.send(page, D_I_C="yes", D_I_D_date="2026-02-31")
    assert (refused.status, visitor.clinic.written()) == (422, [])
    assert "D.I.D.date" in refused.errors


@pytest.mark.parametrize("save", ["all", "D.I.C", "D.IV", ""])
def test_nothing_answered_is_nothing_written(visitor: Visitor, save: str) -> None:
    refused = visitor.send(visitor.sign_in(SENSOR), save)
    assert (refused.status, visitor.clinic.written()) == (422, [])
    assert "Nothing was answered yet" in refused.text


def test_what_was_typed_is_text_and_no_html(visitor: Visitor) -> None:
    page = visitor.sign_in(EDUCATION)
    evil = '"><script>alert(1)</script>'
    refused = visitor.send(page, "D.I.D", D_I_D_educator=evil)
    assert refused.fields["D.I.D.educator"] == evil
    assert "alert(1)" not in refused.text


# ---------------------------------------------------------------- forged and misplaced forms


@pytest.mark.parametrize("token", [None, "", "x", "20990101000000##" + "0" * 40, "é"])
def test_a_form_without_its_protection_writes_nothing_and_loses_nothing(visitor: Visitor, token: str | None) -> None:
    page = visitor.sign_in(SENSOR)
    fields = {k: v for k, v in page.fields.items() if k != "csrf_token"} | {"D.I.G.average": "4.5", "save": "D.I.G"}
    refused = visitor.post(fields if token is None else fields | {"csrf_token": token})
    assert (refused.status, visitor.clinic.written()) == (422, [])
    assert refused.fields["D.I.G.average"] == "4.5"
    assert "send again" in refused.text
    assert visitor.send(refused, "D.I.G").status == 303, "the page that comes back can be sent"


def test_a_form_of_another_session_writes_nothing(clinic: Clinic) -> None:
    theirs = Visitor(clinic).sign_in(SENSOR)
    mine = Visitor(clinic)
    page = mine.sign_in(SENSOR)
    refused = mine.post(page.fields | {"csrf_token": theirs.fields["csrf_token"], "D.I.C": "yes", "save": "D.I.C"})
    assert (refused.status, clinic.written()) == (422, [])


@pytest.mark.parametrize("about", ["", "x", "0" * 64, "é"])
def test_a_form_about_something_else_is_dropped(visitor: Visitor, about: str) -> None:
    page = visitor.sign_in(SENSOR)
    refused = visitor.post(page.fields | {"about": about, "D.I.G.average": "4.5", "save": "D.I.G"})
    assert (refused.status, visitor.clinic.written()) == (409, [])
    assert _typed(refused) == {}
    assert "another patient or order" in refused.text


def test_of_two_patients_in_two_tabs_each_keeps_its_own_answers(visitor: Visitor) -> None:
    first = visitor.sign_in(SENSOR)
    second = visitor.sign_in(HBA1C)
    refused = visitor.send(first, "D.I.G", D_I_G_average="4.5")
    assert (refused.status, _typed(refused), visitor.clinic.written()) == (409, {}, [])
    assert visitor.send(second, "D.I.C", D_I_C="yes").status == 303
    (statement,) = visitor.clinic.written()
    assert statement["subject"]["reference"] == "Patient/sample-patient-11"


# ---------------------------------------------------------------- the EHR does not take it


@pytest.mark.parametrize("status", [500, 403, 422])
def test_a_refused_statement_can_be_sent_again(visitor: Visitor, status: int) -> None:
    page = visitor.sign_in(SENSOR)
    visitor.clinic.ehr.options.refuse_writes = status
    refused = visitor.send(page, "D.I.G", D_I_G_average="4.5", D_I_C="yes")
    assert (refused.status, visitor.clinic.written()) == (502, [])
    assert f"HTTP {status}" in refused.text
    assert _typed(refused) == {"D.I.G.average": "4.5", "D.I.C": "yes"}
    visitor.clinic.ehr.options.refuse_writes = 0
    assert visitor.send(refused, "D.I.G").status == 303
    assert _signed_here(visitor.clinic) == [{"D.I.G.average": 4.5}]


def test_a_token_that_the_ehr_took_back_costs_no_answer(visitor: Visitor) -> None:
    page = visitor.sign_in(SENSOR)
    visitor.clinic.ehr._grants.tokens.remove_where(lambda _: True)
    refused = visitor.send(page, "D.I.G", D_I_G_average="4.5")
    assert (refused.status, visitor.clinic.written()) == (502, [])
    assert refused.fields["D.I.G.average"] == "4.5"
    assert "session with the EHR has ended" in refused.text


@pytest.mark.parametrize(
    ("withheld", "says"),
    [
        (("openid", "fhirUser"), "did not say who you are"),
        (("fhirUser",), "did not say who you are"),
        (("patient/QuestionnaireResponse.crs",), "did not grant this app to write"),
    ],
)
def test_without_a_grant_nothing_can_be_sent_and_the_page_says_so(
    visitor: Visitor, withheld: tuple[str, ...], says: str
) -> None:
    def grant(scope: str) -> str:
        kept = [word for word in scope.split() if word not in withheld]
        return " ".join([*kept, "patient/QuestionnaireResponse.rs"])

    visitor.clinic.ehr.options.grant = grant
    page = visitor.sign_in(SENSOR)
    assert page.status == 200
    assert says in page.text
    assert page.buttons == []
    refused = visitor.send(page, "D.I.C", D_I_C="yes")
    assert (refused.status, visitor.clinic.written()) == (502, [])
    assert refused.fields["D.I.C"] == "yes"
