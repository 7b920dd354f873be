"""Ended campaigns that are read once a week: no day of any campaign is lost, and a change shows at once."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.errors import FORESEEN
from assets.ingest.ended_campaigns import begin_with_monday, can_wait
from assets.window import Window
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.faults import Fault
from resources.sandbox.server.server import SandboxServer
from resources.utc import utc_now
from tests.conftest import Serve
from tests.support.accounts import campaign, session
from tests.support.extraction import Asked, answering, failed, good
from tests.support.queries import in_database
from tests.support.runs import export_only
from tests.support.table_assets import campaigns, coupon_sessions

DAY = timedelta(days=1)
SUNDAY = 6
TODAY = datetime.now(UTC).date()
QUIET_DAY = TODAY - DAY * (TODAY.weekday() == SUNDAY)
"""A day whose Sunday is not over."""
SUNDAY_BEFORE = TODAY - DAY * (TODAY.weekday() + 1)
"""The last Sunday that is over."""


def read_days(window: Window, today: date, *, is_active: bool) -> set[date]:
    """The days of a campaign that a run over a window reads."""
    whole = window if can_wait(window, today) else begin_with_monday(window)
    assert whole.start
    assert whole.end
    days = {whole.start + DAY * n for n in range((whole.end - whole.start).days + 1)}
    return set() if can_wait(window, today) and not is_active else days


@given(
    first=st.dates(date(2026, 1, 1), date(2026, 1, 31)),
    runs=st.lists(st.integers(1, 12), min_size=1, max_size=20),
    is_active=st.lists(st.booleans(), min_size=20, max_size=20),
)
def test_after_a_sunday_no_day_before_it_is_unread(first: date, runs: list[int], is_active: list[bool]) -> None:
    """Runs that read all days up to yesterday, one after the other, of a campaign that ends and comes back."""
    read, next_day = set[date](), first
    for days, active in zip(runs, is_active, strict=False):
        window = Window(next_day, next_day + DAY * (days - 1))
        assert window.end
        read |= read_days(window, window.end + DAY, is_active=active)
        next_day = window.end + DAY
    sundays = [first + DAY * n for n in range((next_day - first).days) if (first + DAY * n).weekday() == SUNDAY]
    due = {first + DAY * n for n in range((sundays[-1] - first).days + 1)} if sundays else set()
    assert due <= read


@given(start=st.dates(date(2026, 1, 1), date(2026, 12, 31)), days=st.integers(1, 40), later=st.integers(7, 400))
def test_days_whose_sunday_is_over_are_read_at_once(start: date, days: int, later: int) -> None:
    window = Window(start, start + DAY * (days - 1))
    assert window.end
    days_of_window = {start + DAY * n for n in range(days)}
    assert read_days(window, window.end + DAY * later, is_active=False) >= days_of_window


def account() -> HandmadeAccount:
    """An active campaign and an ended one, each with a session on the quiet day, the last Sunday and its Monday."""
    days = (QUIET_DAY, SUNDAY_BEFORE, SUNDAY_BEFORE - 6 * DAY)
    sessions = {
        f"cam_{n}": [session(n * 10 + i, created=datetime.combine(day, time(12))) for i, day in enumerate(days)]
        for n in (1, 2)
    }
    return HandmadeAccount([campaign(1), campaign(2, status="expired")], sessions)


@pytest.fixture
def weekly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_ENDED_CAMPAIGNS", "weekly")


def sessions_of(data_dir: Path) -> list[tuple[object, ...]]:
    return in_database(data_dir, "SELECT campaign_id, count(*) FROM coupon_sessions GROUP BY ALL ORDER BY ALL")


def read_sessions(day: date) -> None:
    export_only(coupon_sessions, start=day.isoformat(), end=day.isoformat())


@pytest.mark.usefixtures("weekly")
def test_sessions_of_an_ended_campaign_come_with_the_sunday_of_the_week(serve: Serve, data_dir: Path) -> None:
    serve(account())
    read_sessions(QUIET_DAY)
    assert sessions_of(data_dir) == [("cam_1", 1)]
    read_sessions(SUNDAY_BEFORE)
    assert sessions_of(data_dir) == [("cam_1", 3), ("cam_2", 2)], "that Sunday, and the Monday before it"
    export_only(coupon_sessions, full=True)
    assert sessions_of(data_dir) == [("cam_1", 3), ("cam_2", 3)]


def test_without_the_setting_every_campaign_is_read_every_day(serve: Serve, data_dir: Path) -> None:
    serve(account())
    read_sessions(QUIET_DAY)
    assert sessions_of(data_dir) == [("cam_1", 1), ("cam_2", 1)]


def described(server: SandboxServer) -> list[str]:
    """The campaigns whose descriptions were asked for since the last call."""
    asked = [str(entry.parameters["campaign"]) for entry in server.requests if entry.path.endswith("coupon/info")]
    server.requests.clear()
    return sorted(asked)


@pytest.mark.usefixtures("weekly")
def test_an_ended_campaign_is_described_again_only_if_its_list_record_changed(serve: Serve, data_dir: Path) -> None:
    made = account()
    server = serve(made)
    export_only(campaigns)
    assert described(server) == ["cam_1", "cam_2"]
    before = in_database(data_dir, "FROM campaigns WHERE campaign_id = 'cam_2'")
    export_only(campaigns)
    assert described(server) == ["cam_1"]
    assert in_database(data_dir, "FROM campaigns WHERE campaign_id = 'cam_2'") == before, "it is not deleted either"
    made.put_campaign(campaign(2, status="expired", title="Other"))
    export_only(campaigns)
    assert described(server) == ["cam_1", "cam_2"]
    assert in_database(data_dir, "SELECT title FROM campaigns ORDER BY ALL") == [("Other",), ("Title 1",)]


@pytest.mark.usefixtures("weekly")
def test_a_value_that_the_list_no_longer_has_of_an_ended_campaign_is_null_at_once(serve: Serve, data_dir: Path) -> None:
    made = account()
    serve(made)
    export_only(campaigns)
    made.put_campaign(campaign(2, status="expired", title=""))
    export_only(campaigns)
    assert in_database(data_dir, "SELECT title FROM campaigns ORDER BY campaign_id") == [("Title 1",), (None,)]


@pytest.mark.usefixtures("weekly")
def test_an_ended_campaign_that_is_not_described_again_is_counted(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [campaign(1), campaign(2, status="ended"), campaign(3, status="ended")]

    def answer(path: str, parameters: Mapping[str, Any]) -> object:
        if path != "v3/coupon/list":
            return good(coupon_info={"ID": parameters["campaign"], "custom_codes_left": "5"})
        rows = listed[:1] if parameters.get("only_active") else listed
        return good(coupon_info=rows, amount_of_results=len(rows))

    monkeypatch.setenv("COUPONTOOLS_CLIENT_ID", "somebody")
    monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", "or-other")
    with answering(answer, []) as url:
        monkeypatch.setenv("COUPONTOOLS_API_URL", url)
        reports = [export_only(campaigns)["campaigns"] for _ in range(2)]
    assert [report["records read"] for report in reports] == [3, 3]
    assert [report["rows new"] for report in reports] == [3, 0]
    assert [report["rows touched"] for report in reports] == [0, 1], "the ended ones are left as they were"
    assert in_database(data_dir, "SELECT count(*) FROM campaigns WHERE _deleted_at IS NULL") == [(3,)]


@pytest.mark.usefixtures("weekly")
@pytest.mark.parametrize("nothing", [good(coupon_info="unreadable"), good(coupon_info=[]), failed(502)])
@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ({"custom_validation_codes": "5"}, (5, '{"tags":"summer"}')),
        ({"left": "5"}, (None, '{"left":"5","tags":"summer"}')),
    ],
)
def test_an_ended_campaign_whose_description_failed_is_described_by_the_next_run(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, nothing: object, described: object, expected: tuple[object, ...]
) -> None:
    descriptions, asked = [nothing], list[Asked]()

    def answer(path: str, parameters: Mapping[str, Any]) -> object:
        if path != "v3/coupon/list":
            return descriptions[-1]
        return good(coupon_info=[] if parameters.get("only_active") else [campaign(2, status="ended", tags="summer")])

    monkeypatch.setenv("COUPONTOOLS_CLIENT_ID", "somebody")
    monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", "or-other")
    monkeypatch.setenv("COUPONTOOLS_RETRY_WAIT", "0")
    with answering(answer, asked) as url:
        monkeypatch.setenv("COUPONTOOLS_API_URL", url)
        with suppress(*FORESEEN):
            export_only(campaigns)
        descriptions.append(good(coupon_info=described))
        export_only(campaigns)
        assert in_database(data_dir, "SELECT custom_codes, _extra FROM campaigns") == [expected]
        asked.clear()
        export_only(campaigns)
    assert {path for path, _ in asked} == {"v3/coupon/list"}, "now that it is described, it can wait"


@pytest.mark.usefixtures("weekly")
def test_an_ended_campaign_that_a_wrong_clock_has_seen_in_the_future_is_described_again(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(account())
    with monkeypatch.context() as ahead:
        ahead.setattr("resources.coupontools.client.utc_now", lambda: utc_now() + 100 * DAY)
        export_only(campaigns)
    described(server)
    export_only(campaigns)
    assert described(server) == ["cam_1", "cam_2"]
    export_only(campaigns)
    assert described(server) == ["cam_1"]


@pytest.mark.usefixtures("weekly")
def test_a_campaign_that_ends_shows_it_at_once(serve: Serve, data_dir: Path) -> None:
    made = account()
    serve(made)
    export_only(campaigns)
    made.put_campaign(campaign(1, status="expired"))
    export_only(campaigns)
    assert in_database(data_dir, "SELECT DISTINCT status FROM campaigns") == [("expired",)]


@pytest.mark.usefixtures("weekly")
def test_where_the_api_does_not_know_only_active_all_campaigns_are_read(serve: Serve, data_dir: Path) -> None:
    serve(account()).faults.add(
        Fault("wrong_shape", path="v3/coupon/list", when=lambda parameters: "only_active" in parameters, times=None)
    )
    with suppress(*FORESEEN):
        read_sessions(QUIET_DAY)
    assert sessions_of(data_dir) == [("cam_1", 1), ("cam_2", 1)]
