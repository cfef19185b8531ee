"""Cards: one short line, then Markdown in which chart values are never markup."""

from __future__ import annotations

import json
import re

import pytest
from markdown_it import MarkdownIt

from cds_service.hooks.discovery import ORDER_SIGN
from cds_service.hooks.markdown import escaped, plain, shortened
from cds_service.services.answer_hook import answer
from tests import support
from tests.support import JSON

HOSTILE = [
    "<script>alert(1)</script>",
    "**bold** _it_ `code`",
    "[link](https://evil.example.invalid)",
    "https://evil.example.invalid/x",
    "www.evil.example.invalid",
    "a@evil.example.invalid",
    "| a | b |",
    "line\nbreak\r\n# heading",
    "right\u202eleft",
    "&lt;b&gt;",
    "~~gone~~",
    "![pic](https://evil.example.invalid/p.png)",
]


def _card(request: JSON) -> JSON:
    body = json.dumps(request).encode()
    (card,) = answer(body, ORDER_SIGN, support.SETTINGS, support.NOON, None)["cards"]
    return card


@pytest.mark.parametrize("text", HOSTILE)
def test_values_of_the_chart_are_never_markup(text: str) -> None:
    """bug-log 87: no HTML, no links, no headings out of a chart."""
    diagnosis = support.condition("c1", "E10.65")
    diagnosis["code"]["coding"][0]["display"] = text
    card = _card(support.call(conditions=support.bundle(diagnosis)))
    html = MarkdownIt("gfm-like", {"html": True}).render(card["detail"])
    assert set(re.findall(r"<(\w+)", html)) <= {"p", "strong", "ul", "li"}


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_reads_as_it_was_written(text: str) -> None:
    html = MarkdownIt("gfm-like", {"html": True}).renderInline(escaped(text))
    assert "<" not in html
    shown = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    assert shown == plain(text)


def test_a_summary_is_cut_at_a_word_under_140_characters() -> None:
    """bug-log 87."""
    cut = shortened("word " * 60, 139)
    assert len(cut) <= 139
    assert cut.endswith("word…")
    assert shortened("short", 139) == "short"


@pytest.mark.parametrize("length", [10, 138, 139, 140, 141, 5000])
def test_no_order_makes_the_summary_too_long(length: int) -> None:
    order = support.order(code="E0783")
    order["codeCodeableConcept"]["coding"][0]["display"] = "x" * length
    card = _card(support.call(order))
    assert len(card["summary"]) < 140
    assert "D.II.B.2" in card["summary"]


def test_an_approval_says_what_rests_on_less_than_documents() -> None:
    card = _card(support.call())
    assert card["indicator"] == "info"
    assert "likely approved" in card["summary"]
    assert "A reviewer may still ask about D.I.D: the chart suggests it" in card["detail"]
    assert "overrideReasons" not in card


def test_an_exclusion_says_what_a_reviewer_will_say_and_offers_to_remove_the_order() -> None:
    conditions = support.bundle(support.condition("c1", "E10.65"), support.condition("c2", "N18.6"))
    card = _card(support.call(conditions=conditions))
    assert card["indicator"] == "warning"
    assert "**To lift it**: Send a specialist's note if this is not end stage" in card["detail"]
    assert "criteria" not in card["detail"]
    assert card["links"][0]["url"].endswith("#D.II.A.1")
    (suggestion,) = card["suggestions"]
    assert suggestion["actions"] == [
        {"type": "delete", "description": suggestion["label"], "resourceId": "DeviceRequest/pump-1"}
    ]
    assert card["selectionBehavior"] == "at-most-one"


def test_nothing_is_suggested_that_is_already_ordered() -> None:
    training = {
        "resourceType": "ServiceRequest",
        "id": "training",
        "status": "draft",
        "intent": "order",
        "code": support.concept(support.HCPCS, "G0108"),
        "subject": support.PATIENT,
    }
    assert "suggestions" in _card(support.call(education=None))
    assert "suggestions" not in _card(support.call(support.order(), training, education=None))
    in_chart = support.bundle(training | {"status": "active"})
    assert "suggestions" not in _card(support.call(education=None, open=in_chart))


def test_a_stale_hba1c_offers_a_new_one() -> None:
    old = support.bundle(support.observation("a1", "4548-4", 8.1, "%", "2026-04-01"))
    card = _card(support.call(hba1c=old))
    # 2026-04-01 to 2026-11-20 are 29 + 31 + 30 + 31 + 31 + 30 + 31 + 20 = 233 days.
    assert "233 days old" in card["detail"]
    assert [s["label"] for s in card["suggestions"]] == ["Order an HbA1c (D.I.I.1)"]


def test_what_could_not_be_read_is_said() -> None:
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    card = _card(support.call(glucose=failed))
    assert "Glucose readings could not be read in full" in card["detail"]
    assert "glucose could not be read: sign again, or attach the meter download" in card["summary"]


def _detail(**prefetch: object) -> str:
    detail: str = _card(support.call(**prefetch))["detail"]
    return detail.replace("\u00a0", " ")


def test_what_parts_have_found_is_said_once() -> None:
    """An HbA1c that does not say whether it is above 7 % is found, beside statements that were or were not read."""
    hba1c = support.observation("a1", "4548-4", 6.5, "%", "2026-10-01")
    hba1c["valueQuantity"]["comparator"] = ">"
    unread = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    few = support.bundle(*support.readings(4))
    statements = support.bundle(support.attestation(D_I_C=support.YES, D_I_E=support.YES))
    for attestations in (statements, unread):
        detail = _detail(hba1c=support.bundle(hba1c), glucose=few, attestations=attestations)
        assert detail.count("does not say whether it is above 7 %") == 1
