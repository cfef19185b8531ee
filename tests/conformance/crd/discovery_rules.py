"""Rules on what discovery says of CRD services."""

import re
from collections.abc import Iterator
from typing import Any

from tests.conformance.card_rules import CARD_TYPES
from tests.conformance.crd.standard import COVERAGE, standard_of
from tests.conformance.rulebook import Finding, Spot, as_list, is_objects, is_text, rule
from tests.conformance.template_rules import TOKEN

VERSION = re.compile(r"[1-9]\d*\.[1-9]\d*")
OPTION = ("code", "type", "name", "description", "default")
TYPES = {"boolean": bool, "integer": int}
OF_A_PATIENT = re.compile(r"(?!Coverage\?)\w+\?(.*&)?(patient|subject)(:\w+)?=")


def _extension(spot: Spot, name: str) -> Any:
    extension = spot.get("extension")
    return extension.get(name) if isinstance(extension, dict) else None


def _options(spot: Spot) -> list[dict[str, Any]]:
    listed = as_list(_extension(spot, "davinci-crd.configuration-options"))
    return [option for option in listed if isinstance(option, dict)]


@rule(16, "crd-service")
def versions_declared(spot: Spot) -> Iterator[Finding]:
    """The versions of the guide are listed as major.minor."""
    listed = _extension(spot, "davinci-crd.version")
    if not isinstance(listed, list) or not listed:
        yield "extension", "must list the versions of the guide"
    elif not all(isinstance(each, str) and VERSION.fullmatch(each) for each in listed):
        yield "extension", "a version has the form 2.1"


@rule(17, "crd-service")
def options_complete(spot: Spot) -> Iterator[Finding]:
    """Every option has all members, and a default of its type."""
    listed = _extension(spot, "davinci-crd.configuration-options")
    if not is_objects(listed) or not listed:
        yield "extension", "must list configuration options"
        return
    for option in listed:
        if any(name not in option for name in OPTION):
            yield "extension", f"option {option.get('code')} lacks a member"
            continue
        if not all(is_text(option[name]) for name in ("code", "name", "description")):
            yield "extension", f"option {option['code']} has a member that is no text"
        kind = TYPES.get(str(option["type"]))
        if (option["code"] == "max-cards") == (kind is bool):
            yield "extension", f"option {option['code']} is of the wrong type: a number limits, a switch turns off"
        if kind is None or type(option["default"]) is not kind:
            yield "extension", f"option {option['code']} has a default of another type"


@rule(18, "crd-service")
def emitted_types_can_be_switched(spot: Spot) -> Iterator[Finding]:
    """Every response type that the service returns has a switch."""
    codes = {str(option.get("code")) for option in _options(spot) if option.get("type") == "boolean"}
    for needed in ("coverage-info", "guideline", "clinical-reminder"):
        if needed not in codes:
            yield "extension", f"{needed} cannot be switched"


@rule(19, "crd-service")
def option_codes_of_the_guide(spot: Spot) -> Iterator[Finding]:
    """Codes are the guide's response types, or its example of an own one."""
    for option in _options(spot):
        if str(option.get("code")) not in {*CARD_TYPES, "max-cards"}:
            yield "extension", f"{option.get('code')} is no response type"


@rule(20, "crd-service")
def options_unique(spot: Spot) -> Iterator[Finding]:
    """No two options share code, name or description."""
    for name in ("code", "name", "description"):
        found = [str(option.get(name)) for option in _options(spot)]
        if len(set(found)) < len(found):
            yield "extension", f"two options share their {name}"


@rule(21, "crd-discovery")
def options_worded_alike(spot: Spot) -> Iterator[Finding]:
    """One option is worded the same at every service."""
    seen: dict[str, dict[str, Any]] = {}
    for service in spot.items("services"):
        for option in _options(service):
            if seen.setdefault(str(option.get("code")), option) != option:
                yield service.where.removeprefix("$."), f"{option.get('code')} is worded otherwise elsewhere"


@rule(22, "crd-service")
def unsolicited_offered(spot: Spot) -> Iterator[Finding]:
    """A number without a request can be switched off."""
    offered = [option.get("type") for option in _options(spot) if option.get("code") == "unsolicited-determ"]
    if offered != ["boolean"]:
        yield "extension", "unsolicited-determ must be offered as a switch"


def _templates(spot: Spot) -> dict[str, str]:
    prefetch = spot.get("prefetch")
    return {k: v for k, v in prefetch.items() if isinstance(v, str)} if isinstance(prefetch, dict) else {}


@rule(29, "crd-service")
def prefetch_offered(spot: Spot) -> Iterator[Finding]:
    """There is prefetch, and words on what is needed."""
    if not _templates(spot):
        yield "prefetch", "must be there"
    if not is_text(spot.get("usageRequirements")):
        yield "usageRequirements", "must say what the service needs"


@rule(27, "crd-service")
def no_clinical_prefetch(spot: Spot) -> Iterator[Finding]:
    """What only pump orders need is fetched, not prefetched for every order."""
    for key, template in _templates(spot).items():
        if OF_A_PATIENT.match(template):
            yield f"prefetch.{key}", "is needed for some orders only"


@rule(30, "crd-service")
def coverage_template(spot: Spot) -> Iterator[Finding]:
    """Coverage is asked for in the guide's words."""
    if _templates(spot).get("coverage") != COVERAGE:
        yield "prefetch.coverage", f"must be {COVERAGE}"


@rule(10, "crd-service")
def hooks_version_told(spot: Spot) -> Iterator[Finding]:
    """The version of CDS Hooks is told, and is one whose clients can fill the templates."""
    version = spot.get("version")
    if not is_text(version):
        yield "version", "must be there"
    elif version.startswith(("1.", "2.")) and any(map(_computes, _templates(spot).values())):
        yield "version", "has no templates that walk into the context or into another prefetch"


def _computes(template: str) -> bool:
    """Whether any token is more than a field at the root of the context or a user."""
    return any(token.count(".") > 1 or set("(|%") & set(token) for token in TOKEN.findall(template))


@rule(26, "crd-standard")
def nothing_beyond_the_guide(spot: Spot) -> Iterator[Finding]:
    """Only elements that the guide has are asked for with every order."""
    for key in _templates(spot):
        if key not in standard_of(spot.get("hook")):
            yield f"prefetch.{key}", "is no element that the guide asks for"


@rule(28, "crd-standard")
def standard_expressions(spot: Spot) -> Iterator[Finding]:
    """Elements of the guide are asked for in its own expressions."""
    standard = standard_of(spot.get("hook"))
    for key, template in _templates(spot).items():
        if template != standard.get(key, template):
            yield f"prefetch.{key}", "is not the guide's expression"
