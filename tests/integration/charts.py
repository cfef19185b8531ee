"""Third-party charts: where they lie, which ones the open server holds, and how to read one."""

import json
import os
import uuid
from pathlib import Path
from typing import Any, NoReturn

import pytest

Resource = dict[str, Any]

PATIENTS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "patients"
WHOLE_FAMILIES = ("clinosim", "carebundle", "davinci-test-ehr")
SYNTHEA = "smart-synthea-r4"
QICORE = "ecqm-qicore-2025"
QICORE_CHARTS = (
    "CMS122_21695544-0997-4b9a-989c-a535da22d033.json",  # HbA1c with no value
    "CMS122_3b62b0a8-44f2-4365-bcb9-7cadef5bab2e.json",  # an order that is not insulin
    "CMS122_61793aba-9080-4521-9083-a23f242b8d0a.json",  # active Coverage whose period is over
    "CMS122_6630d394-c81d-42f5-a218-40b73a2a4949.json",  # GMI in place of HbA1c
    "CMS122_8956ebb5-d3c0-4112-a34a-200961713efd.json",  # HbA1c over a period, corrected
    "CMS871HHHyper_113a6e72-7049-4a7f-90cf-5ec3435b0dee.json",  # two Patients with no id
    "CMS871HHHyper_7507debb-a991-4de0-bd71-634a684ddcd7.json",  # medication given, not ordered
    "CMS871HHHyper_93c2a45f-f96e-4c48-a102-a35e38e8ec40.json",  # T1D as ICD-10-CM
    "NHSNGlycemicControlHypoglycemiaInitialPopulation_b247e1af-4d1a-42c1-be34-7c74987da0bd.json",
)


def unavailable(reason: str) -> NoReturn:
    """Skip the test for a part that is not here, or fail it when every part is required."""
    if os.environ.get("PUMP_CDS_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def family(name: str) -> list[Path]:
    """Return the chart files of one family, smallest first."""
    files = sorted((PATIENTS / name).glob("*.json"), key=lambda path: (path.stat().st_size, path.name))
    if not files:
        unavailable(f"no third-party charts in {PATIENTS / name}")
    return files


def open_server_charts() -> list[Path]:
    """Return the charts that the open server holds; the two biggest Synthea ones are left out for time."""
    chosen = family(SYNTHEA)[:-2]
    for name in WHOLE_FAMILIES:
        chosen += family(name)
    return chosen + [path for path in family(QICORE) if path.name in QICORE_CHARTS]


def read_chart(path: Path) -> list[Resource]:
    """Return a chart's resources, each with an id and with plain `Type/id` references between them."""
    document = json.loads(path.read_text(encoding="utf-8"))
    if document.get("resourceType") != "Bundle":
        return [document]
    entries = [entry for entry in document.get("entry") or [] if _is_content(entry)]
    places: dict[str, str] = {}
    for number, entry in enumerate(entries):
        resource = entry["resource"]
        resource.setdefault("id", _id_for(entry.get("fullUrl"), f"{path.name}#{number}"))
        if entry.get("fullUrl"):
            places[entry["fullUrl"]] = f"{resource['resourceType']}/{resource['id']}"
    resources = [entry["resource"] for entry in entries]
    for resource in resources:
        _rewrite_references(resource, places)
    return resources


def _is_content(entry: Resource) -> bool:
    """Tell whether a bundle entry holds a resource of the chart, not a server's remark on a search."""
    resource = entry.get("resource")
    return isinstance(resource, dict) and resource.get("resourceType") not in (None, "OperationOutcome")


def _id_for(full_url: str | None, seed: str) -> str:
    """Return the id for a resource that has none: the UUID of its fullUrl, else one made from its place."""
    if full_url and full_url.startswith("urn:uuid:"):
        return full_url.removeprefix("urn:uuid:")
    return str(uuid.uuid5(uuid.NAMESPACE_URL, seed))


def _rewrite_references(node: Any, places: dict[str, str]) -> None:
    """Replace, in place, each literal reference that names an entry's fullUrl."""
    if isinstance(node, list):
        for item in node:
            _rewrite_references(item, places)
    elif isinstance(node, dict):
        reference = node.get("reference")
        if isinstance(reference, str):
            node["reference"] = places.get(reference, reference)
        for value in node.values():
            _rewrite_references(value, places)
