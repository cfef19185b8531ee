"""Settings: environment variables with the prefix PUMP_CDS_, or a TOML file named by PUMP_CDS_CONFIG. Read once."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cds_service.errors import BadSetting

PREFIX = "PUMP_CDS_"
_AMOUNTS = ("_seconds", "_days")
# Not settings: the file of settings, and the folder that the processes of one run share.
_OTHER_NAMES = ("CONFIG", "RUN_FOLDER")
# Kubernetes puts these into every container beside a Service that is called pump-cds.
_SERVICE_LINKS = re.compile(
    r"SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?"
)
_SERVICE_URLS = ("tcp://", "udp://", "sctp://")
_LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


def _setting(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set; each field is PUMP_CDS_ and its name in capitals."""

    public_url: str = _setting("http://127.0.0.1:8080", "external base URL, for links in cards")
    time_zone: str = _setting("America/New_York", "time zone of members whose state and ZIP do not decide it")
    policies: str = _setting("MP-MM-1316,L33794", "the policies in use, by id, separated by commas; each must be held")
    deadline_seconds: float = _setting(4.5, "the whole call's budget in seconds")
    max_cpu_seconds: float = _setting(4.5, "the whole call's budget of computing time in seconds")
    max_body_bytes: int = _setting(10_000_000, "largest request body, after decompression")
    max_fetched_bytes: int = _setting(
        50_000_000, "most bytes that one call reads of a FHIR server, after decompression"
    )
    max_json_depth: int = _setting(200, "how deep the JSON of a call may nest")
    max_orders: int = _setting(500, "most orders of one call")
    max_order_bytes: int = _setting(250_000, "most bytes of one order, with what it contains")
    max_resources: int = _setting(250_000, "most resources that one call brings along")
    concurrent_calls: int = _setting(
        0, "most calls of one client that one worker answers at a time; 0: 12 for each trusted client, else no limit"
    )
    body_seconds: float = _setting(10.0, "longest time in seconds that a request may take to arrive")
    max_pages: int = _setting(20, "most pages that are followed for one search")
    auth: str = _setting(
        "", "`required` or `open`; default: required with trusted clients, else open, on loopback or by --allow-open"
    )
    trusted_clients: str = _setting("", "TOML file of trusted CDS clients: issuer, keys, FHIR servers")
    database_url: str = _setting(
        "", "SQLAlchemy URL of SQLite or PostgreSQL, or `off`; default: a SQLite file in the platform's data folder"
    )
    spool_folder: str = _setting("", "folder for records that wait for the database; default: beside the SQLite file")
    max_spool_bytes: int = _setting(500_000_000, "most bytes of one process that wait for the database")
    store_values: bool = _setting(False, "store the values of evidence, not only references to it")
    store_key: str = _setting("", "key that responses are sealed with at rest; without one they are not kept")
    retention_days: int = _setting(730, "days after which `db prune` deletes calls and feedback")
    report_small_cells: bool = _setting(
        False, "reports show counts of 1 to 10 orders, which may tell who is meant; else they are hidden"
    )
    jwt_lifetime_seconds: float = _setting(600.0, "longest life of a caller's token that is accepted")
    fhir_servers: str = _setting(
        "", "open mode: FHIR servers that may lie inside or be reached by http, separated by commas"
    )
    smart_client_id: str = _setting(
        "insulin-pump-cds", "client id of the SMART app at FHIR servers whose trusted client names none"
    )
    smart_client_secret_file: str = _setting("", "file with that client's secret; none: a public client")
    smart_private_key_file: str = _setting("", "file with that client's private key (PEM or JWK), in place of a secret")
    session_seconds: float = _setting(3600.0, "longest life of a session of the documentation page")
    page_seconds: float = _setting(10.0, "longest time that the documentation page waits for the chart")
    cors_origins: str = _setting("*", "origins of browser clients, separated by commas; `*` for all")
    payer_identifiers: str = _setting("", "identifiers of the payer in Coverage.payor, separated by commas")
    payer_phone: str = _setting("", "the payer's telephone number for questions, sent with coverage information")
    members: str = _setting("", "CSV file of the plan's members (member_id, start, end); none: nobody is refused")
    issue_authorization_numbers: bool = _setting(False, "the plan lets the service issue authorization numbers")
    crd_version: str = _setting("2.2", "version of Da Vinci CRD for clients that ask for none: 2.0.1, 2.1 or 2.2")
    cgm_counts_as_self_testing: bool | None = _setting(None, "whether the plan takes sensor readings for self-tests")

    @property
    def authenticates(self) -> bool:
        """Whether callers have to be authenticated."""
        return self.auth == "required" or (self.auth == "" and bool(self.trusted_clients))

    def overrides(self) -> dict[str, Any]:
        """A plan's own values on top of the policy's parameters."""
        found: dict[str, Any] = {}
        if self.payer_identifiers:
            found["payer_identifiers"] = tuple(i.strip() for i in self.payer_identifiers.split(",") if i.strip())
        if self.cgm_counts_as_self_testing is not None:
            found["cgm_counts_as_self_testing"] = self.cgm_counts_as_self_testing
        return found


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment and the TOML file that it may name; the variables win.

    BadSetting for a name that is none, in either: a mistyped name would leave open what it was meant to close.
    """
    env = os.environ if environment is None else environment
    for name in _unknown_variables(env):
        raise BadSetting(f"unknown setting {name}{_nearest(name.upper(), _variables())}")
    values: dict[str, Any] = {}
    path = env.get(f"{PREFIX}CONFIG")
    if path:
        values.update(_from_file(Path(path)))
    known = {f.name for f in fields(Settings)}
    for name in known:
        text = env.get(PREFIX + name.upper())
        if text is not None:
            values[name] = text
    unknown = set(values) - known
    if unknown:
        name = min(unknown)
        raise BadSetting(f"unknown setting {name}{_nearest(name.lower().removeprefix(PREFIX.lower()), known)}")
    return checked(replace(Settings(), **{name: _typed(name, value) for name, value in values.items()}))


def _variables() -> set[str]:
    """The names of all variables of ours."""
    return {PREFIX + name for name in (*(f.name.upper() for f in fields(Settings)), *_OTHER_NAMES)}


def _unknown_variables(env: Mapping[str, str]) -> Iterator[str]:
    """Variables that begin as ours do, in whatever case, and are none of ours."""
    for name in sorted(env):
        if name.upper().startswith(PREFIX) and name not in _variables() and not _is_service_link(name, env[name]):
            yield name


def _is_service_link(name: str, value: str) -> bool:
    rest = name.removeprefix(PREFIX)
    return _SERVICE_LINKS.fullmatch(rest) is not None or (rest == "PORT" and value.startswith(_SERVICE_URLS))


def _nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant, in words, and where all of them are listed."""
    near = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"{f', did you mean {near[0]}?' if near else ':'} `serve --help` lists all settings"


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
    for name in (f.name for f in fields(Settings) if f.name.startswith("max_") or f.name.endswith(_AMOUNTS)):
        if getattr(settings, name) <= 0:
            raise BadSetting(f"{PREFIX}{name.upper()} must be above zero")
    if settings.concurrent_calls < 0:
        raise BadSetting(f"{PREFIX}CONCURRENT_CALLS must not be below zero")
    if settings.crd_version not in ("2.0.1", "2.1", "2.2"):
        raise BadSetting(f"{PREFIX}CRD_VERSION must be 2.0.1, 2.1 or 2.2")
    if settings.auth not in ("", "open", "required"):
        raise BadSetting(f"{PREFIX}AUTH must be `required` or `open`")
    if settings.auth == "required" and not settings.trusted_clients:
        raise BadSetting(f"{PREFIX}AUTH is `required`, but {PREFIX}TRUSTED_CLIENTS names no file of them")
    return replace(settings, public_url=settings.public_url.rstrip("/"))


def guard_exposure(settings: Settings, host: str, allow_open: bool) -> None:
    """Refuses to serve without authentication where others can reach it, unless that was asked for by name."""
    if not settings.authenticates and host not in _LOOPBACK and not allow_open:
        raise BadSetting(
            f"refusing to serve {host} without authentication: name {PREFIX}TRUSTED_CLIENTS, bind 127.0.0.1, or give "
            "--allow-open behind something that authenticates callers"
        )


@dataclass(frozen=True, slots=True)
class SettingHelp:
    """A setting as `serve --help` shows it: as the environment spells it, as a line of the file, and what it means."""

    variable: str
    line: str
    meaning: str


def settings_help() -> list[SettingHelp]:
    """Every setting, with its default in the file's spelling."""
    return [
        SettingHelp(f"{PREFIX}{f.name.upper()}", _as_toml(f.name, f.default), _meaning(f)) for f in fields(Settings)
    ]


def _as_toml(name: str, default: Any) -> str:
    if default is None:
        return f"{name} = true, or false"
    if isinstance(default, bool):
        return f"{name} = {str(default).lower()}"
    return f'{name} = "{default}"' if isinstance(default, str) else f"{name} = {default}"


def _meaning(described: Field[Any]) -> str:
    text = described.metadata["meaning"]
    return f"{text[:1].upper()}{text[1:]}{'; not set by default' if described.default is None else ''}."


def replaced(settings: Settings, **values: Any) -> Settings:
    """The same settings with some values changed."""
    return replace(settings, **values)
