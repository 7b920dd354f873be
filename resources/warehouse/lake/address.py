"""Where a lake is: its catalogue in PostgreSQL, its objects on S3 or another store, and the keys to both.

```
coupontools                the schema of the catalogue: which objects make up which table, in which snapshot
coupontools_private        who is suppressed, and which runs live
s3://bucket/prefix/lake    the rows of all tables
s3://bucket/prefix/batches private: what is being read
s3://bucket/prefix/…       the report and the dictionary, and Parquet files if they are published, too
```
"""

from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import SettingsConfigDict

from resources.settings import Key, Settings, SettingsError, SharedWarehouse
from resources.warehouse.place import Place

CATALOGUE, PRIVATE = "coupontools", "coupontools_private"
"""Schemas of the database: what readers may see, and what they may not."""

ROWS = "lake"
"""The folder of the rows, below the prefix."""

MASK = "…"

WRONG_DATABASE = (
    "COUPONTOOLS_WAREHOUSE is wrong: PostgreSQL's library cannot read it. Correct its host and what follows ? in it, "
    "and percent-encode all but letters and digits in the password."
)
"""Stands for what the library says, which can show the password."""


def _endpoint(url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or "@" in parts.netloc:
        raise PydanticCustomError("endpoint", "should be the address of the store, as https://s3.example.com")
    return url.strip().rstrip("/")


class StorageKeys(Settings):
    """The keys to the object storage, in the variables that every tool for S3 reads."""

    model_config = SettingsConfigDict(env_prefix="AWS_")

    access_key_id: Key = Field(description="the id of a key that may read and write the bucket")
    secret_access_key: Key = Field(description="the secret of that key")
    session_token: SecretStr | None = None
    region: str = "us-east-1"
    endpoint_url: Annotated[str, AfterValidator(_endpoint)] | None = None
    """The address of the store, if it is not that of AWS."""


@dataclass(frozen=True)
class LakeAddress:
    """Where a lake is; shown to people without its secrets."""

    dsn: str = field(repr=False)
    database: str
    """Host, port and name of it."""
    bucket: str
    prefix: str
    parameters: dict[str, str] = field(repr=False, compare=False)
    """The parameters in the address of the database, by their names in libpq."""
    keys: StorageKeys = field(repr=False)
    publish_parquet: bool = False

    @classmethod
    def of(cls, shared: SharedWarehouse) -> "LakeAddress":
        """Make it from the settings. Raises SettingsError if they are not set, or wrong."""
        if shared.warehouse is None or shared.storage is None:
            raise SettingsError("COUPONTOOLS_WAREHOUSE and COUPONTOOLS_STORAGE are not set.")
        bucket, _, prefix = shared.storage.removeprefix("s3://").partition("/")
        dsn = shared.warehouse.get_secret_value()
        parameters = _read_parameters(dsn)
        return cls(dsn, shared.database, bucket, prefix, parameters, StorageKeys.read(), shared.publish_parquet)

    @property
    def place(self) -> Place:
        """The lake, for error messages."""
        return Place(self.database, "database", "COUPONTOOLS_WAREHOUSE")

    def url(self, *names: str) -> str:
        """Return the address of an object, or of what lies below a name."""
        return "/".join([f"s3://{self.bucket}", *filter(None, (self.prefix, *names))])

    def mask(self, text: str) -> str:
        """Return a text without the passwords and the keys."""
        passwords = [self.parameters.get(name) for name in ("password", "sslpassword")]
        secrets = [*passwords, self.keys.secret_access_key.get_secret_value()]
        secrets += [self.keys.session_token.get_secret_value()] if self.keys.session_token else []
        for secret in filter(None, secrets):
            for form in (secret, quote(secret, safe=""), secret.replace("'", "''"), secret.replace("'", "\\'")):
                text = text.replace(form, MASK)
        return text


def _read_parameters(dsn: str) -> dict[str, str]:
    try:
        return {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    except (psycopg.ProgrammingError, UnicodeError):
        raise SettingsError(WRONG_DATABASE) from None
