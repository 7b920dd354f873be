"""The environment: every variable that the export knows, and one clear line for each that is missing or wrong."""

import re
from datetime import UTC, date, datetime
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat, SecretStr, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

SANDBOX = "sandbox"
"""The value of COUPONTOOLS_API_URL that stands for the embedded API."""

_PREFIX = "COUPONTOOLS_"

MAX_WAIT = 86_400
"""Seconds that a setting can make the export wait at a time: a day."""

MAX_RECORD_BYTES = 16_000_000
"""A record that is larger goes to quarantine, if no setting says otherwise."""

MIN_KEY = 16
"""Characters of the key that personal data is hashed with."""

MIN_TOKEN = 16
"""Characters of the token that webhooks are received at."""


class SettingsError(Exception):
    """A variable is missing or wrong; the text is one line that names it and says what to do."""


def _address(url: str) -> str:
    url = url.strip()
    if url != SANDBOX and not _is_address(url):
        raise PydanticCustomError("address", "should start with https:// and a host, or be the word sandbox")
    if set(url) & set("?#@"):
        raise PydanticCustomError("address", "should be the root of the API, without user name, query and fragment")
    return url.rstrip("/")


def _page(url: str) -> str:
    if not _is_address(url.strip()) or "@" in url:
        raise PydanticCustomError("address", "should start with http:// or https:// and a host, without user name")
    return url.strip().rstrip("/")


def _is_address(url: str) -> bool:
    """Whether httpx can ask at the address, and a name server for its host."""
    import httpx  # not for whoever asks for help

    try:
        parts = httpx.URL(url)
        host, port = parts.raw_host.decode(), 443 if parts.port is None else parts.port
        is_host = bool(_HOST.fullmatch(host)) or (":" in host and bool(ip_address(host)))
    except (httpx.InvalidURL, ValueError):
        return False
    return parts.scheme in ("http", "https") and is_host and 0 < port < 65536


_HOST = re.compile(r"(?=.{1,254}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?")
"""A name as name servers know it: labels of 63 characters at most, 253 in all."""


def _printable(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise PydanticCustomError("key", "should be the key as the dashboard shows it, without blanks or line ends")
    if text[0] == text[-1] and text[0] in "\"'":
        raise PydanticCustomError("key", "should be the key as the dashboard shows it, without quotes around it")
    return secret


def _in_path(secret: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(secret.get_secret_value()):
        message = "should be {length} or more letters, digits, - and _, as it is a part of an address"
        raise PydanticCustomError("token", message, {"length": MIN_TOKEN})
    return secret


_TOKEN = re.compile(rf"[A-Za-z0-9_-]{{{MIN_TOKEN},200}}", re.ASCII)


def _folder(path: Path) -> Path:
    text = str(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        message = "should be a name that is UTF-8 text here; set LC_ALL=C.UTF-8, or choose another folder"
        raise PydanticCustomError("folder", message) from None
    if "\0" in text or text.endswith(("\r", "\n")):
        raise PydanticCustomError("folder", "should be a path without a line end")
    try:
        return path.expanduser()
    except RuntimeError:
        message = "should be written without ~: the home folder that it stands for is not known"
        raise PydanticCustomError("folder", message) from None


def _database(address: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(address.get_secret_value())
        is_database = parts.scheme in ("postgresql", "postgres") and bool(parts.path.strip("/")) and parts.port != 0
    except ValueError:  # of its port or host
        is_database = False
    if not is_database:
        raise PydanticCustomError("database", "should be written as postgresql://user:password@host:5432/database")
    return address


def _bucket(address: str) -> str:
    if not _S3.fullmatch(address.strip()):
        message = "should be written as s3://bucket or s3://bucket/prefix, in letters, digits and . _ - /"
        raise PydanticCustomError("bucket", message)
    return address.strip().rstrip("/")


def _iso(day: object) -> object:
    """Return a date as it is written, because pydantic reads a number as seconds since 1970."""
    if isinstance(day, str) and not _DAY.fullmatch(day.strip()):
        raise PydanticCustomError("day", "should be a date written as 2026-01-31")
    return day.strip() if isinstance(day, str) else day


def _past(day: date) -> date:
    if not FIRST_DAY <= day <= datetime.now(UTC).date():
        raise PydanticCustomError("day", "should be a day from 1970-01-01 to today")
    return day


_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,62}(/[A-Za-z0-9._-]+)*/?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIRST_DAY = date(1970, 1, 1)
"""Nothing is older; partitions count from here."""

Key = Annotated[SecretStr, AfterValidator(_printable)]


class Settings(BaseSettings):
    """Variables of the environment, which are read together."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    @classmethod
    def read(cls) -> Self:
        """Read the environment as it is now. Raises SettingsError."""
        try:
            return cls()
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            if not first["loc"]:  # it is about more than one variable, and names them
                raise SettingsError(f"{first['msg']}.") from None
            name = f"{cls.model_config['env_prefix']}{str(first['loc'][0]).upper()}"
            if first["type"] == "missing":
                raise SettingsError(
                    f"{name} is not set: set it to {cls.model_fields[str(first['loc'][0])].description}."
                ) from None
            raise SettingsError(f"{name} is wrong: {first['msg'][0].lower()}{first['msg'][1:]}.") from None


class ApiAddress(Settings):
    """Where the API is. There is no default, so that nobody exports the sandbox by mistake."""

    api_url: Annotated[str, AfterValidator(_address)] = Field(
        description="the root of the API, https://api.coupontools.com, or to the word sandbox for the embedded one"
    )


class ApiCredentials(Settings):
    """The keys of the account."""

    client_id: Key = Field(description="the client id in the dashboard under Integrations > JSON API")
    client_secret: Key = Field(description="the client secret in the dashboard under Integrations > JSON API")


class ApiDialect(Settings):
    """How the API is spoken to, where it understands more than one way."""

    authentication: Literal["headers", "body"] = Field(
        "headers", description="where the keys are sent; calls without a body, all of v4's GET, always use headers"
    )
    api_versions: str = Field("", description="v3 or v4, or pairs as loyalty_users=v3,directories=v4")
    accept_counts: bool = Field(
        default=False, description="true where the API announces more records of a list than it has"
    )
    allow_http: bool = Field(default=False, description="true where the keys may leave without encryption")


class ApiLimits(Settings):
    """How hard the export may press on the API, and how much it lets the API press on it."""

    concurrency: int = Field(8, ge=1, le=64, description="requests at one time")
    requests_per_second: Annotated[FiniteFloat, Field(ge=0.001, le=10_000)] | None = Field(
        None, description="requests a second, at most"
    )
    workers: int = Field(1, ge=1, le=1_000, description="the processes that share what the API is asked for")
    connect_timeout: FiniteFloat = Field(10, ge=0.001, le=MAX_WAIT, description="seconds to wait for a connection")
    read_timeout: FiniteFloat = Field(
        30, ge=0.001, le=MAX_WAIT, description="seconds to wait for the next byte of an answer"
    )
    retry_wait: FiniteFloat = Field(
        0.5, ge=0, le=MAX_WAIT, description="seconds before the first retry; each next one waits twice as long"
    )
    max_answer_bytes: int = Field(64_000_000, ge=1_000, description="the largest answer, unpacked")
    max_record_bytes: int = Field(
        MAX_RECORD_BYTES, ge=1_000, description="the largest record; another goes to quarantine"
    )
    max_pages: int = Field(100_000, ge=1, description="the most pages of one list")
    max_request_seconds: FiniteFloat = Field(
        900, ge=0.001, le=MAX_WAIT, description="the longest that a request may take with all its tries and waits"
    )
    max_read_seconds: FiniteFloat = Field(
        4 * 3600, ge=0.001, le=7 * MAX_WAIT, description="the longest that the reading of a table may take"
    )

    @property
    def share(self) -> Self:
        """The limits of one of the workers, so that all together keep to these; one request at a time is the least."""
        rate = self.requests_per_second
        share = {
            "concurrency": max(self.concurrency // self.workers, 1),
            "requests_per_second": rate and rate / self.workers,
        }
        return self.model_copy(update=share)


class Freshness(Settings):
    """How often is read what seldom changes."""

    ended_campaigns: Literal["daily", "weekly"] = Field(
        "daily", description="daily or weekly: how often campaigns that are not active are read"
    )


class PersonalData(Settings):
    """What becomes of the columns that are flagged as personal, of `_extra` and of rejected records."""

    personal_data: Literal["keep", "hash", "drop"] = Field("keep", description="keep, hash or drop")
    personal_data_key: SecretStr | None = Field(None, description="the secret that personal data is hashed with")

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
        key = self.personal_data_key.get_secret_value() if self.personal_data_key else ""
        if self.personal_data == "hash" and len(key) < MIN_KEY:
            raise PydanticCustomError(
                "key",
                "{name} is not set: where COUPONTOOLS_PERSONAL_DATA is hash, set it to a secret of {length} characters "
                "or more, and keep it: with another one nothing joins",
                {"name": f"{_PREFIX}PERSONAL_DATA_KEY", "length": MIN_KEY},
            )
        return self

    @property
    def secret(self) -> bytes | None:
        """The secret to hash with, if there is one."""
        return self.personal_data_key.get_secret_value().encode() if self.personal_data_key else None

    @property
    def label(self) -> str:
        """What identifies the policy, as rows written under different ones must not mix; empty where all is kept."""
        if self.personal_data == "keep":
            return ""
        by = f" by key {sha256(self.secret).hexdigest()[:8]}" if self.secret else ""
        return f" with personal data {'hashed' if self.personal_data == 'hash' else 'dropped'}{by}"


class Storage(Settings):
    """Where the export writes, where its history begins, and how backfills of it are cut into runs."""

    data_dir: Annotated[Path, AfterValidator(_folder)] = Field(
        Path("data"), description="the folder of everything that the export writes"
    )
    start_date: Annotated[date, BeforeValidator(_iso), AfterValidator(_past)] = Field(
        date(2020, 1, 1), description="the first daily partition, UTC"
    )
    days_per_run: int | None = Field(None, ge=1, description="the most days that one run of a backfill reads")


class Alerts(Settings):
    """Who is alerted when an export fails, and whether they are sent a digest."""

    alerts: SecretStr | None = Field(None, description="addresses of apprise, separated by blanks or line ends")
    dagster_url: Annotated[str, AfterValidator(_page)] | None = Field(
        None, description="where people open Dagster, for links to its runs"
    )
    weekly_digest: bool = Field(default=False, description="true for the figures of the report once a week")


class Webhooks(Settings):
    """How events are received, and how long they are kept."""

    webhook_token: Annotated[SecretStr, AfterValidator(_in_path)] | None = Field(
        None, description="the last part of the address that webhooks are sent to, a secret"
    )
    webhook_retention_days: int = Field(90, ge=1, le=36_500, description="days that events of webhooks are kept")


class Metrics(Settings):
    """Where operators read how the export does."""

    metrics_file: Annotated[Path, AfterValidator(_folder)] | None = Field(
        None, description="the Prometheus text file that runs write, ending in .prom"
    )


class SharedWarehouse(Settings):
    """Where several hosts share one warehouse; nothing is set where it is a folder of one machine."""

    warehouse: Annotated[SecretStr, AfterValidator(_database)] | None = Field(
        None, description="the address of a PostgreSQL database, postgresql://user:password@host:5432/database"
    )
    storage: Annotated[str, AfterValidator(_bucket)] | None = Field(
        None, description="where its files lie on object storage, s3://bucket/prefix"
    )
    publish_parquet: bool = Field(default=False, description="true to publish Parquet files of it too")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.warehouse is None) != (self.storage is None):
            known, other = ("WAREHOUSE", "STORAGE") if self.warehouse else ("STORAGE", "WAREHOUSE")
            raise PydanticCustomError(
                "shared",
                "{other} is not set: a warehouse that hosts share needs it beside {known}",
                {"known": f"{_PREFIX}{known}", "other": f"{_PREFIX}{other}"},
            )
        return self
