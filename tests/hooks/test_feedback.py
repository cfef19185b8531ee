"""Feedback in every shape that clients have sent (bug-log 90; requirements 161-168), read into one."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.errors import BadRequest, NotJson
from cds_service.hooks.feedback import Feedback, parse_feedback

CARD = "4e0a3a1e-3283-4575-ab82-028d55fe2719"
SUGGESTION = "e56e1945-20b3-4393-8503-a1a20fd73152"
SYSTEM = "https://cds.example.invalid/fhir/CodeSystem/override-reason"
TIME = "2026-11-20T17:01:00Z"
ACCEPTED = {"card": CARD, "outcome": "accepted", "outcomeTimestamp": TIME}
OVERRIDDEN = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": TIME}
CODE = {"code": "self-pay", "system": SYSTEM}


def _read(*entries: Any) -> list[Feedback]:
    return parse_feedback(json.dumps({"feedback": list(entries)}).encode())


def _one(**members: Any) -> Feedback:
    (found,) = _read({**ACCEPTED, **members})
    return found


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([{"id": SUGGESTION}], (SUGGESTION,)),
        ([{"uuid": SUGGESTION}], (SUGGESTION,)),
        ([SUGGESTION], (SUGGESTION,)),
        ([SUGGESTION, {"id": "other"}], (SUGGESTION, "other")),
        ({"id": SUGGESTION}, (SUGGESTION,)),
        (SUGGESTION, (SUGGESTION,)),
        ([], ()),
        (None, ()),
        ([None, 5, {}, {"id": 5}, "", [SUGGESTION]], ()),
        (5, ()),
    ],
)
def test_accepted_suggestions(given: Any, wanted: tuple[str, ...]) -> None:
    assert _one(acceptedSuggestions=given).accepted == wanted


def test_accepted_without_naming_a_suggestion() -> None:
    """Bug log 90 is stricter than requirement 164: whatever tells card and outcome is kept."""
    assert _one() == Feedback(CARD, "accepted", TIME, True)


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ({"overrideReason": {"reason": CODE, "userComment": "on paper"}}, ("self-pay", SYSTEM, "on paper")),
        ({"overrideReason": {"reason": CODE}}, ("self-pay", SYSTEM, None)),
        ({"overrideReason": {"userComment": "on paper"}}, (None, None, "on paper")),
        ({"overrideReason": {**CODE, "userComment": "on paper"}}, ("self-pay", SYSTEM, "on paper")),
        ({"overrideReason": {**CODE, "display": "Patient will self-pay"}}, ("self-pay", SYSTEM, None)),
        ({"overrideReason": CODE, "userComment": "on paper"}, ("self-pay", SYSTEM, "on paper")),
        ({"overrideReason": {"reason": "self-pay", "userComment": "x"}}, ("self-pay", None, "x")),
        ({"overrideReason": "self-pay", "userComment": "x"}, ("self-pay", None, "x")),
        ({"userComment": "x"}, (None, None, "x")),
        ({"overrideReason": {}}, (None, None, None)),
        ({"overrideReason": []}, (None, None, None)),
        ({"overrideReason": {"reason": {"code": 5, "system": []}, "userComment": {}}}, (None, None, None)),
        ({}, (None, None, None)),
    ],
)
def test_override_reasons(members: dict[str, Any], wanted: tuple[str | None, ...]) -> None:
    (found,) = _read({**OVERRIDDEN, **members})
    assert (found.override_code, found.override_system, found.comment) == wanted
    assert found.outcome == "overridden"


@pytest.mark.parametrize(
    ("time_told", "readable"),
    [
        (TIME, True),
        ("2026-11-20T12:01:00-05:00", True),
        ("2026-11-20T17:01:00.123Z", True),
        ("2026-11-20T17:01:00.123456789Z", True),
        ("2026-11-20T17:01:00Z UTC", True),
        ("2026-11-20T17:01:00 UTC", True),
        ("2026-11-20 17:01:00 UTC", True),
        ("2026-11-20T17:01:00", False),
        ("2026-11-20", False),
        ("2026-13-20T17:01:00Z", False),
        ("yesterday", False),
        ("", False),
    ],
)
def test_times_are_kept_as_they_came(time_told: str, readable: bool) -> None:
    found = _one(outcomeTimestamp=time_told)
    assert (found.timestamp, found.timestamp_readable) == (time_told, readable)


@pytest.mark.parametrize("other", [None, 5, {}, []])
def test_a_time_that_is_no_text_is_none(other: Any) -> None:
    found = _one(outcomeTimestamp=other)
    assert (found.timestamp, found.timestamp_readable) == ("", False)


def test_a_time_of_a_million_spaces_is_read_at_once() -> None:
    began = time.monotonic()
    assert not _one(outcomeTimestamp=" " * 1_000_000 + "!").timestamp_readable
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("card", [CARD, CARD.upper(), f"urn:uuid:{CARD}", f"URN:UUID:{CARD}", f"  {CARD}\n"])
def test_a_card_is_known_however_it_is_spelt(card: str) -> None:
    assert _one(card=card).card == CARD


def test_long_members_are_cut_to_what_the_store_holds() -> None:
    """Some letters grow when they are lower-cased."""
    long = "İ" * 10_000
    (found,) = _read(
        {
            "card": long,
            "outcome": "overridden",
            "outcomeTimestamp": long,
            "acceptedSuggestions": [long],
            "overrideReason": {"reason": {"code": long, "system": long}, "userComment": long},
        }
    )
    lengths = (found.card, found.timestamp, found.accepted[0], found.override_code, found.override_system)
    assert [len(each or "") for each in lengths] == [200, 64, 200, 200, 300]
    assert len(found.comment or "") == 4000


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    "root",
    [{"feedback": [ACCEPTED]}, {"feedback": ACCEPTED}, [ACCEPTED], ACCEPTED, {"feedback": [ACCEPTED], "more": 1}],
)
def test_a_list_a_bare_list_and_an_entry_by_itself(root: Any, mark: bytes) -> None:
    """With a byte-order mark, too (bug-log 95)."""
    assert parse_feedback(mark + json.dumps(root).encode()) == [Feedback(CARD, "accepted", TIME, True)]


def test_several_entries_keep_their_order() -> None:
    found = _read(ACCEPTED, {**OVERRIDDEN, "card": "other"}, ACCEPTED)
    assert [(each.card, each.outcome) for each in found] == [
        (CARD, "accepted"), ("other", "overridden"), (CARD, "accepted"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("root", "field"),
    [
        ({"feedback": []}, "feedback"),
        ({"feedback": None}, "feedback"),
        ({"feedback": 5}, "feedback"),
        ([], "feedback"),
        (5, "feedback"),
        ("x", "feedback"),
        ({"feedback": [ACCEPTED] * 201}, "feedback"),
        ({"feedback": [ACCEPTED, 5]}, "feedback[1]"),
        ({"feedback": [ACCEPTED, {"outcome": "accepted"}]}, "feedback[1].card"),
        ({"feedback": [{**ACCEPTED, "card": 5}]}, "feedback[0].card"),
        ({"feedback": [{**ACCEPTED, "card": " "}]}, "feedback[0].card"),
        ({"feedback": [{**ACCEPTED, "card": "urn:uuid:"}]}, "feedback[0].card"),
        ({"feedback": [{"card": CARD}]}, "feedback[0].outcome"),
        ({"feedback": [{**ACCEPTED, "outcome": "ignored"}]}, "feedback[0].outcome"),
        ({"feedback": [{**ACCEPTED, "outcome": ["accepted"]}]}, "feedback[0].outcome"),
        ([ACCEPTED, {}], "[1].card"),
        ({}, "entry.card"),
        ({"card": CARD}, "entry.outcome"),
    ],
)
def test_what_is_refused_and_where(root: Any, field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_feedback(json.dumps(root).encode())
    assert (caught.value.status, caught.value.field) == (400, field)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"feedback": [}', b"nonsense"])
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(NotJson):
        parse_feedback(body)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"feedback":' * 50_000, b'{"feedback": ["\\ud800"]}'])
def test_what_cannot_be_read(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_feedback(body)


# ---------------------------------------------------------------- anything at all

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
REASONS = st.fixed_dictionaries({}, optional=dict.fromkeys(("reason", "code", "system", "userComment"), ANYTHING))
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "card": st.just(CARD) | ANYTHING,
        "outcome": st.sampled_from(["accepted", "overridden"]) | ANYTHING,
        "outcomeTimestamp": st.just(TIME) | st.datetimes().map(lambda when: f"{when.isoformat()}Z UTC") | ANYTHING,
        "acceptedSuggestions": st.lists(st.just({"id": SUGGESTION}) | ANYTHING, max_size=3) | ANYTHING,
        "overrideReason": REASONS | ANYTHING,
        "userComment": ANYTHING,
    },
)
BODIES = st.one_of(
    st.binary(max_size=60),
    ANYTHING.map(lambda node: json.dumps(node).encode()),
    ENTRIES.map(lambda node: json.dumps(node).encode()),
    st.lists(ENTRIES, max_size=3).map(lambda node: json.dumps({"feedback": node}).encode()),
    st.lists(ENTRIES, max_size=3).map(lambda node: json.dumps(node, ensure_ascii=False).encode("utf-8", "replace")),
)


@settings(max_examples=500, deadline=None)
@given(BODIES)
def test_never_anything_but_feedback_or_a_bad_request(body: bytes) -> None:
    try:
        found = parse_feedback(body)
    except BadRequest as error:
        assert error.status == 400
        return
    assert found
    for each in found:
        assert isinstance(each, Feedback)
        assert each.outcome in ("accepted", "overridden")
        assert 0 < len(each.card) <= 200
        assert each.comment is None or each.comment.strip()
        assert all(isinstance(one, str) and one for one in each.accepted)
