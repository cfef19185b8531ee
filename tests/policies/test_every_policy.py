"""What holds of every policy that is held, whatever its text: citations, parameters, placeholders, questions, rules.

They are those of `policy --check` (policies/check_policy.py); a package that breaks each of them stands in
test_check_policy.py.
"""

from __future__ import annotations

import re
from datetime import date
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import pytest

from cds_service.engine.policy import Policy
from cds_service.engine.rule import RuleTemplate
from cds_service.facts import ChartSection
from cds_service.policies import cg_dme_51, medicare_l33794, mp_mm_1316, rules
from cds_service.policies.check_policy import described, faults, file_faults
from cds_service.policies.registry import POLICIES, policies_in_use
from cds_service.policies.rules.catalog import CATALOG
from cds_service.settings import Settings

EACH = pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.id)
PACKAGES = (mp_mm_1316, medicare_l33794, cg_dme_51)


def test_every_package_is_held() -> None:
    assert [package.POLICY for package in PACKAGES] == list(POLICIES)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.POLICY.id)
def test_the_files_of_a_package_lack_nothing(package: object) -> None:
    name = getattr(package, "__name__", "")
    assert file_faults(lambda file: files(name).joinpath(file).read_text(encoding="utf-8")) == []


@EACH
def test_nothing_is_wrong_with_a_policy(policy: Policy) -> None:
    assert faults(policy) == []
    assert described(policy).startswith(f"{policy.payer} {policy.id}, {policy.title}: ")


@EACH
def test_a_policy_reads_as_a_whole_on_each_of_its_days(policy: Policy) -> None:
    for day in sorted(policy.starts):
        on_day = policy.on(day)
        texts = [*on_day.titles.values(), *on_day.groups.values(), *(s.says for s in on_day.sections.values())]
        texts += [on_day.interpretation(section) for section in on_day.rules]
        assert [text for text in texts if "{" in text or not text.strip()] == []


@EACH
def test_what_a_rule_reads_is_among_what_the_policy_depends_on(policy: Policy) -> None:
    """Else it would not be searched for."""
    sections = {*ChartSection, *(kind.key for kind in policy.results)}
    for rule in policy.rules.values():
        assert set(rule.reads) <= sections
        assert set(rule.reads) <= set(policy.dependencies), rule.section


@EACH
def test_questions_have_names_that_no_other_of_the_policy_has(policy: Policy) -> None:
    names = [question.name for group in policy.questions for question in group.questions if question.name]
    assert len(names) == len(set(names))


def test_shared_rules_name_no_section() -> None:
    """A policy gives them their sections."""
    ids = {section for policy in POLICIES for section in policy.sections if "." in section}
    pattern = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, sorted(ids)))})(?![\w])")
    folder = Path(rules.__file__).parent
    found = {path.name: pattern.search(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py")}
    assert {name: match[0] for name, match in found.items() if match} == {}


def test_the_catalog_has_each_rule_under_its_own_name() -> None:
    for name, template in CATALOG.items():
        assert template.function.__name__ == name
        assert template.title and (template.function.__doc__ or "").strip()
    held = {id(value) for module in _modules() for value in vars(module).values() if isinstance(value, RuleTemplate)}
    assert {id(template) for template in CATALOG.values()} == held, "a shared rule without parts of a policy is listed"


def _modules() -> list[ModuleType]:
    names = [each.name for each in iter_modules(rules.__path__) if not each.ispkg]
    return [import_module(f"{rules.__name__}.{name}") for name in names]


def test_cg_dme_51_is_data_and_off() -> None:
    """Under 150 lines of Python, as the third policy is to be a configuration."""
    folder = Path(cg_dme_51.__file__).parent
    lines = [line for path in folder.rglob("*.py") for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) < 15
    assert cg_dme_51.POLICY not in policies_in_use(Settings().policies)
    assert cg_dme_51.POLICY in policies_in_use("CG-DME-51")
    told = cg_dme_51.POLICY.sections["TXT"]
    assert "third parties" in told.says and told.why_not


def test_the_page_on_policies_lists_every_policy_and_every_shared_rule() -> None:
    page = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
    assert [policy.id for policy in POLICIES if f"| `{policy.id}` |" not in page] == []
    assert [name for name in CATALOG if f"| `{name}` |" not in page] == []
    assert [name for name in ("every_part", "one_way", "any_indication", "stated") if f"`{name}`" not in page] == []


def test_a_plans_setting_changes_only_what_a_text_leaves_to_it() -> None:
    """MP-MM-1316 is silent on sensors; Medicare's article and CG-DME-51 say that they count."""
    told = {
        policy.id: policy.on(date(2026, 11, 20), {"cgm_counts_as_self_testing": setting}).parameters[
            "cgm_counts_as_self_testing"
        ]
        for policy in POLICIES
        for setting in (policy is mp_mm_1316.POLICY,)
    }
    assert told == {"MP-MM-1316": True, "L33794": True, "CG-DME-51": True}
