"""Charts judged by hand: what is expected of each section, and the sentence that says why."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask.testing import FlaskClient

from cds_service.facts import ChartSection
from cds_service.services.answer_hook import EXTENSION
from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.cases.runner import findings
from tests.integration.charts import PATIENTS, Resource, read_chart, unavailable
from tests.support import JSON

SIGN = "/cds-services/insulin-pump-order-sign"


@dataclass(frozen=True)
class Case:
    """A chart with what a reader of the policy expects.

    `expect`: by section, `truth basis-or-gap: why`, with `-` where neither is owed, and the truth alone where the
    policy leaves the rest open. `says`: words of an explanation.
    `coverage`: the standing of the chart's Coverages, in the same form.
    """

    name: str
    chart: str
    expect: dict[str, str]
    says: dict[str, str] = field(default_factory=dict)
    coverage: str = ""
    day: date = support.DAY


def resources(pattern: str) -> list[Resource]:
    """Return the one chart that a pattern below the patients' folder names."""
    found = sorted(PATIENTS.glob(pattern))
    if not found:
        unavailable(f"no third-party chart {pattern} in {PATIENTS}")
    (path,) = found
    return read_chart(path)


def determination(chart: list[Resource], patient: str, day: date) -> JSON:
    """Judge a pump order of a day by a chart that is all there is."""
    call = support.call(support.order(authoredOn=day.isoformat(), subject={"reference": f"Patient/{patient}"}))
    call["context"]["patientId"] = patient
    entries = [{"resource": each} for each in chart]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    call["prefetch"] = {"chart": bundle} | dict.fromkeys(section.value for section in ChartSection)
    return posted(create_app(Settings()).test_client(), call)[-1]


def posted(client: FlaskClient, call: JSON) -> list[JSON]:
    """The determinations of a call that is answered."""
    reply = client.post(SIGN, json=call)
    assert reply.status_code == 200, reply.data
    found: list[JSON] = reply.get_json()["extension"][EXTENSION]
    return found


def check(case: Case, chart: list[Resource]) -> None:
    """Judge a chart and hold it against what is expected. Its Coverages are judged by themselves."""
    patient = next(each["id"] for each in chart if each["resourceType"] == "Patient")
    clinical = [each for each in chart if each["resourceType"] != "Coverage"]
    hold(determination(clinical, patient, case.day), case.expect, case.says)
    if case.coverage:
        standing, _, why = case.coverage.partition(": ")
        assert determination(chart, patient, case.day)["coverage"] == standing, why


def hold(judged: JSON, expect: dict[str, str], says: dict[str, str] | None = None) -> None:
    """Hold each expected section against its finding."""
    found: dict[str, dict[str, Any]] = findings(judged)
    for section, words in expect.items():
        standing, _, why = words.partition(": ")
        assert why, f"{section} needs its reason"
        each = found[section]
        got = [each["truth"], each.get("basis") or each.get("gap") or "-"]
        wanted = standing.split(" ")
        assert got[: len(wanted)] == wanted, f"{section}: {why}\nfound: {each['explanation']}"
    for section, words in (says or {}).items():
        assert words in found[section]["explanation"], found[section]["explanation"]
