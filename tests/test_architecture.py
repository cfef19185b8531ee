"""Rules for the code as a whole: lint, format, types, layers, cycles, sizes, and what `serve` loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("cds_service", "fhir_mappings")
BIN = Path(sys.executable).parent


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("lint-imports",)],
    ids=lambda command: " ".join(command),
)
def test_tool_finds_nothing(command: tuple[str, ...]) -> None:
    done = _run(*command)
    assert done.returncode == 0, done.stdout + done.stderr


def _modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", list(_modules()), ids=lambda path: str(path.relative_to(ROOT)))
def test_module_is_short_and_so_are_its_functions(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 300
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 50, f"{node.name} has {length} lines"


def test_folders_of_tests_are_those_of_the_packages() -> None:
    """Tests of a module lie where the module lies; a few folders hold what is about the whole."""
    whole = {
        "benchmarks",
        "browser",
        "cases",
        "conformance",
        "deploy",
        "integration",
        "load",
        "properties",
        "toy_policy",
    }
    folders = {Path(name).parent.relative_to("tests") for name in _git("ls-files", "tests/*.py").splitlines()}
    modules = {path.parent.relative_to(ROOT) for path in _modules()}
    packages = {path.relative_to("cds_service") for path in modules if path.is_relative_to("cds_service")} | modules
    data = {Path("fhir_mappings/valuesets")}
    assert {folder for folder in folders - packages - data if folder.parts and folder.parts[0] not in whole} == set()


def test_top_level_holds_only_what_is_agreed() -> None:
    agreed = {
        "pyproject.toml",
        "requirements.lock",
        "README.md",
        "LICENSE",
        "Dockerfile",
        *PACKAGES,
        "tests",
        "fixtures",
        "docs",
    }
    tracked = _git("ls-files").splitlines()
    assert {name.split("/", 1)[0] for name in tracked if not name.startswith(".")} <= agreed


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout, so there is no list of tracked files")
    return done.stdout


def test_importing_the_policy_never_imports_flask() -> None:
    code = "import cds_service.policies.registry, sys; assert not {'flask', 'requests', 'msgspec'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_serving_loads_nothing_of_the_demo() -> None:
    code = (
        "import sys\n"
        "from cds_service.cli.serve import serve_command\n"
        "import cds_service.cli, cds_service.web.server, cds_service.web.report_page\n"
        "from cds_service.settings import Settings\n"
        "from cds_service.web import create_app\n"
        "app = create_app(Settings(database_url='off'))\n"
        "assert app.test_client().get('/cds-services').status_code == 200\n"
        "demo = [name for name in sys.modules if name.startswith('cds_service.demo')]\n"
        "assert not demo, demo"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
