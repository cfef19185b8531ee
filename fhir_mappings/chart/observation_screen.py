"""Skips Observations whose codes no rule reads, before the rest of each is decoded."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Raw, Struct

from cds_service.facts import ResultKind
from fhir_mappings.chart.observation_kind import Kind
from fhir_mappings.chart.result_kinds import ResultKinds
from fhir_mappings.common.datatypes import NOTHING, CodeableConcept
from fhir_mappings.json.edge_numbers import DecodeError

# An Observation says its type near its beginning; one that does not is read in full.
_MARK, _HEAD = b'"Observation"', 200
# What may make a sensor's reading of any value, whatever its code.
_SIGNS = (b'"device"', b'"method"', b'"extension"')
_MOST_KNOWN = 50_000


class _Coded(Struct, tag="Observation", tag_field="resourceType", gc=False):
    id: str | None = None
    code: Raw = NOTHING


_coded = msgspec.json.Decoder(_Coded)
_concept = msgspec.json.Decoder(CodeableConcept)


def is_observation(line: bytes) -> bool:
    """Whether a line seems to be an Observation; one that says so late is taken for none."""
    return _MARK in line[:_HEAD]


def id_of(line: bytes) -> str | None:
    """The id of an Observation; None where it has none or cannot be read."""
    try:
        return _coded.decode(line).id
    except DecodeError:
        return None


class ObservationScreen:
    """Decides by code whether an Observation has to be read; each distinct code is looked up once."""

    def __init__(self, kinds: Iterable[ResultKind]) -> None:
        """`kinds`: of results that the policies in use ask for on their own."""
        self._own = ResultKinds(kinds)
        self._known: dict[bytes, bool] = {}

    def passed_over(self, line: bytes) -> str | None:
        """The id of an Observation that can be skipped; None for one that has to be read in full."""
        if any(sign in line for sign in _SIGNS):
            return None
        try:
            head = _coded.decode(line)
        except DecodeError:
            return None
        code = bytes(head.code)
        read = self._known.get(code)
        if read is None:
            read = self._is_read(code)
            if len(self._known) < _MOST_KNOWN:
                self._known[code] = read
        return None if read else head.id

    def _is_read(self, code: bytes) -> bool:
        if not code:
            return False
        try:
            concept = _concept.decode(code)
        except DecodeError:
            return True
        kind = Kind(concept)
        return bool(kind.concepts or kind.named or kind.sensor or kind.glucose or self._own.of(concept))
