"""SMART scopes on the EHR's side: which words are granted, what they allow, and what they are to a person.

Version 1: patient/Observation.read, .write, .*; version 2: patient/Observation.rs and other letters of cruds. Version
2 scopes with a query behind them are left out of a grant: this EHR cannot narrow by queries.
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
    """The words of a scope that an EHR with this syntax knows, each once and in their order."""
    known = ("v1", "v2") if syntax == "both" else (syntax,)
    words = dict.fromkeys(scope.split())
    return " ".join(w for w in words if w in PLAIN or any(_RESOURCE[version].fullmatch(w) for version in known))


def examples(syntax: ScopeSyntax) -> list[str]:
    """Scopes for the discovery document: the widest of each kind."""
    v1 = ["patient/*.read", "patient/*.write", "user/*.read", "user/*.write"]
    v2 = ["patient/*.cruds", "user/*.cruds"]
    return [*PLAIN, *{"v1": v1, "v2": v2, "both": v1 + v2}[syntax]]


def level(scope: str, kind: str, right: Right) -> Level | None:
    """How far a right on a resource type goes: what the user may see, the launch patient's chart, or nowhere."""
    fitting = {clause.level for clause in _clauses(scope) if clause.kind in ("*", kind) and right in clause.rights}
    return "user" if "user" in fitting else "patient" if "patient" in fitting else None


def needs_patient(scope: str) -> bool:
    """Whether a grant makes no sense without a patient."""
    return "launch/patient" in scope.split() or any(clause.level == "patient" for clause in _clauses(scope))


def in_words(scope: str) -> list[str]:
    """What a grant allows, as sentences for the person who is asked."""
    words = scope.split()
    told = ["Know which patient's chart is open."] if {"launch", "launch/patient"} & set(words) else []
    told += ["Know who you are."] if {"openid", "fhirUser", "profile"} & set(words) else []
    grouped: dict[tuple[str, str], list[str]] = {}
    for clause in _clauses(scope):
        verbs = [verb for verb, rights in _VERBS.items() if set(rights) & set(clause.rights)]
        kinds = grouped.setdefault((clause.level, _listed(verbs)), [])
        kinds.append("everything" if clause.kind == "*" else clause.kind)
    where = {"patient": "in this patient's chart", "user": "among all that you may see"}
    return told + [
        f"{verbs.capitalize()} {where[whose]}: {_listed(list(dict.fromkeys(kinds)))}."
        for (whose, verbs), kinds in grouped.items()
    ]


def _clauses(scope: str) -> list[_Clause]:
    found = []
    for word in scope.split():
        if old := _RESOURCE["v1"].fullmatch(word):
            found.append(_Clause(old[1], old[2], _V1_RIGHTS[old[3]]))
        elif new := _RESOURCE["v2"].fullmatch(word):
            found.append(_Clause(new[1], new[2], new[3]))
    return found


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
