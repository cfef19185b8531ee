"""Rules on the discovery document and its service entries."""

import re
from collections.abc import Iterator

from tests.conformance.rulebook import Finding, Spot, blanks, is_objects, is_text, rule, words

HOOKS = words(
    "patient-view order-select order-sign order-dispatch appointment-book encounter-start "
    "encounter-discharge medication-refill allergyintolerance-create problem-list-item-create"
)
ORDER_SIGN_VERSIONS = ("1.0", "1.1.0")
SEMVER = re.compile(r"\d+\.\d+\.\d+(-.*)?")
SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")


@rule(2, "discovery")
def services_array(spot: Spot) -> Iterator[Finding]:
    """The body is an object with an array of service objects."""
    if not isinstance(spot.value, dict):
        yield "", "the body must be an object"
    elif not is_objects(spot.get("services")):
        yield "services", "must be an array of objects"


@rule(15, "discovery")
def nothing_blank(spot: Spot) -> Iterator[Finding]:
    """No null and no empty value anywhere; an empty list of services is the one exception."""
    for path in blanks(spot.value) if spot.value else []:
        if not (path == "services" and spot.get("services") == []):
            yield path, "a member without a value must be left out"


@rule(12, "discovery")
def one_entry_per_hook_and_id(spot: Spot) -> Iterator[Finding]:
    """An id may come back for another hook but not for the same one."""
    seen = set()
    for service in spot.items("services"):
        pair = (str(service.get("hook")), str(service.get("id")))
        if pair in seen:
            yield "services", f"hook {pair[0]} and id {pair[1]} are listed twice"
        seen.add(pair)


@rule(4, "service")
def hook_named(spot: Spot) -> Iterator[Finding]:
    """The hook is a published one, or a custom one with a dotted name."""
    hook = spot.get("hook")
    if not is_text(hook):
        yield "hook", "must be a non-empty string"
    elif hook not in HOOKS and "." not in hook:
        yield "hook", f"{hook!r} is not a published hook"


@rule(5, "service")
def id_usable_in_url(spot: Spot) -> Iterator[Finding]:
    """The id is a string that can stand as one segment of a path."""
    name = spot.get("id")
    if not isinstance(name, str) or not SEGMENT.fullmatch(name):
        yield "id", "must be a string that can be a path segment"


@rule(6, "service")
def description_given(spot: Spot) -> Iterator[Finding]:
    """Every service has a description."""
    if not is_text(spot.get("description")):
        yield "description", "must be a non-empty string"


@rule(7, "service")
def title_given(spot: Spot) -> Iterator[Finding]:
    """Every service has a title."""
    if not is_text(spot.get("title")):
        yield "title", "must be a non-empty string"


@rule(8, "service")
def prefetch_strings(spot: Spot) -> Iterator[Finding]:
    """Prefetch maps keys to strings."""
    if not spot.has("prefetch"):
        return
    prefetch = spot.get("prefetch")
    if not isinstance(prefetch, dict):
        yield "prefetch", "must be an object"
        return
    for key, template in prefetch.items():
        if not isinstance(template, str):
            yield f"prefetch.{key}", "must be a string"


@rule(9, "service")
def usage_requirements_text(spot: Spot) -> Iterator[Finding]:
    """Usage requirements are text for people."""
    if spot.has("usageRequirements") and not isinstance(spot.get("usageRequirements"), str):
        yield "usageRequirements", "must be a string"


@rule(10, "service")
def version_semantic(spot: Spot) -> Iterator[Finding]:
    """The CDS Hooks version is a semantic version."""
    version = spot.get("version")
    if spot.has("version") and not (isinstance(version, str) and SEMVER.fullmatch(version)):
        yield "version", "must be a semantic version such as 2.0.1"


@rule(11, "service")
def hook_version_published(spot: Spot) -> Iterator[Finding]:
    """The hook version has the form of one, and for order-sign is a published one."""
    if not spot.has("hookVersion"):
        return
    version = spot.get("hookVersion")
    if not isinstance(version, str) or not re.fullmatch(r"\d+(\.\d+){1,2}", version):
        yield "hookVersion", "must be a version number in a string"
    elif spot.get("hook") == "order-sign" and version not in ORDER_SIGN_VERSIONS:
        yield "hookVersion", f"order-sign was published as {' and '.join(ORDER_SIGN_VERSIONS)}"
