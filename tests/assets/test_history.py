"""Changes of loyalty users: each one is kept, once and for good."""

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from tests.conftest import Serve
from tests.support.accounts import loyalty_user
from tests.support.queries import in_database, in_parquet
from tests.support.runs import export_only, ingest_only, publish_only
from tests.support.table_assets import loyalty_users

CARD = {"ID": "9", "code": "ndoh57", "name": "Club", "type": "membership"}
COLUMNS = "loyalty_user_id, points_before, points_after, stamps_before, stamps_after, is_voided_before, is_voided_after"
FROM_10_TO_25 = ("1", Decimal(10), Decimal(25), 3, 3, False, False)


def changes(data_dir: Path, columns: str = COLUMNS) -> list[tuple[Any, ...]]:
    """The changes in order, in both forms."""
    rows = in_database(data_dir, f"SELECT {columns} FROM loyalty_user_changes ORDER BY observed_at, loyalty_user_id")
    assert sorted(in_parquet(data_dir, "loyalty_user_changes", columns), key=repr) == sorted(rows, key=repr)
    return rows


@pytest.fixture
def made(serve: Serve) -> HandmadeAccount:
    """An account of two users, read once, of whom one has had more points since."""
    users = [loyalty_user(1, points="10"), loyalty_user(2)]
    account = HandmadeAccount(loyalty_cards=[CARD], loyalty_users={"9": users})
    serve(account)
    ingest_only(loyalty_users)
    account.put_record("loyalty_users", loyalty_user(1, points="25"), "9")
    return account


def test_each_change_between_two_reads_is_kept(made: HandmadeAccount, data_dir: Path) -> None:
    publish_only(loyalty_users)
    assert changes(data_dir) == [], "the first observation is no change"
    reports = ingest_only(loyalty_users)
    assert reports["loyalty_users"]["changes kept"] == reports["loyalty_user_changes"]["rows new"] == 1
    made.put_record("loyalty_users", loyalty_user(1, points="25", stamps="4", email="new@example.com"), "9")
    made.put_record("loyalty_users", loyalty_user(2, voided="1", points=""), "9")
    ingest_only(loyalty_users)
    made.put_record("loyalty_users", loyalty_user(1, points="25", stamps="4", city="Gent"), "9")
    export_only(loyalty_users)
    assert changes(data_dir) == [
        FROM_10_TO_25,
        ("1", Decimal(25), Decimal(25), 3, 4, False, False),
        ("2", Decimal(120), None, 3, 3, False, True),
    ]
    between = "last_observed_at < observed_at AND _extracted_at = observed_at, _deleted_at, loyalty_card_id"
    assert changes(data_dir, between) == [(True, None, "9")] * 3


@pytest.mark.usefixtures("made")
def test_reading_again_adds_nothing(data_dir: Path) -> None:
    export_only(loyalty_users)
    first = changes(data_dir, "*")
    ingest_only(loyalty_users)
    export_only(loyalty_users)
    assert changes(data_dir, "*") == first
    assert changes(data_dir) == [FROM_10_TO_25]


def test_a_user_who_comes_back_with_other_points_has_changed(made: HandmadeAccount, data_dir: Path) -> None:
    made.remove_record("loyalty_users", "1", "9")
    export_only(loyalty_users)
    assert changes(data_dir) == []
    made.put_record("loyalty_users", loyalty_user(1, points="25"), "9")
    export_only(loyalty_users)
    assert changes(data_dir) == [FROM_10_TO_25]


@pytest.mark.parametrize("lost", [[".state"], [".state", "coupontools.duckdb"], ["coupontools.duckdb"]])
def test_the_history_survives_the_loss_of_databases(made: HandmadeAccount, data_dir: Path, lost: list[str]) -> None:
    export_only(loyalty_users)
    for name in lost:
        path = data_dir / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    made.put_record("loyalty_users", loyalty_user(1, points="40"), "9")
    export_only(loyalty_users)
    assert changes(data_dir) == [FROM_10_TO_25, ("1", Decimal(25), Decimal(40), 3, 3, False, False)]
    assert in_database(data_dir, "SELECT loyalty_user_id, points FROM loyalty_users ORDER BY ALL") == [
        ("1", Decimal(40)),
        ("2", Decimal(120)),
    ]
