"""SMART scopes: what the token of a call lets the service read. Versions 1 and 2 of the syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from urllib.parse import parse_qsl

from cds_service.facts import ChartSection
from cds_service.facts.known_results import KNOWN

# v1: patient/Observation.read, user/*.*; v2: patient/Observation.rs, system/*.cruds, with a query that narrows it.
_SCOPE = re.compile(r"(patient|user|system)/(\*|[A-Z][A-Za-z]+)\.(read|write|\*|c?r?u?d?s?)(\?.+)?")
_OTHER = re.compile(
    r"(?:openid|profile|email|phone|address|fhirUser|launch(?:/\w+)?|offline_access|online_access|smart/.*)"
)

# The categories that together hold all that a search may find. US Core: a Condition is an encounter diagnosis, a
# problem or a health concern. Results are laboratory; home readings stand among vital signs (Epic's flowsheets) or
# laboratory results (Oracle Health, HL7's guide for sensors).
CATEGORIES: dict[str, frozenset[str]] = {
    ChartSection.CONDITIONS: frozenset({"problem-list-item", "encounter-diagnosis", "health-concern"}),
    ChartSection.HBA1C: frozenset({"laboratory"}),
    ChartSection.ALBUMIN_CREATININE: frozenset({"laboratory"}),
    ChartSection.EGFR: frozenset({"laboratory"}),
    ChartSection.GLUCOSE: frozenset({"laboratory", "vital-signs"}),
    **{kind.chart_section: frozenset({kind.category}) for kind in KNOWN if kind.type == "Observation"},
}


class Granted(Enum):
    """How much of a type may be read."""

    ALL = "all"
    PART = "part"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Clause:
    """One resource scope. `categories`: those that it is narrowed to; None when it is narrowed in another way."""

    type: str
    rights: str
    narrowed: bool = False
    categories: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Scopes:
    """The resource scopes of a token. `understood` False: some scopes are not SMART's and may grant what is missing."""

    clauses: tuple[Clause, ...] = ()
    understood: bool = False

    def granted(self, kind: str, section: str | None = None) -> Granted:
        """How much of one resource type the token grants for reading and searching, for one part of the chart."""
        fitting = [clause for clause in self.clauses if clause.type in ("*", kind) and _reads(clause.rights)]
        if not fitting:
            return Granted.NOTHING if self.understood else Granted.ALL
        if not all(clause.narrowed for clause in fitting):
            return Granted.ALL
        needed = CATEGORIES.get(section) if section is not None else None
        granted = frozenset[str]().union(*(clause.categories or () for clause in fitting))
        return Granted.ALL if needed is not None and needed <= granted else Granted.PART


def parse(scope: str | None) -> Scopes:
    """Reads a scope string. If a scope is of no known kind, types that the others do not grant are read as well."""
    names = (scope or "").split()
    matches = {name: match for name in names if (match := _SCOPE.fullmatch(name)) is not None and match[3]}
    clauses = tuple(Clause(m[2], m[3], m[4] is not None, _categories(m[4])) for m in matches.values())
    return Scopes(clauses, bool(names) and all(name in matches or _OTHER.fullmatch(name) for name in names))


def _categories(query: str | None) -> frozenset[str] | None:
    """The category codes of a scope that is narrowed by category alone; None for any other query."""
    pairs = parse_qsl((query or "").lstrip("?"), keep_blank_values=True)
    if len(pairs) != 1 or pairs[0][0] != "category":
        return None
    return frozenset(value.rsplit("|", 1)[-1].strip() for value in pairs[0][1].split(","))


def _reads(rights: str) -> bool:
    return rights in ("read", "*") or ("r" in rights and rights != "write") or "s" in rights
