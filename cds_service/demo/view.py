"""What the demo's pages show of charts, cards and determinations."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

from flask import current_app
from markdown_it import MarkdownIt
from markupsafe import Markup

from cds_service.demo.draft_orders import concept_text
from cds_service.demo.signings import Signing
from cds_service.policies.registry import policy_on
from cds_service.web.finding_rows import FindingTable, finding_tables
from cds_service.web.json_text import JsonFault, parsed
from cds_service.web.json_view import MOST_FOLDED, folded

JSON = dict[str, Any]

# Card details are GitHub-flavored Markdown. HTML in them stays text, bare addresses stay words, images stay out.
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False})
_markdown.enable(["table", "strikethrough"]).disable("image")

OUTCOMES = {
    "needs-documentation": ("Needs documentation", "Something is missing or unclear, and the card says what to do."),
    "likely-approved": ("Likely approved", "Every criterion is met, and nothing excludes the pump."),
    "excluded": ("Excluded", "The policy excludes the pump, and the card says by what."),
    "not-applicable": ("Not judged", "The policy does not cover the order, or not on that day."),
}
_INDICATORS = {"info": "Information", "warning": "Warning", "critical": "Critical"}


def json_markup(text: str) -> Markup:
    """A JSON text folded; as it is where it is too long for that, or no JSON."""
    try:
        if len(text) <= MOST_FOLDED:
            return folded(parsed(text))
    except JsonFault:
        pass
    return Markup("<pre>{}</pre>").format(text[:MOST_FOLDED])


def tables_of(determination: JSON) -> list[FindingTable]:
    """The findings of a determination in the words of the policy that it was made under."""
    day = date.fromisoformat(determination["asOf"])
    policy = policy_on(determination["policy"]["id"], day, current_app.config["SETTINGS"].overrides())
    return finding_tables(determination, policy) if policy is not None else []


def content_of(value: Any) -> str:
    """The content of a prefetch value in words, such as `3 Conditions`."""
    if value is None:
        return "nothing there"
    if value["resourceType"] == "OperationOutcome":
        return "an error in place of data"
    bundled = value["resourceType"] == "Bundle"
    resources = [entry["resource"] for entry in value["entry"]] if bundled else [value]
    counts = Counter(resource["resourceType"] for resource in resources)
    return ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items())


def card_view(card: JSON, signing: Signing | None = None) -> JSON:
    """A card with its detail as HTML, its links to this host as paths, and what was done with it."""
    accepted = signing.accepted if signing is not None else set()
    offers = [
        {
            "uuid": offer.get("uuid", ""),
            "label": offer["label"],
            "effects": [_effect(action, signing) for action in offer.get("actions") or ()],
            "accepted": offer.get("uuid") in accepted,
        }
        for offer in card.get("suggestions") or ()
    ]
    taken = any(offer["accepted"] for offer in offers) and card.get("selectionBehavior") == "at-most-one"
    links = [link | {"url": _local(link["url"])} for link in card.get("links") or ()]
    return {
        **card,
        "word": _INDICATORS.get(card["indicator"], card["indicator"]),
        "html": Markup(_markdown.render(card.get("detail", ""))),  # noqa: S704  rendered with HTML off
        "source": card["source"] | {"url": _local(card["source"].get("url", ""))},
        "apps": [link for link in links if link["type"] == "smart"],
        "links": [link for link in links if link["type"] != "smart"],
        "suggestions": [offer | {"open": not offer["accepted"] and not taken} for offer in offers],
        "overridden": signing.overridden.get(card.get("uuid", "")) if signing is not None else None,
    }


def _local(url: str) -> str:
    """A link to the service itself as a path, which works for every host name of the page."""
    public: str = current_app.config["SETTINGS"].public_url
    return url.removeprefix(public) if url.startswith(f"{public}/") else url


def _effect(action: JSON, signing: Signing | None) -> str:
    if action.get("type") == "delete":
        named = str(action.get("resourceId", ""))
        drafts = signing.drafts.drafts if signing is not None else []
        label = next((draft.label for draft in drafts if draft.reference == named), named)
        return f"removes {label} from the draft orders"
    resource = action.get("resource") or {}
    return f"adds a draft order: {concept_text(resource.get('code')) or resource.get('resourceType', '')}"
