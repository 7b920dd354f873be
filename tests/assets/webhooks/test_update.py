"""Events in the inbox become rows, and what they touch is read; an event is lost at no point of it."""

import logging
import threading
import time
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from assets.ingest.destination import Destination, RunResources
from assets.tables.coupon_sessions import CouponSession
from assets.tables.webhook_events import WebhookEvent
from assets.webhooks.intake import EventIntake, open_inbox
from assets.webhooks.update import Updated
from assets.window import Window
from resources.coupontools.account import CoupontoolsAccount
from resources.coupontools.errors import CoupontoolsError
from resources.coupontools.requests import Credentials
from resources.sandbox.assumptions import Assumptions
from resources.sandbox.server.clock import Clock
from resources.sandbox.server.faults import Fault
from resources.sandbox.server.webhooks import WebhookSender
from resources.warehouse.queries import read_values
from resources.warehouse.warehouse import Warehouse
from tests.conftest import Serve
from tests.support.accounts import account, campaign
from tests.support.webhooks import event, receive, receiving, update, waiting

NOW = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
SESSION = "s00000000000000000001"


def verified() -> dict[str, bool | None]:
    """Of each event in the stage whether it is verified."""
    ids = [f"evt_{number}" for number in range(10)]
    with closing(Warehouse()) as warehouse:
        return read_values(warehouse.engine, WebhookEvent.schema_of_table(), "verified", ids)


def sessions() -> set[str]:
    """The sessions in the stage."""
    ids = [f"s{number:020}" for number in range(10)]
    with closing(Warehouse()) as warehouse:
        return set(read_values(warehouse.engine, CouponSession.schema_of_table(), "campaign_id", ids))


def of_today(name: str, in_campaign: str = "cam_1") -> bytes:
    return event(name, campaign=in_campaign, session=SESSION, datetime=str(datetime(2026, 1, 1, 0, 1)))


def test_an_account_without_webhooks_is_asked_nothing_and_nothing_is_written(serve: Serve, data_dir: Path) -> None:
    server = serve(account())
    assert update() == Updated()
    assert not list(server.requests)
    assert not data_dir.exists()


def test_a_verified_event_has_the_campaign_read_that_it_names(serve: Serve, data_dir: Path) -> None:
    server = serve(account({1: 2, 2: 2}))
    receive(of_today("1"), of_today("1"), of_today("2"))
    updated = update()
    assert updated.events.new == 2
    assert sessions() == {"s00000000000000000001", "s00000000000000000002"}
    asked = {entry.path: entry.parameters.get("campaign") for entry in server.requests if "/campaign/" in entry.path}
    assert asked == dict.fromkeys([f"v3/campaign/{p}" for p in ("data", "opens", "claims", "validations")], "cam_1")
    assert waiting(data_dir) == {}


def test_an_event_of_which_nothing_is_known_is_kept_and_has_nothing_read(serve: Serve, data_dir: Path) -> None:
    server = serve(account())
    receive(of_today("1"), is_signed=False)
    receive(b'{"type":"without an id"}', is_signed=False)
    update()
    assert verified() == {"evt_1": None}
    assert not [entry for entry in server.requests if entry.path != "v3/webhook/verification"]
    assert waiting(data_dir) == {"waiting": ["evt_1"]}


def test_an_event_that_is_verified_later_is_marked_in_its_row(serve: Serve) -> None:
    serve(account())
    receive(of_today("1"), is_signed=False)
    update()
    receive(of_today("1"))
    updated = update()
    assert (updated.events.new, updated.events.touched) == (0, 1)
    assert verified() == {"evt_1": True}
    receive(of_today("1"), is_signed=False)
    update()
    assert verified() == {"evt_1": True}


def test_a_run_that_fails_loses_no_event(serve: Serve, data_dir: Path) -> None:
    server = serve(account())
    server.faults.add(Fault("500", path="*campaign/claims", times=None))
    receive(of_today("1"))
    with pytest.raises(CoupontoolsError):
        update()
    assert waiting(data_dir) == {"verified": ["evt_1"]}
    server.faults.clear()
    update()
    assert sessions()
    assert waiting(data_dir) == {}


def test_what_an_event_touches_is_taken_from_no_batch_of_another_run(serve: Serve) -> None:
    serve(account())
    day = date(2026, 1, 1)
    with closing(Warehouse()) as warehouse:
        resources = RunResources(CoupontoolsAccount(), warehouse, logging.getLogger("tests"))
        destination = Destination.prepare(resources, CouponSession)
    of_the_day, anew = (
        destination.batch_key(Window(day, day, ignores_earlier_batches=ignores)) for ignores in (False, True)
    )
    assert of_the_day.resumable_for
    assert not anew.resumable_for
    assert of_the_day.resume_key != anew.resume_key


def test_a_new_campaign_is_in_its_table_before_its_sessions(serve: Serve) -> None:
    made = account({1: 1})
    serve(made)
    receive(of_today("1", "cam_1"))
    assert [ingested.table.TABLE for ingested in update().ingested] == ["campaigns", "coupon_sessions"]
    receive(of_today("2", "cam_1"))
    assert [ingested.table.TABLE for ingested in update().ingested] == ["coupon_sessions"]
    made.put_campaign(campaign(5))
    receive(of_today("3", "cam_5"))
    assert [ingested.table.TABLE for ingested in update().ingested] == ["campaigns", "coupon_sessions"]


def test_events_are_deleted_when_their_days_are_over(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(account())
    receive(of_today("1"))
    update()
    with (
        closing(Warehouse()) as warehouse,
        warehouse.engine.hold_writer_lock(),
        warehouse.engine.open_stage() as stage,
    ):
        stage.execute("UPDATE webhook_events SET received_at = ?", [NOW - timedelta(days=31)])
    receive(of_today("2"))
    assert update().deleted == 0
    monkeypatch.setenv("COUPONTOOLS_WEBHOOK_RETENTION_DAYS", "30")
    assert update().deleted == 1
    assert verified() == {"evt_2": True}


def test_what_the_sandbox_sends_of_a_validation_brings_its_session_up_to_date(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, clock, closing_sender = account(), Clock.frozen(datetime(2026, 1, 2, 12)), threading.Event()
    server = serve(made, clock=clock)
    with closing(Warehouse()) as warehouse:
        warehouse.folder.make()
        open_inbox(warehouse).make()
        intake = EventIntake(warehouse, Credentials(server.client_id, server.client_secret), lambda: None)
        with receiving(intake) as url, monkeypatch.context() as patch:
            patch.setattr("resources.sandbox.server.webhooks.SECONDS_BETWEEN_LOOKS", 0.05)
            sender = WebhookSender(url, made, Assumptions(), clock.now, server.client_secret)
            sending = threading.Thread(target=sender.run, args=(closing_sender,))
            sending.start()
            keys = {"X-Client-Id": server.client_id, "X-Client-Secret": server.client_secret}
            change = {"couponsession": SESSION, "validate": True}
            clock.advance(timedelta(minutes=1))
            assert httpx.post(f"{server.url}/v3/couponsession/update", json=change, headers=keys).is_success
            clock.advance(timedelta(minutes=1))
            deadline = time.monotonic() + 10
            while not open_inbox(warehouse).list_files("verified") and time.monotonic() < deadline:
                time.sleep(0.05)
            closing_sender.set()
            sending.join()
    assert update().events.new == 1
    with closing(Warehouse()) as warehouse:
        values = read_values(warehouse.engine, CouponSession.schema_of_table(), "validated_at", [SESSION])
    assert values == {SESSION: datetime(2026, 1, 2, 12, 1)}
