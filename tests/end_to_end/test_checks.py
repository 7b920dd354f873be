"""The audit: what keeps a run from being published, what only warns, and what the asset says."""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

import click
import dagster as dg
import duckdb
import pytest

from assets.published_database import published_database
from pipelines.definitions import defs
from pipelines.export import export_days, export_everything
from resources.sandbox.account.account import SessionQuery, SessionRows
from resources.sandbox.account.handmade import HandmadeAccount
from tests.conftest import Serve
from tests.support.accounts import account, campaign, session
from tests.support.queries import in_database
from tests.support.runs import export_only, ingest_only
from tests.support.table_assets import campaigns, coupon_sessions

DAYS = date(2026, 1, 1), date(2026, 3, 31)
Outcome = tuple[bool, bool]
"""Whether a check passed, and whether it would have blocked."""


class RowsThatFallShort:
    """Sessions of which one is announced and never served."""

    def __init__(self, rows: SessionRows) -> None:
        self._rows = rows

    @property
    def total(self) -> int:
        return self._rows.total + 1

    def encode(self, offset: int, length: int) -> tuple[int, bytes]:
        return self._rows.encode(offset, length)


class ShortAccount(HandmadeAccount):
    """An account that announces more sessions of a campaign than it gives, as long as it `is_short`."""

    is_short = True

    def sessions(self, campaign_id: str, query: SessionQuery, now: datetime) -> SessionRows:  # type: ignore[override]
        rows = super().sessions(campaign_id, query, now)
        return RowsThatFallShort(rows) if self.is_short and query.kind == "data" else rows


def export(instance: dg.DagsterInstance, **run_config: object) -> dg.ExecuteInProcessResult:
    """Run the part of the job `export` that is about sessions, and publish."""
    selected = [*coupon_sessions.keys, *published_database.keys]
    return defs.resolve_job_def("export").execute_in_process(
        partition_key="2026-01-01",
        asset_selection=selected,
        instance=instance,
        run_config=run_config,
        raise_on_error=False,
    )


def outcomes(result: dg.ExecuteInProcessResult) -> Mapping[str, Outcome]:
    """What came of each check that did not simply pass."""
    return {
        f"{evaluation.asset_key.to_user_string()}:{evaluation.check_name}": (
            evaluation.passed,
            evaluation.severity == dg.AssetCheckSeverity.ERROR,
        )
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed
    }


def test_an_account_in_order_passes_every_check(serve: Serve, instance: dg.DagsterInstance) -> None:
    serve(account({1: 3}))
    result = export(instance)
    assert result.success
    assert outcomes(result) == {}
    evaluated = {evaluation.check_name for evaluation in result.get_asset_check_evaluations()}
    assert evaluated == {
        "counts_reconciled", "no_rejected_records", "no_new_fields", "unique_keys", "no_sudden_drop", "no_future_dates",
        "dates_in_order", "parents_exist",
    }  # fmt: skip


def test_a_list_that_gives_less_than_it_announces_is_not_published_until_it_gives_all(
    serve: Serve, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    made = ShortAccount([campaign(1)], {"cam_1": [session(1), session(2)]})
    serve(made, amount_meaning="total")
    result = export(instance)
    assert not result.success
    assert outcomes(result) == {"coupon_sessions:counts_reconciled": (False, True)}
    (short,) = [evaluation for evaluation in result.get_asset_check_evaluations() if not evaluation.passed]
    assert "announces 3 records" in str(short.description)
    assert "cam_1" in str(short.description)
    materialized = instance.get_materialized_partitions(dg.AssetKey("coupon_sessions"))
    assert materialized == set(), "or no later run of the schedule would read that day again"
    assert not (data_dir / "coupontools.duckdb").exists()
    by_hand = defs.resolve_job_def("publish").execute_in_process(instance=instance, raise_on_error=False)
    (failure,) = [event.step_failure_data for event in by_hand.all_events if event.is_step_failure]
    assert failure.user_failure_data
    assert "counts_reconciled of coupon_sessions" in str(failure.user_failure_data.description)
    assert not (data_dir / "coupontools.duckdb").exists()
    made.is_short = False
    assert export(instance).success
    assert len(in_database(data_dir, "FROM coupon_sessions")) == 2


def test_the_command_says_which_check_keeps_it_from_publishing(serve: Serve, data_dir: Path) -> None:
    serve(ShortAccount([campaign(1)], {"cam_1": [session(1)]}), amount_meaning="total")
    with pytest.raises(click.ClickException) as failure:
        export_days(*DAYS)
    assert "Check counts_reconciled of coupon_sessions has failed" in failure.value.message
    assert not (data_dir / "coupontools.duckdb").exists()


def test_a_total_that_is_always_too_high_can_be_accepted_by_the_command(serve: Serve, data_dir: Path) -> None:
    serve(ShortAccount([campaign(1)], {"cam_1": [session(1), session(2)]}), amount_meaning="total")
    with pytest.raises(click.ClickException, match="coupontools export --accept-counts"):
        export_days(*DAYS)
    export_days(*DAYS, accept_counts=True)
    assert len(in_database(data_dir, "FROM coupon_sessions")) == 2


@pytest.mark.parametrize("how", ["setting", "config"])
def test_a_total_that_is_always_too_high_can_be_accepted_in_dagster(
    serve: Serve, data_dir: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    serve(ShortAccount([campaign(1)], {"cam_1": [session(1), session(2)]}), amount_meaning="total")
    if how == "setting":
        monkeypatch.setenv("COUPONTOOLS_ACCEPT_COUNTS", "true")
        result = export(instance)
    else:
        result = export(instance, resources={"coupontools": {"config": {"accept_counts": True}}})
    assert result.success
    assert outcomes(result) == {}, "a warning would keep publish_after_updates from publishing"
    accepted = [check for check in result.get_asset_check_evaluations() if check.check_name == "counts_reconciled"]
    assert "announces 3 records" in str(accepted[0].description)
    assert len(in_database(data_dir, "FROM coupon_sessions")) == 2


def test_a_read_whose_count_is_accepted_finds_what_was_deleted(
    serve: Serve, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ShortAccount([campaign(1)], {"cam_1": [session(1), session(2)]})
    serve(made, amount_meaning="total")
    monkeypatch.setenv("COUPONTOOLS_ACCEPT_COUNTS", "true")
    ingest_only(coupon_sessions, full=True)
    made.remove_session(session(1)["session"])
    export_only(coupon_sessions, full=True)
    deleted = "SELECT session_id FROM coupon_sessions WHERE _deleted_at IS NOT NULL"
    assert in_database(data_dir, deleted) == [(session(1)["session"],)]


def test_most_of_a_table_does_not_vanish_unless_it_is_accepted(serve: Serve, data_dir: Path) -> None:
    made = account({1: 20})
    serve(made)
    export_only(coupon_sessions, full=True)
    for number in range(1, 16):
        made.remove_session(f"s{number:020}")
    made.add_sessions("cam_1", *(session(number) for number in range(21, 36)))  # as many are new
    with pytest.raises(click.ClickException) as failed:
        export_everything()
    assert "15 of the 20 published live rows of coupon_sessions were deleted" in failed.value.message
    assert "coupontools export --accept-drop" in failed.value.message
    live = "FROM coupon_sessions WHERE _deleted_at IS NULL"
    assert len(in_database(data_dir, live)) == 20
    publish = defs.resolve_job_def("publish")
    later = publish.execute_in_process(raise_on_error=False)
    assert outcomes(later) == {"coupon_sessions:no_sudden_drop": (False, True)}
    export_everything(accept_drop=True)
    assert len(in_database(data_dir, live)) == 20
    assert publish.execute_in_process().success


def test_a_run_that_publishes_alone_audits_what_a_run_that_has_died_has_not(
    serve: Serve, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    made, live = account({1: 20}), "FROM coupon_sessions WHERE _deleted_at IS NULL"

    def publish_alone() -> dg.ExecuteInProcessResult:
        return defs.resolve_job_def("publish").execute_in_process(
            asset_selection=[dg.AssetKey("published_database")], instance=instance, raise_on_error=False
        )

    serve(made)
    export_only(coupon_sessions, full=True)
    for number in range(1, 16):
        made.remove_session(f"s{number:020}")
    ingest_only(coupon_sessions, full=True)
    (failure,) = [event.step_failure_data for event in publish_alone().all_events if event.is_step_failure]
    assert failure.user_failure_data
    assert "15 of the 20 published live rows of coupon_sessions were deleted" in str(
        failure.user_failure_data.description
    )
    assert len(in_database(data_dir, live)) == 20
    made.add_sessions("cam_1", *(session(number) for number in range(1, 16)))
    ingest_only(coupon_sessions, full=True)
    assert publish_alone().success, "what was red is audited again"
    assert len(in_database(data_dir, live)) == 20


def test_a_few_rows_may_vanish_at_any_time(serve: Serve, data_dir: Path) -> None:
    made = account({1: 5})
    serve(made)
    export_only(coupon_sessions, full=True)
    for number in range(1, 6):
        made.remove_session(f"s{number:020}")
    export_everything()
    assert not in_database(data_dir, "FROM coupon_sessions WHERE _deleted_at IS NULL")


def test_what_is_odd_but_true_is_a_warning_and_is_published(
    serve: Serve, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    records = [
        session(1, status={"validation_date_utc": "2025-12-31 23:59:59"}),
        session(2, status={"open_date_utc": "2999-01-01 00:00:00"}),
        session(3, brand_new="field"),
        session(4, created="tomorrow"),
    ]
    serve(HandmadeAccount([campaign(1)], {"cam_1": records}))
    result = export(instance)
    assert result.success
    assert outcomes(result) == {
        f"coupon_sessions:{check}": (False, False)
        for check in ("dates_in_order", "no_future_dates", "no_new_fields", "no_rejected_records")
    }
    assert len(in_database(data_dir, "FROM coupon_sessions")) == 3


def test_sessions_of_a_campaign_that_is_not_in_the_table_are_a_warning(
    serve: Serve, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    serve(account({1: 3, 2: 2}))
    ingest_only(campaigns, coupon_sessions, start="2026-01-01", end="2026-01-01")
    with duckdb.connect(str(data_dir / ".state" / "stage.duckdb")) as stage:
        stage.execute("DELETE FROM campaigns WHERE campaign_id = 'cam_2'")
    result = defs.resolve_job_def("publish").execute_in_process(instance=instance)
    assert outcomes(result) == {"coupon_sessions:parents_exist": (False, False)}


def test_a_check_that_is_run_again_frees_the_publish(
    serve: Serve, data_dir: Path, instance: dg.DagsterInstance
) -> None:
    serve(account({1: 3}))
    export_only(coupon_sessions, start="2026-01-01", end="2026-01-01")
    with duckdb.connect(str(data_dir / ".state" / "stage.duckdb")) as stage:
        stage.execute("INSERT INTO coupon_sessions FROM coupon_sessions")
    publish = defs.resolve_job_def("publish")
    result = publish.execute_in_process(instance=instance, raise_on_error=False)
    assert outcomes(result) == {"coupon_sessions:unique_keys": (False, True)}
    assert len(in_database(data_dir, "FROM coupon_sessions")) == 3
    with duckdb.connect(str(data_dir / ".state" / "stage.duckdb")) as stage:
        stage.execute("DELETE FROM coupon_sessions WHERE rowid >= 3")
    assert publish.execute_in_process(instance=instance).success
