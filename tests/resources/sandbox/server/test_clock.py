"""The clock stands still, shows real time, or runs fast."""

import time
from datetime import UTC, datetime, timedelta, timezone

from resources.sandbox.server.clock import Clock

MOMENT = datetime(2026, 11, 1, 12)


def test_a_frozen_clock_moves_only_when_it_is_set() -> None:
    clock = Clock.frozen(MOMENT)
    time.sleep(0.01)
    assert clock.now() == MOMENT
    clock.advance(timedelta(hours=1))
    assert clock.now() == MOMENT + timedelta(hours=1)
    clock.set(MOMENT - timedelta(days=1))
    assert clock.now() == MOMENT - timedelta(days=1)


def test_a_real_clock_shows_utc_without_a_zone() -> None:
    now = Clock.real().now()
    assert now.tzinfo is None
    assert abs(now - datetime.now(UTC).replace(tzinfo=None)) < timedelta(seconds=1)


def test_a_moving_clock_runs_at_its_speed_from_its_start() -> None:
    clock = Clock(MOMENT, speed=86_400)
    time.sleep(0.02)
    first = clock.now()
    assert first >= MOMENT + timedelta(days=0.02)
    assert clock.now() > first


def test_a_moving_clock_goes_on_from_where_it_is_set() -> None:
    clock = Clock(MOMENT, speed=1000)
    clock.set(MOMENT + timedelta(days=30))
    time.sleep(0.01)
    assert MOMENT + timedelta(days=30, seconds=10) <= clock.now() < MOMENT + timedelta(days=31)


def test_aware_moments_are_converted_to_utc() -> None:
    brussels = timezone(timedelta(hours=1))
    assert Clock.frozen(datetime(2026, 11, 1, 13, tzinfo=brussels)).now() == MOMENT
