"""The environment: every variable that the export knows, and one clear line for each that is missing or wrong."""

import os
from datetime import date
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat, SecretStr, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from resources.setting_values import (
    read_api_address,
    read_bucket,
    read_database,
    read_iso_day,
    read_key,
    read_past_day,
    read_path,
    read_secret,
    read_token,
    read_web_address,
)

_PREFIX = "COUPONTOOLS_"

MAX_WAIT = 86_400
"""Maximum seconds that a setting can make the export wait at a time: a day."""

MAX_RECORD_BYTES = 16_000_000
"""The default of COUPONTOOLS_MAX_RECORD_BYTES; a larger record goes to quarantine."""

MIN_KEY = 16
"""Minimum length of the key that personal data is hashed with."""


class SettingsError(Exception):
    """A variable is missing or wrong; the text is one line that names it and says what to do."""


Key = Annotated[SecretStr, AfterValidator(read_key)]


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
            reason = "should be true or false" if first["type"] == "bool_parsing" else first["msg"]
            raise SettingsError(f"{name} is wrong: {reason[0].lower()}{reason[1:]}.") from None


def describe_unread() -> list[str]:
    """Say of each variable that is named like those of the export and is none of them that it has no effect."""
    known = [field.upper() for settings in Settings.__subclasses__() for field in settings.model_fields]
    named = [name.upper().removeprefix(_PREFIX) for name in os.environ if name.upper().startswith(_PREFIX)]
    return [
        f"{_PREFIX}{name} is no variable of the export, and has no effect{_suggest(name, known)}"
        for name in sorted(named)
        if name not in known
    ]


def _suggest(name: str, known: list[str]) -> str:
    similar = get_close_matches(name, known, n=1, cutoff=0.8)
    return f": is {_PREFIX}{similar[0]} meant?" if similar else "."


class ApiAddress(Settings):
    """Where the API is. There is no default, so that nobody exports the sandbox by mistake."""

    api_url: Annotated[str, AfterValidator(read_api_address)] = Field(
        description="the root of the API, https://api.coupontools.com, or to the word sandbox for the embedded one"
    )


class ApiCredentials(Settings):
    """The keys of the account."""

    client_id: Key = Field(description="the client id in the dashboard under Integrations > JSON API")
    client_secret: Key = Field(description="the client secret in the dashboard under Integrations > JSON API")


class ApiDialect(Settings):
    """Which way of calling the API to use, where it accepts more than one."""

    authentication: Literal["headers", "body"] = Field(
        "headers", description="where the keys are sent; calls without a body, all of v4's GET, always use headers"
    )
    api_versions: str = Field("", description="v3 or v4, or pairs such as loyalty_users=v3,directories=v4")
    accept_counts: bool = Field(
        default=False, description="true where the API announces more records of a list than it has"
    )
    allow_http: bool = Field(default=False, description="true where the keys may leave without encryption")


class ApiLimits(Settings):
    """Limits on the load that the export puts on the API, and on what it accepts from it."""

    concurrency: int = Field(8, ge=1, le=64, description="requests at one time")
    requests_per_second: Annotated[FiniteFloat, Field(ge=0.001, le=10_000)] | None = Field(
        None, description="requests a second, at most"
    )
    workers: int = Field(1, ge=1, le=1_000, description="the processes that share the limits on requests")
    connect_timeout: FiniteFloat = Field(10, ge=0.001, le=MAX_WAIT, description="seconds to wait for a connection")
    read_timeout: FiniteFloat = Field(
        30, ge=0.001, le=MAX_WAIT, description="seconds to wait for the next byte of an answer"
    )
    retry_wait: FiniteFloat = Field(
        0.5, ge=0, le=MAX_WAIT, description="seconds before the first retry; each next one waits twice as long"
    )
    max_answer_bytes: int = Field(64_000_000, ge=1_000, description="the largest answer, unpacked")
    max_record_bytes: int = Field(
        MAX_RECORD_BYTES, ge=1_000, description="the largest record; a larger one goes to quarantine"
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
        """The limits of one worker: an equal share of these, and at least one request at a time."""
        rate = self.requests_per_second
        share = {
            "concurrency": max(self.concurrency // self.workers, 1),
            "requests_per_second": rate and rate / self.workers,
        }
        return self.model_copy(update=share)


class ReadFrequency(Settings):
    """How often records that seldom change are read."""

    ended_campaigns: Literal["daily", "weekly"] = Field(
        "daily", description="daily or weekly: how often campaigns that are not active are read"
    )


class PersonalData(Settings):
    """How personal columns, `_extra` and rejected records are treated, and the key that hashes them."""

    personal_data: Literal["keep", "hash", "drop"] = Field("keep", description="keep, hash or drop")
    personal_data_key: Annotated[SecretStr, AfterValidator(read_secret)] | None = Field(
        None, description="the secret that personal data is hashed with"
    )

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

    def describe_risk(self) -> str | None:
        """Return the warning about a key that others could find out by trying; None if there is none."""
        if self.personal_data_key is None or len(self.personal_data_key.get_secret_value()) >= MIN_KEY:
            return None
        return (
            f"{_PREFIX}PERSONAL_DATA_KEY has fewer than {MIN_KEY} characters, so that who was forgotten can be found "
            "out by trying: set a longer one before you first forget somebody, and keep it."
        )

    @property
    def label(self) -> str:
        """What identifies the policy, as rows written under different ones must not mix; empty where all is kept."""
        if self.personal_data == "keep":
            return ""
        by = f" by key {sha256(self.secret).hexdigest()[:8]}" if self.secret else ""
        return f" with personal data {'hashed' if self.personal_data == 'hash' else 'dropped'}{by}"


class Storage(Settings):
    """Where the export writes, where its history begins, and how backfills of it are cut into runs."""

    data_dir: Annotated[Path, AfterValidator(read_path)] = Field(
        Path("data"), description="the folder of everything that the export writes"
    )
    start_date: Annotated[date, BeforeValidator(read_iso_day), AfterValidator(read_past_day)] = Field(
        date(2020, 1, 1), description="the first daily partition, UTC"
    )
    days_per_run: int | None = Field(
        None, ge=1, le=100_000, description="the most days that one run of a backfill reads"
    )


class EngineMemory(Settings):
    """How much memory the engine of the warehouse may use."""

    duckdb_memory_mb: int | None = Field(None, ge=64, description="megabytes of memory that DuckDB may use")


class Alerts(Settings):
    """Who is alerted when an export fails, and whether they are sent a digest."""

    alerts: Annotated[SecretStr, AfterValidator(read_secret)] | None = Field(
        None, description="addresses of apprise, separated by blanks or line ends"
    )
    dagster_url: Annotated[str, AfterValidator(read_web_address)] | None = Field(
        None, description="where people open Dagster, for links to its runs"
    )
    weekly_digest: bool = Field(default=False, description="true for the figures of the report once a week")


class Webhooks(Settings):
    """How events are received, and how long they are kept."""

    webhook_token: Annotated[SecretStr, AfterValidator(read_token)] | None = Field(
        None, description="the last part of the address that webhooks are sent to, a secret"
    )
    webhook_retention_days: int = Field(90, ge=1, le=36_500, description="days that events of webhooks are kept")


class Metrics(Settings):
    """Where metrics for operators are written."""

    metrics_file: Annotated[Path, AfterValidator(read_path)] | None = Field(
        None, description="the Prometheus text file that runs write, ending in .prom"
    )


class SharedWarehouse(Settings):
    """Where several hosts share one warehouse; nothing is set where it is a folder of one machine."""

    warehouse: Annotated[SecretStr, AfterValidator(read_database)] | None = Field(
        None, description="the address of a PostgreSQL database, postgresql://user:password@host:5432/database"
    )
    storage: Annotated[str, AfterValidator(read_bucket)] | None = Field(
        None, description="where its files lie on object storage, s3://bucket/prefix"
    )
    publish_parquet: bool = Field(default=False, description="true to publish Parquet files of it too")

    @property
    def database(self) -> str:
        """Host, port and name of the database, without user and password; empty where there is none."""
        parts = urlsplit(self.warehouse.get_secret_value() if self.warehouse else "")
        return f"{parts.netloc.rpartition('@')[2]}{parts.path}"

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.warehouse is None) != (self.storage is None):
            known, other = ("WAREHOUSE", "STORAGE") if self.warehouse else ("STORAGE", "WAREHOUSE")
            raise PydanticCustomError(
                "shared",
                "{other} is not set: a shared warehouse needs it as well as {known}",
                {"known": f"{_PREFIX}{known}", "other": f"{_PREFIX}{other}"},
            )
        return self
