"""Neither two hosts with folders of their own nor an older copy of a folder publish a part as if it were the whole."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from assets import table_assets
from assets.dagster_internals import latest_versions
from pipelines.definitions import build_defs
from pipelines.export import export_everything
from resources.warehouse.queries import read_warehouse_id
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.warehouse import Warehouse
from tests.conftest import Serve
from tests.support.accounts import account
from tests.support.table_assets import campaigns, coupon_sessions

JANUARY, FEBRUARY = "2026-01-01", "2026-02-01"


class Host:
    """A host with a folder of its own, which runs what the instance that it shares with others gives it."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.warehouse, self._instance = Warehouse(folder), instance
        self._defs = build_defs(warehouse=WarehouseResource(data_dir=str(folder)))

    @property
    def id(self) -> str:
        """How the id of its warehouse is shown."""
        return read_warehouse_id(self.warehouse.engine)[:8]

    def read(self, *assets: dg.AssetsDefinition, day: str = JANUARY) -> None:
        """Read tables, without a publish."""
        keys = [key for asset in assets for key in asset.keys]
        assert self._run("export", keys, partition_key=day).success

    def publish(self) -> str:
        """Publish; returns why not."""
        result = self._run("publish", [dg.AssetKey("published_database")])
        reasons = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
        return "".join(reason.description or "" for reason in reasons if reason)

    def audit(self) -> bool:
        """Evaluate all checks of the stage; returns whether none has failed."""
        result = self._run("publish")
        return not [check for check in result.get_asset_check_evaluations() if not check.passed]

    def why_not_read(self, *assets: dg.AssetsDefinition, day: str) -> set[str]:
        """Read tables, which fails; returns why."""
        result = self._run("export", [key for asset in assets for key in asset.keys], partition_key=day)
        failures = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
        return {failure.description or "" for failure in failures if failure}

    def published(self) -> bool:
        return self.warehouse.folder.database.exists()

    def _run(
        self, job: str, keys: Sequence[dg.AssetKey] | None = None, partition_key: str | None = None
    ) -> dg.ExecuteInProcessResult:
        return self._defs.resolve_job_def(job).execute_in_process(
            asset_selection=keys, instance=self._instance, raise_on_error=False, partition_key=partition_key
        )


@pytest.fixture
def hosts(serve: Serve, tmp_path: Path, instance: dg.DagsterInstance) -> tuple[Host, Host]:
    serve(account({1: 3}))
    return Host(tmp_path / "first", instance), Host(tmp_path / "second", instance)


def test_tables_of_two_warehouses_are_refused_in_one_line_that_names_both(hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    first.read(campaigns)
    second.read(coupon_sessions)
    for own, other, table in ((first, second, "coupon_sessions"), (second, first, "campaigns")):
        reason = own.publish()
        assert f"this run has the warehouse {own.id}" in reason
        assert f"were written in another: {other.id} ({table})." in reason
        assert "\n" not in reason
        assert not own.published()


def test_partitions_of_two_warehouses_are_refused_until_they_are_read_again_in_one(hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    first.read(coupon_sessions, day=JANUARY)
    second.read(campaigns, coupon_sessions, day=FEBRUARY)
    assert f"{first.id} (coupon_sessions)" in second.publish()
    second.read(coupon_sessions, day=JANUARY)
    assert second.publish() == ""
    assert second.published()


def test_a_folder_that_was_begun_anew_is_published_once_the_instance_has_forgotten_the_other(
    hosts: tuple[Host, Host], instance: dg.DagsterInstance
) -> None:
    first, second = hosts
    first.read(campaigns, coupon_sessions)
    assert first.publish() == ""
    second.read(campaigns)
    assert "dagster asset wipe --all" in second.publish()
    instance.wipe_assets(instance.all_asset_keys())
    second.read(campaigns)
    assert second.publish() == ""


def test_what_was_written_before_warehouses_had_ids_is_of_any(
    hosts: tuple[Host, Host], instance: dg.DagsterInstance
) -> None:
    first, second = hosts
    first.read(campaigns, coupon_sessions)
    for name, partition in (("campaigns", None), ("coupon_sessions", JANUARY)):
        instance.report_runless_asset_event(dg.AssetMaterialization(name, partition=partition))
    assert second.publish() == ""


def test_an_older_copy_of_a_folder_is_refused_until_everything_was_read_again(
    hosts: tuple[Host, Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, _ = hosts
    host.read(campaigns, coupon_sessions, day=JANUARY)
    assert host.publish() == ""
    shutil.copytree(host.warehouse.folder.root, tmp_path / "copy", symlinks=True)
    host.read(coupon_sessions, day=FEBRUARY)
    assert host.publish() == ""
    shutil.rmtree(host.warehouse.folder.root)
    (tmp_path / "copy").rename(host.warehouse.folder.root)
    (reason,) = host.why_not_read(campaigns, coupon_sessions, day="2026-02-02")
    assert "and Dagster knows of later ones, of coupon_sessions: an older copy was restored" in reason
    assert host.publish() == reason
    monkeypatch.setenv("COUPONTOOLS_DATA_DIR", str(host.warehouse.folder.root))
    export_everything()
    host.read(campaigns, coupon_sessions, day="2026-02-02")
    assert host.publish() == ""


def test_a_run_beside_one_that_merges_is_not_refused(hosts: tuple[Host, Host], monkeypatch: pytest.MonkeyPatch) -> None:
    host, _ = hosts
    host.read(campaigns)

    def read_once_another_has_merged(*arguments: Any) -> Any:
        monkeypatch.setattr(table_assets, "latest_versions", latest_versions)
        host.read(coupon_sessions, day=JANUARY)
        return latest_versions(*arguments)

    monkeypatch.setattr(table_assets, "latest_versions", read_once_another_has_merged)
    host.read(campaigns)
    assert host.publish() == ""


def test_a_check_counts_where_it_was_evaluated(hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    second.read(coupon_sessions)
    first.read(coupon_sessions)
    with duckdb.connect(str(first.warehouse.folder.stage)) as stage:
        stage.execute("INSERT INTO coupon_sessions FROM coupon_sessions")
    assert not first.audit()
    assert second.audit()
    assert "unique_keys of coupon_sessions" in first.publish()
    assert not first.audit()
    second.read(coupon_sessions, day=JANUARY)
    assert second.publish() == ""
