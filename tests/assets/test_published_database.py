"""What Dagster keeps of publishes that the automation requests."""

from collections.abc import Sequence

import dagster as dg
import pytest

from assets.published_database import published_database
from pipelines.definitions import defs
from resources.sandbox.account.handmade import HandmadeAccount
from tests.conftest import Serve
from tests.support.accounts import account, campaign
from tests.support.table_assets import campaigns, categories, coupon_sessions

DATABASE = dg.AssetKey("published_database")
AUTOMATION = {"dagster/from_automation_condition": "true"}


@pytest.fixture
def made(serve: Serve) -> HandmadeAccount:
    served = account({1: 3})
    serve(served)
    return served


def run(instance: dg.DagsterInstance, *assets: dg.AssetsDefinition, tags: dict[str, str] | None = None) -> list[str]:
    """Run a job over some assets; returns the names of those that were materialised, but for the views."""
    keys: Sequence[dg.AssetKey] = [key for asset in assets for key in asset.keys]
    result = defs.resolve_job_def("export").execute_in_process(
        partition_key="2026-01-01", asset_selection=keys, instance=instance, tags=tags
    )
    events = result.get_asset_materialization_events()
    return [event.asset_key.path[0] for event in events if event.asset_key and len(event.asset_key.path) == 1]


@pytest.mark.usefixtures("made")
def test_a_publish_that_the_automation_requests_is_not_kept_if_the_run_before_has_published_all(
    instance: dg.DagsterInstance,
) -> None:
    assert "published_database" in run(instance, campaigns, published_database)
    kept = instance.get_latest_materialization_event(DATABASE)
    assert not run(instance, published_database, tags=AUTOMATION)
    assert instance.get_latest_materialization_event(DATABASE) == kept
    assert "published_database" in run(instance, published_database), "somebody has asked for it"


@pytest.mark.parametrize("has_changed", [False, True])
def test_a_publish_that_the_automation_requests_is_kept_if_a_table_was_updated_since(
    instance: dg.DagsterInstance, made: HandmadeAccount, has_changed: bool
) -> None:
    run(instance, campaigns, categories, published_database)
    if has_changed:
        made.put_campaign(campaign(2))
    run(instance, campaigns if has_changed else categories)
    assert run(instance, published_database, tags=AUTOMATION) == ["published_database", "report", "dictionary"]


@pytest.mark.usefixtures("made")
def test_plots_are_kept_once_for_each_publish(instance: dg.DagsterInstance) -> None:
    run(instance, campaigns, coupon_sessions, published_database)
    events = instance.all_logs(instance.get_runs()[0].run_id)
    with_plots = [event for event in events if "data:image/svg" in str(event.dagster_event)]
    of_publish = [event.dagster_event_type for event in with_plots if event.step_key == "published_database"]
    assert of_publish == [dg.DagsterEventType.ASSET_MATERIALIZATION]
