"""Coverage.type and member numbers → the products that they say."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from cds_service.concepts import Product
from fhir_mappings.common.code_systems import system_key
from fhir_mappings.common.datatypes import CodeableConcept

_NONE: frozenset[Product] = frozenset()


def products_of(concept: CodeableConcept | None) -> frozenset[Product]:
    """The products that the sure codes of a type say; none where they leave it open."""
    found = set()
    for coding in (concept.coding if concept is not None else None) or ():
        rows = _systems().get(system_key(coding.system) or "")
        product = _product(rows, coding.code) if rows is not None and coding.code else None
        if product is not None:
            found.add(product)
    return frozenset(found) if found else _NONE


def pays_second(concept: CodeableConcept | None) -> bool:
    """Whether a code of a type says that another plan pays first."""
    for coding in (concept.coding if concept is not None else None) or ():
        rows = _systems().get(system_key(coding.system) or "", {})
        if coding.code and coding.code.strip().upper() in rows.get("pays_second", ()):
            return True
    return False


def products_of_member_numbers(systems: Iterable[str]) -> frozenset[Product]:
    """The products whose member numbers these naming systems are of."""
    known = _member_numbers()
    return frozenset(known[key] for key in map(system_key, systems) if key in known) or _NONE


def repeats_a_code(concept: CodeableConcept, text: str) -> bool:
    """Whether a text is only the code of a known system again: HIP is then no program's name."""
    codes = (c.code for c in concept.coding or () if c.code and system_key(c.system) in _systems())
    return text.strip().upper() in {code.strip().upper() for code in codes}


def _product(rows: dict[str, Any], code: str) -> Product | None:
    code = code.strip().upper()
    exact, begins = rows.get("exact", {}), rows.get("begins", {})
    if code in exact:
        return Product(exact[code])
    fitting = [start for start in begins if code.isdigit() and code.startswith(start)]
    return Product(begins[max(fitting, key=len)]) if fitting else None


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("payer_types.toml").read_text(encoding="utf-8"))


@cache
def _systems() -> dict[str, dict[str, Any]]:
    return {name: row for row in _data()["system"] for name in row["names"]}


@cache
def _member_numbers() -> dict[str | None, Product]:
    return {row["system"]: Product(row["product"]) for row in _data()["member_number"]}
