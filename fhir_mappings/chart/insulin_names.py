"""Insulins by product name or ingredient: for drugs that are named and not coded, and for names inside directions."""

from __future__ import annotations

import re

from cds_service.facts import InsulinAction
from fhir_mappings.common.free_text import cached_for_short_texts, cut

WITH_GLP1 = "basal with GLP-1"
# Brand and ingredient words; the first that fits counts. No action: no injection of the member's own.
_BY_NAME = (
    (r"afrezza|exubera|inhal|\b(?:4|8|12) unt\b(?!/)", "inhaled", None),
    (r"myxredlin|infusion|\bdrip\b|(?<![\d.])1 (?:unt|units?)/ml|in sodium chloride", "intravenous", None),
    (r"vetsulin|caninsulin|prozinc|\b(?:pork|beef|porcine|bovine)\b", "veterinary", None),
    (
        r"soliqua|suliqua|xultophy|insulin[^;]{0,200}(?:lixisenatide|liraglutide)"
        r"|(?:lixisenatide|liraglutide)[^;]{0,200}insulin",
        WITH_GLP1,
        InsulinAction.COMBINED,
    ),
    (
        r"\b(?:70|75|50|30|25) ?[/-] ?(?:30|25|50|70|75)\b|\bmix ?(?:\d\d|\b)|novomix|mixtard|protamine|ryzodeg"
        r"|degludec[^;]{0,60}aspart|aspart[^;]{0,60}degludec|(?:nph|isophane)[^;]{0,60}regular|\bpre-?mix",
        "premix",
        InsulinAction.PREMIX,
    ),
    (r"humalog|admelog|lyumjev|liprolog|lispro", "lispro", InsulinAction.RAPID),
    (r"novolog|novorapid|fiasp|merilog|kirsty|trurapi|aspart", "aspart", InsulinAction.RAPID),
    (r"apidra|glulisine", "glulisine", InsulinAction.RAPID),
    (r"humulin n\b|novolin n\b|insulatard|protaphane|isophane|\bnph\b", "isophane", InsulinAction.INTERMEDIATE),
    (r"lantus|basaglar|toujeo|semglee|rezvoglar|abasaglar|glargine", "glargine", InsulinAction.LONG),
    (r"levemir|detemir", "detemir", InsulinAction.LONG),
    (r"tresiba|degludec", "degludec", InsulinAction.LONG),
    (r"awiqli|icodec", "icodec", InsulinAction.LONG),
    (
        r"humulin r\b|novolin r\b|actrapid|insulina?,? regular|regular (?:human )?insulin|regular,? human|\bu-?500\b",
        "regular",
        InsulinAction.SHORT,
    ),
    (r"\binsulins?\b", "insulin", InsulinAction.UNSTATED),
)  # fmt: skip
NAMES = tuple((re.compile(pattern, re.IGNORECASE), name, action) for pattern, name, action in _BY_NAME)
# The names that tell one drug from another inside directions: not "insulin" alone, not a mix, which is no other drug.
_INSULIN_IN_SIG = re.compile(
    r"\b(humalog|admelog|lyumjev|lispro|novolog|novorapid|fiasp|aspart|apidra|glulisine|humulin [nr]|novolin [nr]|nph"
    r"|isophane|lantus|basaglar|toujeo|semglee|rezvoglar|glargine|levemir|detemir|tresiba|degludec|actrapid"
    r"|regular insulin|insulina? regular)\b"
)
_EQUIPMENT = re.compile(
    r"syringes?\b|needles?\b|\bpumps?\b|\bpods?\b|\bpen caps?\b|lancets?\b|\bstrips?\b|\btest(?:ing)?\b|sharps|"
    r"reservoir",
    re.IGNORECASE,
)
_EQUIPMENT_OF_A_BRAND = re.compile(r"needles?\b|lancets?\b|\bstrips?\b|sharps|reservoir|pen caps?\b", re.IGNORECASE)
_NO_NAME = re.compile(
    r"\b(?:unknown|unspecified|medications?|drugs?|prescriptions?|external|outside|historical|other|see|notes?|not|"
    r"available|miscellaneous|free text|order|none|null|patient|reported|rx|med|injection|injector|pen|vial|solution|"
    r"suspension|subcutaneous|unit|units|unt|ml|mg|inject|item|product|reference)\b",
    re.IGNORECASE,
)


@cached_for_short_texts(1024)
def insulin_named(text: str) -> tuple[str, InsulinAction | None] | None:
    """Ingredient and action of an insulin that words name; None when they name none, or equipment for insulin."""
    text = cut(text)
    for pattern, name, action in NAMES:
        if pattern.search(text):
            wrong = _EQUIPMENT if action is InsulinAction.UNSTATED else _EQUIPMENT_OF_A_BRAND
            return None if wrong.search(text) else (name, action)
    return None


@cached_for_short_texts(1024)
def ingredients_of(text: str) -> str | None:
    """The ingredient of a drug; a combination is another drug than its components, so all of them name it."""
    text = cut(text)
    if _name_of(text) == WITH_GLP1:
        return WITH_GLP1
    parts = [part for part in text.split(" / ") if _name_of(part)]
    return "/".join(sorted({_name_of(part) or "" for part in parts})) or None


@cached_for_short_texts(1024)
def _name_of(text: str) -> str | None:
    return next((name for pattern, name, _ in NAMES if pattern.search(text)), None)


def names_a_drug(text: str) -> bool:
    """Whether words name any drug at all: a word is left once placeholders, forms, units and numbers are taken off."""
    return bool(re.search(r"[^\W\d_]{4}", _NO_NAME.sub(" ", text[:200])))


def drugs_in(words: str) -> list[tuple[int, str]]:
    """Where directions begin to speak of another insulin: position and ingredient, each change once."""
    found: list[tuple[int, str]] = []
    for match in _INSULIN_IN_SIG.finditer(words):
        ingredient = _name_of(match[0]) or "insulin"
        if not found or found[-1][1] != ingredient:
            found.append((match.start(), ingredient))
    return found
