"""Answers a stored call again as of its own time and compares the determinations."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from cds_service.hooks.discovery import SERVICES
from cds_service.hooks.messages import read_root
from cds_service.services.answer_hook import EXTENSION, answer
from cds_service.services.chart_source import ChartSourceFactory
from cds_service.settings import Settings
from cds_service.store.records import input_digest, stored_determinations, utc
from cds_service.store.repository import Repository
from fhir_mappings.output.crd_versions import version_named


@dataclass(frozen=True, slots=True)
class Replayed:
    """Whether the answer is the same, and in words what was compared."""

    same: bool
    lines: tuple[str, ...]


def replayed(
    repository: Repository, call_id: str, body: bytes, settings: Settings, open_source: ChartSourceFactory | None
) -> Replayed:
    """Answers a stored call again. LookupError when no such call is stored.

    What is compared are the determinations without the values of evidence, since these may not have been stored.
    """
    stored = repository.call(call_id)
    if stored is None:
        raise LookupError(f"no call {call_id} is stored")
    now = utc(stored.received_at)
    lines = [f"call {stored.id} of {now:%Y-%m-%d %H:%M:%S} UTC, version {stored.software_version}"]
    if stored.input_digest not in {input_digest(read_root(each)) for each in _spellings(body)}:
        lines.append("the request is not the one that was answered: its digest differs")
        return Replayed(False, tuple(lines))
    if stored.live and open_source is None:
        lines.append("the chart was read from a FHIR server: --fetch reads it again as it is now")
    version = version_named(stored.crd_version)
    again = answer(body, SERVICES[stored.service], settings, now, open_source, default_version=version)
    found = {_about(each): _comparable(each) for each in again.get("extension", {}).get(EXTENSION, ())}
    before = {_about(row.body): _comparable(row.body) for row in repository.determinations_of(stored.id)}
    policies = Counter(order for order, _ in before | found)
    for about in sorted(before | found):
        same = before.get(about) == found.get(about)
        was, now_is = (each.get(about, {}).get("outcome", "none") for each in (before, found))
        order, policy = about
        name = f"{order} ({policy})" if policies[order] > 1 else order
        lines.append(f"{name}: {'the same' if same else 'DIFFERENT'}, {was}{'' if same else f', now {now_is}'}")
    return Replayed(before == found, tuple(lines))


def _spellings(body: bytes) -> Iterator[bytes]:
    """The request as it is, and as it was before an editor or after a command line changed its white space."""
    yield body
    yield body.replace(b"\r", b"").replace(b"\n", b"")
    try:
        yield msgspec.json.format(body, indent=-1)
        plain = json.loads(body)
        yield json.dumps(plain).encode()
        yield json.dumps(plain, ensure_ascii=False).encode()
    except ValueError:
        return


def _about(determination: dict[str, Any]) -> tuple[str, str]:
    """The order and the policy: an order may be judged under several."""
    return determination["order"], determination["policy"]["id"]


def _comparable(determination: dict[str, Any]) -> dict[str, Any]:
    (kept,) = stored_determinations([determination], values=False)
    return {name: _without_sources(value) for name, value in kept.items() if name != "notes"}


def _without_sources(node: Any) -> Any:
    """Where evidence came from is no part of the answer."""
    if isinstance(node, list):
        return [_without_sources(item) for item in node]
    if isinstance(node, dict):
        return {name: _without_sources(value) for name, value in node.items() if name != "source"}
    return node
