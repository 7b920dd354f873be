"""A range of days is the same however it is cut into runs, in whatever order they come, from whatever start date."""

import os
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.coupon_sessions import MIN_DAYS_TO_ASK
from resources.sandbox.account.handmade import HandmadeAccount
from tests.conftest import Serve
from tests.support.accounts import campaign, registration, session
from tests.support.examples import examples
from tests.support.queries import Rows, in_database
from tests.support.runs import ingest_only, publish_only, served
from tests.support.table_assets import coupon_sessions, directory_registrations

FIRST, LAST = date(2026, 1, 1), date(2026, 1, 31)
STEPS = {"open_date_utc": "opened", "claim_date_utc": "claimed", "validation_date_utc": "validated"}


def touched_session(number: int, random: Random) -> dict[str, Any]:
    """A session from December to February, with some of its steps on later days."""
    created = datetime(2025, 12, 10) + timedelta(minutes=random.randrange(60 * 24 * 75))
    status: dict[str, object] = {}
    for name, flag in STEPS.items():
        if random.random() < 0.5:
            moment = created + timedelta(minutes=random.randrange(60 * 24 * 40))
            status |= {name: f"{moment:%Y-%m-%d %H:%M:%S}", flag: "1"}
    return session(number, created=f"{created:%Y-%m-%d %H:%M:%S}", status=status)


def sessions_of_campaigns() -> dict[str, list[dict[str, Any]]]:
    """Of a campaign from before the range, one from within it, and one without a session."""
    random = Random(15)
    sessions = [touched_session(number, random) for number in range(300)]
    new = [record for record in sessions[150:] if record["status"]["created_date_utc"] >= str(FIRST)]
    return {"cam_1": sessions[:150], "cam_2": new, "cam_3": []}


SESSIONS = sessions_of_campaigns()


def made_account() -> HandmadeAccount:
    """The sessions, and the registrations of a directory from before to after the range."""
    registered = [registration(n, datetime(2026, 2, 20) - timedelta(hours=6 * n)) for n in range(300)]
    return HandmadeAccount(
        [campaign(number) for number in (1, 2, 3)],
        SESSIONS,
        directories=[{"ID": "dir_1", "code": "c", "name": "n"}],
        registrations={"dir_1": registered},
    )


def is_in_range(moment: str) -> bool:
    return str(FIRST) <= moment[:10] <= str(LAST)


ACCOUNT = made_account()
TOUCHED = {
    record["session"]
    for sessions in SESSIONS.values()
    for record in sessions
    if any(is_in_range(str(record["status"][name])) for name in (*STEPS, "created_date_utc"))
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """What names the account, which is served for all tests."""
    with served(ACCOUNT, tmp_path_factory.mktemp("data"), COUPONTOOLS_RETRY_WAIT="0.01"):
        yield {name: value for name, value in os.environ.items() if name.startswith("COUPONTOOLS_")}


def tables(environment: Mapping[str, str], data_dir: Path, windows: list[tuple[date, date]]) -> dict[str, Rows]:
    """What a folder holds after runs over these windows, but for when it was read."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**environment, "COUPONTOOLS_DATA_DIR": str(data_dir)}.items():
            patch.setenv(name, value)
        for start, end in windows:
            ingest_only(coupon_sessions, directory_registrations, start=str(start), end=str(end))
        publish_only(coupon_sessions, directory_registrations)
    names = ("coupon_sessions", "directory_registrations")
    return {name: in_database(data_dir, f"SELECT * EXCLUDE (_extracted_at) FROM {name} ORDER BY ALL") for name in names}


@pytest.fixture(scope="module")
def in_one(environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """The tables of the range in one run."""
    return tables(environment, tmp_path_factory.mktemp("one"), [(FIRST, LAST)])


def test_a_range_holds_every_session_that_was_touched_in_it(in_one: dict[str, Rows]) -> None:
    assert {row[0] for row in in_one["coupon_sessions"]} == TOUCHED


@st.composite
def cuts(draw: st.DrawFn) -> list[tuple[date, date]]:
    """The range as windows that touch one another, in any order."""
    days = (LAST - FIRST).days
    ends = sorted({*draw(st.sets(st.integers(0, days - 1), min_size=1, max_size=4)), days})
    starts = [0, *(end + 1 for end in ends[:-1])]
    return draw(
        st.permutations(
            [(FIRST + timedelta(days=a), FIRST + timedelta(days=b)) for a, b in zip(starts, ends, strict=True)]
        )
    )


def test_any_cut_of_a_range_gives_the_same_tables(environment: Mapping[str, str], in_one: dict[str, Rows]) -> None:
    @given(windows=cuts(), start_date=st.sampled_from([date(2020, 1, 1), date(2025, 12, 20), FIRST]))
    @examples(3)
    def holds(windows: list[tuple[date, date]], start_date: date) -> None:
        with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
            patch.setenv("COUPONTOOLS_START_DATE", start_date.isoformat())
            assert tables(environment, Path(folder), windows) == in_one

    holds()


def test_a_campaign_without_older_sessions_is_asked_for_its_sessions_alone(serve: Serve) -> None:
    server = serve(ACCOUNT)
    end = FIRST + MIN_DAYS_TO_ASK
    ingest_only(coupon_sessions, start=str(FIRST), end=str(end))
    events = [entry for entry in server.requests if entry.path in ("v3/campaign/opens", "v3/campaign/claims")]
    assert {entry.parameters["campaign"] for entry in events} == {"cam_1"}
    before = len(server.requests)
    ingest_only(coupon_sessions, start=str(FIRST), end=str(FIRST))
    requests = [entry for entry in server.requests[before:] if entry.path.startswith("v3/campaign/")]
    assert len({(entry.path, entry.parameters["campaign"]) for entry in requests}) == 3 * 4
    assert len(requests) <= 3 * 4 + 4, (
        "but for short pages that are looked behind, a day is four requests of a campaign"
    )
