"""Where a document stops being JSON. Lines and columns are counted by hand in each document."""

from __future__ import annotations

import msgspec
import pytest

from fhir_mappings.json.syntax_error import syntax_error

_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (b'{"a": 1,\n "b": nil}', "line 2, column 8"),  # msgspec has read the n and the i
        (b'{"a": 1,}', "line 1, column 9"),
        (b'{\n  "a": 1\n  "b": 2\n}', "line 3, column 3"),
        (b"{'a': 1}", "line 1, column 2"),
        (b'{"a": NaN}', "line 1, column 7"),
        (b'{"a": 1} x', "line 1, column 10"),
        ('{"é": "ü",\r\n "ä" 1}'.encode(), "line 2, column 6"),  # columns are characters: ä is two bytes
    ],
)
def test_the_place_is_where_an_editor_shows_it(document: bytes, place: str) -> None:
    assert _said(document).startswith(f"{place}: ")


@pytest.mark.parametrize(
    ("document", "place"), [(b"", "line 1, column 1"), (b'{"a": 1', "line 1, column 8"), (b'{\n"a', "line 2, column 3")]
)
def test_a_document_that_is_cut_off_says_so(document: bytes, place: str) -> None:
    assert _said(document) == f"{place}: the document ends before it is complete"


@pytest.mark.parametrize(
    ("document", "place"),
    [(b'{"ok": 1,\n "a\xff": 1}', "line 2, column 4"), ('{"a": 1}'.encode("utf-16"), "line 1, column 1")],
)
def test_what_is_not_utf_8_is_named_where_it_begins(document: bytes, place: str) -> None:
    assert _said(document) == f"{place}: this is not UTF-8"


def test_nothing_of_the_document_is_repeated() -> None:
    assert "Smith" not in _said(b'{"name": "Smith", Smith}')


def _said(document: bytes) -> str:
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)) as raised:
        _decoder.decode(document)
    return syntax_error(document, raised.value)
