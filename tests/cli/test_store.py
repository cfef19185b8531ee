"""The commands on the store: db, replay, feedback."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from cds_service.cli import main
from cds_service.settings import load
from cds_service.store.store import Store, open_store
from cds_service.web import create_app
from tests.services.crd import crd_call
from tests.store.samples import call_record, card, determination, feedback_record, plain
from tests.support import bundle

CRD = "/cds-services/crd-order-sign"
OLD = "2020-01-01T00:00:00+00:00"


class Command:
    """The command on a store of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.variables = {
            "PUMP_CDS_DATABASE_URL": f"sqlite:///{folder}/x.db",
            "PUMP_CDS_SPOOL_FOLDER": str(folder / "spool"),
        }

    def __call__(self, *arguments: str, **variables: str) -> Result:
        return CliRunner().invoke(main, arguments, env=self.variables | variables)

    @property
    def store(self) -> Store:
        store = open_store(load(self.variables))
        assert store is not None
        return store


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def _refused(done: Result, words: str) -> None:
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert words in done.stderr


ALL_COMMANDS = pytest.mark.parametrize(
    "arguments", [("db", "upgrade"), ("db", "prune"), ("feedback",), ("replay", "x", __file__)]
)


@ALL_COMMANDS
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("off", "PUMP_CDS_DATABASE_URL"),
        ("nonsense", "PUMP_CDS_DATABASE_URL"),
        ("sqlite:////nowhere/at/all.db", "store"),
        ("postgresql://nobody@127.0.0.1:1/x", "store"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_line(
    command: Command, arguments: tuple[str, ...], url: str, words: str
) -> None:
    _refused(command(*arguments, PUMP_CDS_DATABASE_URL=url), words)


@ALL_COMMANDS
def test_tables_of_a_later_version_are_one_line(command: Command, arguments: tuple[str, ...]) -> None:
    assert command("db", "upgrade").exit_code == 0
    store = command.store
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    _refused(command(*arguments), "store")


def test_upgrade_says_what_it_did(command: Command) -> None:
    assert command("db", "upgrade").output == "the store was migrated\n"
    assert command("db", "upgrade").output == "the store is up to date\n"


def test_prune(command: Command) -> None:
    old, new = call_record(received_at=OLD), call_record(received_at="2999-01-01T00:00:00+00:00")
    command("db", "upgrade")
    repository = command.store.repository()
    repository.write([plain(old), plain(new)])
    repository.first_use("hospital", "ended", 1.0)
    assert "deleted 0 calls older than 100000" in command("db", "prune", "--days", "100000").output
    assert command("db", "prune").output == "deleted 1 call older than 730 days and 0 ended tokens\n"
    assert repository.call(old.id) is None
    assert repository.call(new.id) is not None
    assert "older than 9 days" in command("db", "prune", PUMP_CDS_RETENTION_DAYS="9").output
    assert command("db", "prune", "--days", "-1").exit_code == 2


# ---------------------------------------------------------------- feedback


@pytest.fixture
def told(command: Command) -> Command:
    """A call with a word on its card, an old word on an unknown one."""
    call = call_record()
    command("db", "upgrade")
    word = feedback_record(call.cards[0]["uuid"], outcome="overridden", override_code='self-pay, "really"')
    command.store.repository().write([plain(call), plain(word), plain(feedback_record("x", received_at=OLD))])
    return command


ROWS = [
    ("needs-documentation", "all", 0, 1, 'self-pay, "really" 1'),
    ("needs-documentation", "D.I.G", 0, 1, 'self-pay, "really" 1'),
    ("unmatched", "all", 1, 0, ""),
]


def test_feedback_as_json(told: Command) -> None:
    rows = json.loads(told("feedback", "--json").output)
    assert [row.pop("policy") for row in rows] == ["MP-MM-1316", "MP-MM-1316", ""]
    assert [tuple(row.values()) for row in rows] == ROWS


def test_feedback_as_csv(told: Command) -> None:
    rows = list(csv.reader(io.StringIO(told("feedback", "--csv").output)))
    assert rows[0] == ["outcome", "about", "accepted", "overridden", "reasons"]
    assert rows[1:] == [[str(each) for each in row] for row in ROWS]


def test_feedback_names_policies_where_there_are_several(told: Command) -> None:
    other = call_record(determinations=[determination(policy={"id": "NOT-HELD-1"}, criteria=[])])
    told.store.repository().write([plain(other), plain(feedback_record(other.cards[0]["uuid"]))])
    rows = list(csv.reader(io.StringIO(told("feedback", "--csv").output)))
    assert rows[0] == ["outcome", "policy", "about", "accepted", "overridden", "reasons"]
    assert ["needs-documentation", "NOT-HELD-1", "all", "1", "0", ""] in rows
    assert "NOT-HELD-1" in told("feedback").output


def test_a_card_that_is_about_no_order(command: Command) -> None:
    shown = card(None)
    command("db", "upgrade")
    records = (call_record(cards=[shown], determinations=[]), feedback_record(shown["uuid"]))
    command.store.repository().write([plain(each) for each in records])
    rows = json.loads(command("feedback", "--json").output)
    assert [(row["outcome"], row["accepted"]) for row in rows] == [("no order", 1)]


def test_a_reason_is_no_formula_to_a_spreadsheet(command: Command) -> None:
    call = call_record()
    command("db", "upgrade")
    word = feedback_record(call.cards[0]["uuid"], outcome="overridden", override_code="=1+1")
    command.store.repository().write([plain(call), plain(word)])
    rows = list(csv.DictReader(io.StringIO(command("feedback", "--csv").output)))
    assert [row["reasons"] for row in rows] == ["'=1+1 1"] * 2


def test_feedback_as_a_table(told: Command) -> None:
    lines = told("feedback").output.splitlines()
    assert lines[0].split() == ["outcome", "about", "accepted", "overridden", "reasons"]
    assert lines[1].startswith("needs documentation   all")
    assert len(lines) == 4


def test_feedback_since_a_day(told: Command) -> None:
    since = json.loads(told("feedback", "--since", "2026-11-20", "--json").output)
    assert {row["outcome"] for row in since} == {"needs-documentation"}
    assert told("feedback", "--since", "2999-01-01").output == "no feedback\n"
    assert told("feedback", "--since", "2999-01-01", "--json").output == "[]\n"
    _refused(told("feedback", "--since", "yesterday"), "--since")


# ---------------------------------------------------------------- replay


@pytest.fixture
def stored(command: Command, tmp_path: Path) -> tuple[Command, dict[str, Any], Path]:
    """A call that was answered over HTTP, with its request in a file."""
    request = crd_call(glucose=bundle())
    path = tmp_path / "request.json"
    path.write_text(json.dumps(request), encoding="utf-8")
    app = create_app(load(command.variables))
    reply = app.test_client().post(CRD, data=path.read_bytes(), content_type="application/json")
    assert reply.status_code == 200
    assert app.config["STORE"].recorder.flush()
    return command, request, path


@pytest.mark.parametrize("indent", [None, 2])
def test_the_same_request_gives_the_same_answer(stored: Any, indent: int | None) -> None:
    command, request, path = stored
    path.write_text(json.dumps(request, indent=indent), encoding="utf-8")
    done = command("replay", request["hookInstance"], str(path))
    assert done.exit_code == 0, done.output
    assert "DeviceRequest/pump-1: the same" in done.output
    call = command.store.repository().call(request["hookInstance"])
    assert command("replay", call.id, str(path)).exit_code == 0


def test_a_changed_request_is_not_the_one_that_was_answered(stored: Any) -> None:
    command, request, path = stored
    path.write_text(json.dumps(request | {"prefetch": {}}), encoding="utf-8")
    done = command("replay", request["hookInstance"], str(path))
    assert done.exit_code == 1
    assert "its digest differs" in done.output


def test_another_answer_than_the_stored_one_is_told(stored: Any) -> None:
    command, request, path = stored
    with command.store.engine.begin() as connection:
        connection.execute(text("UPDATE determinations SET body = replace(body, '\"unknown\"', '\"met\"')"))
    done = command("replay", request["hookInstance"], str(path))
    assert done.exit_code == 1
    assert "DeviceRequest/pump-1: DIFFERENT" in done.output


def test_what_cannot_be_replayed_is_one_line(stored: Any, tmp_path: Path) -> None:
    command, request, path = stored
    _refused(command("replay", "nobody", str(path)), "nobody")
    _refused(command("replay", request["hookInstance"], str(tmp_path / "nowhere.json")), "nowhere.json")
    path.write_text("{", encoding="utf-8")
    _refused(command("replay", request["hookInstance"], str(path)), "request.json")
