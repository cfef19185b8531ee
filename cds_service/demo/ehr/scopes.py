"""SMART scopes on the EHR's side: which are granted, what they allow, and how the consent page words them.

Version 1: patient/Observation.read, .write, .*; version 2: patient/Observation.rs and other letters of cruds. Version
2 scopes with a query are not granted: this EHR cannot limit access by queries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from cds_service.demo.ehr.options import ScopeSyntax

Level = Literal["patient", "user"]
Right = Literal["c", "r", "u", "d", "s"]

PLAIN = ("openid", "fhirUser", "profile", "launch", "launch/patient")
_V1_RIGHTS = {"read": "rs", "write": "cud", "*": "cruds"}
_RESOURCE = {
    "v1": re.compile(r"(patient|user)/(\*|[A-Z][A-Za-z]+)\.(read|write|\*)"),
    "v2": re.compile(r"(patient|user)/(\*|[A-Z][A-Za-z]+)\.(?=[cruds])(c?r?u?d?s?)"),
}
_VERBS = {"read": "rs", "add": "c", "change": "u", "delete": "d"}


@dataclass(frozen=True, slots=True)
class _Clause:
    level: str
    kind: str
    rights: str


def supported(scope: str, syntax: ScopeSyntax) -> str:
    """The part of a scope that an EHR with this syntax supports, without repetitions and in the same order."""
    versions = ("v1", "v2") if syntax == "both" else (syntax,)
    names = dict.fromkeys(scope.split())
    return " ".join(n for n in names if n in PLAIN or any(_RESOURCE[version].fullmatch(n) for version in versions))


def examples(syntax: ScopeSyntax) -> list[str]:
    """Scopes for the discovery document: the widest of each type."""
    v1 = ["patient/*.read", "patient/*.write", "user/*.read", "user/*.write"]
    v2 = ["patient/*.cruds", "user/*.cruds"]
    return [*PLAIN, *{"v1": v1, "v2": v2, "both": v1 + v2}[syntax]]


def level(scope: str, kind: str, right: Right) -> Level | None:
    """The level of a right on a resource type: all that the user may see, the launch patient's chart, or None."""
    levels = {clause.level for clause in _clauses(scope) if clause.kind in ("*", kind) and right in clause.rights}
    return "user" if "user" in levels else "patient" if "patient" in levels else None


def needs_patient(scope: str) -> bool:
    """Whether a scope needs a patient to be chosen."""
    return "launch/patient" in scope.split() or any(clause.level == "patient" for clause in _clauses(scope))


def scope_sentences(scope: str) -> list[str]:
    """What a scope allows, as sentences for the consent page."""
    names = set(scope.split())
    sentences = ["Know which patient's chart is open."] if {"launch", "launch/patient"} & names else []
    sentences += ["Know who you are."] if {"openid", "fhirUser", "profile"} & names else []
    grouped: dict[tuple[str, str], list[str]] = {}
    for clause in _clauses(scope):
        verbs = [verb for verb, rights in _VERBS.items() if set(rights) & set(clause.rights)]
        kinds = grouped.setdefault((clause.level, _listed(verbs)), [])
        kinds.append("everything" if clause.kind == "*" else clause.kind)
    where = {"patient": "in this patient's chart", "user": "among all that you may see"}
    return sentences + [
        f"{verbs.capitalize()} {where[clause_level]}: {_listed(list(dict.fromkeys(kinds)))}."
        for (clause_level, verbs), kinds in grouped.items()
    ]


def _clauses(scope: str) -> list[_Clause]:
    clauses = []
    for name in scope.split():
        if v1 := _RESOURCE["v1"].fullmatch(name):
            clauses.append(_Clause(v1[1], v1[2], _V1_RIGHTS[v1[3]]))
        elif v2 := _RESOURCE["v2"].fullmatch(name):
            clauses.append(_Clause(v2[1], v2[2], v2[3]))
    return clauses


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
