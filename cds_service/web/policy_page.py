"""/policy/MP-MM-1316: the policy for people, with an anchor per section."""

from __future__ import annotations

from flask import Blueprint, render_template

from cds_service.policies import mp_mm_1316

blueprint = Blueprint("policy", __name__)


@blueprint.get(f"/policy/{mp_mm_1316.POLICY_ID}")
def policy() -> str:
    """The policy in our own words: sections, readings, parameters with their dates."""
    parameters: dict[str, list[object]] = {}
    for parameter in mp_mm_1316.PARAMETERS.values():
        parameters.setdefault(parameter.section, []).append(parameter)
    return render_template(
        "policy.html",
        policy=mp_mm_1316,
        sections=mp_mm_1316.SECTIONS.values(),
        units=mp_mm_1316.UNITS,
        parameters=parameters,
    )
