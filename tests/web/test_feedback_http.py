"""A call, the words on its cards, and both joined in the store; over HTTP (requirements 160-170, 240)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from cds_service.services.feedback_statistics import ALL, feedback_statistics
from cds_service.settings import Settings
from cds_service.store.repository import Repository
from cds_service.web import create_app
from tests.conformance.checker import check_error
from tests.services.crd import crd_call
from tests.support import JSON, bundle, order

SIGN, CRD = "/cds-services/insulin-pump-order-sign", "/cds-services/crd-order-sign"
REASON = {"reason": {"code": "self-pay", "system": "https://cds.example.invalid/x"}, "userComment": "Zebulon pays"}


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return create_app(Settings(database_url=f"sqlite:///{tmp_path}/x.db", spool_folder=str(tmp_path / "spool")))


def _called(app: Flask, path: str = SIGN) -> JSON:
    """The answer to a call with a fresh instance, and the instance."""
    request = crd_call(order("pump-1"), order("pump-2"), glucose=bundle(), education=bundle()) | {
        "hookInstance": str(uuid4())
    }
    reply = app.test_client().post(path, json=request)
    assert reply.status_code == 200, reply.data
    return {**reply.get_json(), "instance": request["hookInstance"]}


def _told(app: Flask, *entries: JSON, path: str = SIGN) -> Any:
    return app.test_client().post(f"{path}/feedback", json={"feedback": list(entries)})


def _entry(card: str, outcome: str = "accepted", **members: Any) -> JSON:
    return {"card": card, "outcome": outcome, "outcomeTimestamp": "2026-11-20T17:01:00Z", **members}


def _kept(app: Flask) -> Repository:
    store = app.config["STORE"]
    assert store.recorder.flush()
    assert store.recorder.lost == 0
    return store.repository()


@pytest.mark.parametrize("path", [SIGN, CRD, f"/crd-2.0{CRD}"])
def test_feedback_is_joined_to_card_and_determination(app: Flask, path: str) -> None:
    answer = _called(app, path)
    told = {found["order"]: found for found in answer["extension"]["com.insulin-pump-cds.determinations"]}
    cards = [card["uuid"] for card in answer["cards"]]
    assert cards
    reply = _told(app, *[_entry(card, "overridden", overrideReason=REASON) for card in cards], path=path)
    assert (reply.status_code, reply.get_json()) == (200, {})
    repository = _kept(app)
    call = repository.call(answer["instance"])
    assert call is not None
    found = repository.feedback_since(None)
    assert sorted(row.card_uuid for row in found) == sorted(cards)
    for row in found:
        assert row.call_id == call.id
        assert row.determined == told[row.body["order"]]["outcome"]
        assert (row.override_code, row.comment) == ("self-pay", "Zebulon pays")


def test_every_card_of_an_answer_is_kept_under_its_uuid(app: Flask) -> None:
    answers = [_called(app, path) for path in (SIGN, CRD)]
    counts = _kept(app).counts()
    assert counts["calls"] == 2
    assert counts["cards"] == sum(len(answer["cards"]) for answer in answers)
    assert counts["determinations"] == 4


def test_accepted_suggestions_are_kept(app: Flask) -> None:
    answer = _called(app)
    card = next(card for card in answer["cards"] if card.get("suggestions"))
    ids = [each["uuid"] for each in card["suggestions"]]
    _told(app, _entry(card["uuid"], acceptedSuggestions=[{"id": each} for each in ids]))
    (row,) = _kept(app).feedback_since(None)
    assert row.accepted == ids


def test_unknown_cards_are_kept_as_unmatched(app: Flask) -> None:
    """Requirement 168."""
    assert _told(app, _entry("nobody"), _entry(str(uuid4()), "overridden")).status_code == 200
    rows = _kept(app).feedback_since(None)
    assert [row.call_id for row in rows] == [None, None]
    assert feedback_statistics(rows) == [
        {
            "outcome": "unmatched",
            "policy": "",
            "about": ALL,
            "accepted": 1,
            "overridden": 1,
            "reasons": "no reason given 1",
        }
    ]


def test_the_same_words_twice_count_once_and_the_newest_word_counts(app: Flask) -> None:
    """Requirement 161."""
    card = _called(app)["cards"][0]["uuid"]
    for _ in range(3):
        assert _told(app, _entry(card, "overridden", overrideReason=REASON)).status_code == 200
    assert _kept(app).counts()["feedback"] == 1
    _told(app, _entry(card))
    rows = _kept(app).feedback_since(None)
    assert len(rows) == 2
    whole = next(row for row in feedback_statistics(rows) if row["about"] == ALL)
    assert (whole["accepted"], whole["overridden"], whole["reasons"]) == (1, 0, "")


def test_acceptance_names_the_criteria_that_were_open(app: Flask) -> None:
    answer = _called(app)
    _told(app, _entry(answer["cards"][0]["uuid"], "overridden", overrideReason=REASON))
    rows = feedback_statistics(_kept(app).feedback_since(None))
    assert {"D.I.G", ALL} <= {row["about"] for row in rows}
    assert {row["reasons"] for row in rows} == {"self-pay 1"}


@pytest.mark.parametrize("time_told", ["2026-11-20T17:01:00Z UTC", "yesterday"])
def test_times_are_kept_raw_and_flagged(app: Flask, time_told: str) -> None:
    assert _told(app, _entry("x", outcomeTimestamp=time_told)).status_code == 200
    (row,) = _kept(app).feedback_since(None)
    assert (row.outcome_timestamp, row.timestamp_readable) == (time_told, time_told != "yesterday")
    assert (datetime.now(UTC) - row.received_at.replace(tzinfo=UTC)).total_seconds() < 60


@pytest.mark.parametrize("entry", [{"outcome": "accepted"}, {"card": "x"}, {"card": "x", "outcome": "ignored"}])
def test_what_lacks_card_or_outcome_is_refused_and_nothing_of_it_kept(app: Flask, entry: JSON) -> None:
    """Requirements 162 and 163."""
    reply = _told(app, _entry("good"), entry)
    assert reply.status_code == 400
    assert check_error(400, reply.content_type, reply.get_json()) == []
    assert reply.get_json()["issue"][0]["expression"][0].startswith("feedback[1].")
    assert _kept(app).counts()["feedback"] == 0


@pytest.mark.parametrize("path", ["/cds-services/nobody", "/crd-2.0/cds-services/insulin-pump-order-sign"])
def test_feedback_on_a_service_that_is_not_here(app: Flask, path: str) -> None:
    assert _told(app, _entry("x"), path=path).status_code == 404


def test_what_is_refused_is_not_kept_as_a_call(app: Flask) -> None:
    assert app.test_client().post(SIGN, json={}).status_code == 400
    assert _kept(app).counts()["calls"] == 0


def test_without_a_store_feedback_is_taken_all_the_same() -> None:
    app = create_app(Settings(database_url="off"))
    assert _told(app, _entry("x")).status_code == 200


def test_nothing_of_a_comment_is_logged(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """Requirement 170."""
    with caplog.at_level("DEBUG"):
        _told(app, _entry("x", "overridden", overrideReason=REASON))
        _kept(app)
    assert "Zebulon" not in json.dumps([record.getMessage() for record in caplog.records])
