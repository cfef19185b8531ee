"""The FHIR servers where the SMART app may be launched, and its registration at each."""

from __future__ import annotations

from pathlib import Path

from cds_service.settings import Settings
from cds_service.trust.clients import TrustedClients
from cds_service.trust.registrations import Registration, registration
from cds_service.trust.servers import ServerRule, is_loopback_url, listed, same_server


class SmartServers:
    """The trusted FHIR servers: those of trusted clients or, in open mode, those of the settings.

    In open mode and on loopback, servers on this machine are trusted as well.
    """

    def __init__(self, settings: Settings, clients: TrustedClients) -> None:
        """BadSetting when the app's secret or key cannot be read."""
        self._clients = clients
        self._authenticates = settings.authenticates
        self._listed = listed(settings.fhir_servers.split(","))
        self._loopback = is_loopback_url(settings.public_url)
        self._default = registration(
            settings.smart_client_id,
            settings.smart_client_secret_file,
            settings.smart_private_key_file,
            place="PUMP_CDS_SMART_CLIENT_SECRET_FILE, PUMP_CDS_SMART_PRIVATE_KEY_FILE",
            folder=Path(),
        )

    def registration(self, server: str) -> Registration | None:
        """The app's registration at a FHIR server; None for a server that is not trusted."""
        if self._authenticates:
            client = self._clients.owner_of(server)
            return None if client is None else client.smart or self._default
        trusted = any(same_server(server, base) for base in self._listed)
        return self._default if trusted or (self._loopback and is_loopback_url(server)) else None

    def base(self, server: str) -> str:
        """The base URL of a trusted FHIR server in the spelling of its list, whatever the request's spelling."""
        client = self._clients.owner_of(server) if self._authenticates else None
        return ServerRule(client.fhir_servers if client is not None else self._listed).base(server)

    def rule(self, server: str) -> ServerRule:
        """The rule for a session at a trusted server: only that server may be called."""
        return ServerRule(listed=(server,))

    def may_launch(self, server: str | None) -> bool:
        """Whether an EHR can launch the app: its server is trusted or, if it names none, some trusted server exists."""
        if server is not None:
            return self.registration(server) is not None
        if not self._authenticates:
            return True
        return any(client.fhir_servers for client in self._clients.by_issuer.values())

    def origins(self, server: str) -> tuple[str, ...]:
        """Origins of the EHR's own pages, which may show the app in a frame."""
        client = self._clients.owner_of(server) if self._authenticates else None
        return client.cors_origins if client is not None else ()

    def public_keys(self) -> list[dict[str, object]]:
        """The public keys of all registrations that have one."""
        registrations = [self._default, *(client.smart for client in self._clients.by_issuer.values() if client.smart)]
        keys = {key["kid"]: dict(key) for one in registrations if (key := one.public_key()) is not None}
        return list(keys.values())
