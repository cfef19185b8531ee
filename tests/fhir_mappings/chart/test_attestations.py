"""Which responses count as attestations, and whose questionnaire each answer is to."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from cds_service.facts import Answer
from fhir_mappings.chart.attestations import questionnaire_id, read_attestations
from fhir_mappings.chart.context import ChartContext
from fhir_mappings.common.dates import Calendar
from fhir_mappings.common.references import PatientIdentity
from fhir_mappings.json.clinical_views import QuestionnaireResponse
from tests.support import NO, YES, attestation

MEANINGS = {
    "mp-mm-1316": {"D.I.C": "expert-team", "D.I.E": ""},
    "other-1": {"T.1.team": "expert-team", "D.I.E": ""},
}


def _read(
    *responses: dict[str, Any], meanings: dict[str, dict[str, str]] | None = None
) -> dict[str, tuple[Answer, ...]]:
    context = ChartContext(PatientIdentity("p1", None), Calendar(ZoneInfo("America/New_York")), None)
    views = [msgspec.json.decode(json.dumps(each), type=QuestionnaireResponse) for each in responses]
    return read_attestations([(view, None) for view in views], MEANINGS if meanings is None else meanings, context)


@pytest.mark.parametrize(
    ("canonical", "identity"),
    [
        ("https://cds.example.invalid/fhir/Questionnaire/mp-mm-1316|1.0.0", "mp-mm-1316"),
        ("http://elsewhere.example.invalid/r4/Questionnaire/mp-mm-1316", "mp-mm-1316"),
        ("Questionnaire/mp-mm-1316/|9", "mp-mm-1316"),
        ("https://cds.example.invalid/fhir/Questionnaire/other-1#top", "other-1"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_canonical_names_a_questionnaire_on_any_base_and_in_any_version(canonical: str | None, identity: str) -> None:
    assert questionnaire_id(canonical) == identity


def test_answers_to_every_policy_in_use_are_kept_apart() -> None:
    own = attestation("qr-1", D_I_C=YES, D_I_E=YES)
    other = attestation("qr-2", T_1_team=NO, D_I_E=NO) | {"questionnaire": "https://x.invalid/Questionnaire/other-1|2"}
    answers = _read(own, other)
    told = {
        link: {(a.reference, a.value, a.questionnaire, a.meaning) for a in given} for link, given in answers.items()
    }
    assert told == {
        "D.I.C": {("QuestionnaireResponse/qr-1", True, "mp-mm-1316", "expert-team")},
        "D.I.E": {
            ("QuestionnaireResponse/qr-1", True, "mp-mm-1316", ""),
            ("QuestionnaireResponse/qr-2", False, "other-1", ""),
        },
        "T.1.team": {("QuestionnaireResponse/qr-2", False, "other-1", "expert-team")},
    }


def test_a_questionnaire_of_no_policy_in_use_does_not_count() -> None:
    own = attestation("qr-1", D_I_C=YES)
    assert _read(own, meanings={"other-1": {"T.1.team": "expert-team"}}) == {}
    assert _read(own | {"questionnaire": "https://x.invalid/Questionnaire/survey"}) == {}
    assert _read({key: value for key, value in own.items() if key != "questionnaire"}) == {}
