"""run.json: what was run on what, under which rules, and what came out, so that it can be repeated and compared."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cds_service.engine.wording import shown
from cds_service.policies.registry import policy_on
from cds_service.services.population.export_folder import ExportFile
from cds_service.services.population.quality import quality_counts
from cds_service.services.population.run_rules import RETRIEVED_TYPES, RunRules
from cds_service.services.population.work_folder import product_version

if TYPE_CHECKING:
    from cds_service.services.assess_population import JudgedPopulation


def run_summary(judged: JudgedPopulation, digest: str) -> dict[str, Any]:
    """Plain data. `digest`: SHA-256 of the rows of members, criteria and changes, in their order."""
    rules, complete, tallies = judged.rules, judged.complete, judged.tallies
    return {
        "product": "insulin-pump-cds",
        "version": product_version(),
        "asOf": rules.as_of.isoformat(),
        "orders": rules.orders.value,
        "policies": [_policy(name, rules) for name in rules.policies],
        "scenarios": [
            {"name": each.name, "policies": list(each.policies), "parameters": _plain(each.overrides)}
            for each in rules.scenarios
        ],
        "pseudonymized": bool(judged.run.key),
        "server": rules.server,
        "exports": [
            {"file": each.name, "transactionTime": each.transaction_time, "complete": each.complete}
            for each in judged.folder.manifests
        ],
        "files": [_file(each) for each in judged.folder.files],
        "filesNotRead": judged.folder.ignored[:1_000],
        "types": {
            name: {"lines": complete.retrieved.get(name), "retrieved": _retrieved(name, judged)}
            for name in sorted({*complete.retrieved, *RETRIEVED_TYPES})
        },
        "errorsOfTheExport": complete.errors,
        "membersWithErrors": len(complete.of_members),
        "deletions": len(rules.deletions),
        "members": tallies.one("members"),
        "quality": quality_counts(judged),
        "tallies": tallies.as_json(),
        "hash": f"sha256:{digest}",
    }


def _policy(name: str, rules: RunRules) -> dict[str, Any]:
    policy = policy_on(name, rules.as_of, rules.overrides)
    if policy is None:
        return {"id": name}
    overridden = sorted(set(rules.overrides) & set(policy.parameters))
    return {
        "id": name,
        "version": policy.version,
        "parameters": _plain(dict(policy.parameters)),
        "overridden": overridden,
    }


def _plain(values: Any) -> dict[str, Any]:
    return {
        name: value if isinstance(value, bool | int | float | str) else shown(value)
        for name, value in sorted(values.items())
    }


def _retrieved(name: str, judged: JudgedPopulation) -> str:
    """`yes`, or why not; of a type whose absence decides nothing whether lines came."""
    complete = judged.complete
    return complete.unread.get(name) or (f"in part: {complete.partial[name]}" if name in complete.partial else "yes")


def _file(file: ExportFile) -> dict[str, Any]:
    return {"name": file.name, "bytes": file.size, "sha256": _digest(file.path), "kind": file.kind.value}


def _digest(path: str) -> str:
    digest = sha256()
    try:
        with Path(path).open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    except OSError:
        return ""
    return digest.hexdigest()
