"""What the core of a call costs: from the bytes of a request to its determinations."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from cds_service.engine.determination import Determination
from cds_service.hooks.configuration import configuration_in
from cds_service.hooks.discovery import ORDER_SIGN
from cds_service.hooks.messages import read_root, request_in
from cds_service.policies.registry import policies_in_use
from cds_service.services.assess_orders import assess
from cds_service.services.call import Call
from cds_service.services.read_inputs import read_inputs
from cds_service.settings import Settings
from fhir_mappings.output.crd_versions import V2_2


def assessor() -> Callable[[bytes], list[Determination]]:
    """Makes the determinations of a request: everything of a call but HTTP, cards, coverage-information and JSON."""
    settings = Settings(max_body_bytes=200_000_000, database_url="off")

    def determinations(body: bytes) -> list[Determination]:
        request = request_in(read_root(body), ORDER_SIGN.hook)
        call = Call(
            request,
            ORDER_SIGN,
            settings,
            datetime.now(UTC),
            V2_2,
            configuration_in({}),
            None,
            policies_in_use(settings.policies),
        )
        inputs = read_inputs(call, None, time.monotonic())
        days = call.days(inputs.reader)
        assessments = assess(inputs.orders, inputs.chart, days, call.policies, chosen=inputs.chosen)
        return [assessment.determination for assessment in assessments]

    return determinations
