"""Rules on what a card offers the user: suggestions, override reasons and links."""

from collections.abc import Iterator

from tests.conformance.rulebook import (
    Finding,
    Spot,
    as_list,
    is_absolute_uri,
    is_objects,
    is_text,
    is_uuid,
    is_web_url,
    rule,
)


@rule(129, "card")
def selection_behavior(spot: Spot) -> Iterator[Finding]:
    """Suggestions need a known selection behaviour."""
    needed = bool(as_list(spot.get("suggestions"))) or spot.has("selectionBehavior")
    if needed and spot.get("selectionBehavior") not in ("at-most-one", "any"):
        yield "selectionBehavior", "must be at-most-one or any"


@rule(130, "card")
def one_recommendation(spot: Spot) -> Iterator[Finding]:
    """Where the user may take one suggestion, no more than one is recommended."""
    flags = [item.get("isRecommended") for item in spot.items("suggestions") if item.has("isRecommended")]
    if not all(isinstance(flag, bool) for flag in flags):
        yield "suggestions", "isRecommended must be a boolean"
    if spot.get("selectionBehavior") == "at-most-one" and flags.count(True) > 1:
        yield "suggestions", "more than one is recommended although at most one can be chosen"


@rule(131, "card")
def suggestions_array(spot: Spot) -> Iterator[Finding]:
    """Suggestions are an array of objects."""
    if spot.has("suggestions") and not is_objects(spot.get("suggestions")):
        yield "suggestions", "must be an array of objects"


@rule(131, "response")
def suggestion_uuids_unique(spot: Spot) -> Iterator[Finding]:
    """No two suggestions of a response share a UUID."""
    seen = set()
    for suggestion in [item for card in spot.items("cards") for item in card.items("suggestions")]:
        uuid = str(suggestion.get("uuid")).lower()
        if suggestion.has("uuid") and uuid in seen:
            yield suggestion.where.removeprefix("$.") + ".uuid", "is used by an earlier suggestion"
        seen.add(uuid)


@rule(131, "suggestion")
def suggestion_identified(spot: Spot) -> Iterator[Finding]:
    """Every suggestion has a label and a bare UUID."""
    if not is_text(spot.get("label")):
        yield "label", "must be a non-empty string"
    if not is_uuid(spot.get("uuid")):
        yield "uuid", "must be a bare UUID"


@rule(132, "suggestion")
def actions_array(spot: Spot) -> Iterator[Finding]:
    """Actions, where given, are an array of at least one object."""
    if spot.has("actions") and not (spot.get("actions") and is_objects(spot.get("actions"))):
        yield "actions", "must be an array of at least one object"


@rule(133, "suggestion")
def no_action_selection(spot: Spot) -> Iterator[Finding]:
    """Choosing among the actions of a suggestion is left out, as clients cannot be assumed to support it."""
    if spot.has("actionSelectionBehavior"):
        yield "actionSelectionBehavior", "must not be sent unless the client declared support"


@rule(134, "card")
def override_reasons(spot: Spot) -> Iterator[Finding]:
    """Override reasons are codings with code, system and display."""
    reasons = spot.get("overrideReasons")
    if spot.has("overrideReasons") and not is_objects(reasons):
        yield "overrideReasons", "must be an array of objects"
        return
    for index, reason in enumerate(as_list(reasons)):
        for name in ("code", "display"):
            if not is_text(reason.get(name)):
                yield f"overrideReasons[{index}].{name}", "must be a non-empty string"
        if not is_absolute_uri(reason.get("system")):
            yield f"overrideReasons[{index}].system", "must be an absolute URI"


@rule(135, "card")
def links_array(spot: Spot) -> Iterator[Finding]:
    """Links are an array of objects."""
    if spot.has("links") and not is_objects(spot.get("links")):
        yield "links", "must be an array of objects"


@rule(135, "link")
def link_complete(spot: Spot) -> Iterator[Finding]:
    """A link has a label, an absolute address and a known type."""
    if not is_text(spot.get("label")):
        yield "label", "must be a non-empty string"
    if not is_web_url(spot.get("url")):
        yield "url", "must be an absolute http or https URL"
    if spot.get("type") not in ("absolute", "smart"):
        yield "type", "must be absolute or smart"


@rule(136, "link")
def app_context_on_smart(spot: Spot) -> Iterator[Finding]:
    """Only a SMART link carries an app context, and that is a string."""
    if not spot.has("appContext"):
        return
    if spot.get("type") != "smart":
        yield "appContext", "is only for smart links"
    if not isinstance(spot.get("appContext"), str):
        yield "appContext", "must be a string"


@rule(137, "link")
def autolaunch_flag(spot: Spot) -> Iterator[Finding]:
    """The hint to launch a link by itself is a boolean."""
    if spot.has("autolaunchable") and not isinstance(spot.get("autolaunchable"), bool):
        yield "autolaunchable", "must be a boolean"
