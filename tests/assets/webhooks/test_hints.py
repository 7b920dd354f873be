"""What is read for events: the campaigns and the days that they name, and no more."""

from datetime import date, datetime, timedelta

from assets.webhooks.hints import MAX_RANGES, Hint, list_reads

NOON = datetime(2026, 3, 10, 12)
DAY = date(2026, 3, 10)


def hint(
    campaign: str | None = "cam_1",
    happened: datetime | None = NOON,
    kind: str = "coupon_validated",
    came: datetime = NOON,
) -> Hint:
    return Hint(kind, campaign, happened, came)


def plan(*hints: Hint, known: tuple[str, ...] = ("cam_1", "cam_2")) -> list[tuple[object, ...]]:
    return [
        (read.table.TABLE, read.window and (read.window.start, read.window.end), read.parents)
        for read in list_reads(hints, known)
    ]


def test_a_burst_is_one_read_of_the_campaigns_that_it_names() -> None:
    burst = [hint(f"cam_{number % 2 + 1}") for number in range(100)]
    assert plan(*burst) == [("coupon_sessions", (DAY, DAY), ("cam_1", "cam_2"))]


def test_what_is_read_for_an_event_is_read_anew() -> None:
    (read,) = list_reads([hint(happened=NOON - timedelta(days=30))], ["cam_1"])
    assert read.window
    assert not read.window.resumable_for


def test_for_an_unknown_campaign_the_list_is_read_first() -> None:
    assert [table for table, *_ in plan(hint("cam_9"))] == ["campaigns", "coupon_sessions"]


def test_an_event_about_a_campaign_reads_the_list() -> None:
    assert [table for table, *_ in plan(hint(kind="coupon_updated"))] == ["campaigns", "coupon_sessions"]


def test_the_day_on_which_an_event_came_counts_where_the_zone_of_its_time_may_matter() -> None:
    after_midnight = datetime(2026, 3, 11, 0, 30)
    assert plan(hint(happened=after_midnight, came=datetime(2026, 3, 10, 22, 30))) == [
        ("coupon_sessions", (DAY, date(2026, 3, 11)), ("cam_1",))
    ]
    assert plan(hint(happened=None)) == [("coupon_sessions", (DAY, DAY), ("cam_1",))]
    assert plan(hint(happened=datetime(2099, 1, 1))) == [("coupon_sessions", (DAY, DAY), ("cam_1",))]


def test_days_apart_are_read_apart_unless_they_are_many() -> None:
    days = [NOON - timedelta(days=3 * number) for number in range(1, MAX_RANGES + 2)]
    assert len(plan(*(hint(happened=day) for day in days[:MAX_RANGES]))) == MAX_RANGES
    assert plan(*(hint(happened=day) for day in days)) == [
        ("coupon_sessions", (days[-1].date(), days[0].date()), ("cam_1",))
    ]


def test_events_of_loyalty_and_directories_read_their_part() -> None:
    tables = [table for table, *_ in plan(hint(None, kind="loyalty_points_added"), hint(None, kind="directory_joined"))]
    assert tables == ["loyalty_cards", "loyalty_users", "directories", "directory_campaigns", "directory_registrations"]


def test_an_event_that_names_no_campaign_reads_nothing() -> None:
    assert plan(hint(None)) == []
