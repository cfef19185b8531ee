"""What a payer's text says stands in its policy's package alone: no section, payer or policy is named elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cds_service.concepts import Product
from cds_service.engine.policy import Policy
from cds_service.policies.registry import POLICIES
from cds_service.settings import Settings

ROOT = Path(__file__).parents[1]
TEXTS = (".py", ".html", ".toml", ".json", ".js", ".css", ".txt", ".mako")
OF_POLICIES, OF_PAYERS, DEMO = (ROOT / "cds_service" / name for name in ("policies", "payers", "demo"))


def _texts(*without: Path) -> Iterator[tuple[str, str]]:
    """Every text file of the packages outside these folders, by its path."""
    for package in ("cds_service", "fhir_mappings"):
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in TEXTS and not any(path.is_relative_to(folder) for folder in without):
                yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def _naming(words: list[str], *without: Path) -> list[str]:
    """The files that hold one of these words, and the first one that each holds."""
    pattern = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, words))})(?![\w])")
    found = ((path, pattern.search(text)) for path, text in _texts(*without))
    return [f"{path}: {match[0]}" for path, match in found if match is not None]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.id)
class TestPolicy:
    """Of each policy that is held."""

    def test_no_section_is_named_elsewhere(self, policy: Policy) -> None:
        """Ids of one letter are words of the language: those with a dot are not. Sample charts hold signed answers."""
        ids = [section for section in policy.sections if "." in section]
        assert ids
        assert _naming(ids, OF_POLICIES, DEMO / "sample_charts") == []

    def test_its_payer_is_named_only_where_payers_are_told_apart_and_in_the_demo(self, policy: Policy) -> None:
        if policy.payer in {product.value for product in Product}:
            return  # the name of a program, which coverages, code systems and laws are full of
        assert _naming([policy.payer], OF_POLICIES, OF_PAYERS, DEMO) == []

    def test_its_id_is_named_only_in_the_default_of_a_setting(self, policy: Policy) -> None:
        wanted = ["cds_service/settings.py"] if policy.id in Settings().policies.split(",") else []
        assert [each.split(":")[0] for each in _naming([policy.id], OF_POLICIES, DEMO)] == wanted
