"""Validates and normalises the values of environment variables, for the models of `settings.py`.

The functions raise PydanticCustomError, whose text follows the name of the variable.
"""

import re
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_core import PydanticCustomError

from resources.utc import utc_today

SANDBOX = "sandbox"
"""The value of COUPONTOOLS_API_URL that stands for the embedded API."""

MIN_TOKEN = 16
"""Minimum length of the token in the address that webhooks are sent to."""


def read_api_address(url: str) -> str:
    """Read the root of the API, or the word that stands for the embedded one."""
    url = url.strip()
    if url != SANDBOX and not _is_address(url):
        raise PydanticCustomError("address", "should start with https:// and a host, or be the word sandbox")
    if set(url) & set("?#@"):
        raise PydanticCustomError("address", "should be the root of the API, without user name, query and fragment")
    return url.rstrip("/")


def read_web_address(url: str) -> str:
    """Read the address of a web page."""
    if not _is_address(url.strip()) or "@" in url:
        raise PydanticCustomError("address", "should start with http:// or https:// and a host, without user name")
    return url.strip().rstrip("/")


def _is_address(url: str) -> bool:
    """Whether httpx can send requests to the address, and a name server look up its host."""
    import httpx  # here, as `--help` does not need it

    try:
        parts = httpx.URL(url)
        host, port = parts.raw_host.decode(), 443 if parts.port is None else parts.port
        is_host = bool(_HOST.fullmatch(host)) or (":" in host and bool(ip_address(host)))
    except (httpx.InvalidURL, ValueError):
        return False
    return parts.scheme in ("http", "https") and is_host and 0 < port < 65536


_HOST = re.compile(r"(?=.{1,254}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?")
"""A DNS name: labels of 63 characters at most, 253 in all."""


def read_key(secret: SecretStr) -> SecretStr:
    """Read a key as a dashboard shows it."""
    text = secret.get_secret_value()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise PydanticCustomError("key", "should be the key as the dashboard shows it, without blanks or line ends")
    if text[0] == text[-1] and text[0] in "\"'":
        raise PydanticCustomError("key", "should be the key as the dashboard shows it, without quotes around it")
    return secret


def read_secret(secret: SecretStr) -> SecretStr:
    """Read a secret that is sent or hashed with, and must be UTF-8 for that."""
    try:
        secret.get_secret_value().encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("secret", "should be UTF-8 text, such as letters and digits, not any bytes") from None
    return secret


def read_token(secret: SecretStr) -> SecretStr:
    """Read a secret that is part of an address."""
    if not _TOKEN.fullmatch(secret.get_secret_value()):
        message = "should be {length} or more letters, digits, - and _, as it is a part of an address"
        raise PydanticCustomError("token", message, {"length": MIN_TOKEN})
    return secret


_TOKEN = re.compile(rf"[A-Za-z0-9_-]{{{MIN_TOKEN},200}}", re.ASCII)


def read_path(path: Path) -> Path:
    """Read the path of a file or folder, of which ~ may stand for the home folder."""
    text = str(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        message = "should be a name that is UTF-8 text here; set LC_ALL=C.UTF-8, or choose another folder"
        raise PydanticCustomError("folder", message) from None
    if not text.strip():
        raise PydanticCustomError("folder", "should be a path, but has only blanks")
    if "\0" in text or text.endswith(("\r", "\n")):
        raise PydanticCustomError("folder", "should be a path without a line end")
    try:
        return path.expanduser()
    except RuntimeError:
        message = "should be written without ~: the home folder that it stands for is not known"
        raise PydanticCustomError("folder", message) from None


def read_database(address: SecretStr) -> SecretStr:
    """Read the address of a PostgreSQL database."""
    text = address.get_secret_value().strip()
    if _UNENCODED.search(text) or not text.isprintable() or not _is_database(text):
        message = (
            "should be written as postgresql://user:password@host:5432/database, with blanks and @ / ? # % in the "
            "password percent-encoded, as %40 for @"
        )
        raise PydanticCustomError("database", message)
    return SecretStr(text)


def _is_database(url: str) -> bool:
    """Whether the address names a database, and libpq ends its password where urlsplit does."""
    try:
        parts = urlsplit(url)
        names_database = bool(parts.path.strip("/")) and parts.port != 0
    except ValueError:  # of its port or host
        return False
    ends_once = url.count("@") == parts.netloc.count("@") <= 1 and "?" not in parts.query
    return names_database and ends_once and url.startswith(("postgresql://", "postgres://"))


_UNENCODED = re.compile(r"[\s#]|%(?![0-9A-Fa-f]{2})")
"""What an address of a database has only percent-encoded."""


def read_bucket(address: str) -> str:
    """Read a bucket and a prefix in it."""
    if not _S3.fullmatch(address.strip()):
        message = "should be written as s3://bucket or s3://bucket/prefix, in letters, digits and . _ - /"
        raise PydanticCustomError("bucket", message)
    return address.strip().rstrip("/")


def read_iso_day(day: object) -> object:
    """Check that a text is an ISO date; pydantic itself would also read a number, as seconds since 1970."""
    if isinstance(day, str) and not _DAY.fullmatch(day.strip()):
        raise PydanticCustomError("day", "should be a date written as 2026-01-31")
    return day.strip() if isinstance(day, str) else day


def read_past_day(day: date) -> date:
    """Read a day that has begun."""
    if not FIRST_DAY <= day <= utc_today():
        raise PydanticCustomError("day", "should be a day from 1970-01-01 to today")
    return day


_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,62}(/[A-Za-z0-9._-]+)*/?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIRST_DAY = date(1970, 1, 1)
"""Nothing is older; partitions count from here."""
