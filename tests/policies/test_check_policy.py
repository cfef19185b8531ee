"""A broken package: each fault is named with its place and how it is mended, and the command ends as the contract says.

The package is CG-DME-51's, copied and broken in one place.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cds_service.cli.__main__ import main
from cds_service.policies import cg_dme_51
from cds_service.policies.check_policy import faults, file_faults
from cds_service.policies.load_package import policy_of

SOUND = Path(cg_dme_51.__file__).parent


@pytest.fixture(name="broken")
def _broken(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the package outside of any checkout, with a text of one file replaced."""

    def broken(file: str = "", old: str = "", new: str = "") -> Path:
        folder = tmp_path / "package"
        shutil.copytree(SOUND, folder, ignore=shutil.ignore_patterns("__pycache__"))
        if file:
            text = (folder / file).read_text(encoding="utf-8")
            assert old in text
            (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return broken


def checked(folder: Path) -> Result:
    return CliRunner().invoke(main, ["policy", "--check", str(folder)])


def test_a_sound_package_ends_with_0(broken: Callable[..., Path]) -> None:
    done = checked(broken())
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.output.startswith("Anthem CG-DME-51, External Insulin Pumps: ")
    assert "cases: not looked at" in done.output
    assert done.output.rstrip().endswith("Nothing is wrong.")


# File, text, text in its place; topic and words of the fault.
BROKEN = {
    "no unit": (
        "parameters.toml",
        'unit = "tests a day"\n',
        "",
        "parameters",
        "parameters.toml: self_tests_per_day has no `unit`: give what it is counted in",
    ),
    "no source": (
        "parameters.toml",
        'source = "reading: intensive finger-stick testing is 6 to 10 a day, a sensor gives 96 or 288"\n',
        "",
        "parameters",
        "parameters.toml: plausible_self_tests_per_day has no `source`",
    ),
    "no first day": (
        "parameters.toml",
        "values = [{ from = 2024-04-10, value = 20 }]",
        "values = [{ value = 20 }]",
        "parameters",
        "parameters.toml: plausible_self_tests_per_day has a value without a first day",
    ),
    "first days that do not ascend": (
        "parameters.toml",
        "values = [{ from = 2024-04-10, value = 20 }]",
        "values = [{ from = 2024-04-10, value = 20 }, { from = 2024-04-10, value = 30 }]",
        "parameters",
        "first days that do not ascend",
    ),
    "a parameter of no section": (
        "parameters.toml",
        'section = "RP.2"',
        'section = "RP.9"',
        "citations",
        "parameter breakdown_months cites RP.9, which sections.toml has not",
    ),
    "a parameter that a rule needs": (
        "parameters.toml",
        "[breakdown_months]",
        "[breakdown_year]",
        "parameters",
        "rule of RP.2 needs a parameter breakdown_months, which parameters.toml has not",
    ),
    "a section that nothing reads": (
        "sections.toml",
        'why_not = "It asks for nothing beyond the criteria."',
        "",
        "citations",
        "section NM is read by no rule and says no reason",
    ),
    "a placeholder of no parameter": (
        "wording.toml",
        'plan = "Anthem commercial plan"',
        'plan = "Anthem plan of {moons} moons"',
        "wording",
        "wording plan names {moons}, which is no parameter",
    ),
    "a step that is too long": (
        "wording.toml",
        '"RP.2" = "state what is wrong with the pump"',
        f'"RP.2" = "{"state what is wrong with the pump, " * 3}"',
        "wording",
        "70 fit a title",
    ),
    "a statement that nobody is asked for": (
        "questionnaire.toml",
        'asks = "pump-benefit"',
        'asks = "pump-benefits"',
        "questions",
        "rule of CON is decided by the answer to `pump-benefit`, and no question of questionnaire.toml asks that",
    ),
}


@pytest.mark.parametrize(("file", "old", "new", "topic", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_fault_is_named_and_ends_with_1(
    broken: Callable[..., Path], file: str, old: str, new: str, topic: str, words: str
) -> None:
    done = checked(broken(file, old, new))
    assert done.exit_code == 1, done.output
    assert f"\n{topic}\n" in f"\n{done.output}"
    assert words in done.output
    assert "Traceback" not in done.output + done.stderr


def test_a_gap_without_a_question_or_a_step_is_a_fault(broken: Callable[..., Path]) -> None:
    folder = broken()
    wording = folder / "wording.toml"
    kept = [line for line in wording.read_text(encoding="utf-8").splitlines() if not line.startswith('"MN.1" = ')]
    wording.write_text("\n".join(kept), encoding="utf-8")
    done = checked(folder)
    assert done.exit_code == 1
    assert "rule of MN.1 has neither a question nor a step: say in [steps] of wording.toml" in done.output


def test_all_faults_are_named_and_not_the_first_alone(broken: Callable[..., Path]) -> None:
    folder = broken("parameters.toml", 'unit = "tests a day"\n', "")
    text = (folder / "sections.toml").read_text(encoding="utf-8")
    (folder / "sections.toml").write_text(text.replace('title = "Diabetes"\n', "", 1), encoding="utf-8")
    done = checked(folder)
    assert "has no `unit`" in done.output and "sections.toml: MN.1 has no `title`" in done.output
    assert done.output.rstrip().endswith("2 faults")


UNREADABLE = {
    "a file that is no TOML": ("policy.toml", 'id = "CG-DME-51"', "id = CG DME", "cannot be read as a policy"),
    "an unknown rule": (
        "policy.toml",
        '"injections_a_day"',
        '"injections_an_hour"',
        "no rule is called injections_an_hour",
    ),
    "a rule that stands below": (
        "policy.toml",
        'parts = ["NEW.1", ',
        'parts = ["RP.1", ',
        "no rule stands above that reads RP.1",
    ),
    "an unknown product": ("policy.toml", 'product = "commercial"', 'product = "gold"', "gold"),
    "an unknown key": (
        "policy.toml",
        'rule = "injections_a_day"',
        'rule = "injections_a_day"\nsays = "x"',
        "unknown key says",
    ),
}


@pytest.mark.parametrize(("file", "old", "new", "words"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_ends_with_2_in_one_line(
    broken: Callable[..., Path], file: str, old: str, new: str, words: str
) -> None:
    done = checked(broken(file, old, new))
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert words in done.stderr


def test_a_file_that_is_not_there_is_named(broken: Callable[..., Path]) -> None:
    folder = broken()
    (folder / "versions.toml").unlink()
    done = checked(folder)
    assert done.exit_code == 2
    assert "versions.toml is not there" in done.stderr


@pytest.mark.parametrize("name", ["NO-SUCH-1", "no.such.module", "/no/such/folder"])
def test_a_package_that_is_not_there_ends_with_2(name: str) -> None:
    done = CliRunner().invoke(main, ["policy", "--check", name])
    assert done.exit_code == 2
    assert name in done.stderr


def test_the_copy_is_the_policy_that_is_held() -> None:
    def read(name: str) -> str:
        return (SOUND / name).read_text(encoding="utf-8")

    assert file_faults(read) == []
    policy = policy_of(read)
    assert faults(policy) == []
    assert list(policy.rules) == list(cg_dme_51.POLICY.rules)
