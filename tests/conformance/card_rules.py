"""Rules on the response envelope and on cards, their source and their detail text."""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.conformance.rulebook import (
    Finding,
    Spot,
    as_list,
    blanks,
    is_absolute_uri,
    is_objects,
    is_text,
    is_uuid,
    is_web_url,
    rule,
    words,
)

CARD_TYPE_SYSTEMS = (
    "http://terminology.hl7.org/CodeSystem/cdshooks-card-type",
    "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp",
)
CARD_TYPES = words(
    "coverage-info unsolicited-determ claim insurance limits network appropriate-use cost "
    "therapy-alternatives-opt therapy-alternatives-req clinical-reminder duplicate-therapy contraindication "
    "guideline off-guideline"
)
CLINICAL_HARM_TYPES = ("contraindication", "duplicate-therapy", "clinical-reminder")
BARE_URL = re.compile(r"https?://[^\s<>()\[\]]+")
_MARKDOWN = MarkdownIt("commonmark").enable("table")
_MARKDOWN.validateLink = lambda url: True  # type: ignore[method-assign]


@rule(112, "response")
def cards_array(spot: Spot) -> Iterator[Finding]:
    """The body is an object with an array of card objects, which may be empty."""
    if not isinstance(spot.value, dict):
        yield "", "the body must be an object"
    elif not is_objects(spot.get("cards")):
        yield "cards", "must be an array of objects"


@rule(113, "response")
def system_actions_array(spot: Spot) -> Iterator[Finding]:
    """System actions are an array of objects, or absent."""
    if spot.has("systemActions") and not is_objects(spot.get("systemActions")):
        yield "systemActions", "must be an array of objects or absent"


@rule(114, "response")
def nothing_blank(spot: Spot) -> Iterator[Finding]:
    """No null and no empty value anywhere; only the two arrays of the envelope may be empty.

    Inside the determinations extension the contract asks for `evidence` always, as an empty list when there is none.
    """
    for path in blanks(spot.value) if spot.value else []:
        agreed = path.startswith("extension.com.insulin-pump-cds.determinations[") and path.endswith("].evidence")
        if not agreed and not (path in ("cards", "systemActions") and spot.get(path) == []):
            yield path, "a member without a value must be left out"


@rule(116, "response")
def card_uuids_unique(spot: Spot) -> Iterator[Finding]:
    """No two cards of a response share a UUID."""
    seen = set()
    for index, card in enumerate(as_list(spot.get("cards"))):
        uuid = str(card.get("uuid")).lower() if isinstance(card, dict) and "uuid" in card else None
        if uuid and uuid in seen:
            yield f"cards[{index}].uuid", "is used by an earlier card"
        seen.add(uuid)


@rule(116, "card")
def card_uuid_bare(spot: Spot) -> Iterator[Finding]:
    """Every card has a UUID without a prefix, so that feedback can name it."""
    if not is_uuid(spot.get("uuid")):
        yield "uuid", "must be a bare UUID"


@rule(117, "card")
def summary_short(spot: Spot) -> Iterator[Finding]:
    """The summary is one line of fewer than 140 characters."""
    summary = spot.get("summary")
    if not is_text(summary):
        yield "summary", "must be a non-empty string"
    elif len(summary) >= 140:
        yield "summary", f"has {len(summary)} characters, 139 are the most"
    elif len(summary.splitlines()) > 1 or summary != summary.strip():
        yield "summary", "must be a single line without white space around it"


def _tokens(text: str) -> Iterator[Token]:
    for block in _MARKDOWN.parse(text):
        yield block
        yield from block.children or []


@rule(119, "card")
def detail_markdown(spot: Spot) -> Iterator[Finding]:
    """The detail is a string of Markdown without raw HTML."""
    if not spot.has("detail"):
        return
    detail = spot.get("detail")
    if not isinstance(detail, str):
        yield "detail", "must be a string"
        return
    for token in _tokens(detail):
        if token.type in ("html_inline", "html_block"):
            yield "detail", f"holds raw HTML: {token.content[:40]!r}"


def detail_urls(text: str) -> list[str]:
    """Return the target of every link in a Markdown text, written out or bare."""
    found, inside = [], False
    for token in _tokens(text):
        if token.type == "link_open":
            found.append(str(token.attrs["href"]))
        inside = token.type == "link_open" or (inside and token.type != "link_close")
        if token.type == "text" and not inside:
            found += [url.rstrip(".,;:!?'\"*_") for url in BARE_URL.findall(token.content)]
    return found


@rule(121, "card")
def detail_links_repeated(spot: Spot) -> Iterator[Finding]:
    """Whatever the detail links to is among the links of the card."""
    detail = spot.get("detail")
    listed = {_MARKDOWN.normalizeLink(str(link.get("url"))) for link in spot.items("links")}
    for url in detail_urls(detail) if isinstance(detail, str) else []:
        if _MARKDOWN.normalizeLink(url) not in listed:
            yield "detail", f"links to {url}, which is not among the links"


@rule(122, "card")
def indicator_known(spot: Spot) -> Iterator[Finding]:
    """The indicator is one of three words."""
    if spot.get("indicator") not in ("info", "warning", "critical"):
        yield "indicator", "must be info, warning or critical"


def _topic(spot: Spot) -> dict[str, object]:
    source = spot.get("source")
    topic = source.get("topic") if isinstance(source, dict) else None
    return topic if isinstance(topic, dict) else {}


@rule(123, "card")
def coverage_never_critical(spot: Spot) -> Iterator[Finding]:
    """Only a card about harm to the patient may be critical; coverage never is."""
    if spot.get("indicator") == "critical" and _topic(spot).get("code") not in CLINICAL_HARM_TYPES:
        yield "indicator", "a coverage matter is at most a warning"


@rule(124, "card")
def source_labelled(spot: Spot) -> Iterator[Finding]:
    """Every card has a source with a label."""
    source = spot.get("source")
    if not isinstance(source, dict):
        yield "source", "must be an object"
    elif not is_text(source.get("label")):
        yield "source.label", "must be a non-empty string"


@rule(126, "source")
def source_addresses(spot: Spot) -> Iterator[Finding]:
    """The addresses of a source are absolute."""
    for name in ("url", "icon"):
        if spot.has(name) and not is_web_url(spot.get(name)):
            yield name, "must be an absolute http or https URL"


@rule(127, "source")
def source_topic(spot: Spot) -> Iterator[Finding]:
    """The topic of a source is a coding with system and code."""
    topic = spot.get("topic")
    if not isinstance(topic, dict):
        yield "topic", "must be an object"
        return
    if not is_absolute_uri(topic.get("system")):
        yield "topic.system", "must be an absolute URI"
    if not is_text(topic.get("code")):
        yield "topic.code", "must be a non-empty string"


@rule(128, "source")
def topic_system(spot: Spot) -> Iterator[Finding]:
    """A code of the published card types comes with the system that defines it."""
    for topic in spot.member("topic"):
        system, code = topic.get("system"), topic.get("code")
        if isinstance(code, str) and code in CARD_TYPES and is_absolute_uri(system):
            if system not in CARD_TYPE_SYSTEMS:
                yield "topic.system", f"{system} does not define {code}"
        elif system in CARD_TYPE_SYSTEMS and is_text(code):
            yield "topic.code", f"{system} has no code {code}"
