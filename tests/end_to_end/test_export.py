"""What readers see of an export: snapshots, quarantine, and files that are written again only where they must be."""

import shutil
import threading
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from assets.catalogue import TABLES
from assets.errors import FORESEEN
from pipelines.export import export_days
from resources.sandbox.account.handmade import HandmadeAccount
from tests.conftest import Serve
from tests.support.accounts import START, account, campaign, session
from tests.support.queries import all_sessions, in_database, in_parquet
from tests.support.runs import export_only, export_sessions, ingest_only, publish_only
from tests.support.table_assets import campaigns, coupon_sessions

WHOLE = (date(2020, 1, 1), date(2026, 11, 1))


def test_an_empty_account_gives_empty_tables_with_their_columns(serve: Serve, data_dir: Path) -> None:
    serve()
    exported = export_days(*WHOLE)
    assert exported.rows == dict.fromkeys((table.TABLE for table in TABLES), 0)
    for table in exported.rows:
        described = in_database(data_dir, f"DESCRIBE {table}")
        with duckdb.connect() as connection:
            connection.execute(f"CREATE VIEW files AS FROM read_parquet('{data_dir}/parquet/{table}/**/*.parquet')")
            of_files = connection.execute("DESCRIBE files").fetchall()
        assert [row[:2] for row in of_files if row[0] not in ("month", "card")] == [row[:2] for row in described]
        assert in_parquet(data_dir, table) == []


def test_a_reader_that_holds_the_database_open_disturbs_nobody(serve: Serve, data_dir: Path) -> None:
    made = account({1: 10})
    serve(made)
    export_sessions(*WHOLE)
    with duckdb.connect(str(data_dir / "coupontools.duckdb"), read_only=True) as reader:
        made.add_sessions("cam_1", session(99))
        export_sessions(*WHOLE)
        assert reader.execute("SELECT count(*) FROM coupon_sessions").fetchall() == [(10,)]
        with duckdb.connect(str(data_dir / "coupontools.duckdb"), read_only=True) as another:
            assert another.execute("SELECT count(*) FROM coupontools.main.coupon_sessions").fetchall() == [(11,)]
    assert len(all_sessions(data_dir, "session_id")) == 11


def test_readers_in_a_loop_see_whole_snapshots_only(serve: Serve, data_dir: Path) -> None:
    made = HandmadeAccount()
    serve(made)
    export_only(campaigns, coupon_sessions, full=True)
    seen: list[Sequence[tuple[int, ...]]] = []
    done = threading.Event()

    def read() -> None:
        query = "SELECT (SELECT count(*) FROM campaigns), (SELECT count(*) FROM coupon_sessions)"
        while not done.wait(0.005):
            seen.append(in_database(data_dir, query)[0])

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(1, 4):
            made.put_campaign(campaign(number))
            made.set_sessions(f"cam_{number}", [session(number * 100 + index) for index in range(10)])
            export_only(campaigns, coupon_sessions, full=True)
    finally:
        done.set()
        reader.join()
    assert set(seen) <= {(number, number * 10) for number in range(4)}
    assert len(set(seen)) > 1


def test_a_bad_record_is_kept_in_quarantine_and_leaves_when_it_is_mended(serve: Serve, data_dir: Path) -> None:
    bad = session(2, status={"open_date_utc": "yesterday", "claimed": "7"}, secret_field=1)
    another = session(1, customid="another")
    made = HandmadeAccount([campaign()], {"cam_1": [session(1), bad, b'{"session":"\\ud800"}', b"5", another]})
    serve(made)
    report = export_sessions(*WHOLE)
    assert [row[0] for row in all_sessions(data_dir, "sequence_id")] == [1]
    columns = "table_name, endpoint, parent_id, page, reason"
    place = ("coupon_sessions", "v3/campaign/data", "cam_1", 1)
    # what has no date that can be read stands in the lists of what was opened, claimed and validated, too
    assert report["records rejected"] == len(in_database(data_dir, "FROM quarantine"))
    in_data = f"SELECT {columns} FROM quarantine WHERE endpoint = 'v3/campaign/data'"
    assert sorted(in_database(data_dir, in_data)) == sorted(
        [
            (*place, "status.open_date_utc: Input should be a UTC time written YYYY-MM-DD HH:MM:SS"),
            (*place, "status.claimed: Input should be 0, 1, true or false"),
            (*place, "Input should be a valid dictionary or instance of CouponSession"),
            (*place, "the record holds a text that is not Unicode (a broken byte or half a surrogate pair)"),
            (*place, "session_id: the page holds another record of the same key"),
        ]
    )
    assert ('{"session":"\\ud800"}',) in in_database(data_dir, "SELECT record FROM quarantine")
    made.set_sessions("cam_1", [session(1), session(2)])
    export_sessions(date(2019, 1, 1), date(2026, 12, 1))
    assert in_database(data_dir, "SELECT count(*) FROM quarantine") == [(0,)]
    assert len(all_sessions(data_dir, "session_id")) == 2


def test_too_many_bad_records_stop_the_table_and_leave_the_published_one(serve: Serve, data_dir: Path) -> None:
    made = account({1: 200})
    serve(made)
    ingest_only(coupon_sessions, full=True)
    made.set_sessions("cam_1", [session(n, status={"claimed": "?"} if n < 100 else {}) for n in range(900)])
    with pytest.raises(FORESEEN, match=r"100 of 900 records do not fit .* status.claimed: Input should"):
        ingest_only(coupon_sessions, full=True)
    publish_only(coupon_sessions)
    assert len(all_sessions(data_dir, "session_id")) == 200


def test_only_changed_months_are_written_again(serve: Serve, data_dir: Path) -> None:
    months = [session(number, created=START + timedelta(days=31 * number)) for number in range(4)]
    serve(HandmadeAccount([campaign()], {"cam_1": months}))
    export_sessions(*WHOLE)
    folder = data_dir / "parquet" / "coupon_sessions"
    before = {path.parent.name: path.stat().st_ino for path in folder.rglob("*.parquet")}
    export_sessions(date(2026, 2, 1), date(2026, 2, 28))
    after = {path.parent.name: path.stat().st_ino for path in folder.rglob("*.parquet")}
    assert {month for month in before if before[month] != after[month]} == {"month=2026-02"}


def test_losing_the_private_files_loses_no_row(serve: Serve, data_dir: Path) -> None:
    made = account({1: 5})
    serve(made)
    export_sessions(*WHOLE)
    shutil.rmtree(data_dir / ".state")
    made.set_sessions("cam_1", [session(77, created="2026-05-05 00:00:00")])
    export_sessions(date(2026, 5, 1), date(2026, 5, 31))
    assert len(all_sessions(data_dir, "session_id")) == 6
