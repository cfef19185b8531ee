"""Shared by the commands: the error for bad input, and the checked settings of a server."""

from __future__ import annotations

from pathlib import Path

import click

from cds_service import settings as settings_module
from cds_service.errors import BadSetting
from cds_service.policies.registry import policies_in_use
from cds_service.services.member_roster import load_roster
from cds_service.settings import Settings
from cds_service.store.store import check_store
from cds_service.trust.clients import load_clients


class Refused(click.ClickException):
    """Bad usage or unreadable input: one line on standard error, exit code 2."""

    exit_code = 2


def checked_settings() -> Settings:
    """The settings; Refused when a value, or a file that they name, cannot be used."""
    try:
        settings = settings_module.load()
        policies_in_use(settings.policies)
        if settings.members:
            load_roster(Path(settings.members))
        if settings.authenticates:
            load_clients(Path(settings.trusted_clients))
        check_store(settings)
        return settings
    except BadSetting as error:
        raise Refused(str(error)) from None


def served_at(settings: Settings, url: str) -> Settings:
    """The settings with the bound address as public URL, where none was set."""
    unset = settings.public_url == Settings().public_url
    return settings_module.replaced(settings, public_url=url) if unset else settings
