"""Pseudonyms for member ids, which only the holder of the key can link back."""

from __future__ import annotations

import hmac
from dataclasses import replace
from hashlib import sha256

from cds_service.services.population.rows import JudgedMember

# Characters of the name: 128 bits.
_LENGTH = 32


class Pseudonyms:
    """HMAC-SHA-256 of ids, the same for the same key."""

    def __init__(self, key: bytes) -> None:
        """`key`: at least 16 bytes."""
        self._key = key

    def name(self, text: str) -> str:
        """The name of an id."""
        return hmac.new(self._key, text.encode(), sha256).hexdigest()[:_LENGTH]

    def reference(self, reference: str) -> str:
        """A reference with its id replaced; empty as it is."""
        kind, slash, name = reference.rpartition("/")
        return f"{kind.rpartition('/')[2]}/{self.name(name)}" if slash else self.name(reference) if reference else ""

    def of(self, judged: JudgedMember) -> JudgedMember:
        """The rows of a member under the member's new name, with references of which nobody can read an id."""
        member = self.name(judged.member)
        return replace(
            judged,
            member=member,
            members=[(member, *row[1:9], self.reference(row[9]), *row[10:]) for row in judged.members],
            criteria=[(member, *row[1:]) for row in judged.criteria],
            changes=[(row[0], member, *row[2:]) for row in judged.changes],
            evidence={key: tuple(map(self.reference, found)) for key, found in judged.evidence.items()},
        )
