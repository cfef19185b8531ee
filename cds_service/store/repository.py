"""Reads and writes the tables. Writing is idempotent: a record that is there already is left as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Engine, Row, delete, func, insert, select, true
from sqlalchemy.exc import IntegrityError

from cds_service.store.schema import calls, cards, determinations, feedback, sessions, used_tokens

JSON = Mapping[str, Any]
_LONGEST_REFERENCE = 300


class Repository:
    """The store behind one engine."""

    def __init__(self, engine: Engine) -> None:
        """The tables have to be there."""
        self.engine = engine

    # ------------------------------------------------------------ writing

    def write(self, records: Sequence[JSON]) -> None:
        """Writes records in order, all or none."""
        if b"\\u0000" in msgspec.json.encode(records):  # rare, and dear to look for in each text
            records = [_without_nul(record) for record in records]
        with self.engine.begin() as connection:
            _write_calls(connection, [record for record in records if record["kind"] == "call"])
            for record in records:  # behind the calls: feedback is joined to their cards
                if record["kind"] == "feedback":
                    _write_feedback(connection, record)

    def first_use(self, client: str, jti: str, ends_at: float) -> bool:
        """Remembers a token until it ends; False when it was used before, by whichever process."""
        try:
            with self.engine.begin() as connection:
                connection.execute(insert(used_tokens).values(client=client, jti=_without_nul(jti), ends_at=ends_at))
        except IntegrityError:
            return False
        return True

    def forget_use(self, client: str, jti: str) -> None:
        """Lets a token that was remembered be used once more."""
        mine = (used_tokens.c.client == client) & (used_tokens.c.jti == _without_nul(jti))
        with self.engine.begin() as connection:
            connection.execute(delete(used_tokens).where(mine))

    def prune(self, before: datetime, now: float) -> tuple[int, int]:
        """Deletes calls and feedback received before a time, and what has ended. The numbers of calls and of tokens."""
        with self.engine.begin() as connection:
            connection.execute(delete(feedback).where(feedback.c.received_at < before))
            old = select(calls.c.id).where(calls.c.received_at < before).scalar_subquery()
            for table in (feedback, cards, determinations):
                connection.execute(delete(table).where(table.c.call_id.in_(old)))
            gone = connection.execute(delete(calls).where(calls.c.received_at < before)).rowcount
            connection.execute(delete(sessions).where(sessions.c.ends_at < now))
            ended = connection.execute(delete(used_tokens).where(used_tokens.c.ends_at < now)).rowcount
        return gone, ended

    # ------------------------------------------------------------ reading

    def call(self, call_id: str) -> Row[Any] | None:
        """One call by its id, or the newest one of a hook instance."""
        with self.engine.connect() as connection:
            wanted = (calls.c.id == call_id) | (calls.c.hook_instance == call_id)
            return connection.execute(select(calls).where(wanted).order_by(calls.c.received_at.desc())).first()

    def determinations_of(self, call_id: str) -> list[Row[Any]]:
        """The determinations of a call, in the order of its orders."""
        with self.engine.connect() as connection:
            found = select(determinations).where(determinations.c.call_id == call_id)
            return list(connection.execute(found.order_by(determinations.c.position)))

    def determined(self, assertion_id: str, client: str | None) -> Row[Any] | None:
        """The newest determination behind an assertion that this client was given; None when there is none."""
        mine = calls.c.client.is_(None) if client is None else calls.c.client == client
        found = select(determinations).join(calls, calls.c.id == determinations.c.call_id)
        newest = found.where(determinations.c.assertion_id == _without_nul(assertion_id), mine).order_by(
            calls.c.received_at.desc()
        )
        with self.engine.connect() as connection:
            return connection.execute(newest).first()

    def feedback_since(self, since: date | None) -> list[Row[Any]]:
        """Feedback with the call that showed its card, and the determination that it was about; where there are any.

        A card of another client or service is none of its: whoever learns a card's id says nothing about it.
        """
        shown = (
            select(cards.c.uuid, cards.c.call_id, cards.c.order_reference, calls.c.client, calls.c.service)
            .join(calls, calls.c.id == cards.c.call_id)
            .subquery()
        )
        own = (shown.c.uuid == feedback.c.card_uuid) & (shown.c.service == feedback.c.service)
        own &= shown.c.client.is_not_distinct_from(feedback.c.client)
        about = (determinations.c.call_id == shown.c.call_id) & (
            determinations.c.order_reference == shown.c.order_reference
        )
        joined = feedback.outerjoin(shown, own).outerjoin(determinations, about)
        told = shown.c.call_id.label("shown_in")
        columns = (feedback, told, determinations.c.outcome.label("determined"), determinations.c.body)
        with self.engine.connect() as connection:
            found = (
                select(*columns)
                .select_from(joined)
                .where(_since(feedback.c.received_at, since))
                .order_by(feedback.c.received_at)
            )
            return list(connection.execute(found))

    def determinations_since(self, since: date | None) -> Iterator[Row[Any]]:
        """Determinations with their call's time, hook and duration, oldest first; read as they are asked for."""
        columns = (determinations, calls.c.received_at, calls.c.hook, calls.c.duration_ms)
        joined = determinations.join(calls, calls.c.id == determinations.c.call_id)
        found = select(*columns).select_from(joined).where(_since(calls.c.received_at, since))
        with self.engine.connect().execution_options(yield_per=500) as connection:
            yield from connection.execute(found.order_by(calls.c.received_at, determinations.c.position))

    def counts(self) -> dict[str, int]:
        """Rows by table."""
        with self.engine.connect() as connection:
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (calls, determinations, cards, feedback, used_tokens)
            }


def _since(received: Column[datetime], day: date | None) -> ColumnElement[bool]:
    """From the first moment of a day, in UTC; None is always."""
    return received >= datetime.combine(day, datetime.min.time(), UTC) if day else true()


def _write_calls(connection: Connection, records: Sequence[JSON]) -> None:
    ids = [record["id"] for record in records]
    there = set(connection.scalars(select(calls.c.id).where(calls.c.id.in_(ids)))) if ids else set()
    new = list({record["id"]: record for record in records if record["id"] not in there}.values())
    rows = [_determination(each["id"], i, found) for each in new for i, found in enumerate(each["determinations"])]
    shown = [_card(each["id"], card) for each in new for card in each["cards"]]
    for table, members in ((calls, [_call(each) for each in new]), (determinations, rows), (cards, shown)):
        if members:
            connection.execute(insert(table), members)


def _call(record: JSON) -> dict[str, Any]:
    members = {column.name: record[column.name] for column in calls.columns if column.name != "response"}
    sealed = record.get("response")
    received = _moment(record["received_at"])
    return members | {"received_at": received, "response": sealed.encode() if sealed else None}


def _card(call_id: str, shown: JSON) -> dict[str, Any]:
    reference = shown["order_reference"]
    return {**shown, "call_id": call_id, "order_reference": reference and reference[:_LONGEST_REFERENCE]}


def _determination(call_id: str, position: int, found: JSON) -> dict[str, Any]:
    body = {name: value for name, value in found.items() if name != "notes"}
    return {
        "call_id": call_id,
        "position": position,
        "order_reference": found["order"][:_LONGEST_REFERENCE],
        "outcome": found["outcome"],
        "coverage": found["coverage"],
        "policy_id": found["policy"]["id"],
        "policy_version": found["policy"].get("version"),
        "as_of": date.fromisoformat(found["asOf"]),
        "assertion_id": found.get("assertionId"),
        "body": body,
        "notes": list(found.get("notes", ())),
    }


def _moment(text: str) -> datetime:
    """In UTC, since SQLite keeps no zone."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _without_nul(node: Any) -> Any:
    """PostgreSQL holds no NUL in text: what some client puts into a comment or an id is kept without it."""
    if isinstance(node, str):
        return node.replace("\0", "")
    if isinstance(node, list):
        return [_without_nul(item) for item in node]
    if isinstance(node, dict):
        return {name.replace("\0", ""): _without_nul(value) for name, value in node.items()}
    return node


def _write_feedback(connection: Connection, record: JSON) -> None:
    there = connection.execute(select(feedback.c.id).where(feedback.c.id == record["id"])).first()
    if there is not None:
        return
    members = {column.name: record[column.name] for column in feedback.columns if column.name != "call_id"}
    members["received_at"] = _moment(record["received_at"])
    own = (calls.c.service == record["service"]) & calls.c.client.is_not_distinct_from(record["client"])
    shown = select(cards.c.call_id).join(calls, calls.c.id == cards.c.call_id)
    call = connection.execute(shown.where(cards.c.uuid == record["card_uuid"], own)).scalar()
    connection.execute(insert(feedback).values(**members, call_id=call))
