"""`policy --check PACKAGE`: everything that is wrong with a policy package, and whether its cases hold its thresholds.

Exit codes: 0 when nothing is wrong, 1 when something is, 2 when the package cannot be read.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from cds_service import policies
from cds_service.cli.common import Refused
from cds_service.engine.policy import Policy
from cds_service.policies import registry
from cds_service.policies.check_policy import Fault, described, faults, file_faults
from cds_service.policies.load_package import policy_of
from cds_service.services.check_cases import CaseRequest, covered_ends
from cds_service.settings import Settings

_BROKEN = (ValueError, KeyError, TypeError, AttributeError, ImportError, OSError)
_ENDS = {"below": "just outside (moved one step down, the answer of some case has to change)"}
_ENDS["above"] = "just inside (moved one step up, the answer of some case has to change)"


def check_package(package: str) -> int:
    """Checks a package and prints what was found; the exit code. `package`: the id of a policy, a module, or a folder.

    Refused for a package that cannot be read.
    """
    found, policy = _read(package)
    if policy is not None:
        click.echo(described(policy))
        found = [*found, *faults(policy)]
        found += _cases(policy, Path(package) if Path(package).is_dir() else Path.cwd())
    for topic, group in groupby(sorted(found, key=lambda fault: fault.topic), key=lambda fault: fault.topic):
        click.echo(f"\n{topic}")
        for fault in group:
            click.echo(f"  {fault.where} {fault.what}")
    number = len(found)
    click.echo(f"\n{number} fault{'s' if number != 1 else ''}" if number else "\nNothing is wrong.")
    return 1 if found else 0


def _read(package: str) -> tuple[list[Fault], Policy | None]:
    """The faults of the files, and the policy: None where the files have faults that keep it from being made."""
    try:
        read, make = _sources(package)
        found = file_faults(read)
        return (found, None) if found else ([], make())
    except _BROKEN as error:
        raise Refused(f"{package} cannot be read as a policy: {_told(error)}") from None


def _told(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]}"
    if isinstance(error, FileNotFoundError):
        return f"{Path(str(error.filename)).name} is not there"
    return " ".join(str(error).split())


def _sources(package: str) -> tuple[Callable[[str], str], Callable[[], Policy]]:
    """How a file of the package is read, and how its policy is made."""
    folder = Path(package)
    if folder.is_dir():

        def read(name: str) -> str:
            return (folder / name).read_text(encoding="utf-8")

        has_rules = any(path.name != "__init__.py" for path in folder.glob("*.py"))
        return read, (lambda: _module_at(folder).POLICY) if has_rules else (lambda: policy_of(read))
    held = registry.policy_named(package)
    name = _module_of(held) if held is not None else package
    module = importlib.import_module(name)
    return lambda file: files(module).joinpath(file).read_text(encoding="utf-8"), lambda: module.POLICY


def _module_of(policy: Policy) -> str:
    """The module of a policy that is held."""
    packages = [name for name in sys.modules if name.startswith(f"{policies.__name__}.")]
    names = (name for name in packages if getattr(sys.modules[name], "POLICY", None) is policy)
    return min(names, key=len)


def _module_at(folder: Path) -> Any:
    """The package in a folder, wherever it lies."""
    name = f"checked_{folder.resolve().name}"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is no Python package")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---------------------------------------------------------------- cases


def _cases(policy: Policy, near: Path) -> Iterator[Fault]:
    """Ends of thresholds without a case. Case files are read by the checkout's own tests, which a package lacks."""
    read = _case_reader(near)
    if read is None:
        click.echo("cases: not looked at: they are read in a checkout, from fixtures/cases")
        return
    covered = covered_ends(policy, read(), Settings())
    held = len(covered.thresholds) - len(covered.missing)
    click.echo(
        f"cases: {covered.cases} are judged by it; both ends are held of {held} of {len(covered.thresholds)} numbers"
    )
    for name, ends in covered.missing.items():
        for end in ends:
            yield Fault("cases", f"parameter {name}", f"has no case {_ENDS[end]}")
    if not covered.cases:
        yield Fault("cases", policy.id, "is judged in no case: write some under fixtures/cases")


def _case_reader(near: Path) -> Callable[[], Iterator[CaseRequest]] | None:
    """Reads the case files of the checkout that a folder lies in; None outside of one."""
    folders = (near.resolve(), *near.resolve().parents)
    root = next((folder for folder in folders if (folder / "tests" / "cases" / "runner.py").exists()), None)
    if root is None:
        return None
    sys.path.insert(0, str(root))
    runner = importlib.import_module("tests.cases.runner")

    def read() -> Iterator[CaseRequest]:
        for case in runner.all_cases():
            yield CaseRequest(case.name, case.request, case.as_of, case.service, case.traces)

    return read
