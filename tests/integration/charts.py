"""Third-party charts: where they lie, which ones the open server holds, and how to read one."""

import json
import os
import uuid
from pathlib import Path
from typing import Any, NoReturn

import pytest

from cds_service.demo.live import replace_references

Resource = dict[str, Any]

PATIENTS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "patients"
GLUCOSE = PATIENTS.parent / "glucose"
FAMILIES = ("smart-synthea-r4", "clinosim", "carebundle", "pysynthea", "ecqm-qicore-2025", "davinci-test-ehr", "hl7au")
# Two documents of one patient, one made by hand from the other: a server can hold only one of them.
REFERRAL = "Bundle-aups-referral-endoconsult"
TWIN = f"{REFERRAL}-autogen.json"


def unavailable(reason: str) -> NoReturn:
    """Skip the test for a part that is not here, or fail it when every part is required."""
    if os.environ.get("PUMP_TESTS_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def family(name: str) -> list[Path]:
    """Return the chart files of one family, smallest first."""
    files = sorted((PATIENTS / name).glob("*.json"), key=lambda path: (path.stat().st_size, path.name))
    if not files:
        unavailable(f"no third-party charts in {PATIENTS / name}")
    return files


def patient_charts() -> list[Path]:
    """Return every chart of every family; none when the charts are not beside this checkout."""
    return [path for name in FAMILIES for path in sorted((PATIENTS / name).glob("*.json"))]


def open_server_charts() -> list[Path]:
    """Return the charts that the open server holds: all but one of two documents that speak of the same patient."""
    for name in FAMILIES:
        family(name)
    return [path for path in patient_charts() if path.name != TWIN]


def glucose_charts() -> list[Path]:
    """Return the folders of glucose records, each of which is one chart."""
    return sorted(path for path in GLUCOSE.glob("*") if path.is_dir())


def read_folder(folder: Path, pattern: str = "*.json") -> list[Resource]:
    """Return the resources of a folder's files as one chart, each once."""
    found = [resource for path in sorted(folder.glob(pattern)) for resource in read_chart(path)]
    return list({(resource["resourceType"], resource["id"]): resource for resource in found}.values())


def kept_apart(resources: list[Resource], prefix: str) -> list[Resource]:
    """Return a copy whose ids, and references to them, begin with a prefix, so that one server can hold it too."""
    copied: list[Resource] = json.loads(json.dumps(resources))
    places = {f"{r['resourceType']}/{r['id']}": f"{r['resourceType']}/{prefix}-{r['id']}" for r in copied}
    for resource in copied:
        resource["id"] = f"{prefix}-{resource['id']}"
        replace_references(resource, places)
    return copied


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
        replace_references(resource, places)
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
