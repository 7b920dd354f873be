"""The environment: every variable that the export knows, and one clear line for each that is missing or wrong."""

from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

SANDBOX = "sandbox"
"""The value of COUPONTOOLS_API_URL that stands for the embedded API."""

_PREFIX = "COUPONTOOLS_"

SHORTEST_KEY = 16
"""Characters of the key that personal data is hashed with."""


class SettingsError(Exception):
    """A variable is missing or wrong; the text is one line that names it and says what to do."""


def _address(url: str) -> str:
    if url != SANDBOX and not _is_address(url):
        raise PydanticCustomError("address", "should start with https:// and a host, or be the word sandbox")
    return url.rstrip("/")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or too large
        return False


def _printable(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise PydanticCustomError("key", "should be the key as the dashboard shows it, without blanks or line ends")
    return secret


Key = Annotated[SecretStr, AfterValidator(_printable)]


class _Settings(BaseSettings):
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
            name = f"{_PREFIX}{str(first['loc'][0]).upper()}"
            if first["type"] == "missing":
                raise SettingsError(
                    f"{name} is not set: set it to {cls.model_fields[str(first['loc'][0])].description}."
                ) from None
            raise SettingsError(f"{name} is wrong: {first['msg'][0].lower()}{first['msg'][1:]}.") from None


class ApiAddress(_Settings):
    """Where the API is. There is no default, so that nobody exports the sandbox by mistake."""

    api_url: Annotated[str, AfterValidator(_address)] = Field(
        description="the root of the API, https://api.coupontools.com, or to the word sandbox for the embedded one"
    )


class ApiCredentials(_Settings):
    """The keys of the account."""

    client_id: Key = Field(description="the client id in the dashboard under Integrations > JSON API")
    client_secret: Key = Field(description="the client secret in the dashboard under Integrations > JSON API")


class ApiDialect(_Settings):
    """How the API is spoken to, where it understands more than one way."""

    authentication: Literal["headers", "body"] = Field(
        "headers", description="where the keys are sent; calls without a body, all of v4's GET, always use headers"
    )
    api_versions: str = Field("", description="v3 or v4, or pairs as loyalty_users=v3,directories=v4")
    accept_counts: bool = Field(
        default=False, description="true where the API announces more records of a list than it has"
    )


class ApiLimits(_Settings):
    """How hard the export may press on the API."""

    concurrency: int = Field(8, ge=1, le=64, description="requests at one time")
    requests_per_second: float | None = Field(None, gt=0, description="requests a second, at most")
    connect_timeout: float = Field(10, gt=0, description="seconds to wait for a connection")
    read_timeout: float = Field(30, gt=0, description="seconds to wait for the next byte of an answer")
    retry_wait: float = Field(
        0.5, ge=0, description="seconds before the first retry; each next one waits twice as long"
    )


class PersonalData(_Settings):
    """What becomes of the columns that are flagged as personal, of `_extra` and of rejected records."""

    personal_data: Literal["keep", "hash", "drop"] = Field("keep", description="keep, hash or drop")
    personal_data_key: SecretStr | None = Field(None, description="the secret that personal data is hashed with")

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
        key = self.personal_data_key.get_secret_value() if self.personal_data_key else ""
        if self.personal_data == "hash" and len(key) < SHORTEST_KEY:
            raise PydanticCustomError(
                "key",
                "{name} is not set: where COUPONTOOLS_PERSONAL_DATA is hash, set it to a secret of {length} characters "
                "or more, and keep it: with another one nothing joins",
                {"name": f"{_PREFIX}PERSONAL_DATA_KEY", "length": SHORTEST_KEY},
            )
        return self

    def key(self, otherwise: bytes) -> bytes:
        """The key to hash with."""
        return self.personal_data_key.get_secret_value().encode() if self.personal_data_key else otherwise

    @property
    def told(self) -> str:
        """How rows are told apart from those that were written under another policy; empty where all is kept."""
        if self.personal_data == "keep":
            return ""
        key = sha256(self.key(b"")).hexdigest()[:8] if self.personal_data == "hash" else ""
        return f" with personal data {'hashed by key ' + key if key else 'dropped'}"


class Storage(_Settings):
    """Where the export writes, and where its history begins."""

    data_dir: Path = Field(Path("data"), description="the folder of everything that the export writes")
    start_date: date = Field(date(2020, 1, 1), description="the first daily partition, UTC")
