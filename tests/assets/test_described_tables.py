"""A list and a description of each of its records become one row: no value of either is lost."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from assets.errors import FORESEEN
from assets.ingest.descriptions import merge_records
from assets.tables.campaigns import Campaign
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.faults import Fault
from tests.conftest import Serve
from tests.support.accounts import campaign, whole_account
from tests.support.fixed_server import replying
from tests.support.normalised_pages import read
from tests.support.queries import in_database
from tests.support.runs import export_only, ingest_only, publish_only
from tests.support.table_assets import campaigns, directories


def test_both_answers_about_a_campaign_become_one_row(serve: Serve, data_dir: Path) -> None:
    made = HandmadeAccount([campaign(1, subtitle="s"), campaign(2)])
    server = serve(made)
    server.faults.add(
        Fault(
            "failed",
            path="v3/coupon/info",
            when=lambda parameters: parameters.get("campaign") == "cam_2",
            error_code=502,
        )
    )
    export_only(campaigns)
    rows = in_database(
        data_dir, "SELECT campaign_id, title, custom_codes, custom_codes_claimed, _extra FROM campaigns ORDER BY ALL"
    )
    assert rows == [("cam_1", "Title 1", 0, 0, '{"subtitle":"s"}'), ("cam_2", "Title 2", None, None, None)]


@pytest.mark.parametrize("fault", [{"kind": "failed", "error_code": 507}, {"kind": "wrong_shape"}])
def test_a_description_that_fails_takes_nothing_away_from_what_is_known(
    serve: Serve, data_dir: Path, fault: dict[str, Any]
) -> None:
    made, rows_of_directories = whole_account(), "SELECT * EXCLUDE (_extracted_at) FROM directories ORDER BY ALL"
    server = serve(made)
    export_only(directories)
    before = in_database(data_dir, rows_of_directories)
    made.put_record("directories", {"ID": "dir_7", "name": "New", "payment": {"amount": "1.00"}})
    server.faults.add(Fault(**fault, path="v3/directory/info", times=None))
    with suppress(*FORESEEN):
        ingest_only(directories)
    publish_only(directories)
    rows = in_database(data_dir, rows_of_directories)
    assert [row for row in rows if row[0] != "dir_7"] == before
    assert [row[:4] for row in rows if row[0] == "dir_7"] == [("dir_7", None, "New", None)]


def test_a_campaign_without_a_description_is_kept_as_it_is_listed(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUPONTOOLS_CLIENT_ID", "somebody")
    monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", "or-other")
    ok = '{"status":{"status":"OK"},"amount_of_results":"0","data":[]}'
    bodies = {"v3/coupon/list": '{"status":{"status":"OK"},"coupon_info":[{"ID":"cam_1","name":"N"}]}'}
    with replying(bodies, ok) as url:
        monkeypatch.setenv("COUPONTOOLS_API_URL", url)
        export_only(campaigns)
    assert in_database(data_dir, "SELECT campaign_id, name, _extra FROM campaigns") == [("cam_1", "N", None)]


@pytest.mark.parametrize(
    ("listed", "info", "title", "extra"),
    [
        ({}, {"title": "T"}, "T", None),
        ({"title": "old"}, {"title": "T"}, "T", {"list.title": "old"}),
        ({"title": "T"}, {"title": ""}, "T", None),
        ({"title": "T"}, {"title": {"en": "E"}}, "T", {"info.title": {"en": "E"}}),
        ({"title": "T"}, {"title": "T", "more": [1]}, "T", {"more": [1]}),
        ({"title": "T"}, {"id": "cam_1"}, "T", None),
        ({"title": "T"}, {"id": 77}, "T", {"info.id": 77}),
        ({"title": "a", "list.title": "L"}, {"title": "T"}, "T", {"list.title": "L", "list.list.title": "a"}),
        ({"title": "a"}, {"title": "T", "list.title": "D"}, "T", {"list.title": "D", "list.list.title": "a"}),
        ({"title": "a"}, {"list.title": "D", "title": "T"}, "T", {"list.title": "D", "list.list.title": "a"}),
        (
            {"title": "a", "list.title": "L"},
            {"title": "T", "list.title": "D"},
            "T",
            {"list.title": "D", "list.list.title": "a", "list.list.list.title": "L"},
        ),
        ({"title": "T", "info.title": 1}, {"title": [2]}, "T", {"info.title": 1, "info.info.title": [2]}),
        ({"title": "T", "info.id": 1}, {"id": 77}, "T", {"info.id": 1, "info.info.id": 77}),
    ],
)
def test_no_value_of_either_answer_is_lost(
    listed: dict[str, object], info: dict[str, object], title: str, extra: dict[str, object] | None
) -> None:
    record, description = (msgspec.json.encode({**fields}) for fields in ({"ID": "cam_1", **listed}, info))
    both = merge_records(record, description, "cam_1", {"ID", "id"})
    row = read(b"[" + both + b"]", Campaign).rows.row(0, named=True)
    assert (row["campaign_id"], row["title"]) == ("cam_1", title)
    assert (json.loads(row["_extra"]) if row["_extra"] else None) == extra


def merged(listed: str, described: str) -> dict[str, str]:
    """The JSON tokens of a campaign whose field `x` is one token in the list, and another one in the description."""
    record, description = (f'{{"x":{token}}}'.encode() for token in (listed, described))
    both = msgspec.json.decode(merge_records(record, description, "cam_1", {"ID"}), type=dict[str, msgspec.Raw])
    return {name: bytes(raw).decode() for name, raw in both.items()}


@pytest.mark.parametrize(
    ("listed", "described"),
    [
        ('"é"', r'"\u00e9"'),
        (r'"a\/b"', '"a/b"'),
        (r'"\ud83d\ude00"', '"😀"'),
        ('{"é":["a",1.50,null]}', r'{ "\u00e9" : [ "\u0061", 1.50, null ] }'),
        ("20000000000000000001", "20000000000000000001"),
    ],
)
def test_one_value_that_is_written_in_two_ways_is_kept_once(listed: str, described: str) -> None:
    assert merged(listed, described) == {"x": listed}
    assert merged(described, listed) == {"x": described}


@pytest.mark.parametrize(
    ("listed", "described"),
    [
        ("1", "1.0"),
        ("1", "1e0"),
        ("0", "-0"),
        ("true", "false"),
        ("0.3", "0.30000000000000004"),
        ("0.30000000000000004", "0.300000000000000040"),
        ("20000000000000000001", "20000000000000000002"),
        ("[1]", "[1.0]"),
        ("[1]", "[true]"),
        ("[0]", "[-0]"),
        ("[1.5]", '["1.5"]'),
        ("[0.30000000000000004]", "[0.300000000000000040]"),
        ("[20000000000000000001]", "[20000000000000000002]"),
        ('{"a":"é"}', r'{"a":"e\u0301"}'),
        ('"1"', '"1.0"'),
    ],
)
def test_two_values_are_both_kept_however_alike_they_are(listed: str, described: str) -> None:
    assert merged(listed, described) == {"x": described, "list.x": listed}
    assert merged(described, listed) == {"x": listed, "list.x": described}


@pytest.mark.parametrize(("identifier", "token"), [("é", r'"\u00e9"'), ('a"', r'"a\""'), ("77", "77"), ("77", '"77"')])
def test_an_id_that_is_written_in_another_way_is_the_same_id(identifier: str, token: str) -> None:
    listed = msgspec.json.encode({"ID": identifier})
    assert merge_records(listed, f'{{"ID":{token}}}'.encode(), identifier, {"ID"}) == listed


@pytest.mark.parametrize(("listed", "described"), [("1", "true"), ("1", '"1"'), ('"[1]"', "[1]"), ("[1]", '{"1":1}')])
def test_values_of_two_types_are_both_kept(listed: str, described: str) -> None:
    assert merged(listed, described) == {"x": listed, "info.x": described}


@pytest.mark.parametrize("text", [r'"\ud800"', r'["\ud800"]', r'{"\ud800":1}'])
def test_texts_that_are_not_unicode_leave_both_answers_in_quarantine(text: str) -> None:
    listed, info = f'{{"ID":"cam_1","x":{text}}}'.encode(), f'{{"ID":"cam_1","x":{text},"y":2}}'.encode()
    (record,) = read(b"[" + merge_records(listed, info, "cam_1", {"ID", "id"}) + b"]", Campaign).rejected["record"]
    assert record == f'{{"ID":"cam_1","x":{text},"info":{info.decode()}}}'


@pytest.mark.parametrize("empty", ["null", '""', "[]", "{}", "[ ]", "{\n}"])
def test_an_empty_value_gives_way_to_that_of_the_other_answer(empty: str) -> None:
    assert merged(empty, '"T"') == {"x": '"T"'}
    assert merged('"T"', empty) == {"x": '"T"'}


@pytest.mark.parametrize("depth", [200, 1_000, 100_000])
def test_a_description_that_cannot_be_read_leaves_all_of_both_answers_in_quarantine(depth: int) -> None:
    listed, info = b'{"ID":"cam_1","title":"T"}', b'{"ID":"cam_1","deep":' + b"[" * depth + b"]" * depth + b"}"
    rejected = read(b"[" + merge_records(listed, info, "cam_1", {"ID", "id"}) + b"]", Campaign).rejected
    assert rejected["reason"].to_list() == ["the record holds more than 100 objects or lists inside each other"]
    assert info.decode() in rejected["record"][0]
    assert '"title":"T"' in rejected["record"][0]


def test_names_that_stand_twice_in_either_answer_lose_no_value() -> None:
    listed, info = b'{"ID":"cam_1","title":"a","title":"b"}', b'{"title":"c","title":"d","x":{"y":1,"y":2}}'
    row = read(b"[" + merge_records(listed, info, "cam_1", {"ID", "id"}) + b"]", Campaign).rows.row(0, named=True)
    assert row["title"] == "d"
    assert json.loads(row["_extra"]) == {
        "list.title": "b",
        "list.repeated.title": ["a"],
        "repeated.title": ["c"],
        "x": {"y": 2, "repeated.y": [1]},
    }
