"""What the documentation page shows of an order: the rows of its path, and the questions with no row of their own."""

from __future__ import annotations

from typing import Any

from cds_service.web.smart_app.documentation_view import Group, view_of
from cds_service.web.smart_app.sessions import SignedIn
from tests.services.test_document_order import EHR, documented, entries, server
from tests.support import HCPCS, PATIENT, attestation, bundle, concept, order

URL = "https://cds.example.invalid"
REPLACEMENT = {"coding": [{"system": HCPCS, "code": "E0784"}, {"system": HCPCS, "code": "RA"}]}


def _view(**on_server: Any) -> dict[str, Any]:
    ordered = order(**on_server.pop("order", {}))
    page = documented(server(**on_server), entries=entries(ordered))
    return view_of(page, SignedIn(EHR, "p1", "token", 0.0), URL)


def _groups(view: dict[str, Any]) -> dict[str, Group]:
    return {group.name: group for group in view["groups"]}


def _rows(group: Group) -> list[str]:
    return [row["id"] for row in group.rows]


def test_a_new_pump_shows_all_criteria_and_asks_whether_one_is_replaced() -> None:
    view = _view()
    groups = _groups(view)
    assert list(groups) == ["replacement", "criteria", "exclusions"]
    assert groups["criteria"].title == "Medical necessity (D.I)"
    assert [row for row in _rows(groups["criteria"]) if row.count(".") == 2] == [f"D.I.{n}" for n in "ABCDEFGHI"]
    assert groups["criteria"].questions == (), "questions about a criterion stand with its row"
    replacement, exclusions = groups["replacement"], groups["exclusions"]
    assert (_rows(replacement), [each.section for each in replacement.questions]) == ([], ["D.III"])
    assert replacement.asks == "Is this a replacement or repair?"
    assert [each.section for each in exclusions.questions] == ["D.II"]
    assert (view["payer"], view["policy_url"].split("?")[0]) == ("CareSource", f"{URL}/policy/MP-MM-1316")


def test_a_replacement_shows_of_the_criteria_only_what_has_to_hold() -> None:
    """D.III: D.I.A has to hold as well, D.I.B to D.I.I do not."""
    stated = bundle(attestation(D_III_reason={"valueCoding": {"code": "worn-out"}}))
    groups = _groups(_view(order={"codeCodeableConcept": REPLACEMENT}, attestations=stated))
    assert _rows(groups["criteria"]) == ["D.I.A"]
    assert "D.III.A.3" in _rows(groups["replacement"])


def test_open_questions_lead_to_their_row_or_their_group() -> None:
    used = bundle(
        {"resourceType": "Device", "id": "d", "status": "active", "patient": PATIENT, "type": concept(HCPCS, "E0784")}
    )
    view = _view(devices=used)
    anchors = dict(view["open"])
    assert anchors["D.I.C"] == "row-D.I.C"
    assert anchors["D.III"] == "D.III"


def test_help_comes_from_the_policy() -> None:
    assert _view()["help"]["D.I.C"].startswith("You and your team are experts")
