"""Sessions made, changed and removed are seen by every reading endpoint (API.md, sections 5.5 to 5.9, 5.22 to 5.24)."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.clock import Clock
from tests.resources.sandbox.api import NOW, Api, campaign, session
from tests.resources.sandbox.conftest import Serve

Make = Callable[[], GeneratedAccount | HandmadeAccount]


def recorded() -> HandmadeAccount:
    names = ("ac6s7u3g8a25ja7x9qg87", "kkfiznr8Yp8630h82es8d", "s3")
    records = [session(name, open="2026-01-02 10:00:00") for name in names]
    return HandmadeAccount([campaign(), campaign("cam_2")], {"cam_1": records})


def generated() -> GeneratedAccount:
    return GeneratedAccount(seed=1, sessions=400, campaigns=4)


BOTH = pytest.mark.parametrize("make", [recorded, generated])


def busy(api: Api) -> str:
    """Return the campaign with most sessions."""
    ids: list[str] = [row["ID"] for row in api.call("coupon/list")["coupon_info"]]
    return max(ids, key=lambda name: len(api.ids(name)))


def status(api: Api, name: str) -> dict[str, Any]:
    fields: dict[str, Any] = api.call("couponsession/data", couponsession=name)["data"]["status"]
    return fields


@BOTH
class TestUpdating:
    def test_the_documented_operation_validates(self, serve: Serve, make: Make) -> None:
        api = serve(make())
        name = api.ids(busy(api))[1]
        api.call("couponsession/update", couponsession=name, validate=False)
        api.call("couponsession/update", couponsession=name, operation="validated")
        assert status(api, name)["validated"] == "1"

    def test_a_step_is_taken_now_and_taken_back(self, serve: Serve, make: Make) -> None:
        clock = Clock.frozen(NOW)
        api = serve(make(), clock=clock)
        campaign_id = busy(api)
        name = api.ids(campaign_id)[1]
        for word, path, date in (
            ("claim", "claims", "claim_date_utc"),
            ("validate", "validations", "validation_date_utc"),
        ):
            api.call("couponsession/update", couponsession=name, **{word: False})
            assert name not in api.ids(campaign_id, f"campaign/{path}")
            api.call("couponsession/update", couponsession=name, **{word: True})
            clock.advance(timedelta(minutes=1))
            api.call("couponsession/update", couponsession=name, **{word: True})
            assert status(api, name)[date] == str(clock.now() - timedelta(minutes=1))
            day = str(NOW.date())
            assert name in api.ids(campaign_id, f"campaign/{path}", start_date=day, end_date=day)

    def test_voiding_is_seen_in_its_place_among_the_others(self, serve: Serve, make: Make) -> None:
        api = serve(make())
        campaign_id = busy(api)
        before = api.sessions(campaign_id)
        name = before[1]["session"]
        api.call("couponsession/update", couponsession=name, void="true", customfield2="ü")
        after = api.sessions(campaign_id)
        assert [row["session"] for row in after] == [row["session"] for row in before]
        assert [row for row in after if row["session"] != name] == [row for row in before if row["session"] != name]
        assert after[1]["status"] == {**before[1]["status"], "voided": "1", "voided_date_utc": str(NOW)}
        assert after[1]["user"]["customfield2"] == "ü"
        api.call("couponsession/update", couponsession=name, void="false")
        assert api.sessions(campaign_id)[1]["status"]["voided_date_utc"] == ""

    def test_what_is_taken_back_and_noted_shows_in_the_record(self, serve: Serve, make: Make) -> None:
        clock = Clock.frozen(NOW)
        api = serve(make(), clock=clock)
        name = api.ids(busy(api))[1]
        api.call("couponsession/update", couponsession=name, void=True, lock=True)
        assert (status(api, name)["voided"], status(api, name)["locked"]) == ("1", "1")
        clock.advance(timedelta(minutes=1))
        noted = {"validation_value": "12.50", "redeem_location_ID": "302"}
        api.call("couponsession/update", couponsession=name, void=False, lock=False, validate=True, **noted)
        now = status(api, name)
        assert (now["voided"], now["voided_date_utc"], now["locked"]) == ("0", "", "0")
        assert now["unvoided_date_utc"] == now["unlocked_date_utc"] == str(clock.now())
        assert {field: now[field] for field in noted} == noted
        assert now["validated"] == "1"

    def test_the_first_six_letters_are_enough(self, serve: Serve, make: Make) -> None:
        api = serve(make())
        name = api.ids(busy(api))[0]
        answer = api.call("couponsession/update", couponsession=name[:6], void=True)
        assert answer["session"] == name
        assert status(api, name)["voided"] == "1"

    def test_several_are_changed_or_none(self, serve: Serve, make: Make) -> None:
        api = serve(make())
        names = api.ids(busy(api))[:2]
        path = "couponsession/multiupdate"
        assert api.codes(path, couponsessions=[*names, "unknown"], void=True) == (422, [505])
        assert {status(api, name).get("voided", "0") for name in names} <= {"0"}
        assert api.call(path, couponsessions=names, void=True)["sessions"] == names
        assert api.call(path, couponsessions=",".join(names), validate=True)["amount_of_results"] == 2
        assert all(status(api, name)["voided"] == status(api, name)["validated"] == "1" for name in names)

    def test_a_removed_session_is_nowhere(self, serve: Serve, make: Make) -> None:
        api = serve(make())
        campaign_id = busy(api)
        before = api.ids(campaign_id)
        api.call("singleuse/remove", couponsession=before[0])
        assert api.ids(campaign_id) == before[1:]
        assert api.codes("couponsession/data", couponsession=before[0]) == (422, [505])
        assert api.codes("singleuse/remove", couponsession=before[0]) == (422, [505])

    def test_a_changed_session_can_be_removed_too(self, serve: Serve, make: Make) -> None:
        api = serve(make())
        campaign_id = busy(api)
        name = api.ids(campaign_id)[0]
        api.call("couponsession/update", couponsession=name, void=True)
        api.call("singleuse/remove", couponsession=name)
        assert name not in api.ids(campaign_id)


@BOTH
class TestMaking:
    def test_a_single_use_session_is_new_now(self, serve: Serve, make: Make) -> None:
        api = serve(make())
        campaign_id = busy(api)
        before = api.ids(campaign_id)
        person = {"firstname": "Zoé", "email": "new@example.com", "phone": "+3247", "customfield7": "x"}
        fields = {"utm_source": "mail", "utm_term": "é", "expiry_date": "2026-12-31:10:00:00"}
        made = api.call("singleuse/create", campaign=campaign_id, customid="C1", customvalcode="V1", **person, **fields)
        name = made["single_use_code"]
        assert api.ids(campaign_id) == [*before, name]
        assert (made["customid"], made["custom_validation_code"]) == ("C1", "V1")
        assert made["widget_validation_code"] == name[:6]
        row = api.sessions(campaign_id)[-1]
        assert row["session_url"] == made["single_use_url"]
        assert row["status"]["created_date_utc"] == str(NOW)
        shown = {"utm_source": "mail", "utm_term": "é", "utm_medium": None, "expiration_date": "2026-12-31 10:00:00"}
        assert shown.items() <= row["status"].items()
        assert person.items() <= row["user"].items()
        for text in ("new@example.com", "V1"):
            assert [match["session"] for match in api.call("couponsession/search", search=text)["data"]] == [name]

    @pytest.mark.parametrize(
        ("check", "person", "is_same"),
        [
            ("email", {"email": "a@example.com"}, True),
            ("email", {"email": "b@example.com"}, False),
            ("phone", {"phone": "+32"}, True),
            ("customid", {"customid": "C"}, True),
            (True, {"email": "b@example.com", "customid": "C"}, True),
            (False, {"email": "a@example.com"}, False),
        ],
    )
    def test_a_duplicate_is_the_earlier_session(
        self, serve: Serve, make: Make, check: object, person: dict[str, str], is_same: bool
    ) -> None:
        api = serve(make())
        campaign_id = busy(api)
        first = api.call("singleuse/create", campaign=campaign_id, email="a@example.com", phone="+32", customid="C")
        second = api.call("singleuse/create", campaign=campaign_id, duplicate_check=check, **person)
        assert (second["single_use_code"] == first["single_use_code"]) is is_same

    def test_many_are_made_in_one_second(self, serve: Serve, make: Make) -> None:
        api = serve(make(), session_page_size=7)
        campaign_id = busy(api)
        made = api.call("multiplesingleuse/create", campaign=campaign_id)
        assert made["action"] == " multiple_single_use_codes_created"
        assert len(made["data"]) == 10
        numbers = [entry["sequence_id"] for entry in made["data"]]
        assert numbers == sorted(set(numbers))
        day, pages = str(NOW.date()), []
        for page in (1, 2):
            pages += api.sessions(campaign_id, start_date=day, end_date=day, page=page)
        rows = pages[-10:]
        assert [row["session"] for row in rows] == [entry["single_use_code"] for entry in made["data"]]
        assert {row["status"]["created_date_utc"] for row in rows} == {str(NOW)}

    def test_many_can_be_voided_activated_and_have_codes(self, serve: Serve, make: Make) -> None:
        api = serve(make())
        campaign_id = busy(api)
        made = {
            state: api.call("multiplesingleuse/create", campaign=campaign_id, amount=1, status=state)["data"][0]
            for state in ("normal", "voided", "activated")
        }
        statuses = {state: status(api, row["single_use_code"]) for state, row in made.items()}
        assert [statuses[state]["voided"] for state in statuses] == ["0", "1", "0"]
        assert [statuses[state]["opened"] for state in statuses] == ["0", "0", "1"]
        automated = {"automated_codes": True, "code_prefix": "P-", "code_length": 25, "code_type": "numeric"}
        rows = api.call("multiplesingleuse/create", campaign=campaign_id, amount=3, **automated)["data"]
        codes = {row["custom_validation_code"] for row in rows}
        assert len(codes) == 3
        assert all(code.startswith("P-") and code[2:].isdigit() and len(code) == 27 for code in codes)


def test_generated_pages_stay_whole_with_changes_in_either_order(serve: Serve) -> None:
    account = generated()
    up = serve(account, session_page_size=7)
    campaign_id = busy(up)
    names = up.ids(campaign_id, page=1) + up.ids(campaign_id, page=2)
    for name in names[3:12:2]:
        up.call("couponsession/update", couponsession=name, void=True)
    up.call("multiplesingleuse/create", campaign=campaign_id, amount=9)
    up.call("singleuse/remove", couponsession=names[4])
    ids = serve(account).ids(campaign_id)
    assert ids[:13] == [*names[:4], *names[5:14]]
    assert [session_id for page in range(1, len(ids) // 7 + 2) for session_id in up.ids(campaign_id, page=page)] == ids
    down = serve(account, session_page_size=7, session_order="newest_first")
    pages = [session_id for page in range(1, len(ids) // 7 + 2) for session_id in down.ids(campaign_id, page=page)]
    assert pages == ids[::-1]
    seen = serve(account, row_fields="seen")
    assert {tuple(row) for row in seen.sessions(campaign_id)} == {("sequenceid", "session", "status")}


def test_a_session_that_is_changed_is_never_missing_for_who_reads_meanwhile(serve: Serve) -> None:
    api = serve(generated())
    campaign_id = busy(api)
    names = api.ids(campaign_id)
    with ThreadPoolExecutor(2) as pool:
        update = partial(api.call, "couponsession/update", void=True)
        changes = [pool.submit(update, couponsession=name) for name in names[:10]]
        while not all(change.done() for change in changes):
            assert api.ids(campaign_id) == names
    assert all(change.result()["session"] for change in changes)


def test_a_hundred_thousand_sessions_can_be_made_at_once(serve: Serve) -> None:
    api = serve(generated())
    campaign_id = busy(api)
    began = time.process_time()
    made = api.client.post(
        "multiplesingleuse/create", json={"campaign": campaign_id, "amount": 100_000}, timeout=60
    ).json()
    assert time.process_time() - began < 15
    assert len({entry["single_use_code"] for entry in made["data"]}) == 100_000
    page = api.call("campaign/data", campaign=campaign_id, page=20)
    assert page["amount_of_results"] == 5000


def test_pushes_reach_a_session_or_all_of_a_campaign(serve: Serve) -> None:
    account = recorded()
    api = serve(account)
    path = "coupon/pushnotification/single"
    api.call(path, campaign="cam_1", couponsession="ac6s7u", message="Hi")
    api.call("coupon/pushnotification/all", campaign="cam_1", message="Hi all")
    sent = [dict(row) for row in account.rows("messages", "", NOW) if not isinstance(row, bytes)]
    assert [(row["to"], row["text"]) for row in sent] == [("ac6s7u3g8a25ja7x9qg87", "Hi"), ("cam_1", "Hi all")]
    assert api.post(path, campaign="cam_2", couponsession="s3", message="Hi").json() == {
        "status": {"status": "failed"},
        "errors": {
            "error_message": "HTTP/1.0 422 Unprocessable entity.",
            "error_message_description": ["Couponsession not found."],
            "error_code": [505],
        },
    }


@pytest.mark.parametrize(
    ("path", "parameters", "code"),
    [
        ("couponsession/update", {}, 200),
        ("couponsession/update", {"couponsession": "abcdef"}, 505),
        ("couponsession/update", {"couponsession": "s3", "void": "perhaps"}, 302),
        ("couponsession/update", {"couponsession": "s3", "customfield1": "x" * 51}, 300),
        ("couponsession/multiupdate", {"couponsessions": "a,,b"}, 301),
        ("coupon/pushnotification/single", {"campaign": "cam_1", "couponsession": "s3"}, 200),
        ("coupon/pushnotification/all", {"campaign": "cam_9", "message": "m"}, 502),
        ("singleuse/create", {"campaign": "cam_9"}, 502),
        ("singleuse/create", {"campaign": "cam_1", "customid": "x" * 51}, 300),
        ("singleuse/create", {"campaign": "cam_1", "customvalcode": "x", "autovalcode": "6digits"}, 300),
        ("singleuse/create", {"campaign": "cam_1", "autovalcode": "7digits"}, 302),
        ("singleuse/create", {"campaign": "cam_1", "duplicate_check": "name"}, 302),
        ("singleuse/create", {"campaign": "cam_1", "expiry_date": "2026-12-31"}, 303),
        ("singleuse/create", {"campaign": "cam_1", "expiry_date": "2026-02-30 10:00:00"}, 303),
        ("singleuse/create", {"campaign": "cam_1", "email": "nobody"}, 305),
        ("multiplesingleuse/create", {"campaign": "cam_1", "amount": 100_001}, 301),
        ("multiplesingleuse/create", {"campaign": "cam_1", "amount": "ten"}, 301),
        ("multiplesingleuse/create", {"campaign": "cam_1", "status": "new"}, 302),
        ("multiplesingleuse/create", {"campaign": "cam_1", "automated_codes": True, "code_prefix": "P"}, 200),
        ("multiplesingleuse/create", {"campaign": "cam_1", "code_length": 9}, 301),
        ("multiplesingleuse/create", {"campaign": "cam_1", "code_length": 26}, 301),
    ],
)
def test_wrong_calls_get_their_codes_and_change_nothing(
    serve: Serve, path: str, parameters: dict[str, Any], code: int
) -> None:
    api = serve(recorded())
    before = api.sessions("cam_1")
    assert api.codes(path, **parameters) == (422, [code])
    assert api.sessions("cam_1") == before


@pytest.mark.parametrize("expiry", ["2026-12-31 23:59:59", "2026-12-31:23:59:59"])
@pytest.mark.parametrize(("kind", "length"), [("6digits", 6), ("8digits", 8), ("10digits", 10)])
def test_codes_and_expiry_dates_come_in_all_documented_forms(serve: Serve, expiry: str, kind: str, length: int) -> None:
    made = serve(recorded()).call("singleuse/create", campaign="cam_1", autovalcode=kind, expiry_date=expiry)
    assert made["custom_validation_code"].isdigit()
    assert len(made["custom_validation_code"]) == length


def test_writing_with_get_is_refused_even_where_reading_is_allowed(serve: Serve) -> None:
    api = serve(recorded(), allow_get=True)
    assert api.client.get("singleuse/remove", params={"couponsession": "s3"}).status_code == 405
    assert api.ids("cam_1")[-1] == "s3"
