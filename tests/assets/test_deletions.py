"""What was deleted in the account is marked, and nothing else is."""

from collections.abc import Iterable
from pathlib import Path

import dagster as dg
import pytest

from assets.errors import FORESEEN
from assets.table_assets import ASSETS
from pipelines.definitions import defs
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.faults import Fault
from tests.conftest import Serve
from tests.support.accounts import WHOLE_COUNTS, account, campaign, loyalty_user, registration, session, whole_account
from tests.support.queries import in_database, in_parquet
from tests.support.runs import export_all, export_only, ingest_only, publish_only
from tests.support.table_assets import (
    campaigns,
    categories,
    coupon_sessions,
    directories,
    directory_campaigns,
    directory_registrations,
    loyalty_cards,
    loyalty_users,
    sms_contacts,
    sms_groups,
)

PERIOD = {"start": "2020-01-01", "end": "2026-11-01"}
OF_DAYS = ("coupon_sessions", "directory_registrations")
HAVE_PARENTS = (
    campaigns,
    coupon_sessions,
    loyalty_cards,
    loyalty_users,
    directories,
    directory_campaigns,
    directory_registrations,
    sms_groups,
    sms_contacts,
)
"""The assets whose tables belong to one another: the parents and what is read of each."""


def live(data_dir: Path, table: str, key: str) -> set[str]:
    """The keys of the rows that are not marked; DuckDB and Parquet must say the same of all."""
    both = f"{key}, _deleted_at"
    rows = in_database(data_dir, f"SELECT {both} FROM {table} ORDER BY ALL")
    assert in_parquet(data_dir, table, both) == rows
    return {row[0] for row in rows if row[1] is None}


def live_counts(data_dir: Path, tables: Iterable[str] = WHOLE_COUNTS) -> dict[str, int]:
    query = "SELECT count(*) FROM {} WHERE _deleted_at IS NULL"
    return {table: in_database(data_dir, query.format(table))[0][0] for table in tables}


def ids(*numbers: int) -> set[str]:
    return {session(number)["session"] for number in numbers}


def test_in_every_table_what_was_deleted_is_marked_and_comes_back_when_it_does(serve: Serve, data_dir: Path) -> None:
    made, again = whole_account(), whole_account()
    serve(made)
    ingest_only(*ASSETS.values(), full=True)
    made.remove_session(session(7)["session"])
    for table, name, parent in (
        ("loyalty_users", "7", "123456"),
        ("registrations", "reg_7", "dir_1"),
        ("directory_campaigns", "cam_2", "dir_1"),
        ("categories", "cat_12", ""),
        ("main_categories", "cat_11", ""),
        ("subaccounts", "sub_1", ""),
        ("email_groups", "gro_2", ""),
    ):
        made.remove_record(table, name, parent)  # type: ignore[arg-type]
    made.set_records("sms_contacts", [], "gro_1")
    export_all(full=True)
    with_deletions = {
        "coupon_sessions",
        "loyalty_users",
        "directory_registrations",
        "directory_campaigns",
        "subaccounts",
    }
    expected = {
        table: count - (table in with_deletions | {"email_groups", "sms_contacts"}) - 2 * (table == "categories")
        for table, count in WHOLE_COUNTS.items()
    }
    assert live_counts(data_dir) == expected
    counts = {table: in_database(data_dir, f"SELECT count(*) FROM {table}")[0][0] for table in WHOLE_COUNTS}
    assert counts == WHOLE_COUNTS, "a deleted row stays in its table"
    serve(again)
    export_all(full=True)
    assert live_counts(data_dir) == WHOLE_COUNTS


def test_with_a_parent_all_that_belongs_to_it_is_deleted(serve: Serve, data_dir: Path) -> None:
    made = whole_account()
    serve(made)
    ingest_only(*HAVE_PARENTS, full=True)
    made.remove_campaign("cam_2")
    made.remove_record("loyalty_cards", "123457")
    made.remove_record("directories", "dir_6")
    made.remove_record("sms_groups", "gro_1")
    export_only(*HAVE_PARENTS, **PERIOD)
    assert live(data_dir, "campaigns", "campaign_id") == {"cam_1"}
    assert live(data_dir, "loyalty_users", "loyalty_card_id") == {"123456"}
    assert live(data_dir, "directory_campaigns", "directory_id") == {"dir_1"}
    assert live(data_dir, "sms_contacts", "phone") == set()
    assert live(data_dir, "coupon_sessions", "campaign_id") == {"cam_1", "cam_2"}, "a range of days is no proof"
    assert live(data_dir, "directory_registrations", "directory_id") == {"dir_1", "dir_6"}
    assert live_counts(data_dir, OF_DAYS) == {table: WHOLE_COUNTS[table] for table in OF_DAYS}
    export_only(coupon_sessions, directory_registrations, full=True)
    assert live(data_dir, "coupon_sessions", "campaign_id") == {"cam_1"}
    assert live(data_dir, "directory_registrations", "directory_id") == {"dir_1"}


def test_a_range_of_days_deletes_no_session(serve: Serve, data_dir: Path) -> None:
    made = account({1: 5})
    serve(made)
    ingest_only(coupon_sessions, full=True)
    made.set_sessions("cam_1", [])
    export_only(coupon_sessions, start="2020-01-01", end="2026-11-22")
    assert live(data_dir, "coupon_sessions", "session_id") == ids(1, 2, 3, 4, 5)


def test_a_campaign_that_answers_502_keeps_its_sessions(serve: Serve, data_dir: Path) -> None:
    made = account({1: 3, 2: 3})
    server = serve(made)
    ingest_only(campaigns, coupon_sessions, full=True)
    made.remove_session(session(1)["session"])
    made.remove_session(session(4)["session"])
    for path in ("v3/campaign/*", "v3/coupon/info"):
        of_campaign_1 = Fault(
            "failed", path, lambda parameters: parameters.get("campaign") == "cam_1", times=None, error_code=502
        )
        server.faults.add(of_campaign_1)
    export_only(campaigns, coupon_sessions, full=True)
    assert live(data_dir, "coupon_sessions", "session_id") == ids(1, 2, 3, 5, 6)
    assert live(data_dir, "campaigns", "campaign_id") == {"cam_1", "cam_2"}
    server.faults.clear()
    export_only(campaigns, coupon_sessions, full=True)
    assert live(data_dir, "coupon_sessions", "session_id") == ids(2, 3, 5, 6)


@pytest.mark.parametrize("kind", ["500", "wrong_shape", "failed"])
def test_a_page_that_fails_deletes_nothing(serve: Serve, data_dir: Path, kind: str) -> None:
    made = account({1: 30, 2: 3})
    server = serve(made, session_page_size=10)
    ingest_only(coupon_sessions, full=True)
    made.set_sessions("cam_1", [session(number) for number in range(1, 26)])
    page_2 = {"when": lambda parameters: str(parameters.get("page")) == "2", "times": None}
    server.faults.add(Fault(kind, "v3/campaign/data", **page_2))  # type: ignore[arg-type]
    with pytest.raises(FORESEEN):
        ingest_only(coupon_sessions, full=True)
    publish_only(coupon_sessions)
    assert len(live(data_dir, "coupon_sessions", "session_id")) == 33
    server.faults.clear()
    export_only(coupon_sessions, full=True)
    assert live(data_dir, "coupon_sessions", "session_id") == ids(*range(1, 26), 31, 32, 33)


def test_a_record_that_is_rejected_is_not_deleted(serve: Serve, data_dir: Path) -> None:
    made = account({1: 4})
    serve(made)
    ingest_only(coupon_sessions, full=True)
    made.replace_session(session(1)["session"], session(1, status={"claim_date_utc": "soon"}))
    made.remove_session(session(2)["session"])
    export_only(coupon_sessions, full=True)
    assert live(data_dir, "coupon_sessions", "session_id") == ids(1, 3, 4)
    made.set_sessions("cam_1", [session(1), session(4), session(3, session_id="") | {"session": None}])
    export_only(coupon_sessions, full=True)
    assert live(data_dir, "coupon_sessions", "session_id") == ids(1, 3, 4), "a record without its id may be any"
    made.set_sessions("cam_1", [session(1), session(4)])
    export_only(coupon_sessions, full=True)
    assert live(data_dir, "coupon_sessions", "session_id") == ids(1, 4)


def test_what_was_rejected_in_a_window_leaves_quarantine_with_a_full_read(serve: Serve, data_dir: Path) -> None:
    opened = {"opened": "1", "open_date_utc": "2026-02-05 00:00:00"}
    made = HandmadeAccount([campaign()], {"cam_1": [session(1, status=opened | {"claimed": "perhaps"})]})
    serve(made)
    export_only(coupon_sessions, start="2026-02-05", end="2026-02-05")
    assert in_database(data_dir, "SELECT endpoint FROM quarantine") == [("v3/campaign/opens",)]
    made.replace_session(session(1)["session"], session(1, status=opened))
    export_only(coupon_sessions, full=True)
    assert in_database(data_dir, "SELECT endpoint FROM quarantine") == []


def test_a_user_who_is_hidden_as_void_is_not_deleted(
    serve: Serve, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = {"ID": "123456", "code": "ndoh57", "name": "Club", "type": "membership"}
    users = [loyalty_user(number) for number in (1, 2, 3)]
    made = HandmadeAccount(loyalty_cards=[card], loyalty_users={"123456": users})
    serve(made)
    ingest_only(loyalty_users)
    made.remove_record("loyalty_users", "1", "123456")
    monkeypatch.setenv("COUPONTOOLS_API_VERSIONS", "v3")
    export_only(loyalty_users)
    assert live(data_dir, "loyalty_users", "loyalty_user_id") == {"1", "2", "3"}
    monkeypatch.setenv("COUPONTOOLS_API_VERSIONS", "v4")
    made.put_record("loyalty_users", loyalty_user(2, voided="1"), "123456")
    export_only(loyalty_users)
    assert live(data_dir, "loyalty_users", "loyalty_user_id") == {"2", "3"}


def test_a_part_that_the_account_no_longer_has_keeps_its_rows(serve: Serve, data_dir: Path) -> None:
    made = whole_account()
    server = serve(made)
    ingest_only(directory_campaigns)
    server.faults.add(Fault("404", "v3/directory/campaigns", times=None))
    reports = export_only(directory_campaigns)
    assert reports["directory_campaigns"]["rows deleted"] == 0
    assert live(data_dir, "directory_campaigns", "campaign_id") == {"cam_1", "cam_2"}


def test_users_of_a_card_that_was_deleted_are_deleted_whichever_card_is_read(serve: Serve, data_dir: Path) -> None:
    made = whole_account()
    serve(made)
    ingest_only(loyalty_users)
    made.remove_record("loyalty_cards", "123457")
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("loyalty_cards", ["123456"])
        job = defs.resolve_job_def("export_loyalty_users")
        assert job.execute_in_process(partition_key="123456", instance=instance).success
    assert live(data_dir, "loyalty_users", "loyalty_card_id") == {"123456"}


def test_a_row_says_when_it_was_seen_last_and_when_it_was_missed(serve: Serve, data_dir: Path) -> None:
    made = HandmadeAccount(categories=[{"ID": "cat_1", "name": "Food"}, {"ID": "cat_2", "name": "Fun"}])
    serve(made)
    ingest_only(categories)
    made.remove_record("categories", "cat_2")
    first = ingest_only(categories)
    second = export_only(categories)
    assert (first["categories"]["rows deleted"], second["categories"]["rows deleted"]) == (1, 0)
    query = "SELECT category_id, _deleted_at > _extracted_at FROM categories ORDER BY ALL"
    assert in_database(data_dir, query) == [("cat_1", None), ("cat_2", True)]


def test_a_full_read_reads_registrations_of_every_day(serve: Serve, data_dir: Path) -> None:
    old = registration(1, "1999-12-31 00:00:00")
    serve(HandmadeAccount(directories=[{"ID": "dir_1", "name": "One"}], registrations={"dir_1": [old]}))
    export_only(directory_registrations, **PERIOD)
    assert live(data_dir, "directory_registrations", "registration_id") == set()
    export_only(directory_registrations, full=True)
    assert live(data_dir, "directory_registrations", "registration_id") == {"reg_1"}
