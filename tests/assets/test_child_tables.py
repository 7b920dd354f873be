"""Lists that are read for each record of another: the registrations of a directory, the users of a loyalty card."""

from datetime import date
from pathlib import Path

import pytest

from assets.errors import FORESEEN
from resources.sandbox.server.faults import Fault
from tests.conftest import Serve
from tests.support.accounts import registration, whole_account
from tests.support.fixed_server import replying
from tests.support.queries import in_database
from tests.support.runs import export_only, ingest_only, publish_only
from tests.support.table_assets import directory_registrations, loyalty_users


def test_registrations_are_those_of_the_days_asked_for_and_no_page_too_many_is_read(
    serve: Serve, data_dir: Path
) -> None:
    made = whole_account()
    made.set_records(
        "registrations",
        [registration(n, f"2026-{1 + n // 28 % 12:02}-{1 + n % 28:02} 23:59:59") for n in range(330)]
        + [registration(1001, "2026-03-01 00:00:00"), registration(1002, "")],
        "dir_1",
    )
    server = serve(made, registration_page_size=20)
    export_only(directory_registrations, start="2026-10-01", end="2026-10-05")
    days = in_database(
        data_dir, "SELECT registered_at::DATE FROM directory_registrations WHERE directory_id = 'dir_1' ORDER BY 1"
    )
    assert [row[0] for row in days] == [*(date(2026, 10, day) for day in range(1, 6)), None]
    pages = [
        entry.parameters["page"]
        for entry in server.requests
        if entry.path == "v3/directoryusers/list" and entry.parameters["directory"] == "dir_1"
    ]
    assert max(int(str(page)) for page in pages) <= 6
    assert not any("start_date" in entry.parameters for entry in server.requests if "directory" in entry.path)
    export_only(directory_registrations, start="2026-03-01", end="2026-03-01")
    assert in_database(data_dir, "SELECT count(*) FROM directory_registrations WHERE registered_at < '2026-04-01'") == [
        (2,)
    ]


def test_a_card_that_is_listed_and_not_found_is_an_error_and_the_users_of_others_are_kept(
    serve: Serve, data_dir: Path
) -> None:
    server = serve(whole_account())
    server.faults.add(Fault("404", path="v4/loyalty/loyalty-cards/123456/stats"))
    with pytest.raises(FORESEEN, match=r"lists 123456 among the loyalty_cards, but answers HTTP 404"):
        ingest_only(loyalty_users)
    publish_only(loyalty_users)
    assert in_database(data_dir, "SELECT count(*) FROM loyalty_users") == [(1,)]
    export_only(loyalty_users)
    assert in_database(data_dir, "SELECT count(*) FROM loyalty_users") == [(131,)]


def test_a_card_is_not_taken_for_deleted_by_some_pages_of_its_list(serve: Serve, data_dir: Path) -> None:
    server = serve(whole_account(), v4_loyalty_page_size=50)
    server.faults.add(Fault("404", path="v4/loyalty/loyalty-cards/123456/stats", skip=1, times=2))
    export_only(loyalty_users)
    assert in_database(data_dir, "SELECT count(*) FROM loyalty_users") == [(131,)]


def test_a_list_that_is_shorter_than_announced_is_an_error_and_what_came_is_kept(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = '{"data":[{"id":1,"points":5},{"id":2,"points":6}],"pagination":{"page":1,"total":%d}}'
    cards = "v4/loyalty/loyalty-cards"
    bodies = {cards: '[{"id":7},{"id":8}]', f"{cards}/7/stats": users % 3, f"{cards}/8/stats": users % 2}
    monkeypatch.setenv("COUPONTOOLS_CLIENT_ID", "somebody")
    monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", "or-other")
    with replying(bodies, '{"status":{"status":"OK"},"none":[]}') as url:
        monkeypatch.setenv("COUPONTOOLS_API_URL", url)
        with pytest.raises(FORESEEN, match=r"announces 3 records for .* loyalty card 7, but gives 2") as error:
            ingest_only(loyalty_users)
        publish_only(loyalty_users)
    assert "loyalty card 8" not in str(error.value)
    assert in_database(data_dir, "SELECT loyalty_card_id, count(*) FROM loyalty_users GROUP BY ALL ORDER BY ALL") == [
        ("7", 2),
        ("8", 2),
    ]
