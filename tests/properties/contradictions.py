"""What would be a contradiction between the card, the determination and the coverage-information of one answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_service.services.answer_hook import EXTENSION
from fhir_mappings.output.coverage_information import URL
from tests.support import JSON

NOT_VERIFIED, NOT_IN_FORCE, LIKELY = "coverage not verified", "coverage not in force", "likely approved"


def contradictions(response: JSON, *, crd: bool) -> list[str]:
    """Every contradiction in an answer, each in words."""
    judged = response.get("extension", {}).get(EXTENSION, [])
    found = list(_several(judged))
    known = {(each["order"], each["policy"]["id"]): each for each in judged}
    for each in judged:
        cards, told = _cards_of(response, each), _information_of(response, each)
        rules = (_by_outcome, _by_coverage, _by_card, _by_information)
        found += [f"{each['order']}: {words}" for rule in rules for words in rule(each, cards, told, crd)]
        shared = known.get((each.get("ridesWith", ""), each["policy"]["id"]))
        if shared and (shared["outcome"], shared["coverage"]) != (each["outcome"], each["coverage"]):
            found.append(f"{each['order']}: supplies are judged otherwise than their pump")
    return found


def _several(judged: list[JSON]) -> Iterator[str]:
    """Of an order that several policies judge, each once, none verified and none approved."""
    for order in dict.fromkeys(each["order"] for each in judged):
        told = [each for each in judged if each["order"] == order]
        if len(told) < 2:
            continue
        if len({each["policy"]["id"] for each in told}) < len(told):
            yield f"{order}: several determinations of one policy"
        if {each["coverage"] for each in told} != {"unverified"} or "likely-approved" in {e["outcome"] for e in told}:
            yield f"{order}: several policies judge it, and it is not left open which decides"


Told = dict[str, list[Any]] | None


def _by_outcome(each: JSON, cards: list[JSON], told: Told, crd: bool) -> Iterator[str]:
    outcome, coverage = each["outcome"], each["coverage"]
    if outcome == "likely-approved" and coverage not in ("governed", "unverified"):
        yield f"likely approved under a coverage that is {coverage}"
    if (outcome == "not-applicable") == bool(each.get("criteria")):
        yield f"{outcome} with {len(each.get('criteria', ()))} criteria"
    if outcome == "not-applicable" and not each.get("reason"):
        yield "not applicable for no reason"
    if told and outcome == "likely-approved" and told["covered"] == ["not-covered"]:
        yield "likely approved, and not covered"
    if told and outcome == "excluded" and told["covered"][0] in ("covered", "indeterminate"):
        yield f"excluded, and {told['covered'][0]}"
    if told and told.get("satisfied-pa-id") and (outcome, coverage) != ("likely-approved", "governed"):
        yield f"authorized, though {outcome} and {coverage}"
    if told and told.get("questionnaire") and outcome != "needs-documentation":
        yield f"documents are asked for, though {outcome}"


def _by_coverage(each: JSON, cards: list[JSON], told: Told, crd: bool) -> Iterator[str]:
    coverage, covered = each["coverage"], told["covered"][0] if told else None
    codes = {c["code"] for reason in told.get("reason", ()) for c in reason.get("coding", ())} if told else set()
    if coverage == "not-governed" and (each["outcome"] != "not-applicable" or cards):
        yield f"not governed, and {each['outcome']} with {len(cards)} cards"
    if coverage == "not-governed" and covered not in ((None, "conditional") if crd else (None,)):
        yield f"not governed, and {covered}"
    if coverage == "not-in-force" and covered is not None:
        if covered != "not-covered" or "no-active-coverage" not in codes:
            yield f"not in force, and {covered} {sorted(codes)}"
        if told and (told.get("pa-needed") or told.get("questionnaire") or told.get("doc-needed")):
            yield "not in force, and authorization or documents are asked for"
    if coverage != "not-in-force" and "no-active-coverage" in codes:
        yield f"no active coverage, though {coverage}"
    if coverage == "unverified" and covered not in (None, "conditional") and "no-member-found" not in codes:
        yield f"not verified, and {covered}"
    if "no-member-found" in codes and (coverage != "unverified" or each["outcome"] == "likely-approved"):
        yield f"no member was found, though {coverage} and {each['outcome']}"
    wanted = {"likely-approved": ("covered",), "excluded": ("not-covered",)}
    allowed = wanted.get(each["outcome"], ("covered", "indeterminate"))
    if coverage == "governed" and covered is not None and covered not in allowed:
        yield f"governed and {each['outcome']}, and {covered}"


def _by_card(each: JSON, cards: list[JSON], told: Told, crd: bool) -> Iterator[str]:
    outcome, coverage = each["outcome"], each["coverage"]
    for card in cards:
        title, text = card["summary"].lower(), f"{card['summary']}\n{card.get('detail', '')}".lower()
        if outcome != "likely-approved" and LIKELY in text:
            yield f"a card says likely approved, though {outcome}"
        if coverage == "not-in-force" and each.get("criteria") and not crd:
            yield from (f"{where} does not speak of it" for where in _silent(title, text))
        if (coverage == "not-in-force") < (NOT_IN_FORCE in text):
            yield f"a card says not in force, though {coverage}"
        if crd or not each.get("criteria"):
            continue
        if (NOT_VERIFIED in title) != (coverage == "unverified"):
            yield f"the title {title!r}, though the coverage is {coverage}"
        if (LIKELY in title) != (outcome == "likely-approved") or ("excluded by" in title) != (outcome == "excluded"):
            yield f"the title {title!r}, though the outcome is {outcome}"
        if ("next: " in title) != (outcome == "needs-documentation"):
            yield f"the title {title!r} of an order with outcome {outcome}"
        if (card["indicator"] == "info") != (outcome == "likely-approved"):
            yield f"indicator {card['indicator']}, though {outcome}"
    if not crd and each.get("criteria") and not each.get("ridesWith") and len(cards) != 1:
        yield f"{len(cards)} cards of an order that was judged"


def _silent(title: str, text: str) -> Iterator[str]:
    if NOT_IN_FORCE not in title:
        yield "not in force, and the title"
    if "eligibility" not in text:
        yield "not in force, and the card's first step"


def _by_information(each: JSON, cards: list[JSON], told: Told, crd: bool) -> Iterator[str]:
    if told and each.get("assertionId") and told["coverage-assertion-id"] != [each["assertionId"]]:
        yield "the assertion id is another one"
    if told and told["covered"] == ["not-covered"] and (told.get("pa-needed") or told.get("questionnaire")):
        yield "not covered, and authorization or documents are asked for"


def _cards_of(response: JSON, each: JSON) -> list[JSON]:
    def about(card: JSON) -> list[str]:
        extension = card.get("extension", {})
        if extension.get("com.insulin-pump-cds.policy", each["policy"]["id"]) != each["policy"]["id"]:
            return []
        named = [one["reference"] for one in extension.get("davinci-crd.associated-resource", ())]
        return [*named, extension.get("com.insulin-pump-cds.order", "")]

    return [card for card in response["cards"] if each["order"] in about(card)]


def _information_of(response: JSON, each: JSON) -> Told:
    """What is said on the order about a determination; of several repetitions the one with its assertion id."""
    for action in response["systemActions"]:
        resource = action["resource"]
        if f"{resource['resourceType']}/{resource['id']}" != each["order"]:
            continue
        told = [_values(extension) for extension in resource["extension"] if extension["url"] == URL]
        own = [one for one in told if one.get("coverage-assertion-id") == [each.get("assertionId")]]
        return next(iter(own or told), None)
    return None


def _values(extension: JSON) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for part in extension["extension"]:
        value = next(value for name, value in part.items() if name != "url")
        found.setdefault(part["url"], []).append(value)
    return found
