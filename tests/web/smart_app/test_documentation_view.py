"""What the documentation page shows of an order: what is open first, everything else folded under its number."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service.hooks.messages import FhirAccess
from cds_service.policies.registry import POLICIES
from cds_service.services.document_order import OrderPage, PageRequest, document_order
from cds_service.web.smart_app.documentation_view import Arranged, summary_of, view_of
from cds_service.web.smart_app.sessions import SignedIn
from cds_service.web.smart_app.topics import Topic
from tests.cases.build import build, case_files
from tests.services.test_document_order import EHR, Server, documented, entries, server
from tests.support import DAY, HCPCS, PATIENT, SETTINGS, YES, attestation, bundle, concept, order

URL = "https://cds.example.invalid"
REPLACEMENT = {"coding": [{"system": HCPCS, "code": "E0784"}, {"system": HCPCS, "code": "RA"}]}
PUMP = {"resourceType": "Device", "id": "d", "status": "active", "patient": PATIENT, "type": concept(HCPCS, "E0784")}


def _session() -> SignedIn:
    return SignedIn(EHR, "p1", "token", 0.0)


def _view(session: SignedIn | None = None, **on_server: Any) -> dict[str, Any]:
    ordered = order(**on_server.pop("order", {}))
    page = documented(server(**on_server), entries=entries(ordered))
    return view_of(page, session or _session(), URL)


def _arranged(**on_server: Any) -> Arranged:
    arranged: Arranged = _view(**on_server)["page"]
    return arranged


def _ids(topics: tuple[Topic, ...]) -> list[str]:
    return [topic.id for topic in topics]


def _folds(arranged: Arranged) -> dict[str, tuple[str, list[str]]]:
    return {fold.name: (fold.title, _ids(fold.topics)) for fold in arranged.folds}


def _stated(**answers: Any) -> Any:
    return bundle(attestation(**answers))


def test_what_is_open_comes_first_and_all_else_is_folded_under_its_number() -> None:
    """Of this chart only statements on the team and the operation are missing."""
    arranged = _arranged()
    assert _ids(arranged.open) == ["D.I.C", "D.I.E"]
    assert all(topic.is_asked for topic in arranged.open)
    folds = _folds(arranged)
    assert list(folds) == ["met", "replacement", "exclusions"]
    assert folds["met"] == ("7 met", ["D.I.A", "D.I.B", "D.I.D", "D.I.F", "D.I.G", "D.I.H", "D.I.I"])
    assert folds["replacement"] == ("Replacement or repair (D.III)", ["D.III"])
    assert folds["exclusions"][0] == "7 exclusions: none was found to apply"


def test_every_finding_that_counts_stands_once() -> None:
    arranged = _arranged()
    shown = [*_ids(arranged.open), *_ids(arranged.differing), *(n for _, ids in _folds(arranged).values() for n in ids)]
    assert sorted(shown) == sorted({*shown})
    assert {name for name in shown if name.startswith("D.I.")} == {f"D.I.{letter}" for letter in "ABCDEFGHI"}


def test_a_question_has_a_neutral_heading_and_the_policys_words_stand_apart() -> None:
    arranged = _arranged(glucose=bundle())
    (topic,) = (topic for topic in arranged.open if topic.id == "D.I.G")
    assert topic.heading == "Glucose self-testing over the last month"
    assert topic.title == "Self-testing at least 4 times a day over the last month"
    assert "120" not in topic.help


def test_what_no_answer_closes_stands_behind_the_questions() -> None:
    """Without a diagnosis, D.I.A comes first in the policy; nothing can be answered about it."""
    arranged = _arranged(conditions=bundle())
    assert [(topic.id, topic.is_asked) for topic in arranged.open] == [
        ("D.I.C", True),
        ("D.I.E", True),
        ("D.I.A", False),
    ]
    assert arranged.open[-1].helps


def test_parts_that_are_not_needed_are_folded_inside_their_whole() -> None:
    """HbA1c is above the threshold: of the other five conditions none is needed."""
    (met,) = (fold for fold in _arranged().folds if fold.name == "met")
    (whole,) = (topic for topic in met.topics if topic.id == "D.I.I")
    assert "D.I.I.1" in _ids(whole.parts)
    assert whole.idle_title == f"{len(whole.idle)} not needed: one is enough"
    assert {*_ids(whole.parts), *_ids(whole.idle)} == {f"D.I.I.{n}" for n in range(1, 7)}


def test_of_an_open_whole_the_parts_without_anything_are_folded() -> None:
    (whole,) = (topic for topic in _arranged(hba1c=bundle(), glucose=bundle()).open if topic.id == "D.I.I")
    assert whole.parts == ()
    assert whole.idle_title == "6 with nothing in the chart"


def test_a_replacement_shows_of_the_criteria_only_what_has_to_hold() -> None:
    """D.III: D.I.A has to hold as well, D.I.B to D.I.I do not."""
    stated = _stated(D_III_reason={"valueCoding": {"code": "worn-out"}})
    arranged = _arranged(order={"codeCodeableConcept": REPLACEMENT}, attestations=stated)
    assert arranged.open == ()
    assert "D.I.A" in _folds(arranged)["met"][1]
    printed = {group.name: _ids(group.topics) for group in arranged.groups}
    assert printed["criteria"] == ["D.I.A"]
    assert "D.III.A.3" in printed["replacement"]


def test_a_replacement_without_a_reason_asks_for_it_with_the_finding() -> None:
    arranged = _arranged(order={"codeCodeableConcept": REPLACEMENT})
    asked = [topic for topic in arranged.open if topic.is_asked]
    assert [topic.id for topic in asked] == ["D.III.A.3"]
    assert asked[0].asked is not None
    assert asked[0].asked.section == "D.III"


def test_a_pump_in_use_asks_first_whether_it_is_replaced() -> None:
    arranged = _arranged(devices=bundle(PUMP))
    assert arranged.open[0].id == "D.III"
    assert "A pump is in use" in arranged.open[0].found


def test_an_excluded_order_is_about_its_exclusion_alone() -> None:
    arranged = _arranged(attestations=_stated(D_II_B_1=YES))
    (topic,) = arranged.open
    assert topic.id == "D.II.B.1"
    assert topic.asked is not None
    assert [question.link_id for question in topic.asked.questions] == ["D.II.B.1"]
    folds = _folds(arranged)
    assert folds["later"] == ("2 open, should the exclusion be lifted", ["D.I.C", "D.I.E"])
    assert folds["exclusions"][0] == "6 other exclusions"


def test_progress_counts_from_what_was_open_at_first() -> None:
    session = _session()
    assert _view(session)["progress"] == (2, 2)
    summary = summary_of(documented(server(), entries=entries(order())))
    assert summary is not None
    session.opened = {summary["about"]: summary["open"]}
    answered = _view(session, attestations=_stated(D_I_C=YES))
    assert answered["progress"] == (1, 2)
    assert _view(session, attestations=_stated(D_I_C=YES, D_I_E=YES))["progress"] == (0, 2)


def test_the_next_step_leads_to_a_question_and_else_to_what_is_to_be_done() -> None:
    words, where = _view()["next"]
    assert (where, words.startswith("answer below: ")) == ("D.I.C", True)
    stated = _stated(D_I_C=YES, D_I_E=YES)
    words, where = _view(conditions=bundle(), attestations=stated)["next"]
    assert where == "D.I.A"
    assert "diagnosis" in words
    assert _view(attestations=stated)["next"] == ("", "")


# ---------------------------------------------------------------- chart and statement


def _meter(a_day: int, days: int) -> Any:
    return bundle(
        *(
            {
                "resourceType": "Observation",
                "id": f"m{day}-{n}",
                "status": "final",
                "subject": PATIENT,
                "code": {"coding": [{"system": "http://loinc.org", "code": "41653-7"}]},
                "effectiveDateTime": f"{DAY - timedelta(days=day + 1)}T{7 + n:02d}:00:00-05:00",
                "valueQuantity": {"value": 120, "unit": "mg/dL", "code": "mg/dL"},
            }
            for day in range(days)
            for n in range(a_day)
        )
    )


@pytest.mark.parametrize(
    ("days", "average", "differs", "place"),
    [
        (10, 4.5, False, "met"),  # the chart only lacks what the statement says
        (30, 4.5, True, "open"),  # 30 days of 2 a day are a complete record: a reviewer has to look
    ],
)
def test_what_the_chart_says_stays_beside_a_statement(days: int, average: float, differs: bool, place: str) -> None:
    stated = _stated(D_I_C=YES, D_I_E=YES, D_I_G_average={"valueDecimal": average})
    arranged = _arranged(glucose=_meter(2, days), attestations=stated)
    everything = {"open": arranged.open, "met": next(f.topics for f in arranged.folds if f.name == "met")}
    (topic,) = (topic for topic in everything[place] if topic.id == "D.I.G")
    assert topic.differs is differs
    assert topic.is_stated
    assert f"{2 * days} self-tests on {days} of 30 days" in topic.charted + topic.found


# ---------------------------------------------------------------- every policy


def _of_case(path: Path, policy: str) -> OrderPage | None:
    """What the page shows of a case's chart under a policy; None where that policy does not judge it."""
    call = build(tomllib.loads(path.read_text(encoding="utf-8")), path.stem)
    ordered = call["context"]["draftOrders"]["entry"][0]["resource"]
    patient = call["context"]["patientId"]
    person = call["prefetch"].get("patient") or {"resourceType": "Patient", "id": patient}
    source = Server(call["prefetch"], {f"Patient/{patient}": person})
    access = FhirAccess(EHR, "token", 300.0, "patient/*.rs")
    wanted = PageRequest(access, patient, None, entries=entries(ordered), policy=policy)
    now = datetime.fromisoformat(f"{ordered['authoredOn'][:10]}T12:00:00-05:00")
    settings = replace(SETTINGS, policies=",".join(each.id for each in POLICIES))
    page = document_order(wanted, settings, now, source.open, None)
    judged = page.assessment is not None and page.assessment.case is not None
    return page if judged and page.assessment is not None and page.assessment.policy.id == policy else None


@pytest.mark.parametrize("policy", [policy.id for policy in POLICIES])
def test_the_page_of_every_policy_shows_each_finding_and_each_open_question_once(policy: str) -> None:
    """Over charts of its own cases: with and without a regimen, a pump in use, laboratory results, statements."""
    areas = {"MP-MM-1316": ("replacement", "injection-regimen"), "L33794": ("choice",), "CG-DME-51": ("cg-dme-51",)}
    paths = [path for path in case_files() if path.parent.name in areas.get(policy, ("choice",))][:25]
    pages = [page for path in paths if (page := _of_case(path, policy)) is not None]
    assert pages
    for page in pages:
        view = view_of(page, _session(), URL)
        arranged: Arranged = view["page"]
        shown = [*arranged.open, *arranged.differing, *(topic for fold in arranged.folds for topic in fold.topics)]
        ids = [topic.id for whole in shown for topic in whole.every]
        assert len(ids) == len({*ids})
        fields = [q.link_id for whole in shown for t in whole.every if t.asked for q in t.asked.questions]
        assert len(fields) == len({*fields}), "a field stands once"
        asked = {q.link_id for each in (page.questions or {}).values() if each.open for q in each.questions}
        first = {q.link_id for whole in arranged.open for t in whole.every if t.is_asked and t.asked
                 for q in t.asked.questions}  # fmt: skip
        assert asked == first, "what is open is asked where it is seen at once"
        assert view["progress"][0] == len(arranged.open)


def test_statuses_are_in_plain_words() -> None:
    view = _view()
    words = {topic.word for group in view["page"].groups for topic in group.topics}
    assert words <= {"met", "chart suggests", "missing", "does not apply", "not stated"}
    assert (view["payer"], view["policy_url"].split("?")[0]) == ("CareSource", f"{URL}/policy/MP-MM-1316")
