"""Reads and writes the tables. Writing is idempotent: a record that is there already is left as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Engine, Row, delete, func, insert, select, true
from sqlalchemy.exc import IntegrityError

from cds_service.store.records import ORDER_ID
from cds_service.store.schema import calls, cards, determinations, feedback, sessions, used_tokens

JSON = Mapping[str, Any]
_LONGEST_REFERENCE = 300


class Repository:
    """The store behind one engine."""

    def __init__(self, engine: Engine) -> None:
        """`engine`: of a database whose tables exist."""
        self.engine = engine

    # ------------------------------------------------------------ writing

    def write(self, records: Sequence[JSON]) -> None:
        """Writes records in order, all or none."""
        if b"\\u0000" in msgspec.json.encode(records):  # rare, and slow to look for in each text
            records = [_without_nul(record) for record in records]
        with self.engine.begin() as connection:
            _write_calls(connection, [record for record in records if record["kind"] == "call"])
            for record in records:  # after the calls: feedback is joined to their cards
                if record["kind"] == "feedback":
                    _write_feedback(connection, record)

    def first_use(self, client: str, jti: str, ends_at: float) -> bool:
        """Records the use of a token until it expires; False when any process has used it before."""
        try:
            with self.engine.begin() as connection:
                connection.execute(insert(used_tokens).values(client=client, jti=_without_nul(jti), ends_at=ends_at))
        except IntegrityError:
            return False
        return True

    def forget_use(self, client: str, jti: str) -> None:
        """Deletes the record of a token's use, so that it can be used again."""
        same_token = (used_tokens.c.client == client) & (used_tokens.c.jti == _without_nul(jti))
        with self.engine.begin() as connection:
            connection.execute(delete(used_tokens).where(same_token))

    def prune(self, before: datetime, now: float) -> tuple[int, int]:
        """Deletes calls and feedback received before a time, and expired sessions and tokens.

        Returns the numbers of deleted calls and tokens.
        """
        with self.engine.begin() as connection:
            connection.execute(delete(feedback).where(feedback.c.received_at < before))
            old = select(calls.c.id).where(calls.c.received_at < before).scalar_subquery()
            for table in (feedback, cards, determinations):
                connection.execute(delete(table).where(table.c.call_id.in_(old)))
            deleted = connection.execute(delete(calls).where(calls.c.received_at < before)).rowcount
            connection.execute(delete(sessions).where(sessions.c.ends_at < now))
            ended = connection.execute(delete(used_tokens).where(used_tokens.c.ends_at < now)).rowcount
        return deleted, ended

    # ------------------------------------------------------------ reading

    def call(self, call_id: str) -> Row[Any] | None:
        """One call by its id, or the newest one of a hook instance."""
        with self.engine.connect() as connection:
            matches = (calls.c.id == call_id) | (calls.c.hook_instance == call_id)
            return connection.execute(select(calls).where(matches).order_by(calls.c.received_at.desc())).first()

    def determinations_of(self, call_id: str) -> list[Row[Any]]:
        """The determinations of a call, in the order of its orders."""
        with self.engine.connect() as connection:
            query = select(determinations).where(determinations.c.call_id == call_id)
            return list(connection.execute(query.order_by(determinations.c.position)))

    def determination_of(self, assertion_id: str, client: str | None) -> Row[Any] | None:
        """The newest determination of an assertion that was sent to this client; None when there is none."""
        own = calls.c.client.is_(None) if client is None else calls.c.client == client
        query = select(determinations).join(calls, calls.c.id == determinations.c.call_id)
        newest = query.where(determinations.c.assertion_id == _without_nul(assertion_id), own).order_by(
            calls.c.received_at.desc()
        )
        with self.engine.connect() as connection:
            return connection.execute(newest).first()

    def feedback_since(self, since: date | None) -> list[Row[Any]]:
        """Feedback, with its card's call and the determination that the card showed, where these are stored.

        Feedback joins only cards of its own client and service: another's card id is not matched.
        """
        shown = (
            select(
                cards.c.uuid,
                cards.c.call_id,
                cards.c.order_reference,
                cards.c.policy_id,
                calls.c.client,
                calls.c.service,
            )
            .join(calls, calls.c.id == cards.c.call_id)
            .subquery()
        )
        own = (shown.c.uuid == feedback.c.card_uuid) & (shown.c.service == feedback.c.service)
        own &= shown.c.client.is_not_distinct_from(feedback.c.client)
        about = (determinations.c.call_id == shown.c.call_id) & (
            determinations.c.order_reference == shown.c.order_reference
        )
        # Cards that were stored before there was a second policy name none.
        about &= shown.c.policy_id.is_(None) | (determinations.c.policy_id == shown.c.policy_id)
        joined = feedback.outerjoin(shown, own).outerjoin(determinations, about)
        shown_in = shown.c.call_id.label("shown_in")
        columns = (feedback, shown_in, determinations.c.outcome.label("determined"), determinations.c.body)
        with self.engine.connect() as connection:
            query = (
                select(*columns)
                .select_from(joined)
                .where(_since(feedback.c.received_at, since))
                .order_by(feedback.c.received_at)
            )
            return list(connection.execute(query))

    def determinations_since(self, since: date | None) -> Iterator[Row[Any]]:
        """Determinations with their call's time, client, hook and duration, oldest first, read in steps."""
        columns = (determinations, calls.c.received_at, calls.c.client, calls.c.hook, calls.c.duration_ms)
        joined = determinations.join(calls, calls.c.id == determinations.c.call_id)
        query = select(*columns).select_from(joined).where(_since(calls.c.received_at, since))
        with self.engine.connect().execution_options(yield_per=500) as connection:
            yield from connection.execute(query.order_by(calls.c.received_at, determinations.c.position))

    def counts(self) -> dict[str, int]:
        """Rows by table."""
        with self.engine.connect() as connection:
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (calls, determinations, cards, feedback, used_tokens)
            }


def _since(received: Column[datetime], day: date | None) -> ColumnElement[bool]:
    """Received on or after a day in UTC; always true without a day."""
    return received >= datetime.combine(day, datetime.min.time(), UTC) if day else true()


def _write_calls(connection: Connection, records: Sequence[JSON]) -> None:
    ids = [record["id"] for record in records]
    stored = set(connection.scalars(select(calls.c.id).where(calls.c.id.in_(ids)))) if ids else set()
    new = list({record["id"]: record for record in records if record["id"] not in stored}.values())
    determined = [_determination(call["id"], i, one) for call in new for i, one in enumerate(call["determinations"])]
    shown = [_card(call["id"], card) for call in new for card in call["cards"]]
    for table, rows in ((calls, list(map(_call, new))), (determinations, determined), (cards, shown)):
        if rows:
            connection.execute(insert(table), rows)


def _call(record: JSON) -> dict[str, Any]:
    members = {column.name: record[column.name] for column in calls.columns if column.name != "response"}
    encrypted = record.get("response")
    received = _moment(record["received_at"])
    return members | {"received_at": received, "response": encrypted.encode() if encrypted else None}


def _card(call_id: str, shown: JSON) -> dict[str, Any]:
    reference = shown["order_reference"]
    cut = reference and reference[:_LONGEST_REFERENCE]
    return {**shown, "policy_id": shown.get("policy_id"), "call_id": call_id, "order_reference": cut}


def _determination(call_id: str, position: int, determination: JSON) -> dict[str, Any]:
    body = {name: value for name, value in determination.items() if name not in ("notes", ORDER_ID)}
    return {
        "call_id": call_id,
        "position": position,
        "order_reference": determination["order"][:_LONGEST_REFERENCE],
        "outcome": determination["outcome"],
        "coverage": determination["coverage"],
        "policy_id": determination["policy"]["id"],
        "policy_version": determination["policy"].get("version"),
        "as_of": date.fromisoformat(determination["asOf"]),
        "assertion_id": determination.get("assertionId"),
        "order_id": determination.get(ORDER_ID),
        "body": body,
        "notes": list(determination.get("notes", ())),
    }


def _moment(text: str) -> datetime:
    """A time in UTC, since SQLite stores no zone."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _without_nul(node: Any) -> Any:
    """The value without NUL characters, which PostgreSQL cannot store in text."""
    if isinstance(node, str):
        return node.replace("\0", "")
    if isinstance(node, list):
        return [_without_nul(item) for item in node]
    if isinstance(node, dict):
        return {name.replace("\0", ""): _without_nul(value) for name, value in node.items()}
    return node


def _write_feedback(connection: Connection, record: JSON) -> None:
    stored = connection.execute(select(feedback.c.id).where(feedback.c.id == record["id"])).first()
    if stored is not None:
        return
    members = {column.name: record[column.name] for column in feedback.columns if column.name != "call_id"}
    members["received_at"] = _moment(record["received_at"])
    own = (calls.c.service == record["service"]) & calls.c.client.is_not_distinct_from(record["client"])
    shown = select(cards.c.call_id).join(calls, calls.c.id == cards.c.call_id)
    call = connection.execute(shown.where(cards.c.uuid == record["card_uuid"], own)).scalar()
    connection.execute(insert(feedback).values(**members, call_id=call))
