"""The answers to all cases, of every policy, as people read them: short cards in one order, plain US clinical words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

import pytest

from cds_service.engine.policy import Policy
from cds_service.errors import ServiceError
from cds_service.hooks.discovery import SERVICES
from cds_service.policies.registry import POLICIES
from cds_service.services.answer_hook import EXTENSION
from tests.cases.people_read import texts_of
from tests.cases.plain_language import FORBIDDEN, faults
from tests.cases.runner import all_cases

JSON = dict[str, Any]
# A day on which every policy is in force.
LATE = date(2026, 11, 20)
# Words of a card's detail, and what a card may link to and offer, as the specification sets them.
SINGLE_GAP, MANY_GAPS, SETTLED = 120, 250, 80
MOST_POLICY_LINKS, MOST_OVERRIDES = 3, 5
_GAP = re.compile(r"^- \*\*[^*]+\*\*.*\*\*To do\*\*:", re.MULTILINE)
_MET = re.compile(r"^(?:All|None of)? ?\d+ (?:of \d+ )?criteria (?:is|are) met", re.MULTILINE)
_ASKED = re.compile(r"^A reviewer may still ask", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """The answer of one service to one case."""

    name: str
    crd: bool
    response: JSON


@cache
def answers() -> tuple[Answer, ...]:
    """Of every case the answer of its own service, and of the CRD service of its hook."""
    return tuple(_answers())


def _answers() -> Iterator[Answer]:
    for case in all_cases():
        hook = json.loads(case.request.decode("utf-8-sig"))["hook"]
        for service in dict.fromkeys((case.service.id, f"crd-{hook}")):
            try:
                response = replace(case, service=SERVICES[service]).run()
            except ServiceError:
                continue  # what an EHR has to mend is no answer
            yield Answer(f"{case.name} @ {service}", SERVICES[service].crd, response)


def _cards(*, crd: bool) -> Iterator[tuple[str, JSON, JSON]]:
    """Each card with its name and with the determination of its order, empty where there is none."""
    for given in answers():
        if given.crd is crd:
            made = given.response.get("extension", {}).get(EXTENSION, ())
            for card in given.response["cards"]:
                order, policy = (card["extension"].get(f"com.insulin-pump-cds.{name}") for name in ("order", "policy"))
                of_order = [each for each in made if each["order"] == order]
                of_card = [each for each in of_order if policy in (None, each["policy"]["id"])]
                yield given.name, card, of_card[0] if of_card else {}


PLAIN_CARDS = "the cards of the plain services"


def _most_words(determination: JSON, detail: str) -> int:
    if determination.get("outcome") in ("excluded", "likely-approved"):
        return SETTLED
    return SINGLE_GAP if len(_GAP.findall(detail)) <= 1 else MANY_GAPS


@pytest.mark.parametrize("crd", [False, True], ids=[PLAIN_CARDS, "the cards of the CRD services"])
def test_a_card_is_read_in_ten_seconds(crd: bool) -> None:
    long = {}
    for name, card, determination in _cards(crd=crd):
        detail = card.get("detail", "")
        most = MANY_GAPS if crd else _most_words(determination, detail)
        if len(detail.split()) > most:
            long[name] = len(detail.split()), most
    assert long == {}


def test_a_date_on_a_card_is_never_broken() -> None:
    broken = re.compile(r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d")
    for crd in (False, True):
        assert [name for name, card, _ in _cards(crd=crd) if broken.search(card.get("detail", ""))] == []


def test_a_card_has_no_table() -> None:
    assert [name for name, card, _ in _cards(crd=False) if "|" in card.get("detail", "").replace(r"\|", "")] == []


def test_what_to_do_comes_first_and_what_a_reviewer_may_ask_after_what_is_met() -> None:
    for name, card, determination in _cards(crd=False):
        if determination.get("outcome") not in ("needs-documentation", "likely-approved"):
            continue
        detail = card["detail"]
        met = _MET.search(detail)
        assert met is not None, name
        gaps = [found.start() for found in _GAP.finditer(detail)]
        asked = _ASKED.search(detail)
        places = [*gaps, met.start(), *([asked.start()] if asked else [])]
        assert places == sorted(places), name
        assert (
            bool(gaps)
            or determination["outcome"] == "likely-approved"
            or "**First**" in detail
            or ("HCPCS code" in detail)
        ), name
        if gaps:
            assert detail.startswith("- **"), name


def test_a_card_links_to_the_questionnaire_and_to_few_sections() -> None:
    for name, card, _ in _cards(crd=False):
        policy = [link for link in card.get("links", ()) if "/policy/" in link["url"]]
        others = [link for link in card.get("links", ()) if link not in policy]
        assert len(policy) <= MOST_POLICY_LINKS, name
        assert len(others) <= 1, name
        assert [*others, *policy] == card.get("links", []), name


def test_reasons_to_override_are_few_and_fit_the_outcome() -> None:
    for name, card, determination in _cards(crd=False):
        codes = [reason["code"] for reason in card.get("overrideReasons", ())]
        assert len(codes) <= MOST_OVERRIDES, name
        if determination.get("outcome") == "likely-approved":
            assert codes == [], name
        if determination.get("outcome") == "excluded":
            assert codes, name
            assert not {"documentation-on-paper", "met-elsewhere"} & set(codes), name


def test_a_card_of_an_excluded_order_is_about_the_exclusion() -> None:
    excluded = [(n, c) for n, c, d in _cards(crd=False) if d.get("outcome") == "excluded"]
    assert excluded
    for name, card in excluded:
        assert "**To lift it**: " in card["detail"], name
        assert _MET.search(card["detail"]) is None, name
        assert _GAP.search(card["detail"]) is None, name


def test_a_title_is_short_and_says_where_coverage_is_not_verified() -> None:
    for name, card, determination in _cards(crd=False):
        assert len(card["summary"]) < 140, name
        judged = determination.get("outcome") in ("likely-approved", "needs-documentation", "excluded")
        unverified = judged and determination["coverage"] == "unverified"
        assert ("coverage not verified" in card["summary"]) is unverified, name


def test_no_text_says_what_a_clinician_stumbles_on() -> None:
    found = {
        f"{given.name}, {where}": wrong
        for given in answers()
        for where, text in texts_of(given.response)
        if (wrong := faults(text))
    }
    assert dict(list(found.items())[:20]) == {}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("jargon", "This is supported by the chart"),
        ("jargon", "Not retrieved in full"),
        ("British spelling", "The code was not recognised"),
        ("a date as a computer writes it", "since 2026-03-01"),
        ("a name of a question", "D.I.G.average is missing"),
        ("a reference to a resource", "see Observation/a1"),
        ("the name of a code system", "came under http://loinc.org"),
        ("a code of a diagnosis", "E10.65 Type 1 diabetes"),
        ("a drug as a drug list names it", "insulin glargine 100 UNT/ML Injectable Solution"),
        ("a provider as a taxonomy names it", "Allopathic & Osteopathic Physicians; Internal Medicine"),
        ("a unit as a computer writes it", "12 mL/min/{1.73_m2}"),
    ],
)
def test_the_list_finds_what_it_is_for(kind: str, text: str) -> None:
    assert FORBIDDEN[kind].search(text)
    assert faults("The HbA1c of Oct 19, 2026 is 8.1 %; D.I.G needs 120 tests (E0784 on the order), 45 mg/g") == []


def _texts_of_policy(policy: Policy) -> Iterator[tuple[str, str]]:
    """What a policy's page, its questionnaire and its cards say in the policy's own words."""
    held = policy.on(LATE)
    for section in held.sections.values():
        yield f"section {section.id}", f"{section.title}. {section.says} {section.why_not or ''}"
    for group in held.question_groups:
        yield f"help of {group.section}", f"{group.title}. {group.help}"
        for question in group.questions:
            yield f"question {question.link_id}", f"{question.text} {' '.join(question.choices.values())}"
    for section, title in held.titles.items():
        yield f"rule {section}", f"{title}. {held.interpretation(section)}"
    for name, words in policy.wording.items():
        yield f"words {name}", words
    remedies = held.remedies
    for name in ("steps", "steps_against", "helps", "helps_against_statement", "lifts"):
        yield from ((f"{name} of {section}", text) for section, text in getattr(remedies, name).items())
    yield from ((f"step of {section}", text) for (section, _), text in remedies.steps_of_gap.items())


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.id)
def test_a_policy_speaks_plainly_on_its_page_and_in_its_questions(policy: Policy) -> None:
    wrong = {where: found for where, text in _texts_of_policy(policy) if (found := faults(text))}
    assert wrong == {}
