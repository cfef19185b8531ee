"""Orders that a card offers because they would close a gap."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Offer:
    """One order that can be placed: its label, its code with system and display, its category.

    `ordered_as`: codes under which it may already be on its way.
    """

    label: str
    system: str
    code: str
    display: str
    category: tuple[str, str, str]
    ordered_as: frozenset[str]
