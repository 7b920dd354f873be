"""Events of webhooks in a lake."""

from contextlib import closing

import pytest

pytest.importorskip("psycopg", reason="run it with uv run --group cluster pytest tests/cluster")

from pipelines.cluster.services import Services
from pipelines.forget import forget
from resources.warehouse.warehouse import Warehouse
from tests.conftest import Serve
from tests.support.accounts import account
from tests.support.lakes import make_lake
from tests.support.webhooks import event, receive, update


def test_events_are_merged_into_a_lake_kept_for_their_days_and_without_whoever_is_forgotten(
    serve: Serve, services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    serve(account())
    for name, value in make_lake(services).items():
        monkeypatch.setenv(name, value)
    person = {"customer": {"email": "ann@example.com"}}
    receive(event("1", campaign="cam_1", datetime="2026-01-01 00:01:00", **person))
    assert update().events.new == 1
    receive(event("2", **person), event("3", customer={"email": "bo@example.com"}))
    with monkeypatch.context() as elsewhere:  # a host that has another inbox
        elsewhere.setenv("COUPONTOOLS_DATA_DIR", str(tmp_path_factory.mktemp("elsewhere")))
        forget(["ann@example.com"], [])
    assert update().events.new == 2
    with (
        closing(Warehouse()) as warehouse,
        warehouse.engine.hold_writer_lock(),
        warehouse.engine.open_stage() as stage,
    ):
        rows = stage.execute("SELECT event_id, email FROM webhook_events ORDER BY ALL").fetchall()
        sessions = stage.execute("SELECT count(*) FROM coupon_sessions").fetchall()
        stage.execute("UPDATE webhook_events SET received_at = '2020-01-01' WHERE event_id = 'evt_1'")
    assert rows == [("evt_1", None), ("evt_2", None), ("evt_3", "bo@example.com")]
    assert sessions == [(3,)]
    assert update().deleted == 1
