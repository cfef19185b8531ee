"""Settings: environment variables with the prefix PUMP_CDS_, or a TOML file named by PUMP_CDS_CONFIG. Read once."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cds_service.errors import BadSetting

PREFIX = "PUMP_CDS_"
_LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


def _setting(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set; each field is PUMP_CDS_ and its name in capitals."""

    public_url: str = _setting("http://127.0.0.1:8080", "external base URL, for links in cards")
    time_zone: str = _setting("America/New_York", "time zone of members whose state and ZIP do not decide it")
    deadline_seconds: float = _setting(4.5, "the whole call's budget in seconds")
    max_body_bytes: int = _setting(10_000_000, "largest request body, after decompression")
    max_pages: int = _setting(20, "most pages that are followed for one search")
    auth: str = _setting("", "`open`: callers are not authenticated; loopback only, unless --allow-open")
    cors_origins: str = _setting("*", "origins of browser clients, separated by commas; `*` for all")
    payer_identifiers: str = _setting("", "identifiers of the payer in Coverage.payor, separated by commas")
    payer_phone: str = _setting("", "the payer's telephone number for questions, sent with coverage information")
    members: str = _setting("", "CSV file of the plan's members (member_id, start, end); none: nobody is refused")
    issue_authorization_numbers: bool = _setting(False, "the plan lets the service issue authorization numbers")
    crd_version: str = _setting("2.2", "version of Da Vinci CRD for clients that ask for none: 2.0.1, 2.1 or 2.2")
    cgm_counts_as_self_testing: bool | None = _setting(None, "the plan's word on sensor readings for D.I.G")

    def overrides(self) -> dict[str, Any]:
        """A plan's own values on top of the policy's parameters."""
        found: dict[str, Any] = {}
        if self.payer_identifiers:
            found["payer_identifiers"] = tuple(i.strip() for i in self.payer_identifiers.split(",") if i.strip())
        if self.cgm_counts_as_self_testing is not None:
            found["cgm_counts_as_self_testing"] = self.cgm_counts_as_self_testing
        return found


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment and the TOML file that it may name; the variables win."""
    env = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    path = env.get(f"{PREFIX}CONFIG")
    if path:
        values.update(_from_file(Path(path)))
    if env.get(f"{PREFIX}TRUSTED_CLIENTS") or "trusted_clients" in values:
        raise BadSetting(f"{PREFIX}TRUSTED_CLIENTS: authentication of callers is not part of this version")
    known = {f.name for f in fields(Settings)}
    for name in known:
        text = env.get(PREFIX + name.upper())
        if text is not None:
            values[name] = text
    unknown = set(values) - known
    if unknown:
        raise BadSetting(f"unknown setting {min(unknown)}: `serve --help` lists all of them")
    return checked(replace(Settings(), **{name: _typed(name, value) for name, value in values.items()}))


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting(f"{PREFIX}CONFIG: {path} cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{PREFIX}CONFIG: {path} is no TOML ({error})") from None


def _typed(name: str, value: Any) -> Any:
    default = getattr(Settings(), name)
    try:
        if default is None or isinstance(default, bool):
            return _boolean(value)
        return type(default)(value)
    except (TypeError, ValueError):
        wanted = "true or false" if default is None or isinstance(default, bool) else type(default).__name__
        raise BadSetting(f"{PREFIX}{name.upper()} must be {wanted}") from None


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    folded = str(value).strip().casefold()
    if folded in ("1", "true", "yes", "on"):
        return True
    if folded in ("0", "false", "no", "off"):
        return False
    raise ValueError(folded)


def checked(settings: Settings) -> Settings:
    """The same settings, once every value was found usable; BadSetting names the first that is not."""
    if not settings.public_url.startswith(("http://", "https://")):
        raise BadSetting(f"{PREFIX}PUBLIC_URL must begin with http:// or https://")
    try:
        ZoneInfo(settings.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadSetting(f"{PREFIX}TIME_ZONE is no IANA time zone, such as America/New_York") from None
    for name in ("deadline_seconds", "max_body_bytes", "max_pages"):
        if getattr(settings, name) <= 0:
            raise BadSetting(f"{PREFIX}{name.upper()} must be above zero")
    if settings.crd_version not in ("2.0.1", "2.1", "2.2"):
        raise BadSetting(f"{PREFIX}CRD_VERSION must be 2.0.1, 2.1 or 2.2")
    if settings.auth not in ("", "open"):
        raise BadSetting(f"{PREFIX}AUTH must be `open`: authentication of callers is not part of this version")
    return replace(settings, public_url=settings.public_url.rstrip("/"))


def guard_exposure(host: str, allow_open: bool) -> None:
    """Refuses to serve without authentication where others can reach it, unless that was asked for by name."""
    if host not in _LOOPBACK and not allow_open:
        raise BadSetting(
            f"refusing to serve {host} without authentication: bind 127.0.0.1, or give --allow-open behind "
            "something that authenticates callers"
        )


def explained() -> str:
    """Every setting with its default and meaning, for `serve --help`."""
    lines = [
        f"{PREFIX}{f.name.upper()}: {f.metadata['meaning']}"
        f" (default {'none' if f.default in (None, '') else f.default})"
        for f in fields(Settings)
    ]
    return "\n\n".join(lines)


def replaced(settings: Settings, **values: Any) -> Settings:
    """The same settings with some values changed."""
    return replace(settings, **values)
