"""The whole way through a server that misbehaves: the tables of the account, or one clear line and what was there."""

import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import click
import pytest

from assets.catalogue import ASSETS
from pipelines.export import export_days
from resources.account_fingerprint import ACCOUNT
from resources.coupontools.endpoints import choose_endpoints
from resources.coupontools.retry import MAX_TRIES, MAX_TRIES_IF_PERMANENT
from resources.sandbox.server.faults import Fault, Faults, Kind
from resources.sandbox.server.server import SandboxServer
from resources.warehouse.admission import adopt
from resources.warehouse.origin import Origin
from resources.warehouse.resource import WarehouseResource
from tests.conftest import Serve
from tests.support.accounts import WHOLE_COUNTS, whole_account
from tests.support.queries import Rows, all_tables
from tests.support.runs import Metadata, export_all, export_only, served

DAYS = (date(2025, 12, 31), date(2026, 11, 1))

PERIOD: Mapping[str, object] = {"start": str(DAYS[0]), "end": str(DAYS[1])}
WINDOW = "from 2025-12-31 to 2026-11-01"
SMALL_PAGES = {
    "session_page_size": 40,
    "registration_page_size": 40,
    "v4_registration_page_size": 40,
    "v4_loyalty_page_size": 40,
}

PASSING: Mapping[str, Mapping[str, Any]] = {
    "429 with seconds": {"kind": "429", "retry_after": 0},
    "429 with a date": {"kind": "429", "as_http_date": True},
    "429 with no time": {"kind": "429", "retry_after": None},
    "503 with words": {"kind": "503", "retry_after": "soon"},
    **{
        kind: {"kind": kind}
        for kind in (
            "408", "500", "502", "503", "504", "reset", "reset_in_body", "short_body", "cut_chunks", "truncated",
            "truncated_after_record", "cut_gzip", "broken_gzip", "empty", "wrong_shape", "html", "content_type",
        )
    },
    "drip": {"kind": "drip", "seconds": 0.05},
    "stall": {"kind": "stall", "seconds": 1.2},
}  # fmt: skip
HARMLESS = {"content_type", "drip"}
"""Faults behind which the right answer is read."""


TOGETHER = {
    "errors of HTTP": ["500", "503", "429 with seconds", "429 with a date", "503 with words"],
    "answers that break off": ["html", "reset", "reset_in_body", "short_body", "truncated", "content_type"],
    "answers that cannot be read": [
        "wrong_shape",
        "truncated_after_record",
        "broken_gzip",
        "cut_gzip",
        "empty",
        "drip",
    ],
    "stall": ["stall"],
}
"""Each endpoint shows all faults of a line, one after the other: as many as one request can overcome.

What may also mean that the address is wrong has to be overcome first.
"""


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_READ_TIMEOUT", "1")


@pytest.fixture(autouse=True)
def _every_list_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opens, claims and validations too, although no session is from before the range."""
    monkeypatch.setattr("assets.coupon_sessions.MIN_DAYS_TO_ASK", timedelta.max)


def files(data_dir: Path) -> dict[str, bytes]:
    """All that is published, byte for byte."""
    folder = (data_dir / "parquet").resolve()
    bodies = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.parquet")}
    return bodies | {"database": (data_dir / "coupontools.duckdb").read_bytes()}


def total(reports: Mapping[str, Metadata], name: str) -> int:
    return sum(int(str(metadata.get(name, 0))) for metadata in reports.values())


@cache
def faultless(versions: str = "") -> tuple[TemporaryDirectory[str], Mapping[str, Rows]]:
    """The folder and the tables of an export of the whole account without faults."""
    folder = TemporaryDirectory()
    with served(whole_account(), Path(folder.name), COUPONTOOLS_API_VERSIONS=versions):
        reports = export_all(**PERIOD)
    assert total(reports, "API retries") == 0
    # each test serves the account at an address of its own: the first that comes takes the folder over
    adopt(WarehouseResource(data_dir=folder.name).engine, Origin(ACCOUNT))
    tables = all_tables(Path(folder.name))
    assert {table: len(rows) for table, rows in tables.items()} == WHOLE_COUNTS
    return folder, tables


@pytest.fixture
def published(data_dir: Path) -> Mapping[str, Rows]:
    """The whole account as an earlier run has published it."""
    folder, tables = faultless()
    shutil.copytree(folder.name, data_dir, symlinks=True)
    return tables


@pytest.mark.parametrize("case", TOGETHER)
def test_passing_faults_at_every_endpoint_change_no_row_and_are_counted(
    serve: Serve, data_dir: Path, case: str
) -> None:
    server, rules = serve(whole_account(), **SMALL_PAGES), [PASSING[fault] for fault in TOGETHER[case]]
    paths = [endpoint.path.replace("{parent}", "*") for endpoint in choose_endpoints("").values()]
    if case == "stall":  # each takes as long as the client is patient
        paths = ["v3/coupon/*", "v3/campaign/*", "v4/loyalty/*", "v3/directoryusers/list"]
    server.faults.add(*(Fault(**rule, path=path) for path in paths for rule in rules))
    reports = export_all(**PERIOD)
    assert all_tables(data_dir) == faultless()[1]
    kinds = Counter(rule["kind"] for rule in rules)
    expected = Counter({kind: number * len(paths) for kind, number in kinds.items()})
    assert server.faults.hits == Counter(entry.fault for entry in server.requests if entry.fault) == expected
    assert total(reports, "API requests") == len(server.requests)
    harmful = sum(number for kind, number in kinds.items() if kind not in HARMLESS)
    assert total(reports, "API retries") == harmful * len(paths)
    assert total(reports, "API throttled") == expected["429"]
    if case != "stall":
        retried = {table: metadata["API retries"] for table, metadata in reports.items() if "API retries" in metadata}
        assert retried["categories"] == 2 * harmful, "two endpoints"
        assert retried["email_groups"] == harmful


class Lasting(NamedTuple):
    """A fault without end of the requests with these parameters, the tables it keeps back, and what is said of it."""

    kind: Kind
    path: str
    where: Mapping[str, object]
    failing: tuple[str, ...]
    tries: int
    line: str

    def matches(self, parameters: Mapping[str, object]) -> bool:
        """Whether a request has the parameters."""
        return self.where.items() <= parameters.items()


LASTING: Mapping[str, list[Lasting]] = {
    "the list of campaigns": [
        Lasting(
            "broken_gzip",
            "v3/coupon/list",
            {},
            ("campaigns", "coupon_sessions"),
            2 * MAX_TRIES,
            "The API broke off its answer to v3/coupon/list (",
        )
    ],
    "five at once": [
        Lasting(
            "failed",
            "v3/campaign/opens",
            {"campaign": "cam_1", "page": 1},
            ("coupon_sessions",),
            1,
            f"The API refuses v3/campaign/opens of campaign cam_1 {WINDOW}, page 1 (error 604: Something is wrong",
        ),
        Lasting(
            "truncated_after_record",
            "v3/directoryusers/list",
            {"directory": "dir_1", "page": 2},
            ("directory_registrations",),
            MAX_TRIES,
            f"The API answers v3/directoryusers/list of directory dir_1 {WINDOW}, page 2 in a shape that is not known: "
            "no JSON, or cut off (",
        ),
        Lasting(
            "stall",
            "v3/emailtool/grouplist",
            {},
            ("email_groups",),
            MAX_TRIES,
            "The API broke off its answer to v3/emailtool/grouplist (ReadTimeout). Tried 6 times.",
        ),
        Lasting(
            "500",
            "v4/loyalty/loyalty-cards/123456/stats",
            {},
            ("loyalty_users",),
            MAX_TRIES,
            "The API answers v4/loyalty/loyalty-cards/stats of loyalty card 123456, page 1 with HTTP 500. Tried 6 ",
        ),
        Lasting(
            "wrong_shape",
            "v3/smstool/userlist",
            {},
            ("sms_contacts",),
            MAX_TRIES_IF_PERMANENT,
            "The API answers v3/smstool/userlist of smsgroup gro_1 in a shape that is not known: [3 x text]. Tried 3 ",
        ),
    ],
}


@pytest.mark.parametrize("case", LASTING)
def test_a_lasting_fault_is_one_line_and_spoils_nothing(
    serve: Serve, data_dir: Path, published: Mapping[str, Rows], capfd: pytest.CaptureFixture[str], case: str
) -> None:
    made, before = whole_account(), files(data_dir)
    made.put_record("categories", {"ID": "cat_99", "name": "New"})
    server = serve(made, **SMALL_PAGES)
    for fault in LASTING[case]:
        server.faults.add(
            Fault(fault.kind, fault.path, fault.matches, times=None, retry_after="later", seconds=2, error_code=604)
        )
    lines = failure(server, capfd).splitlines()
    assert len(lines) == len(LASTING[case])
    for fault, line in zip(LASTING[case], lines, strict=True):
        assert line.startswith(fault.line)
    assert server.faults.hits == {fault.kind: fault.tries for fault in LASTING[case]}
    now, after = all_tables(data_dir), files(data_dir)
    for table in published.keys() - {"categories", "quarantine"}:
        assert now[table] == published[table]
    assert len(now["categories"]) == len(published["categories"]) + 1, "what can be read is published"
    unreadable = [fault for fault in LASTING[case] if "in a shape that is not known" in fault.line]
    assert len(now["quarantine"]) == len(unreadable), "the answer is kept"
    failing = {table for fault in LASTING[case] if fault not in unreadable for table in fault.failing}
    unchanged = {path: body for path, body in before.items() if path.split("/")[0] in failing}
    assert bool(unchanged) == bool(failing)
    assert {path: after[path] for path in unchanged} == unchanged
    server.faults.clear()
    again = {table for fault in LASTING[case] for table in fault.failing}
    export_only(*(asset for table, asset in ASSETS.items() if table.TABLE in again), **PERIOD)
    assert all_tables(data_dir) == {**published, "categories": now["categories"]}


def failure(server: SandboxServer | None, capfd: pytest.CaptureFixture[str]) -> str:
    """The message with which an export ends, soon, and without showing the keys."""
    begun = time.monotonic()
    with pytest.raises(click.ClickException) as error:
        export_days(*DAYS)
    assert time.monotonic() - begun < 30
    message = error.value.message
    shown = "".join((message, *capfd.readouterr()))
    for key in (server.client_id, server.client_secret) if server else ("somebody", "hush-hush"):
        assert key not in shown
    return message


@pytest.mark.parametrize("skip", [0, 20])
def test_keys_revoked_in_mid_run_end_it_at_once(
    serve: Serve, data_dir: Path, published: Mapping[str, Rows], capfd: pytest.CaptureFixture[str], skip: int
) -> None:
    before = files(data_dir)
    server = serve(whole_account(), **SMALL_PAGES)
    server.faults.add(Fault("revoked", skip=skip))
    message = failure(server, capfd)
    assert "\n" not in message
    assert message.startswith("The API refuses the keys (error 1000: HTTP/1.0 401 Unauthorized. Client ID or Sec")
    assert message.endswith("Check COUPONTOOLS_CLIENT_ID and COUPONTOOLS_CLIENT_SECRET.")
    assert len(server.requests) <= skip + 8, "those that were under way"
    after = files(data_dir)
    if skip == 0:
        assert after == before
    read = ("campaigns", "categories", "database")
    assert {path: body for path, body in after.items() if not path.startswith(read)} == {
        path: body for path, body in before.items() if not path.startswith(read)
    }
    assert all_tables(data_dir) == published
    server.faults.clear()
    export_all(**PERIOD)
    assert all_tables(data_dir) == published


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_where_nothing_listens_is_said_once(
    data_dir: Path,
    published: Mapping[str, Rows],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
) -> None:
    del published
    before = files(data_dir)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("COUPONTOOLS_API_URL", f"{scheme}://127.0.0.1:{port}")
    monkeypatch.setenv("COUPONTOOLS_CLIENT_ID", "somebody")
    monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", "hush-hush")
    message = failure(None, capfd)
    assert "\n" not in message
    assert message.startswith(f"127.0.0.1:{port} cannot be reached (")
    assert "Check COUPONTOOLS_API_URL and the network. Tried 3 times." in message
    assert files(data_dir) == before


@pytest.fixture
def leaving(serve: Serve) -> Iterator[SandboxServer]:
    """A server that goes away once it is asked for registrations, and leaves nothing behind that listens."""
    server, requested = serve(whole_account(), **SMALL_PAGES), threading.Event()

    def leave() -> None:
        requested.wait()
        server.__exit__(None, None, None)

    def has_asked(_: object) -> bool:
        requested.set()
        return True

    thread = threading.Thread(target=leave)
    thread.start()
    server.faults.add(Fault("stall", path="v3/directoryusers/list", when=has_asked, seconds=9))
    yield server
    requested.set()
    thread.join()


def test_a_server_that_goes_away_in_mid_run_is_given_up_once(
    leaving: SandboxServer, data_dir: Path, published: Mapping[str, Rows], capfd: pytest.CaptureFixture[str]
) -> None:
    before = files(data_dir)
    message = failure(leaving, capfd)
    assert "\n" not in message
    assert " cannot be reached (" in message
    assert "Tried 6 times." in message
    assert all_tables(data_dir) == published
    unread = ("directory_registrations", "email_groups", "loyalty_cards", "loyalty_users", "sms_", "subaccounts")
    unchanged = {path: body for path, body in before.items() if path.startswith(unread)}
    after = files(data_dir)
    assert len(unchanged) > len(unread)
    assert {path: after[path] for path in unchanged} == unchanged


@pytest.mark.parametrize(("seed", "versions", "days"), [(3, "v3", {}), (4, "v4", {"full": True})])
def test_faults_of_all_kinds_at_random_change_no_row(
    serve: Serve, data_dir: Path, monkeypatch: pytest.MonkeyPatch, seed: int, versions: str, days: dict[str, object]
) -> None:
    folder, expected = faultless(versions)
    if days:  # a complete read, in which nothing may count as deleted
        shutil.copytree(folder.name, data_dir, symlinks=True)
    monkeypatch.setenv("COUPONTOOLS_API_VERSIONS", versions)
    faults = Faults((Fault(**rule, times=None, probability=0.015) for rule in PASSING.values()), seed)
    server = serve(whole_account(), faults=faults, **SMALL_PAGES | {"session_page_size": 10})
    reports = export_all(**days or PERIOD)
    assert all_tables(data_dir) == expected
    hits = server.faults.hits
    assert hits.total() > 10
    assert len(hits) > 7
    assert total(reports, "API requests") == len(server.requests)
    assert total(reports, "API retries") == hits.total() - sum(hits[kind] for kind in ("content_type", "drip"))
    assert total(reports, "API throttled") == hits["429"]
