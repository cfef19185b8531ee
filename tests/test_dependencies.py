"""Dependencies have lower bounds, and the lock file for deployments is whole, satisfies them and names no host."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DEPLOYED = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["postgresql"]]
NAMED = [
    *PROJECT["build-system"]["requires"],
    *PROJECT["project"]["dependencies"],
    *(line for extra in PROJECT["project"]["optional-dependencies"].values() for line in extra),
]


def _locked() -> Iterator[tuple[Requirement, list[str]]]:
    """Each pinned requirement with its hashes; a line that is neither a comment nor one of these fails."""
    text = "\n".join(line for line in LOCK.read_text(encoding="utf-8").splitlines() if line.lstrip()[:1] != "#")
    for entry in text.replace("\\\n", " ").splitlines():
        pinned, *hashes = re.split(r"\s+--hash=", entry.strip())
        yield Requirement(pinned), hashes


@pytest.mark.parametrize("line", sorted(set(NAMED)))
def test_dependency_has_a_lower_bound_and_nothing_else(line: str) -> None:
    assert [bound.operator for bound in Requirement(line).specifier] == [">="]


def test_dependencies_of_two_extras_have_one_bound() -> None:
    names = {canonicalize_name(Requirement(line).name) for line in NAMED}
    assert len(names) == len(set(NAMED))


def test_documentation_lists_each_bound_as_it_is() -> None:
    rows = re.findall(r"^\| (\S+) \| (\S+) \|", (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8"), re.M)
    listed = {canonicalize_name(name): bound for name, bound in rows}
    bounds = {canonicalize_name(need.name): str(need.specifier)[2:] for need in map(Requirement, NAMED)}
    assert {name: listed.get(name) for name in bounds} == bounds


def test_lock_file_is_pinned_and_hashed_in_every_line() -> None:
    for need, hashes in _locked():
        assert [bound.operator for bound in need.specifier] == ["=="], need
        assert need.url is None
        assert hashes, need
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), need


def test_lock_file_satisfies_the_project() -> None:
    locked: dict[str, list[Version]] = {}
    for need, _ in _locked():
        locked.setdefault(canonicalize_name(need.name), []).append(Version(next(iter(need.specifier)).version))
    for wanted in map(Requirement, DEPLOYED):
        versions = locked.get(canonicalize_name(wanted.name), [])
        assert versions, wanted
        assert all(wanted.specifier.contains(version) for version in versions), (wanted, versions)


def test_lock_file_has_one_version_of_a_package_here() -> None:
    here = default_environment()
    names = [canonicalize_name(need.name) for need, _ in _locked() if not need.marker or need.marker.evaluate(here)]  # type: ignore[arg-type]
    assert len(names) == len(set(names))


def test_lock_file_names_no_host_and_no_folder() -> None:
    text = LOCK.read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host|(^|\s)/|~/", text)
