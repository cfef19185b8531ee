"""Rules on coverage-information: how it is delivered, its shape in each version, and the invariants' plain meaning.

The spot of an assertion carries in `given` the version, the hook, the configuration and the order as it came.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.conformance.crd import information as table
from tests.conformance.crd.calls import local
from tests.conformance.crd.information import CONDITIONAL, URL, among, assertions, value, values
from tests.conformance.rulebook import Finding, Spot, as_list, is_text, rule

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
REFERENCE = re.compile(r"(Coverage/[A-Za-z0-9._-]+|urn:uuid:\S+)")


@rule(178, "crd-response")
def delivered_by_system_action(spot: Spot) -> Iterator[Finding]:
    """Coverage-information comes by system action only, never in what a card suggests."""
    for card in spot.items("cards"):
        for suggestion in card.items("suggestions"):
            for action in suggestion.items("actions"):
                if assertions(action.get("resource")):
                    yield action.where.removeprefix("$."), "a suggestion carries coverage-information"
    for action in spot.items("systemActions"):
        if assertions(action.get("resource")) and action.get("type") != "update":
            yield action.where.removeprefix("$."), "coverage-information is written by an update"


@rule(171, "crd-response")
def switched_off(spot: Spot) -> Iterator[Finding]:
    """Nothing that the client switched off."""
    off = {code for code, wanted in spot.given["configuration"].items() if wanted is False}
    if "coverage-info" in off and any(assertions(a.get("resource")) for a in spot.items("systemActions")):
        yield "systemActions", "coverage-information is switched off"
    for card in spot.items("cards"):
        source = card.get("source")
        topic = source.get("topic") if isinstance(source, dict) else None
        if isinstance(topic, dict) and among(topic.get("code"), off):
            yield card.where.removeprefix("$."), f"{topic.get('code')} is switched off"


@rule(141, "crd-response")
def not_too_many_cards(spot: Spot) -> Iterator[Finding]:
    """At most as many cards as the client takes."""
    most = spot.given["configuration"].get("max-cards")
    wanted = isinstance(most, int) and not isinstance(most, bool) and most >= 0
    if wanted and len(as_list(spot.get("cards"))) > most:
        yield "cards", f"are more than {most}"


@rule(179, "crd-action")
def on_the_order_that_came(spot: Spot) -> Iterator[Finding]:
    """An update carries the order of that type and id, with coverage-information on it."""
    resource = spot.get("resource")
    if spot.has("resourceId"):
        yield "resourceId", "does not belong to an update"
    if not assertions(resource):
        yield "resource.extension", "has no coverage-information"
    elif not among(resource.get("resourceType"), table.ALLOWED_ON[spot.given["version"]]):
        yield "resource", "coverage-information is not allowed on this type"


def _others(resource: dict[str, Any], keys: set[tuple[str, str]]) -> list[Any]:
    """The extensions of a resource but for the assertions with these keys."""
    return [e for e in as_list(resource.get("extension")) if not (_is_information(e) and key(e) in keys)]


def _is_information(extension: Any) -> bool:
    return isinstance(extension, dict) and extension.get("url") == URL


def same(one: Any, other: Any) -> bool:
    """Whether two values are written alike, with members in the same order and numbers of the same kind."""
    return json.dumps(one) == json.dumps(other)


def key(extension: dict[str, Any]) -> tuple[str, str]:
    """What an assertion goes by: the Coverage and the assertion id."""
    reference = value(extension, "coverage")
    coverage = reference.get("reference") if isinstance(reference, dict) else None
    return str(coverage), str(value(extension, "coverage-assertion-id"))


def _new_keys(before: dict[str, Any], after: dict[str, Any]) -> set[tuple[str, str]]:
    """Keys of the assertions that were put in or changed."""
    return {key(each) for each in assertions(after) if each not in assertions(before)}


@rule(180, "crd-action")
def nothing_else_changed(spot: Spot) -> Iterator[Finding]:
    """Every other member of the order is as it came, in its place."""
    before, after = spot.given["order"], spot.get("resource")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return
    for name in before:
        if name != "extension" and (name not in after or not same(after[name], before[name])):
            yield f"resource.{name}", "is not as it came"
    if [n for n in after if n in before] != list(before):
        yield "resource", "has its members in another order"
    for name in after:
        if name not in before and name != "extension":
            yield f"resource.{name}", "was not there"
    known = [e for e in _others(before, set()) if not _is_information(e)]
    if not same([e for e in _others(after, set()) if not _is_information(e)], known):
        yield "resource.extension", "another extension is not as it came"


@rule(181, "crd-action")
def others_assertions_kept(spot: Spot) -> Iterator[Finding]:
    """Repetitions of other payers and coverages stay, in their order."""
    before, after = spot.given["order"], spot.get("resource")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return
    keys = _new_keys(before, after)
    kept = [e for e in _others(after, keys) if _is_information(e)]
    if not same(kept, [e for e in _others(before, keys) if _is_information(e)]):
        yield "resource.extension", "coverage-information of another payer is not as it came"
    if len({coverage for coverage, _ in keys}) > 1:
        yield "resource.extension", "a call is about one Coverage, but what is said of another one changed too"


@rule(182, "crd-action")
def something_is_new(spot: Spot) -> Iterator[Finding]:
    """An order that already says all this is not written on again, not even with a newer date."""
    before, after = spot.given["order"], spot.get("resource")
    if isinstance(before, dict) and assertions(after) and _undated(after) == _undated(before):
        yield "resource.extension", "says nothing new"


def _undated(resource: Any) -> list[list[Any]]:
    """The parts of every assertion but for its date."""
    listed = [as_list(each.get("extension")) for each in assertions(resource)]
    return [[part for part in parts if not isinstance(part, dict) or part.get("url") != "date"] for parts in listed]


@rule(185, "crd-action")
def ids_differ_between_coverages(spot: Spot) -> Iterator[Finding]:
    """Two coverages share neither assertion id nor authorization number."""
    for name in ("coverage-assertion-id", "satisfied-pa-id"):
        seen: dict[Any, Any] = {}
        for each in assertions(spot.get("resource")):
            coverage = key(each)[0]
            for found in values(each, name):
                if seen.setdefault(str(found), coverage) != coverage:
                    yield "resource.extension", f"{name} stands for two coverages"


@rule(186, "crd-action")
def one_id_for_one_coverage(spot: Spot) -> Iterator[Finding]:
    """Repetitions for one coverage share their assertion id and authorization number."""
    for name in ("coverage-assertion-id", "satisfied-pa-id"):
        seen: dict[Any, Any] = {}
        for each in assertions(spot.get("resource")):
            for found in values(each, name):
                if seen.setdefault(key(each)[0], found) != found:
                    yield "resource.extension", f"one coverage has two of {name}"


# ---------------------------------------------------------------- one assertion


@rule(203, "crd-information")
def parts_known(spot: Spot) -> Iterator[Finding]:
    """Only the version's parts, each as often as it may stand, with a value of its kind and a code of its list."""
    parts = table.PARTS[spot.given["version"]]
    found = [part for part in as_list(spot.get("extension")) if isinstance(part, dict)]
    for part in found:
        allowed = parts.get(str(part.get("url")))
        if allowed is None:
            yield "extension", f"{part.get('url')} is no part in this version"
        elif allowed.value not in part or len(part) != 2:
            yield f"extension.{part['url']}", f"must be a {allowed.value}"
        elif allowed.codes is not None and not among(part[allowed.value], allowed.codes):
            yield f"extension.{part['url']}", f"{part[allowed.value]!r} is no code of this version"
    if set(spot.value) - {"url", "id", "extension"}:
        yield "", "holds its parts, and no value of its own"
    for name, allowed in parts.items():
        count = sum(part.get("url") == name for part in found)
        if not allowed.least <= count <= allowed.most:
            yield f"extension.{name}", f"stands {count} times"


@rule(203, "crd-information")
def plain_values_filled(spot: Spot) -> Iterator[Finding]:
    """Ids and numbers are not blank; dates are days."""
    for name in ("coverage-assertion-id", "satisfied-pa-id"):
        if any(not is_text(each) for each in values(spot.value, name)):
            yield f"extension.{name}", "must not be blank"
    for name in ("date", "expiry-date"):
        if any(not DAY.fullmatch(str(each)) for each in values(spot.value, name)):
            yield f"extension.{name}", "must be a day without a time"


@rule(203, "crd-information")
def reasons_worded(spot: Spot) -> Iterator[Finding]:
    """A reason has words (q7), and of the guide's own codes only the version's."""
    for reason in values(spot.value, "reason"):
        if not isinstance(reason, dict) or not is_text(reason.get("text")):
            yield "extension.reason", "must have text"
            continue
        for coding in (each for each in as_list(reason.get("coding")) if isinstance(each, dict)):
            own = coding.get("system") == table.REASON_SYSTEM
            if own and not among(coding.get("code"), table.REASON_CODES[spot.given["version"]]):
                yield "extension.reason", f"{coding.get('code')} is no reason of this version"


@rule(203, "crd-information")
def invariants_hold(spot: Spot) -> Iterator[Finding]:
    """The guide's first invariants as they are meant, whichever version wrote them down how."""
    found = spot.value
    covered, authorization = value(found, "covered"), value(found, "pa-needed")
    documents, asked = values(found, "doc-needed"), values(found, "info-needed")
    for name in ("questionnaire", "response"):
        if values(found, name) and not documents:
            yield f"extension.{name}", "q1: only beside doc-needed"
    if (covered == "not-covered") != (authorization is None):
        yield "extension.pa-needed", "q2: there exactly when the order may be covered"
    if bool(asked) != (CONDITIONAL in (covered, authorization, *documents)):
        yield "extension.info-needed", "q3: there exactly when something is conditional"
    if "withpa" in values(found, "doc-purpose") and authorization in ("satisfied", "no-auth"):
        yield "extension.doc-purpose", "q4: no documents for an authorization that is not needed"
    if bool(values(found, "satisfied-pa-id")) != (authorization == "satisfied"):
        yield "extension.satisfied-pa-id", "q5: there exactly when authorization is satisfied"


@rule(203, "crd-information")
def reasons_given(spot: Spot) -> Iterator[Finding]:
    """What is refused, open, asked for in other words, or documented for a purpose comes with its reason."""
    found = spot.value
    codes = [value(found, "covered"), value(found, "pa-needed"), *values(found, "doc-needed")]
    open_ones = [code for code in codes if code in ("not-covered", CONDITIONAL, "indeterminate")]
    explained = open_ones or values(found, "doc-purpose") or "OTH" in values(found, "info-needed")
    if explained and not values(found, "reason"):
        yield "extension.reason", "q6, q8, q9: has to be given"


@rule(76, "crd-information")
def secondary_hooks_ask_nothing(spot: Spot) -> Iterator[Finding]:
    """Where nothing is ordered yet, no documents are asked for."""
    for name in ("doc-needed", "doc-purpose", "questionnaire"):
        if spot.given["hook"] == "order-select" and values(spot.value, name):
            yield f"extension.{name}", "is not asked for at a secondary hook"


@rule(174, "crd-information")
def no_unsolicited_number(spot: Spot) -> Iterator[Finding]:
    """No authorization that the client did not want, or that the server does not give out."""
    unwanted = spot.given["configuration"].get("unsolicited-determ") is False
    satisfied = value(spot.value, "pa-needed") == "satisfied" or bool(values(spot.value, "satisfied-pa-id"))
    if satisfied and unwanted:
        yield "extension.pa-needed", "the client wants no unsolicited determination"
    elif satisfied and not spot.given["issues_numbers"]:
        yield "extension.pa-needed", "the server issues no authorization numbers"


@rule(198, "crd-information")
def coverage_of_the_client(spot: Spot) -> Iterator[Finding]:
    """The coverage is named as the client knows it, and as it was prefetched if it was."""
    reference, there = value(spot.value, "coverage"), spot.given["coverages"]
    named = local(reference, spot.given["server"])
    if isinstance(reference, dict) and reference.get("type", "Coverage") != "Coverage":
        yield "extension.coverage", "must refer to a Coverage"
    if there is not None and named in there:
        return
    if not REFERENCE.fullmatch(named):
        yield "extension.coverage", "must refer to the client's Coverage"
    elif there is not None:
        yield "extension.coverage", f"{named} is not the Coverage that was prefetched"
