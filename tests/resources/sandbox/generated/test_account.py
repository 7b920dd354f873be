"""The generated account is a pure function of seed and time, realistic, and quick."""

import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from resources.sandbox.account.session_fields import LOCATION, STATUS, UTM
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.clock import Clock
from resources.sandbox.server.server import SandboxServer
from tests.resources.sandbox.api import NOW, Api
from tests.resources.sandbox.conftest import Serve

DATES = ("open_date_utc", "played_date_utc", "claim_date_utc", "validation_date_utc", "voided_date_utc")
FLAGS = {
    "opened": "open",
    "played": "played",
    "claimed": "claim",
    "validated": "validation",
    "voided": "voided",
}
Rows = dict[str, dict[str, Any]]


def campaign_ids(api: Api) -> list[str]:
    return [row["ID"] for row in api.call("coupon/list")["coupon_info"]]


def all_rows(api: Api) -> Rows:
    """Return all sessions by id, of all pages."""
    rows = []
    for campaign_id in campaign_ids(api):
        page, more = 1, True
        while more:
            page_rows = api.sessions(campaign_id, page=page)
            rows += page_rows
            page, more = page + 1, len(page_rows) == 5000
    assert len({row["session"] for row in rows}) == len(rows)
    return {row["session"]: row for row in rows}


@pytest.fixture(scope="module")
def rows(generated: Api) -> Rows:
    return all_rows(generated)


@pytest.fixture(scope="module")
def large() -> Iterator[Api]:
    """An account of 15,000 sessions, for what is rare."""
    account = GeneratedAccount(seed=1, sessions=15_000, campaigns=12)
    with Api(SandboxServer(account, clock=Clock.frozen(NOW))) as api:
        yield api


@pytest.fixture(scope="module")
def many_rows(large: Api) -> Rows:
    return all_rows(large)


class TestPurity:
    def test_two_servers_of_one_seed_and_time_give_equal_bytes(self, serve: Serve) -> None:
        first, second = (serve(GeneratedAccount(seed=5, sessions=1000, campaigns=10)) for _ in range(2))
        for campaign_id in campaign_ids(first):
            for path in ("campaign/data", "campaign/validations"):
                pages = [api.post(path, campaign=campaign_id).content for api in (first, second)]
                assert pages[0] == pages[1]

    def test_another_seed_gives_another_account(self, serve: Serve, rows: Rows) -> None:
        other = all_rows(serve(GeneratedAccount(seed=2, sessions=3000, campaigns=10)))
        assert not set(other) & set(rows)

    def test_the_way_to_a_moment_does_not_matter(self, serve: Serve) -> None:
        clock = Clock.frozen(NOW + timedelta(days=400))
        wandering = serve(GeneratedAccount(seed=5, sessions=1000, campaigns=10), clock=clock)
        later = all_rows(wandering)
        clock.set(NOW)
        assert all_rows(wandering) == all_rows(serve(GeneratedAccount(seed=5, sessions=1000, campaigns=10))) != later

    def test_before_the_first_day_there_is_nothing(self, serve: Serve) -> None:
        api = serve(GeneratedAccount(sessions=1000), clock=Clock.frozen(datetime(2023, 12, 31)))
        assert all_rows(api) == {}


class TestTime:
    def test_a_later_clock_changes_only_what_happened_since(self, serve: Serve) -> None:
        start, end = NOW - timedelta(days=60), NOW
        clock = Clock.frozen(start)
        api = serve(GeneratedAccount(seed=4, sessions=3000, campaigns=15), clock=clock)
        before = all_rows(api)
        clock.set(end)
        after = all_rows(api)
        assert set(before) < set(after)
        for name, new in after.items():
            old = before.get(name)
            if old is None:
                assert str(start) < new["status"]["created_date_utc"] <= str(end)
                continue
            assert all(old[key] == new[key] for key in ("sequenceid", "session_url", "customid"))
            for key in DATES:
                was, now = old["status"][key], new["status"][key]
                assert now in (was, "") or str(start) < now <= str(end)
            cleared = [key for key in DATES if old["status"][key] and not new["status"][key]]
            assert set(cleared) <= {"claim_date_utc", "validation_date_utc", "voided_date_utc"}

    def test_nothing_is_dated_after_now(self, rows: Rows) -> None:
        assert all(row["status"][key] <= str(NOW) for row in rows.values() for key in DATES)

    def test_voids_and_resets_are_taken_back_as_the_clock_passes(self, serve: Serve) -> None:
        clock = Clock.frozen(NOW - timedelta(days=150))
        api = serve(GeneratedAccount(seed=1, sessions=20_000, campaigns=4), clock=clock)
        seen: Counter[str] = Counter()
        old = all_rows(api)
        for _ in range(3):
            clock.advance(timedelta(days=50))
            new = all_rows(api)
            for name, row in old.items():
                was, now = row["status"], new[name]["status"]
                seen["unvoided"] += bool(was["voided_date_utc"] and not now["voided_date_utc"])
                seen["reset"] += bool(was["validation_date_utc"] and not now["validation_date_utc"])
                seen["claimed again"] += "" < was["claim_date_utc"] < now["claim_date_utc"]
                seen["un-void dated"] += was["unvoided_date_utc"] < now["unvoided_date_utc"]
                seen["locked"] += was["locked"] < now["locked"]
                seen["unlocked"] += was["locked"] > now["locked"] and now["unlocked_date_utc"] != ""
            old = new
        assert all(
            seen[what] > 0 for what in ("unvoided", "un-void dated", "reset", "claimed again", "locked", "unlocked")
        ), seen

    def test_exactly_the_sessions_asked_for_exist_at_the_reference_day(self, serve: Serve) -> None:
        api = serve(GeneratedAccount(seed=9, sessions=777), clock=Clock.frozen(datetime(2026, 10, 31, 23, 59, 59)))
        assert len(all_rows(api)) == 777

    def test_sessions_go_on_at_about_the_same_rate_without_end(self, serve: Serve) -> None:
        clock = Clock.frozen(datetime(2026, 11, 1))
        api = serve(GeneratedAccount(seed=9, sessions=3000, campaigns=4), clock=clock)
        amounts = []
        for _ in range(3):
            amounts.append(len(all_rows(api)))
            clock.advance(timedelta(days=1035))
        assert amounts[1] - amounts[0] == pytest.approx(3000, rel=0.02)
        assert amounts[2] - amounts[1] == pytest.approx(3000, rel=0.02)

    def test_a_moving_clock_always_brings_new_sessions(self, serve: Serve) -> None:
        clock = Clock(datetime(2026, 11, 20), speed=86_400 * 100)
        api = serve(GeneratedAccount(seed=9, sessions=5_000, campaigns=3), clock=clock)
        first = len(all_rows(api))
        assert len(all_rows(api)) > first


class TestRecords:
    def test_ids_are_21_mixed_case_characters_and_in_the_url(self, generated: Api) -> None:
        codes = {row["ID"]: row["code"] for row in generated.call("coupon/list")["coupon_info"]}
        for campaign_id in campaign_ids(generated):
            for row in generated.sessions(campaign_id):
                name = row["session"]
                assert len(name) == 21
                assert name.isascii()
                assert name.isalnum()
                assert row["session_url"] == f"https://digicpn.com/p/{codes[campaign_id]}/{name}"

    def test_some_ids_differ_by_case_only(self, large: Api, many_rows: Rows) -> None:
        names = set(many_rows)
        twins = [name for name in names if name.swapcase() in names]
        assert len(twins) > 20
        assert len({name.lower() for name in names}) == len(names) - len(twins) // 2
        for name in twins[:4]:
            assert large.call("couponsession/data", couponsession=name)["session"] == name

    def test_sequence_ids_are_numbers_that_grow_with_creation(self, rows: Rows) -> None:
        ordered = sorted(rows.values(), key=lambda row: int(row["sequenceid"]))
        created = [row["status"]["created_date_utc"] for row in ordered]
        assert created == sorted(created)
        assert len({row["sequenceid"] for row in ordered}) == len(ordered)

    def test_every_leaf_is_text_and_flags_follow_their_dates(self, rows: Rows) -> None:
        for row in rows.values():
            status, user = row["status"], row["user"]
            texts = [value for name, value in status.items() if name not in UTM or value is not None]
            assert all(isinstance(value, str) for value in (*texts, *user.values()))
            for flag, name in FLAGS.items():
                assert status[flag] == ("1" if status[f"{name}_date_utc"] else "0")
            assert status["locked"] in "01"
            for wallet in ("saved_to_passbook", "saved_to_androidpay"):
                assert status[wallet] == ("1" if status[f"{wallet}_date_utc"] else "0")
            for key in ("created_date_utc", *DATES):
                assert not status[key] or datetime.strptime(status[key], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007

    def test_records_have_the_fields_agreed_on(self, rows: Rows) -> None:
        row = next(iter(rows.values()))
        assert list(row) == ["sequenceid", "session", "session_url", "customid", "status", "user"]
        assert list(row["status"]) == [*STATUS]
        custom = [f"customfield{number}" for number in range(1, 8)]
        assert list(row["user"]) == ["firstname", "lastname", "email", "phone", "language", "optin", *custom]

    def test_a_session_is_redeemed_at_one_of_a_few_shops_of_its_campaign(self, generated: Api) -> None:
        shops_of = [
            {
                tuple(row["status"][name] for name in LOCATION)
                for row in generated.sessions(campaign_id, "campaign/validations")
            }
            for campaign_id in campaign_ids(generated)
        ]
        nowhere = ("",) * len(LOCATION)
        assert all(len(shops) <= 4 for shops in shops_of)
        assert max(map(len, shops_of)) == 4
        assert nowhere in set().union(*shops_of)
        for campaign_id in campaign_ids(generated):
            for row in generated.sessions(campaign_id):
                is_validated = row["status"]["validated"] == "1"
                assert is_validated or not any(row["status"][name] for name in LOCATION)

    def test_channels_are_known_or_null(self, rows: Rows) -> None:
        channels = Counter(tuple(row["status"][name] for name in UTM) for row in rows.values())
        assert len(channels) == 5
        assert all(value != "" for channel in channels for value in channel)
        assert 0.3 < channels[(None,) * 5] / len(rows) < 0.5

    def test_expiries_are_fixed_or_count_from_a_step(self, generated: Api) -> None:
        expiries = {
            campaign_id: {row["status"]["expiration_date"] for row in generated.sessions(campaign_id)}
            for campaign_id in campaign_ids(generated)
        }
        sizes = Counter(min(len(dates), 2) for dates in expiries.values() if dates)
        assert sizes[1] > 0
        assert sizes[2] > 0
        assert any(dates == {""} for dates in expiries.values())

    def test_some_campaigns_note_money_and_some_with_own_codes_are_not_tracked(self, serve: Serve) -> None:
        api = serve(GeneratedAccount(seed=1, sessions=5_000, campaigns=20))
        status = {
            campaign_id: [row["status"] for row in api.sessions(campaign_id)] for campaign_id in campaign_ids(api)
        }
        money = [any(row["validation_value"] for row in rows) for rows in status.values() if len(rows) > 50]
        assert True in money
        assert False in money
        untracked = [
            rows
            for rows in status.values()
            if any(row["own_validation_code"] for row in rows) and not any(row["validation_date_utc"] for row in rows)
        ]
        assert untracked

    def test_people_are_made_up_and_write_in_many_scripts(self, rows: Rows) -> None:
        users = [row["user"] for row in rows.values()]
        mails = [user["email"] for user in users if user["email"]]
        assert mails
        assert all(mail.endswith(("@example.com", "@example.org")) for mail in mails)
        phones = [user["phone"] for user in users if user["phone"]]
        assert all(phone.startswith(("+447700900", "+120255501")) for phone in phones)
        letters = "".join({user[key] for user in users for key in ("firstname", "lastname", "customfield2")})
        scripts = {unicodedata.name(letter, "?").split()[0] for letter in letters}
        assert {"LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "CJK", "HIRAGANA"} <= scripts
        assert all(letter in letters for letter in "'\"\n\\é👍")


class TestFunnel:
    def test_fewer_sessions_reach_each_step_and_some_skip_one(self, rows: Rows) -> None:
        status = [row["status"] for row in rows.values()]
        reached = [sum(fields[key] == "1" for fields in status) for key in ("opened", "claimed", "validated")]
        assert len(status) > reached[0] > reached[1] > reached[2] > 0
        assert any(fields["claimed"] == "1" and fields["opened"] == "0" for fields in status)
        assert any(fields["played"] == "1" for fields in status)
        assert any(fields["voided"] == "1" for fields in status)

    def test_evenings_and_weekdays_differ_from_nights_and_sundays(self, rows: Rows) -> None:
        created = [datetime.fromisoformat(row["status"]["created_date_utc"]) for row in rows.values()]
        hours, days = (Counter(f(moment) for moment in created) for f in (lambda t: t.hour, datetime.weekday))
        assert hours[19] > 5 * hours[3]
        assert days[5] > 1.5 * days[6]

    def test_campaigns_are_uneven_and_some_are_empty(self, generated: Api) -> None:
        sizes = sorted(len(generated.ids(campaign_id)) for campaign_id in campaign_ids(generated))
        assert sizes[0] == 0
        assert sizes[-1] > 10 * sizes[len(sizes) // 2]

    def test_links_made_in_bulk_share_one_second(self, many_rows: Rows) -> None:
        seconds = Counter(row["status"]["created_date_utc"] for row in many_rows.values())
        assert seconds.most_common(1)[0][1] >= 20

    def test_an_account_can_have_any_number_of_campaigns(self, serve: Serve) -> None:
        for campaigns in (1, 50):
            api = serve(GeneratedAccount(seed=1, sessions=500, campaigns=campaigns))
            assert len(campaign_ids(api)) == campaigns
            assert len(all_rows(api)) == pytest.approx(500, abs=5)

    @pytest.mark.parametrize("wrong", [{"sessions": -1}, {"campaigns": 0}])
    def test_an_impossible_account_is_refused(self, wrong: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="sessions >= 0 and campaigns >= 1"):
            GeneratedAccount(**wrong)


def test_twenty_thousand_sessions_are_ready_in_about_a_second(serve: Serve) -> None:
    began = time.process_time()  # of the processor, which other processes do not lengthen
    api = serve(GeneratedAccount(seed=8, sessions=20_000))
    api.call("campaign/data", campaign=campaign_ids(api)[0])
    assert time.process_time() - began < 2
