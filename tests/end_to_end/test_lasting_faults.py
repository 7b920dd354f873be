"""Faults that do not pass, lost keys and lost servers: an export ends soon, in one line, and spoils nothing."""

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from assets.table_assets import ASSETS
from pipelines.export import export_days
from resources.coupontools.retry import MAX_TRIES, MAX_TRIES_IF_PERMANENT
from resources.sandbox.server.faults import Fault, Kind
from resources.sandbox.server.server import SandboxServer
from tests.conftest import Serve
from tests.support.accounts import whole_account
from tests.support.faultless import DAYS, PERIOD, SMALL_PAGES, files
from tests.support.queries import Rows, all_tables
from tests.support.runs import export_all, export_only

pytestmark = pytest.mark.usefixtures("little_patience", "every_list_is_read")

WINDOW = "from 2025-12-31 to 2026-11-01"


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
            "The API's answer to v3/coupon/list cannot be unpacked (",
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
            "not JSON, or cut off (",
        ),
        Lasting(
            "stall",
            "v3/emailtool/grouplist",
            {},
            ("email_groups",),
            MAX_TRIES,
            "The API sent nothing more of its answer to v3/emailtool/grouplist for 1 seconds (COUPONTOOLS_READ_TIMEOUT)"
            ". Tried 6 times.",
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
    if skip:
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
