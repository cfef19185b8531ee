"""An answered call as a record for the store."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from uuid import uuid4

from cds_service.hooks.determinations import order_id
from cds_service.services.answer_hook import EXTENSION, Answered
from cds_service.store.encryption import Seal
from cds_service.store.records import (
    CallRecord,
    input_digest,
    stamp,
    stored_cards,
    stored_determinations,
    with_order_ids,
)


@cache
def software_version() -> str:
    """The version of this package."""
    try:
        return version("insulin-pump-cds")
    except PackageNotFoundError:
        return "0"


def call_record(
    answered: Answered,
    client: str | None,
    received: datetime,
    milliseconds: float,
    seal: Seal,
    body: bytes,
    values: bool,
) -> CallRecord:
    """What is kept of a call. `body`: the response as it goes out; `values`: keep what the chart says, too."""
    call, response = answered.call, answered.response
    found = response.get("extension", {}).get(EXTENSION, ())
    return CallRecord(
        id=str(uuid4()),
        hook_instance=call.request.hook_instance,
        service=call.service.id,
        hook=call.service.hook,
        client=client,
        received_at=stamp(received),
        duration_ms=round(milliseconds, 3),
        crd_version=call.version.name,
        live=bool(answered.searches),
        input_digest=input_digest(answered.root),
        software_version=software_version(),
        determinations=with_order_ids(
            stored_determinations(found, values), lambda reference: order_id(reference, call.request.patient_id)
        ),
        cards=stored_cards(response["cards"]),
        response=seal.encrypt(body),
    )
