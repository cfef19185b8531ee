"""What is written is there once, and comes back joined; against SQLite and PostgreSQL alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, select

from cds_service.services.feedback_statistics import ALL, UNMATCHED, feedback_statistics
from cds_service.store.database import open_engine, upgrade
from cds_service.store.repository import Repository
from cds_service.store.schema import cards, feedback, used_tokens
from tests.store.postgresql import PostgreSQL
from tests.store.samples import ORDER, call_record, card, determination, feedback_record, plain

NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)


def test_writing_twice_is_writing_once(repository: Repository) -> None:
    call = call_record()
    said = feedback_record(call.cards[0]["uuid"])
    for _ in range(2):
        repository.write([plain(call), plain(said)])
    repository.write([plain(call), plain(call)])
    counts = {"calls": 1, "determinations": 1, "cards": 1, "feedback": 1, "used_tokens": 0}
    assert repository.counts() == counts


def test_a_batch_is_written_whole_or_not_at_all(repository: Repository) -> None:
    broken = plain(call_record()) | {"hook": None}
    with pytest.raises(Exception, match=r"hook|NULL|null"):
        repository.write([plain(call_record()), broken])
    assert repository.counts()["calls"] == 0


def test_a_call_comes_back_as_it_went_in(repository: Repository) -> None:
    call = call_record(client="hospital", response="sealed", live=True)
    repository.write([plain(call)])
    for name in (call.id, call.hook_instance):
        found = repository.call(name)
        assert found is not None
        assert (found.id, found.client, found.live, found.response) == (call.id, "hospital", True, b"sealed")
        received = found.received_at if found.received_at.tzinfo else found.received_at.replace(tzinfo=UTC)
        assert received == NOON
    (row,) = repository.determinations_of(call.id)
    assert (row.order_reference, row.outcome, row.as_of) == (ORDER, "needs-documentation", date(2026, 11, 20))
    assert row.notes == ["Conditions came with the call"]
    assert row.body["criteria"] == determination()["criteria"]
    assert repository.call("nobody") is None


def test_of_a_hook_instance_the_newest_call_is_found(repository: Repository) -> None:
    old = call_record(hook_instance="again", received_at="2026-11-20T10:00:00+00:00")
    new = call_record(hook_instance="again", received_at="2026-11-20T11:00:00+00:00")
    repository.write([plain(new), plain(old)])
    found = repository.call("again")
    assert found is not None
    assert found.id == new.id


def test_determinations_keep_the_order_of_the_orders(repository: Repository) -> None:
    names = [f"DeviceRequest/{letter}" for letter in "zyxabc"]
    call = call_record(determinations=[determination(name) for name in names])
    repository.write([plain(call)])
    assert [row.order_reference for row in repository.determinations_of(call.id)] == names


def test_feedback_is_joined_to_the_determination_that_its_card_was_about(repository: Repository) -> None:
    about_b = card("DeviceRequest/b")
    call = call_record(
        determinations=[determination("DeviceRequest/a"), determination("DeviceRequest/b", "likely-denied")],
        cards=[card("DeviceRequest/a"), about_b],
    )
    repository.write([plain(call), plain(feedback_record(about_b["uuid"])), plain(feedback_record("unknown"))])
    found = {row.card_uuid: row for row in repository.feedback_since(None)}
    assert found[about_b["uuid"]].determined == "likely-denied"
    assert found[about_b["uuid"]].call_id == call.id
    assert found["unknown"].determined is None


def test_feedback_that_is_written_before_its_call_is_joined_all_the_same(repository: Repository) -> None:
    """Two processes write: the one that heard the feedback may be the quicker one."""
    call = call_record()
    repository.write([plain(feedback_record(call.cards[0]["uuid"]))])
    repository.write([plain(call)])
    (found,) = repository.feedback_since(None)
    assert found.determined == "needs-documentation"


@pytest.mark.parametrize("first", ["call", "feedback"])
@pytest.mark.parametrize(
    ("shown_to", "said_by"),
    [
        ({"client": "hospital"}, {"client": "clinic"}),
        ({"client": "hospital"}, {"client": None}),
        ({"client": None}, {"client": "hospital"}),
        ({"service": "crd-order-sign"}, {"service": "insulin-pump-order-sign"}),
    ],
    ids=str,
)
def test_feedback_joins_no_card_of_another_client_or_service(
    repository: Repository, first: str, shown_to: dict[str, Any], said_by: dict[str, Any]
) -> None:
    """It is kept, and is about nothing that is known, in whichever order the two are written."""
    call = call_record(**shown_to)
    said = feedback_record(call.cards[0]["uuid"], outcome="overridden", **said_by)
    for record in (call, said) if first == "call" else (said, call):
        repository.write([plain(record)])
    (found,) = repository.feedback_since(None)
    assert (found.call_id, found.shown_in, found.determined, found.body) == (None, None, None, None)


def test_a_word_of_another_client_does_not_replace_the_own_one(repository: Repository) -> None:
    call = call_record(client="hospital")
    uuid = call.cards[0]["uuid"]
    words = [
        feedback_record(uuid, client="hospital", outcome="accepted"),
        feedback_record(uuid, client="clinic", outcome="overridden", received_at="2026-11-21T00:00:00+00:00"),
    ]
    repository.write([plain(each) for each in (call, *words)])
    rows = {(row["outcome"], row["about"]): row for row in feedback_statistics(repository.feedback_since(None))}
    own, other = rows["needs-documentation", ALL], rows[UNMATCHED, ALL]
    assert (own["accepted"], own["overridden"]) == (1, 0)
    assert (other["accepted"], other["overridden"]) == (0, 1)


def test_a_long_name_of_an_order_is_cut_alike_on_card_and_determination(repository: Repository) -> None:
    name = "DeviceRequest/" + "x" * 400
    call = call_record(determinations=[determination(name)], cards=[card(name)])
    repository.write([plain(call), plain(feedback_record(call.cards[0]["uuid"]))])
    (found,) = repository.feedback_since(None)
    assert found.determined == "needs-documentation"


def test_what_a_database_cannot_hold_is_left_out_and_the_rest_is_kept(repository: Repository) -> None:
    """PostgreSQL has no NUL in text."""
    name = "DeviceRequest/p\x00ump"
    call = call_record(
        determinations=[determination(name, notes=["a\x00b"])], cards=[card(name, suggestions={"x": "a\x00b"})]
    )
    said = feedback_record(call.cards[0]["uuid"], comment="on\x00paper", override_code="\x00", accepted=["\x00s"])
    repository.write([plain(call), plain(said)])
    (found,) = repository.feedback_since(None)
    assert found.determined == "needs-documentation"
    assert found.comment == "onpaper"


@pytest.mark.parametrize(("since", "count"), [(date(2026, 11, 20), 1), (date(2026, 11, 21), 0), (None, 2)])
def test_feedback_since_a_day(repository: Repository, since: date | None, count: int) -> None:
    repository.write([plain(feedback_record("a", received_at="2026-11-19T23:59:59.999999+00:00"))])
    repository.write([plain(feedback_record("b", received_at="2026-11-20T00:00:00+00:00"))])
    assert len(repository.feedback_since(since)) == count


@pytest.mark.real
def test_days_are_utc_whatever_zone_the_server_is_in(postgresql: PostgreSQL) -> None:
    engine = open_engine(postgresql.new_database("Pacific/Kiritimati"))
    upgrade(engine)
    test_feedback_since_a_day(Repository(engine), date(2026, 11, 20), 1)
    engine.dispose()


def test_times_are_kept_in_utc_whatever_zone_they_were_written_in(repository: Repository) -> None:
    repository.write([plain(feedback_record("a", received_at="2026-11-19T22:00:00-05:00"))])
    assert len(repository.feedback_since(date(2026, 11, 20))) == 1


# ---------------------------------------------------------------- tokens


def test_a_token_is_used_once_whichever_of_two_engines_asks(url: str, repository: Repository) -> None:
    other = open_engine(url)
    barrier = Barrier(20)

    def attempt(number: int) -> bool:
        barrier.wait(10)
        return (repository if number % 2 else Repository(other)).first_use("hospital", "one", 1e9)

    with ThreadPoolExecutor(20) as pool:
        won = list(pool.map(attempt, range(20)))
    other.dispose()
    assert sum(won) == 1


def test_what_is_asked_may_hold_what_a_database_cannot(repository: Repository) -> None:
    assert repository.first_use("hospital", "a\0b", 1.0)
    assert not repository.first_use("hospital", "a\0b", 1.0)
    assert repository.determination_of("a\0b", "hospital") is None


def test_determinations_since_a_day_oldest_first(repository: Repository) -> None:
    days = ("2026-11-20T00:00:00+00:00", "2026-11-19T23:59:59+00:00", "2026-11-18T09:00:00+00:00")
    calls = [call_record(received_at=day, duration_ms=float(i)) for i, day in enumerate(days)]
    repository.write([plain(each) for each in calls])
    assert [row.duration_ms for row in repository.determinations_since(None)] == [2.0, 1.0, 0.0]
    assert [row.duration_ms for row in repository.determinations_since(date(2026, 11, 19))] == [1.0, 0.0]
    [newest] = repository.determinations_since(date(2026, 11, 20))
    assert (newest.call_id, newest.hook, newest.outcome) == (calls[0].id, "order-sign", "needs-documentation")


def test_tokens_of_two_clients_do_not_meet(repository: Repository) -> None:
    assert repository.first_use("a", "one", 1e9)
    assert repository.first_use("b", "one", 1e9)
    assert repository.first_use("a", "two", 1e9)
    assert not repository.first_use("a", "one", 1e9)


# ---------------------------------------------------------------- retention


def test_prune_deletes_what_is_old_and_all_that_hangs_on_it(repository: Repository) -> None:
    old = call_record(received_at=(NOON - timedelta(days=2)).isoformat())
    new = call_record(received_at=NOON.isoformat())
    repository.write([plain(old), plain(new)])
    repository.write([plain(feedback_record(call.cards[0]["uuid"])) for call in (old, new)])
    repository.write([plain(feedback_record("unknown", received_at=(NOON - timedelta(days=2)).isoformat()))])
    repository.first_use("a", "ended", 100.0)
    repository.first_use("a", "valid", 300.0)
    assert repository.prune(NOON - timedelta(days=1), 200.0) == (1, 1)
    assert repository.counts() == {"calls": 1, "determinations": 1, "cards": 1, "feedback": 1, "used_tokens": 1}
    assert repository.call(new.id) is not None
    assert _kept(repository.engine) == {new.cards[0]["uuid"]}
    assert repository.prune(NOON - timedelta(days=1), 200.0) == (0, 0)


def _kept(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        shown = set(connection.execute(select(cards.c.uuid)).scalars())
        told = set(connection.execute(select(feedback.c.card_uuid)).scalars())
        assert connection.execute(select(used_tokens.c.jti)).scalars().all() == ["valid"]
    assert shown == told
    return shown
