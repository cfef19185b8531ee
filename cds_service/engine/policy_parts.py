"""The parts of a policy that are data: its versions and sections, whom it governs, how a replacement is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from cds_service.concepts import Product
from cds_service.engine.rule import Rule


@dataclass(frozen=True, slots=True)
class Version:
    """One text of the policy: the first day on which it is in force, and where it was published."""

    start: date
    source: str


@dataclass(frozen=True, slots=True)
class Section:
    """One section in our words, with `{parameter}` placeholders; `why_not` says why it is not modelled, None if it is.

    `start`: the first day on which the text has it, None when it was always there. `source`: the document that says it,
    with its date and whether it was read in the original; empty where all sections are of the policy's one text.
    `defines`: it says what the policy is about, and asks for nothing.
    """

    id: str
    title: str
    says: str
    why_not: str | None = None
    start: date | None = None
    source: str = ""
    defines: bool = False


@dataclass(frozen=True, slots=True)
class Governs:
    """Which coverages a policy governs. `payer`: id of a TOML in payers/. `states`: a parameter with postal codes.

    `product_name`: how the plans are called in a sentence; `also`: further products that it governs alike;
    `identifiers`: a setting with more identifiers of the payer, empty where there is none. `payer_data`: the same as
    such a TOML, for a payer that payers/ does not hold.
    """

    payer: str
    payer_name: str
    product: Product
    product_name: str
    states: str | None = None
    identifiers: str = "payer_identifiers"
    payer_data: Mapping[str, Any] | None = None
    also: tuple[Product, ...] = ()

    @property
    def products(self) -> frozenset[Product]:
        """All products that it governs."""
        return frozenset((self.product, *self.also))


@dataclass(frozen=True, slots=True)
class Replacement:
    """The pathway of an order that replaces or repairs a device in use.

    `root`: the section of the policy. `rules` are shown; `required` of them have to hold beside `also_required`, of
    the ordinary criteria; `refusals` exclude. `justification`: the rule that asks for a reason; where statements could
    not be read it says so for the refusals, which are read from the same ones. `taken` tells whether an order takes
    this path, `possible` whether it may.
    """

    root: str
    rules: tuple[Rule, ...]
    also_required: tuple[Rule, ...]
    required: tuple[Rule, ...]
    refusals: tuple[Rule, ...]
    justification: Rule
    accepted_reasons: tuple[Rule, ...]
    question: str
    taken: Callable[[Any], bool]
    possible: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class QuestionnaireIdentity:
    """What the questionnaire is called: its id and version, and the name that a computer reads."""

    id: str
    version: str
    name: str


# What cards and pages need of every policy, and of one with a pathway for replacements.
_PARAMETERS = ("attestation_window_days", "order_age_days")
_SENTENCES = ("device", "plan", "uncoded", "code_step", "whole")
_SENTENCES_OF_REPLACEMENT = ("replaced_device", "replacement_heading", "ask_replacement", "whole_of_replacement")


def lacking(
    parameters: Iterable[str], wording: Iterable[str], sections: Iterable[str], rules: Iterable[str], *, replaces: bool
) -> list[str]:
    """What a policy lacks, in words, by the names of what it has. `rules`: their sections; `replaces`: it has a pathway
    for replacements."""
    sentences = (*_SENTENCES, *(_SENTENCES_OF_REPLACEMENT if replaces else ()))
    wanted = {"parameter": (_PARAMETERS, parameters), "sentence": (sentences, wording), "section": (rules, sections)}
    return [f"{kind} {name}" for kind, (needed, held) in wanted.items() for name in needed if name not in set(held)]
