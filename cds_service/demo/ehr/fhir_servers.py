"""What stands behind the gateway: a FHIR server on this machine, or charts in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from cds_service.ehr.forwarding import Forwarded


class FhirServer(Protocol):
    """Answers single requests. NotForwarded when there is no answer."""

    @property
    def base(self) -> str:
        """The base URL that its answers name, with no slash at its end."""
        ...

    def send(
        self, method: str, path: str, query: str = "", *, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Forwarded:
        """The answer, whatever its status. `path` is relative to the base, `query` as it stands in a URL."""
        ...


# The server for a token's patient; None where there is no token, or none of a patient.
FhirServers = Callable[[str | None], FhirServer]
