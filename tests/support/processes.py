"""Exports in processes of their own, and an account of which every record says in which revision it was read."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from pathlib import Path

import duckdb

from resources.sandbox.account.handmade import HandmadeAccount
from tests.support.accounts import START, campaign, loyalty_user, registration, session
from tests.support.forked import Forked, start_command

CAMPAIGNS = 8
SESSIONS = 30
"""Of each campaign, a day apart."""
FROM, TO = date(2026, 1, 1), date(2026, 2, 28)

Rows = list[tuple[str, ...]]

SHOWN = {
    "campaigns": "campaign_id, title",
    "coupon_sessions": "session_id, campaign_id, created_at::DATE::VARCHAR, custom_id",
    "directories": "directory_id, name",
    "directory_registrations": "registration_id, directory_id, registered_at::DATE::VARCHAR, first_name",
    "loyalty_users": "loyalty_user_id, loyalty_card_id, first_name",
    "quarantine": 'endpoint, parent_id, regexp_extract(record, \'"customid":"(r\\d+)\', 1)',
}
"""What is compared of each table: the key, where it belongs, and last the revision."""


@dataclass(frozen=True)
class State:
    """The rows of each table, sorted, so that one that is there twice shows."""

    rows: dict[str, Rows]

    def revisions(self, *tables: str) -> set[str]:
        """In which revisions the rows of these tables were read."""
        return {row[-1] for table in tables for row in self.rows[table]}


def in_duckdb(data_dir: Path) -> State:
    """The published database, as a reader who comes new to it sees it."""
    with duckdb.connect(str(data_dir / "coupontools.duckdb"), read_only=True) as connection:
        query = "SELECT {columns} FROM {table} ORDER BY ALL"
        return State({t: connection.execute(query.format(columns=c, table=t)).fetchall() for t, c in SHOWN.items()})


def in_files(data_dir: Path) -> State:
    """The published Parquet files, of one moment."""
    snapshot = data_dir / (data_dir / "parquet").readlink()
    with duckdb.connect() as connection:
        query = "SELECT {columns} FROM read_parquet('{files}', hive_partitioning = false) ORDER BY ALL"
        return State(
            {
                t: connection.execute(query.format(columns=c, files=snapshot / t / "**" / "*.parquet")).fetchall()
                for t, c in SHOWN.items()
            }
        )


def revise(account: HandmadeAccount, revision: int) -> None:
    """Change every record, and add a session, a registration and a holder of a card."""
    mark = f"r{revision}"
    for number in range(CAMPAIGNS):
        account.put_campaign(campaign(number, title=mark))
        days = range(SESSIONS + revision)
        sessions = [
            session(1000 * number + day, created=START + timedelta(days=day % 59), customid=mark) for day in days
        ]
        account.set_sessions(f"cam_{number}", sessions)
    account.add_sessions("cam_0", session(999, created="never", customid=mark))
    account.set_records("directories", [{"ID": f"dir_{n}", "code": f"c{n}", "name": mark} for n in range(2)])
    for number in range(2):
        people = [
            registration(100 * number + n, START + timedelta(days=n), first_name=mark) for n in range(20 + revision)
        ]
        account.set_records("registrations", people, f"dir_{number}")
    account.set_records("loyalty_cards", [{"ID": "123456", "code": "c", "name": "Club", "type": "membership"}])
    account.set_records("loyalty_users", [loyalty_user(n, first_name=mark) for n in range(20 + revision)], "123456")


def expected(revision: int) -> State:
    """What a whole export of this revision comes to."""
    mark = f"r{revision}"

    def day(number: int) -> str:
        return str((START + timedelta(days=number)).date())

    rows: dict[str, Rows] = {
        "campaigns": [(f"cam_{number}", mark) for number in range(CAMPAIGNS)],
        "coupon_sessions": [
            (f"s{1000 * number + index:020}", f"cam_{number}", day(index % 59), mark)
            for number in range(CAMPAIGNS)
            for index in range(SESSIONS + revision)
        ],
        "directories": [(f"dir_{number}", mark) for number in range(2)],
        "directory_registrations": [
            (f"reg_{100 * number + index}", f"dir_{number}", day(index), mark)
            for number in range(2)
            for index in range(20 + revision)
        ],
        "loyalty_users": [(str(number), "123456", mark) for number in range(20 + revision)],
        "quarantine": [("v3/campaign/data", "cam_0", mark)],
    }
    return State({table: sorted(rows_of_table) for table, rows_of_table in rows.items()})


def start_export(data_dir: Path, start_on: date = FROM, end_on: date = TO) -> Forked:
    """Start an export of a range of days."""
    return start_command(data_dir, "export", "--from", start_on.isoformat(), "--to", end_on.isoformat())


@contextmanager
def open_for_writing(database: Path) -> Iterator[int]:
    """Let another process have a published database open as nobody should; the value is its id."""
    database.chmod(0o600)
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == "open\n"
        yield writer.pid
        writer.communicate()


def left_over(data_dir: Path) -> list[str]:
    """What no run leaves when it ends."""
    state, snapshots = data_dir / ".state", data_dir / ".snapshots"
    patterns = ("*.tmp", "*.wal", "*.metadata", "*.new.*", "spill")
    leftovers = chain(
        (state / "batches").iterdir(), *(data_dir.rglob(pattern) for pattern in patterns), data_dir.glob(".*.tmp")
    )
    return sorted({str(path) for path in chain(leftovers, snapshots.glob("unfinished"))})
