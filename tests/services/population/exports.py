"""Exports made of charts, and the hook call that a member's chart makes: the same resources, the same types."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cds_service.facts import ChartSection
from cds_service.hooks.discovery import ORDER_SIGN
from cds_service.hooks.messages import as_json
from cds_service.policies.registry import policies_in_use
from cds_service.services.answer_hook import EXTENSION, answer
from cds_service.services.assess_population import assess_population
from cds_service.services.population.run_rules import RETRIEVED_TYPES, Orders, RunRules
from cds_service.services.population.work_folder import PopulationRun
from cds_service.services.population.write_results import write_results
from cds_service.settings import Settings
from fhir_mappings.json.server_messages import types_of
from tests.cases.runner import all_cases

JSON = dict[str, Any]
SHARED = {"Practitioner", "PractitionerRole", "Organization", "Medication", "Device", "Location"}
OWNERS = ("subject", "patient", "beneficiary", "deliverTo")
SETTINGS = Settings()
POLICIES = tuple(policy.id for policy in policies_in_use(SETTINGS.policies))
_RELATIVE = re.compile(r"[A-Z][A-Za-z]+/[^/]+")


@dataclass
class Member:
    """A member of an export: the Patient's id, the resources of the chart, the orders that the chart holds."""

    id: str
    resources: list[JSON]
    orders: list[JSON] = field(default_factory=list)


def owner(resource: JSON) -> str | None:
    """The literal reference to the resource's patient."""
    if resource.get("resourceType") == "Patient":
        return f"Patient/{resource.get('id')}"
    for name in OWNERS:
        value = resource.get(name)
        if isinstance(value, dict) and value.get("reference"):
            return str(value["reference"])
    return None


def has_place(resource: JSON) -> bool:
    """Whether an export can hold the resource: it names its patient, or is of a type that needs none."""
    return owner(resource) is not None or resource.get("resourceType") in SHARED


def resources_of(value: Any) -> list[JSON]:
    """The resources of a prefetched value: a resource, a Bundle, Bundles in Bundles."""
    if isinstance(value, list):
        return [each for item in value for each in resources_of(item)]
    if not isinstance(value, dict):
        return []
    if value.get("resourceType") == "Bundle" or "resource" in value:
        entries = value.get("entry") or []
        return [*resources_of(value.get("resource")), *(each for entry in entries for each in resources_of(entry))]
    return [value] if value.get("resourceType") not in (None, "OperationOutcome") else []


def renamed(resources: Sequence[JSON], prefix: str) -> list[JSON]:
    """A copy in which every id, and every reference to it, begins with a prefix: members share no ids."""
    names = {f"{r['resourceType']}/{r['id']}" for r in resources if isinstance(r.get("id"), str) and r["id"]}
    names |= {name for r in resources if (name := owner(r)) and name.startswith("Patient/")}

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(each) for each in node]
        if isinstance(node, dict):
            return {key: _named(key, value, names, prefix) or walk(value) for key, value in node.items()}
        return node

    found = []
    for resource in resources:
        copy = walk(resource)
        if isinstance(resource.get("id"), str) and resource["id"]:
            copy["id"] = f"{prefix}{resource['id']}"
        found.append(copy)
    return found


def _named(key: str, value: Any, names: set[str], prefix: str) -> str | None:
    if key != "reference" or not isinstance(value, str):
        return None
    plain = value.split("/_history/")[0]
    if plain not in names and not _RELATIVE.fullmatch(plain):
        return None
    return plain.replace("/", f"/{prefix}", 1) + value[len(plain) :]


def write_export(folder: Path, members: Iterable[Member], absent: Iterable[str] = ()) -> Path:
    """An export: one file a type, empty ones for types that were retrieved and of which there are none."""
    folder.mkdir(parents=True, exist_ok=True)
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for member in members:
        for resource in (*member.resources, *member.orders):
            lines[resource["resourceType"]].append(json.dumps(resource, ensure_ascii=False))
    for kind in {*RETRIEVED_TYPES, *lines} - {*absent}:
        text = "".join(f"{line}\n" for line in dict.fromkeys(lines[kind]))
        (folder / f"{kind}.ndjson").write_text(text, encoding="utf-8", errors="surrogatepass")
    return folder


def judged(
    folder: Path, out: Path, day: date, orders: Orders = Orders.SYNTHETIC, workers: int = 1, **rules: Any
) -> tuple[dict[str, list[JSON]], JSON]:
    """The determinations of an export's members by id, as a call's answer shows them; and run.json."""
    run_rules = RunRules(day, orders, rules.pop("policies", POLICIES), **rules)
    summary = write_results(assess_population(PopulationRun(folder, out, run_rules, workers)), as_csv=True)
    return read_determinations(out), summary


def rows_of(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file by column."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_determinations(out: Path) -> dict[str, list[JSON]]:
    """By member, of each determination: outcome, policy, coverage, and each section's truth, basis and gap."""
    found: dict[tuple[str, str], JSON] = {}
    for row in rows_of(out / "members.csv"):
        head = {name: row[name] for name in ("outcome", "policy", "coverage")}
        found[row["member"], row["policy"]] = head | {"findings": {}}
    for row in rows_of(out / "criteria.csv"):
        found[row["member"], row["policy"]]["findings"][row["section"]] = (row["truth"], row["basis"], row["gap"])
    by_member: dict[str, list[JSON]] = {}
    for (member, _), determination in found.items():
        by_member.setdefault(member, []).append(determination)
    return by_member


def synthetic(member: str, day: date) -> JSON:
    """The order that a member is judged for where the chart's own are not asked for."""
    code = {"system": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "E0784"}
    return {
        "resourceType": "DeviceRequest",
        "id": "pump-order",
        "status": "draft",
        "intent": "order",
        "codeCodeableConcept": {"coding": [code]},
        "subject": {"reference": f"Patient/{member}"},
        "authoredOn": day.isoformat(),
        "requester": {"reference": "Practitioner/who-orders"},
    }


def hook_call(member: Member, orders: Sequence[JSON], absent: Iterable[str] = ()) -> JSON:
    """One call about the member: all of the chart under a key of the client's own, nothing under the known ones."""
    missing = {*absent}
    known = {each.value: None for each in ChartSection if not missing & ({*types_of(each)} & {*RETRIEVED_TYPES})}
    held = [r for r in (*member.resources, *member.orders) if r not in orders and r["resourceType"] not in missing]
    chart = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in held]}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order} for order in orders]}
    return {
        "hook": "order-sign",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/nobody-known", "patientId": member.id, "draftOrders": bundle},
        "prefetch": {"chart": chart, **known},
    }


def noon(day: date) -> datetime:
    """Noon of a day in the eastern states."""
    return datetime.combine(day, time(12), ZoneInfo("America/New_York")).astimezone(UTC)


def answered(call: JSON, day: date) -> list[JSON]:
    """The determinations of a call, each as `read_determinations` gives one."""
    body = json.dumps(call, ensure_ascii=False).encode(errors="surrogatepass")
    response = json.loads(as_json(answer(body, ORDER_SIGN, SETTINGS, noon(day), None)))
    return [as_member(each) for each in response.get("extension", {}).get(EXTENSION, ())]


def _tree(finding: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield finding
    for part in finding.get("parts", ()):
        yield from _tree(part)


def as_member(determination: Mapping[str, Any]) -> JSON:
    """A determination as a member's rows say it."""
    tops = [f for group in ("criteria", "exclusions", "replacement") for f in determination.get(group, ())]
    findings = {f["id"]: f for top in tops for f in _tree(top)}
    return {
        "outcome": determination["outcome"],
        "policy": determination["policy"]["id"],
        "coverage": determination["coverage"],
        "findings": {name: (f["truth"], f.get("basis", ""), f.get("gap", "")) for name, f in findings.items()},
    }


@dataclass
class Charted:
    """A case as a member of an export. `absent`: types of which a part is missing in the case's call."""

    name: str
    day: date
    member: Member
    absent: frozenset[str]


ORDERS = ("DeviceRequest", "ServiceRequest", "SupplyRequest", "MedicationRequest")
OPEN = ("draft", "active", "on-hold")


@cache
def case_charts() -> tuple[Charted, ...]:
    """Every case file's chart and order as a member of an export."""
    return tuple(_case_charts())


def _case_charts() -> Iterator[Charted]:
    for number, case in enumerate(all_cases()):
        call = json.loads(case.request)
        prefetch = call.get("prefetch") or {}
        draft = resources_of(call["context"].get("draftOrders"))
        orders = [each for each in draft if each["resourceType"] in ORDERS and has_place(each)]
        others = [each for each in draft if each["resourceType"] not in ORDERS]
        held = [each for each in (*resources_of([*prefetch.values()]), *others) if has_place(each)]
        patient, prefix = call["context"]["patientId"], f"m{number}-"
        both = renamed([*held, *orders, {"resourceType": "Patient", "id": patient}], prefix)
        member = Member(both.pop()["id"], both[: len(held)], both[len(held) :])
        yield Charted(case.name, case.as_of, member, _absent(prefetch))


def _absent(prefetch: JSON) -> frozenset[str]:
    """Types of the parts of the chart that the call does not hold, or holds an error in place of."""
    missing = [
        each for each in ChartSection if each not in prefetch or "OperationOutcome" in json.dumps(prefetch[each])
    ]
    return frozenset(name for each in missing for name in types_of(each) if name in RETRIEVED_TYPES)
