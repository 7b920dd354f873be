"""Who is erased: a person in any form and place, and nobody else."""

import json
from datetime import timedelta

import duckdb
import pytest

from assets.tables.coupon_sessions import CouponSession
from assets.tables.sms_contacts import SmsContact
from resources.warehouse.erased_rows import find_rows
from resources.warehouse.suppression import SuppressionList
from resources.warehouse.warehouse import Warehouse
from tests.support.erasure import EMAIL, NOON, PHONE, TABLES, Rows, forget, put, rows, where_found
from tests.support.small_table import publish

WRITTEN = {
    "custom_id": "+32 470 11.22.33",
    "custom_field_1": "0032 (0)470/112233",
    "custom_field_7": "\u00a0Zoe.Planted@Example.COM\t",
    "email": "ZOE.PLANTED@EXAMPLE.COM\u2009",
    "phone": "+32\u2009(0)\u00a0470\t11 22 33",
    "custom_field_2": "list=3&mail=zoe.planted@example.com",
    "first_name": "Zoe <zoe.planted@example.com>",
    "last_name": "tel. 0032470112233",
    "own_validation_code": PHONE,
    "session_url": f"https://digicpn.com/p/c/1?mail={EMAIL.replace('@', '%40')}",
    "value": "for zoe.planted@example.com",
    "utm_term": EMAIL,
    "utm_content": f"newsletter {PHONE}",
    "_extra": '{"who":{"Mail":"Zoe.Planted\\u0040example.com"}}',
}
"""A column, and how she may be named in it."""
EXTRAS = (
    '{"n":32470112233}',
    '{"n":"+32 470\\u00a011 22 33"}',
    '{"zoe.planted@example.com":1}',
    '{"a":{"b":["+32 (0)470 11 22 33"]}}',
    '{"url":"https:\\/\\/x.be\\/?u=zoe.planted%40example.com&x=1"}',
    '{"K\\u00f6ln":"mailto:zoe.planted@example.com"}',
    '{"url":"https://x.be/?next=https%3A%2F%2Fy.be%2F%3Fwho%3Dzoe.planted%2540example.com"}',
    '{"url":"https://x.be/?user=%7B%22mail%22%3A%22zoe.planted%40example.com%22%7D"}',
    '{"url":"https:\\/\\/x.be\\/?tel=%2B32+%280%29470%2F11+22+33"}',
    json.dumps({"answers": json.dumps({"a": "Zoe\nzoe.planted@example.com"})}),
    json.dumps({"answers": '{"n":"0032 470\\/11.22.33 \\u003czoe.planted\\u0040example.com\\u003e"}'}),
    json.dumps({"form": json.dumps({"answers": json.dumps({"n": "+32\u00a0470 112233"})})}),
)
STRANGERS: Rows = [
    {"email": f"marjo.{EMAIL}", "first_name": "Marjo", "custom_id": "x"},
    {"email": f"{EMAIL}.au", "custom_id": f"zoe+tag@{EMAIL}.au"},
    {"email": "kim@example.com", "custom_field_3": f"https://x.be/?u=marjo%2E{EMAIL}&n=9%20{PHONE}"},
    {"phone": f"+{PHONE}4", "custom_id": f"9{PHONE}"},
    {"phone": "+470112233", "custom_id": f"order-{PHONE}"},
    {"email": "bob@example.com", "first_name": "Bob", "custom_field_3": "by the way", "_extra": '{"example.com":"@"}'},
]
STRANGERS_SAID = "SELECT email, phone, first_name, custom_id, custom_field_3, _extra FROM coupon_sessions"


def test_she_is_found_however_far_the_numbers_of_rows_lie_apart() -> None:
    suppressed = SuppressionList(b"salt").with_identifiers([EMAIL])
    with duckdb.connect() as connection:
        connection.begin()
        numbers = "SELECT i * 1_000_000 AS number, NULL::VARCHAR AS email FROM range(9) AS numbers(i)"
        connection.execute(f"CREATE TABLE far AS {numbers}")
        connection.execute("UPDATE far SET email = ? WHERE number IN (3_000_000, 8_000_000)", [EMAIL])
        assert find_rows(connection, CouponSession.schema_of_table(), "far", "number", suppressed) == 2
        assert connection.execute("SELECT row FROM naming_rows ORDER BY ALL").fetchall() == [(3_000_000,), (8_000_000,)]


@pytest.mark.parametrize("name", ["keep", "hash"])
def test_she_is_found_in_whatever_form_and_place_and_nobody_else_is(warehouse: Warehouse, name: str) -> None:
    hers = [{column: text, "language": "nl"} for column, text in WRITTEN.items()] + [
        {"_extra": extra} for extra in EXTRAS
    ]
    strangers = [{**row, "session_id": f"stranger {number}"} for number, row in enumerate(STRANGERS)]
    of_strangers = f"{STRANGERS_SAID} WHERE session_id LIKE 'stranger%' ORDER BY session_id"
    put(
        warehouse,
        CouponSession,
        [*strangers, *hers],
        ['{"a": "zoe.planted@example.com", "b', '{"t":"+4412345678"}'],
        name,
    )
    put(warehouse, SmsContact, [{"phone": "+32 470 112233"}, {"phone": "+32470112234"}], (), name)
    publish(warehouse, TABLES)
    before = rows(warehouse, of_strangers)
    erased = forget(warehouse, EMAIL, PHONE, name=name)
    assert erased == {"coupon_sessions": len(hers), "sms_contacts": 1, "quarantine": 1}
    assert rows(warehouse, of_strangers) == before
    left = ", ".join(f"count({column})" for column in WRITTEN)
    not_strangers = "WHERE session_id NOT LIKE 'stranger%'"
    assert rows(warehouse, f"SELECT {left}, count(language), count(*) FROM coupon_sessions {not_strangers}") == [
        (*[0] * len(WRITTEN), len(WRITTEN), len(hers))
    ]
    assert rows(warehouse, "SELECT count(*) FROM sms_contacts UNION ALL SELECT count(*) FROM quarantine") == [
        (1,),
        (1,),
    ]
    assert where_found(warehouse, ["470 11", "planted%40", "0470/11"]) == set()


@pytest.mark.parametrize("name", ["keep", "hash"])
def test_who_is_erased_does_not_return_with_the_next_read(warehouse: Warehouse, name: str) -> None:
    hers = [{column: text} for column, text in WRITTEN.items()] + [{"_extra": extra} for extra in EXTRAS]
    put(warehouse, CouponSession, [{"session_id": "first"}], (), name)
    forget(warehouse, EMAIL, PHONE, name=name)
    put(warehouse, CouponSession, hers, ['{"a": "ZOE.planted@example.com", "b'], name)
    put(warehouse, SmsContact, [{"phone": "+32 470 112233"}], (), name)
    publish(warehouse, TABLES)
    left = " + ".join(f"count({column})" for column in WRITTEN)
    assert rows(warehouse, f"SELECT {left} FROM coupon_sessions") == [(0,)]
    assert rows(warehouse, "SELECT count(*) FROM sms_contacts UNION ALL SELECT count(*) FROM quarantine") == [
        (0,),
        (0,),
    ]
    assert where_found(warehouse) == set()


@pytest.mark.parametrize("name", ["keep", "hash"])
@pytest.mark.parametrize("batches", [["whole", "brief"], ["brief", "whole"], ["both"]])
def test_who_is_erased_does_not_return_with_a_list_of_events_that_does_not_say_of_whom_it_is(
    warehouse: Warehouse, name: str, batches: list[str]
) -> None:
    ids, moment = ("hers", "of another"), NOON + timedelta(hours=1)
    wholes = [
        {"session_id": id_, "email": email, "session_url": f"https://digicpn.com/p/c/{id_}"}
        for id_, email in zip(ids, (EMAIL, "jan@example.com"), strict=True)
    ]
    briefs = [
        {"session_id": id_, "created_at": None, "opened_at": moment, "_extracted_at": moment}
        | {"session_url": f"https://digicpn.com/p/c/{id_}", "own_validation_code": "X1", "_extra": '{"nick":"Zoe"}'}
        for id_ in ids
    ]
    put(warehouse, CouponSession, wholes, (), name)
    forget(warehouse, EMAIL, name=name)
    read: dict[str, Rows] = {"whole": wholes, "brief": briefs, "both": [*wholes, *briefs]}
    for batch in batches:
        put(warehouse, CouponSession, read[batch], (), name)
    publish(warehouse, TABLES)
    counts = "count(opened_at), count(email), count(session_url), count(own_validation_code), count(_extra)"
    assert rows(warehouse, f"SELECT session_id, {counts} FROM coupon_sessions GROUP BY ALL ORDER BY ALL") == [
        ("hers", 1, 0, 0, 0, 0),
        ("of another", 1, 1, 1, 1, 1),
    ]


OTHERS = {
    "utm_source": "newsletter",
    "utm_campaign": "mail to jan.qz0107x@mail2.be",
    "utm_term": "0477 88 99 00",
    "utm_content": "friend of bob@example.com, tel. +32477889900",
}
"""Free texts of a link: one that names nobody, and those that name people by identifiers that are not given."""


@pytest.mark.parametrize("name", ["keep", "hash"])
def test_of_a_row_that_is_hers_no_free_text_is_left_that_names_anybody(warehouse: Warehouse, name: str) -> None:
    hers = {"session_id": "hers", "phone": f"+{PHONE}", **OTHERS}
    known_otherwise = {"session_id": "known otherwise", "custom_field_1": PHONE, **OTHERS}
    of_another = {"session_id": "of another", "phone": "+32477889900", **OTHERS}
    put(warehouse, CouponSession, [hers, known_otherwise, of_another], (), name)
    publish(warehouse, TABLES)
    forget(warehouse, PHONE, name=name)
    put(warehouse, CouponSession, [hers | {"session_id": "hers, read later"}], (), name)
    for _ in ("erased from what is published", "published anew"):
        texts = rows(warehouse, f"SELECT {', '.join(OTHERS)} FROM coupon_sessions WHERE session_id <> 'of another'")
        assert set(texts) == {("newsletter", None, None, None)}
        assert rows(
            warehouse, "SELECT count(COLUMNS('utm_')) FROM coupon_sessions WHERE session_id = 'of another'"
        ) == [(1, 0, 1, 1, 1)]
        publish(warehouse, TABLES)
    assert len(texts) == len(["hers", "known otherwise", "hers, read later"])


def test_in_the_files_as_well_a_free_text_of_hers_that_names_anybody_is_erased(warehouse: Warehouse) -> None:
    put(warehouse, CouponSession, [{"phone": f"+{PHONE}", **OTHERS}])
    publish(warehouse, TABLES)
    forget(warehouse, PHONE)
    assert where_found(warehouse, ["qz0107x", "0477 88", "bob@example.com"]) == set()
    assert where_found(warehouse, ["newsletter"]) != set()


def test_a_row_is_hers_where_a_contact_says_so_and_else_only_the_text_goes_that_names_her(
    warehouse: Warehouse,
) -> None:
    put(
        warehouse,
        CouponSession,
        [
            {"email": EMAIL, "first_name": "Zoe"},
            {"custom_id": PHONE, "first_name": "Zoe", "email": "other@example.com"},
            {"custom_field_1": EMAIL, "first_name": "Zoe"},
            {"custom_field_1": EMAIL, "first_name": "Zoe", "email": "n/a", "phone": "-"},
            {"custom_field_1": EMAIL, "first_name": "Bob", "email": "bob@example.com"},
            {"custom_field_1": f"a friend of {EMAIL}", "first_name": "Bob", "_extra": "{}"},
            {"_extra": f'{{"friend":"{EMAIL}"}}', "first_name": "Bob"},
        ],
    )
    forget(warehouse, EMAIL, PHONE)
    publish(warehouse, TABLES)
    assert rows(
        warehouse, "SELECT first_name, email, custom_field_1, _extra FROM coupon_sessions ORDER BY session_id"
    ) == [
        (None, None, None, None),
        (None, None, None, None),
        (None, None, None, None),
        (None, None, None, None),
        ("Bob", "bob@example.com", None, None),
        ("Bob", None, None, "{}"),
        ("Bob", None, None, None),
    ]
