"""Rules on members that are not defined for a node, and on the extension object."""

import re
from collections.abc import Iterator

from tests.conformance.rulebook import Finding, Spot, rule

MEMBERS = {
    "discovery": {"services"},
    "service": {
        *("hook", "id", "title", "description", "prefetch", "usageRequirements", "version", "hookVersion"),
    },
    "response": {"cards", "systemActions"},
    "card": {
        *("uuid", "summary", "detail", "indicator", "source", "links", "suggestions", "selectionBehavior"),
        "overrideReasons",
    },
    "source": {"label", "url", "icon", "topic"},
    "suggestion": {"label", "uuid", "isRecommended", "actions", "actionSelectionBehavior"},
    "action": {"type", "description", "resource", "resourceId"},
    "link": {"label", "url", "type", "appContext", "autolaunchable"},
}
UNIQUE_NAME = re.compile(r"[^\s.]+(\.[^\s.]+)+")


@rule(13, *MEMBERS)
def only_known_members(spot: Spot) -> Iterator[Finding]:
    """Custom data may only live under `extension`, in an object whose names are globally unique."""
    if not isinstance(spot.value, dict):
        return
    for name in spot.value:
        if name not in MEMBERS[spot.kind] and name != "extension":
            yield name, f"a {spot.kind} has no such member; custom data belongs under extension"
    if not spot.has("extension"):
        return
    extension = spot.get("extension")
    if not isinstance(extension, dict):
        yield "extension", "must be an object"
        return
    for name in extension:
        if not UNIQUE_NAME.fullmatch(name):
            yield f"extension.{name}", "needs a globally unique name with a dot in it"


@rule(139, "card")
def associated_resource(spot: Spot) -> Iterator[Finding]:
    """The extension that ties a card to orders, if there is one, is an array of relative references."""
    extension = spot.get("extension")
    name = "davinci-crd.associated-resource"
    if not isinstance(extension, dict) or name not in extension:
        return
    listed = extension[name]
    ok = isinstance(listed, list) and all(
        isinstance(item, dict) and re.fullmatch(r"[A-Z]\w+/[A-Za-z0-9.-]+", str(item.get("reference")))
        for item in listed
    )
    if not ok:
        yield f"extension.{name}", "must be an array of objects with a reference such as DeviceRequest/1"
