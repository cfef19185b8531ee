"""What results are called in words, for laboratories that send a code of their own or no code at all."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files

from cds_service.concepts import Concept
from fhir_mappings.common.free_text import cached_for_short_texts
from fhir_mappings.common.word_context import folded

_OTHER = "other-test"


@cache
def _table() -> dict[str, tuple[re.Pattern[str], re.Pattern[str] | None]]:
    tables = tomllib.loads(files(__package__).joinpath("result_words.toml").read_text(encoding="utf-8"))
    return {
        name: (
            re.compile("|".join(table["says"])),
            re.compile("|".join(table["unless"])) if "unless" in table else None,
        )
        for name, table in tables.items()
    }


@cached_for_short_texts(4096)
def _names(text: str) -> frozenset[str]:
    plain = folded(text)
    return frozenset(
        name
        for name, (says, unless) in _table().items()
        if says.search(plain) and not (unless is not None and unless.search(plain))
    )


def results_named(text: str) -> frozenset[Concept]:
    """The results that a text names."""
    return frozenset(Concept(name) for name in _names(text) if name != _OTHER)


def names_other_test(text: str) -> bool:
    """Whether a text names a test that is none of those that the words know."""
    return _OTHER in _names(text)
