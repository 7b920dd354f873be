"""The environment: what is meant is taken, and what cannot be meant is refused in one line that names the variable."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from resources.settings import (
    Alerts,
    ApiAddress,
    ApiCredentials,
    ApiLimits,
    PersonalData,
    SettingsError,
    SharedWarehouse,
    Storage,
)
from resources.warehouse.warehouse import Warehouse

TOMORROW = (datetime.now(UTC).date() + timedelta(days=2)).isoformat()

WRONG = [
    *[
        ("API_URL", url, "should start with https:// and a host")
        for url in (
            "ftp://api.example",
            "http://[::1",
            "http://[::g]",
            "https://",
            "https:api.example",
            "http://host:port",
            "http://host:0",
            "http://host:99999",
            "http://a b.example",
            "http://host/\tx",
            "http://ho\rst",
            "http://bücher..example",
            "http://*.example",
            "http://host\\path",
            "http://-a.example",
            f"http://{'a' * 64}.example",
            f"http://{'a.' * 127}example",
            "http://host/\udcff",
            '"https://api.example"',
        )
    ],
    *[
        ("API_URL", url, "without user name, query and fragment")
        for url in ("https://me:hush@api.example", "https://api.example/?key=hush", "https://api.example/#hush")
    ],
    *[("CLIENT_SECRET", key, "without blanks or line ends") for key in ("hush\n", "hush hush", "\rhush", "hüsh")],
    *[("CLIENT_ID", key, "without quotes around it") for key in ('"hush"', "'hush'")],
    *[
        (name, value, "")
        for name in ("REQUESTS_PER_SECOND", "READ_TIMEOUT", "CONNECT_TIMEOUT", "RETRY_WAIT")
        for value in ("inf", "-inf", "nan", "1e308", "-1", "many")
    ],
    *[(name, "1e-320", "") for name in ("REQUESTS_PER_SECOND", "READ_TIMEOUT", "CONNECT_TIMEOUT")],
    *[("CONCURRENCY", value, "") for value in ("0", "65", "1.5", "inf", "9" * 400)],
    *[
        ("START_DATE", day, "should be a date written as 2026-01-31")
        for day in ("1700006400", "20260101", "2026-1-1", "2026-01-01T00:00:00", "0", "soon", "\u0662026-01-01")
    ],
    ("START_DATE", "2026-02-30", ""),
    *[
        ("START_DATE", day, "should be a day from 1970-01-01 to today")
        for day in ("1969-12-31", "0001-01-01", TOMORROW)
    ],
    *[
        ("DAGSTER_URL", url, "a host, without user name")
        for url in ("dagster.example", "https://me:hush@dagster.example")
    ],
    *[
        ("WAREHOUSE", address, "percent-encoded")
        for address in (
            "mysql://me:hush@host/db",
            "POSTGRESQL://me:hush@host/db",
            "postgresql:/hush",
            "postgresql://me:hush@host",
            "postgresql://me:hush@host:0/db",
            "postgresql://me:hush@host:port/db",
            "postgresql://me:hu/sh@host/db",
            "postgresql://me:123/hush@host/db",
            "postgresql://me:/hush@host/db",
            "postgresql://me:12/3?hush@host/db",
            "postgresql://me:12/3#hush@host/db",
            "postgresql://me:12@hush@host/db",
            "postgresql://me:12#hush@host/db",
            "postgresql://me:12[hush@host/db",
            "postgresql://me:hush@host/db#hush",
            "postgresql://me@host/db?sslmode=require?password=hush",
            "postgresql://me:hush hush@host/db",
            "postgresql://me:hush\thush@host/db",
            "postgresql://me:hush\nhush@host/db",
            "postgresql://me:hush\u00a0@host/db",
            "postgresql://me:hush\udcff@host/db",
            "postgresql://me:hush%@host/db",
            "postgresql://me:hush%ZZ@host/db",
            "postgresql://me:hush%4@host/db",
            '"postgresql://me:hush@host/db"',
        )
    ],
    ("DATA_DIR", "~nobody-of-this-name/data", "without ~"),
    ("DATA_DIR", "data\r", "without a line end"),
    ("DATA_DIR", " \t ", "has only blanks"),
    ("DAYS_PER_RUN", "3000000000", "less than or equal to 100000"),
    ("DATA_DIR", "d\udcffta", "UTF-8"),
    ("PERSONAL_DATA_KEY", "hush-hush-hush-hush\udcff", "should be UTF-8 text"),
    ("PUBLISH_PARQUET", "maybe", "should be true or false"),
]


def read() -> None:
    for settings in (Alerts, ApiAddress, ApiCredentials, ApiLimits, PersonalData, SharedWarehouse, Storage):
        settings.read()


@pytest.mark.parametrize(("name", "value", "expected"), WRONG)
def test_what_cannot_be_meant_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str) -> None:
    for variable in ("API_URL", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.setenv(f"COUPONTOOLS_{variable}", "sandbox")
    monkeypatch.setenv(f"COUPONTOOLS_{name}", value)
    with pytest.raises(SettingsError) as error:
        read()
    message = str(error.value)
    assert message.startswith(f"COUPONTOOLS_{name} is wrong: ")
    assert expected in message
    assert len(message.splitlines()) == 1
    assert "hush" not in message


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("https://api.example/", "https://api.example"),
        (" https://api.example\r\n", "https://api.example"),
        ("HTTPS://api.example:8443/root/", "HTTPS://api.example:8443/root"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://bücher.example", "https://bücher.example"),
        ("https://api_1.example.", "https://api_1.example."),
        ("sandbox\n", "sandbox"),
    ],
)
def test_an_address_is_taken_without_what_stands_around_it(
    monkeypatch: pytest.MonkeyPatch, written: str, taken: str
) -> None:
    monkeypatch.setenv("COUPONTOOLS_API_URL", written)
    assert ApiAddress.read().api_url == taken


@pytest.mark.parametrize(
    ("written", "taken", "database"),
    [
        (" postgresql://me:pw@host/db", "postgresql://me:pw@host/db", "host/db"),
        ("postgres://me:pw@host:5432/db\r\n", "postgres://me:pw@host:5432/db", "host:5432/db"),
        ("postgresql://me:%40%2f%20%25é:@[::1]/d%20b", "postgresql://me:%40%2f%20%25é:@[::1]/d%20b", "[::1]/d%20b"),
        ("postgresql:///db?host=/run&user=a%40b", "postgresql:///db?host=/run&user=a%40b", "/db"),
    ],
)
def test_the_address_of_a_database_is_taken_without_what_stands_around_it(
    monkeypatch: pytest.MonkeyPatch, written: str, taken: str, database: str
) -> None:
    monkeypatch.setenv("COUPONTOOLS_WAREHOUSE", written)
    monkeypatch.setenv("COUPONTOOLS_STORAGE", "s3://bucket")
    shared = SharedWarehouse.read()
    assert shared.warehouse is not None
    assert (shared.warehouse.get_secret_value(), shared.database) == (taken, database)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:hush@host/db?sslmod=hush",
        "postgresql://me:hush@host/db?hush",
        "postgresql://me:hush%00@host/db",
        "postgresql://me:hush%FF@host/db",
        "postgresql://me:hush@127.0.0.1:1/db?connect_timeout=hush",
        "postgresql://me:hush@host..example/db",
    ],
)
def test_what_the_library_of_postgresql_cannot_read_is_refused_without_a_part_of_it(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    pytest.importorskip("psycopg", reason="run it with uv run --group cluster pytest tests/resources")
    pytest.importorskip("obstore")
    variables = {"COUPONTOOLS_WAREHOUSE": address, "COUPONTOOLS_STORAGE": "s3://bucket"}
    for name, value in {**variables, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=r"^COUPONTOOLS_WAREHOUSE is wrong: .*percent-encode") as error:
        Warehouse().engine.has_rows()
    assert len(str(error.value).splitlines()) == 1
    assert "hush" not in str(error.value)
    assert error.value.__suppress_context__


@pytest.mark.parametrize(
    ("written", "taken"), [("~/coupons", "home/coupons"), ("~", "home"), ("a~b/~", "a~b/~"), ("dätä *?[", "dätä *?[")]
)
def test_a_tilde_at_the_beginning_of_the_folder_is_the_home_folder(
    monkeypatch: pytest.MonkeyPatch, written: str, taken: str
) -> None:
    monkeypatch.setenv("HOME", "home")
    monkeypatch.setenv("COUPONTOOLS_DATA_DIR", written)
    assert Storage.read().data_dir == Path(taken)


@pytest.mark.parametrize("day", ["1970-01-01", "2024-02-29", " 2026-01-31\r"])
def test_a_start_date_is_an_iso_date(monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    monkeypatch.setenv("COUPONTOOLS_START_DATE", day)
    assert Storage.read().start_date == date.fromisoformat(day.strip())
