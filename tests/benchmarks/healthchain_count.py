"""HealthChain doing only the count of readings: run by an interpreter that has it, see nearest.py."""

from __future__ import annotations

import logging
import socket
import sys

import uvicorn  # type: ignore[import-not-found]
from healthchain.fhir import convert_prefetch_to_fhir_objects  # type: ignore[import-not-found]
from healthchain.gateway import CDSHooksService, HealthChainAPI  # type: ignore[import-not-found]
from healthchain.models import CDSRequest, CDSResponse  # type: ignore[import-not-found]

logging.disable(logging.WARNING)
service = CDSHooksService()


@service.hook("order-sign", id="insulin-pump-order-sign")
def count(request: CDSRequest) -> CDSResponse:
    """A card with the number of Observations in the prefetch, read with FHIR models."""
    given = {key: value for key, value in (request.prefetch or {}).items() if value}
    entries = [
        e for each in convert_prefetch_to_fhir_objects(given).values() for e in getattr(each, "entry", None) or ()
    ]
    readings = sum(e.resource.get_resource_type() == "Observation" for e in entries)
    card = {"summary": f"{readings} readings", "indicator": "info", "source": {"label": "HealthChain"}}
    return CDSResponse(cards=[card])


if __name__ == "__main__":
    app = HealthChainAPI()
    app.register_service(service)
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    sys.stdout.write(f"HealthChain serves http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
