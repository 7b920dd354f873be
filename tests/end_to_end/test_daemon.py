"""Dagster as it runs in production: webserver, daemon, runs in processes of their own."""

from datetime import date, timedelta
from pathlib import Path

from tests.conftest import Serve
from tests.support.accounts import account
from tests.support.dagster_dev import dagster_dev, wait_until
from tests.support.queries import in_database


def test_a_backfill_of_a_hundred_days_and_a_new_card_are_published_without_a_hand(
    serve: Serve, data_dir: Path, tmp_path: Path
) -> None:
    made = account({1: 3_000})  # over three days of January 2026
    made.put_record("loyalty_cards", {"id": 7, "name": "New card"})
    serve(made)

    def published(query: str) -> int:
        return len(in_database(data_dir, query)) if (data_dir / "coupontools.duckdb").exists() else 0

    days = [(date(2025, 12, 1) + timedelta(days=number)).isoformat() for number in range(100)]
    with dagster_dev(tmp_path / "home") as dev:
        dev.backfill(["coupon_sessions", "coupon_session_changes"], days)
        assert dev.states_of("coupon_session_changes, coupon_sessions") == ["SUCCESS"]
        wait_until(lambda: published("FROM coupon_sessions") == 3_000, seconds=300)
        wait_until(lambda: "SUCCESS" in dev.states_of("published_database"), seconds=300)
        wait_until(lambda: dev.partitions("loyalty_users") == ["7"], seconds=300)
        wait_until(lambda: dev.states_of("export_loyalty_users") == ["SUCCESS"], seconds=300)
    assert in_database(data_dir, "SELECT loyalty_card_id, name FROM loyalty_cards") == [("7", "New card")]
