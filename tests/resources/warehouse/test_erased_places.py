"""An erased person is in no batch, no file and no snapshot, and comes back with none of them."""

import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from assets.tables.coupon_sessions import CouponSession
from assets.tables.sms_contacts import SmsContact
from resources.files import remove_tree
from resources.warehouse.audit import ask_stage
from resources.warehouse.publication import REPORT
from resources.warehouse.warehouse import Warehouse
from tests.support.erasure import EMAIL, PHONE, TABLES, forget, merge, put, read, rows, where_found
from tests.support.queries import in_database, in_parquet, nullabilities_in_parquet
from tests.support.small_table import open_batch, publish


def test_she_does_not_come_back_from_the_batch_of_a_run_that_died_after_she_was_forgotten(
    warehouse: Warehouse,
) -> None:
    put(warehouse, CouponSession, [{"email": EMAIL}])
    hour = timedelta(hours=1)
    with open_batch(warehouse, "sessions", hour) as of_living_run:
        read(of_living_run, CouponSession, [{"email": EMAIL, "first_name": "Plantedname"}])
        forget(warehouse, EMAIL)
        assert of_living_run.name in warehouse.store.list_batches()
    with open_batch(warehouse, "anything else", hour, warehouse.engine.read_suppression(None).version):
        assert of_living_run.name not in warehouse.store.list_batches()
    assert where_found(warehouse) == set()


def test_she_is_taken_out_of_what_a_living_run_has_read_when_that_is_merged(warehouse: Warehouse) -> None:
    put(warehouse, CouponSession, [{"email": EMAIL}])
    with open_batch(warehouse, "sessions") as batch:
        read(batch, CouponSession, [{"email": EMAIL}, {"email": "bob@example.com"}], [f'["{EMAIL}"]', "[]"])
        forget(warehouse, EMAIL)
        merge(warehouse, batch, CouponSession)
    with open_batch(warehouse, "contacts") as batch:
        read(batch, SmsContact, [{"phone": PHONE}])
        forget(warehouse, PHONE)
        merge(warehouse, batch, SmsContact)
    publish(warehouse, TABLES)
    assert rows(warehouse, "SELECT email FROM coupon_sessions ORDER BY ALL") == [("bob@example.com",), (None,)]
    assert rows(warehouse, "SELECT record FROM quarantine") == [("[]",)]
    assert rows(warehouse, "SELECT count(*) FROM sms_contacts") == [(0,)]
    assert where_found(warehouse) == set()


def test_she_is_erased_from_what_is_published_though_what_is_staged_may_not_be(warehouse: Warehouse) -> None:
    put(warehouse, CouponSession, [{"session_id": "old", "email": EMAIL, "first_name": "Plantedname"}])
    publish(warehouse, TABLES)
    put(warehouse, CouponSession, [{"session_id": "new", "email": "bob@example.com"}])
    assert forget(warehouse, EMAIL) == {"coupon_sessions": 1}
    assert rows(warehouse, "SELECT session_id, email, first_name FROM coupon_sessions") == [("old", None, None)]
    assert where_found(warehouse) == set()
    publish(warehouse, TABLES)
    assert rows(warehouse, "SELECT session_id, email FROM coupon_sessions ORDER BY ALL") == [
        ("new", "bob@example.com"),
        ("old", None),
    ]


@pytest.mark.files
def test_files_that_she_is_erased_from_declare_the_same_columns_as_others(warehouse: Warehouse) -> None:
    put(warehouse, CouponSession, [{"session_id": "a", "email": EMAIL, "phone": PHONE}])
    publish(warehouse, TABLES)
    assert forget(warehouse, EMAIL) == {"coupon_sessions": 1}
    assert nullabilities_in_parquet(warehouse.folder.root) == [("OPTIONAL",)]


@pytest.mark.files
def test_published_files_stay_as_they_are_where_nobody_is_found(warehouse: Warehouse) -> None:
    put(warehouse, CouponSession, [{"email": "bob@example.com"}])
    publish(warehouse, TABLES)
    before = warehouse.folder.parquet.readlink()
    assert forget(warehouse, EMAIL) == {}
    assert warehouse.folder.parquet.readlink() == before
    assert rows(warehouse, "SELECT email FROM coupon_sessions") == [("bob@example.com",)]
    assert publish(warehouse, TABLES).files_written == 0


def test_nothing_of_her_is_left_in_free_room_in_older_snapshots_or_in_unfinished_files(
    warehouse: Warehouse,
) -> None:
    people = [{"session_id": f"s{n:05}", "email": f"{n}.{EMAIL}"} for n in range(5_000)]
    for round_ in range(3):
        put(warehouse, CouponSession, [row | {"first_name": f"Plantedname {round_}"} for row in people])
        publish(warehouse, TABLES)
    if warehouse.folder.snapshots.exists():
        for snapshot in warehouse.folder.snapshots.iterdir():
            os.utime(snapshot, (2**32, 2**32))
        (warehouse.folder.root / "coupontools.duckdb.tmp").write_text(EMAIL)
        (warehouse.folder.state / "stage.new.duckdb").write_text(EMAIL)
    forget(warehouse, *(str(row["email"]) for row in people))
    assert where_found(warehouse) == set()
    put(warehouse, CouponSession, people)
    publish(warehouse, TABLES)
    assert where_found(warehouse) == set()
    assert rows(warehouse, "SELECT count(*), count(email) FROM coupon_sessions") == [(5_000, 0)]


def test_nothing_of_her_is_left_in_the_room_of_rows_that_no_longer_name_her(warehouse: Warehouse) -> None:
    put(warehouse, CouponSession, [{"email": EMAIL, "first_name": "Plantedname"}])
    publish(warehouse, TABLES)
    put(warehouse, CouponSession, [{"email": None}])
    publish(warehouse, TABLES)
    assert forget(warehouse, EMAIL) == {}
    assert where_found(warehouse) == set()


def test_the_report_shows_her_number_no_longer_and_the_rest_as_before(warehouse: Warehouse) -> None:
    put(warehouse, CouponSession, [{"session_id": "a", "utm_source": PHONE}, {"session_id": "b", "email": EMAIL}])
    page = f'<p>of {PHONE}</p><td title="a">mail / {PHONE}</td><td>{PHONE}0 of 2026-01-01</td>\n'
    publish(warehouse, TABLES, {REPORT: page})
    forget(warehouse, PHONE)
    assert where_found(warehouse, [f" {PHONE}<"]) == set()
    assert where_found(warehouse, [f"</td><td>{PHONE}0 of 2026-01-01</td>"]) != set()
    forget(warehouse, EMAIL)
    assert rows(warehouse, "SELECT session_id, utm_source, email FROM coupon_sessions ORDER BY 1") == [
        ("a", None, None),
        ("b", None, None),
    ]


def test_that_contacts_are_forgotten_counts_as_no_drop(warehouse: Warehouse) -> None:
    people = [f"3247011{number:04}" for number in range(10)]
    put(warehouse, SmsContact, [{"phone": phone} for phone in people])
    publish(warehouse, TABLES)
    forget(warehouse, *people)
    live = ask_stage(warehouse.engine, TABLES, {}, [SmsContact.schema_of_table()]).live["sms_contacts"]
    assert (live.staged, live.lost) == (0, 0)


def test_the_next_forget_ends_one_that_died_half_way(warehouse: Warehouse) -> None:
    put(warehouse, CouponSession, [{"email": EMAIL}])
    publish(warehouse, TABLES)
    warehouse.engine.write_suppression(warehouse.engine.read_suppression(None).with_identifiers([EMAIL]))
    assert forget(warehouse, "somebody@example.com") == {"coupon_sessions": 1}
    assert where_found(warehouse) == set()


@pytest.mark.files
def test_nobody_can_write_to_published_files_and_folders(warehouse: Warehouse) -> None:
    put(warehouse, CouponSession, [{"email": EMAIL}])
    publish(warehouse, TABLES)
    snapshot = warehouse.folder.parquet.resolve()
    modes = {path.stat().st_mode & 0o222 for path in (snapshot, *snapshot.rglob("*"), warehouse.folder.database)}
    assert modes == {0}


HERS, OF_BOB = (f"parquet/coupon_sessions/month=2026-0{month}/data_0.parquet" for month in (1, 2))


def lost(name: str) -> Callable[[Path], object]:
    return lambda root: (root / name).unlink()


def replaced(name: str, other: str) -> Callable[[Path], object]:
    def replace(root: Path) -> None:
        shutil.copyfile(root / other, root / "other")
        (root / "other").replace(root / name)

    return replace


LEFT: dict[str, Callable[[Path], object]] = {
    "her month lost": lost(HERS),
    "another month lost": lost(OF_BOB),
    "her month replaced by another": replaced(HERS, OF_BOB),
    "another month replaced by hers": replaced(OF_BOB, HERS),
    "a copy of hers put beside": replaced(f"{OF_BOB[:-8]}_copy.parquet", HERS),
    "the snapshots lost": lambda root: remove_tree(root / ".snapshots"),
    "the database lost": lost("coupontools.duckdb"),
    "the databases lost": lambda root: remove_tree(root / ".databases"),
    "the report lost": lost("report.html"),
    "the report replaced": lambda root: (root / "report.html").write_text("of a person"),
}
"""What a person did to the published files before somebody was forgotten."""


@pytest.mark.files
@pytest.mark.parametrize("state", LEFT)
def test_what_a_person_has_left_is_healed_though_somebody_was_forgotten_since(warehouse: Warehouse, state: str) -> None:
    hers = {"session_id": "hers", "email": EMAIL, "created_at": datetime(2026, 1, 5)}
    of_bob = {"session_id": "of bob", "email": "bob@example.com", "created_at": datetime(2026, 2, 5)}
    put(warehouse, CouponSession, [hers, of_bob])
    publish(warehouse, TABLES, {"report.html": "<p>"})
    root = warehouse.folder.root
    for folder in root.glob("parquet/coupon_sessions/*"):
        folder.chmod(0o700)
    LEFT[state](root)
    assert forget(warehouse, EMAIL) == {"coupon_sessions": 1}
    assert where_found(warehouse) == set()
    publish(warehouse, TABLES, {"report.html": "<p>"})
    assert where_found(warehouse) == set()
    left = [("hers", None), ("of bob", "bob@example.com")]
    assert in_database(root, "SELECT session_id, email FROM coupon_sessions ORDER BY ALL") == left
    assert sorted(in_parquet(root, "coupon_sessions", "session_id, email")) == left
    assert (root / "report.html").read_text() == "<p>"
    assert publish(warehouse, TABLES, {"report.html": "<p>"}).files_written == 0


@pytest.mark.files
def test_what_was_intact_is_not_written_again_because_somebody_was_forgotten(warehouse: Warehouse) -> None:
    hers = {"session_id": "hers", "email": EMAIL, "created_at": datetime(2026, 1, 5)}
    of_bob = {"session_id": "of bob", "email": "bob@example.com", "created_at": datetime(2026, 2, 5)}
    put(warehouse, CouponSession, [hers, of_bob])
    publish(warehouse, TABLES)
    before = (warehouse.folder.root / OF_BOB).stat().st_ino
    forget(warehouse, EMAIL)
    assert publish(warehouse, TABLES).files_written == 1
    assert (warehouse.folder.root / OF_BOB).stat().st_ino == before
