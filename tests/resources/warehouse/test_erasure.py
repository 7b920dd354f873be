"""People who are forgotten: whatever form they are named in, they are erased from every file, and nobody else is."""

import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from pydantic import SecretStr

from assets.ingest.personal_data import Redactor
from assets.tables.coupon_sessions import CouponSession
from assets.tables.quarantine import Quarantine
from assets.tables.sms_contacts import SmsContact
from assets.tables.table import Table
from resources.settings import PersonalData
from resources.warehouse.audit import ask_stage
from resources.warehouse.batch import Batch, CompletedSlice, SliceKey
from resources.warehouse.erasure import People
from resources.warehouse.erasure import forget as erase
from resources.warehouse.errors import RefusedError
from resources.warehouse.merge import MergePlan
from resources.warehouse.merge import merge as merge_batch
from resources.warehouse.origin import Origin
from resources.warehouse.resource import WarehouseResource
from resources.warehouse.suppression import keyed_hash
from tests.support.small_table import folder_of, open_batch, publish

EMAIL, PHONE, NATIONAL = "zoe.planted@example.com", "32470112233", "0470112233"
NAMES = (EMAIL, PHONE, NATIONAL, "470112233", "zoe.planted", "Plantedname")
KEY = "a secret that nobody knows"
TABLES = [table.schema_of_table() for table in (CouponSession, SmsContact, Quarantine)]
NOON = datetime(2026, 1, 1, 12)

Rows = Sequence[Mapping[str, object]]


def policy(name: str) -> PersonalData:
    secret = None if name == "keep" else SecretStr(KEY)
    return PersonalData.model_validate({"personal_data": name, "personal_data_key": secret})


def origin(name: str) -> Origin:
    return Origin("account 0123456789abcdef", policy(name).label)


def read(
    batch: Batch, table: type[Table], rows: Rows, rejected: Sequence[str] = (), redactor: Redactor | None = None
) -> None:
    """Write rows and rejected records into a batch, redacted as an export redacts them."""
    filled = {"session_id", "phone"} & set(table.KEY)
    frame = pl.DataFrame(
        [
            dict.fromkeys(filled, f"{number}") | {"created_at": NOON, "_extracted_at": NOON} | dict(row)
            for number, row in enumerate(rows)
        ],
        schema=table.schema_of_frames(),
    )
    of = {"table_name": table.TABLE, "endpoint": "v3/x", "page": 1, "reason": "none", "_extracted_at": NOON}
    refused = pl.DataFrame([of | {"record": record} for record in rejected], Quarantine.schema_of_frames())
    frames = frame, refused, frame.select(table.KEY)
    batch.add(*(redactor.redact(*frames) if redactor else frames))
    batch.complete(CompletedSlice(SliceKey("v3/x", "p"), len(rows), len(rejected)))
    batch.flush()


def put(
    warehouse: WarehouseResource, table: type[Table], rows: Rows, rejected: Sequence[str] = (), name: str = "keep"
) -> None:
    """Read rows, and merge them."""
    suppressed = warehouse.engine.read_suppression(policy(name).secret)
    with open_batch(warehouse, table.TABLE, suppression=suppressed.version) as batch:
        read(batch, table, rows, rejected, Redactor.over(table, policy(name), suppressed))
        merge(warehouse, batch, table, name)


def merge(warehouse: WarehouseResource, batch: Batch, table: type[Table], name: str = "keep") -> None:
    secret = policy(name).secret
    plan = MergePlan(table.schema_of_table(), Quarantine.schema_of_table(), origin(name), secret=secret)
    merge_batch(warehouse.engine, batch, plan)


def forget_people(warehouse: WarehouseResource, people: People) -> dict[str, int]:
    return erase(warehouse.engine, warehouse.store, people, TABLES)


def forget(warehouse: WarehouseResource, *identifiers: str, name: str = "keep") -> dict[str, int]:
    secret = policy(name).secret
    hashes = {keyed_hash(secret, identifier) for identifier in identifiers} if secret else set[str]()
    return forget_people(warehouse, People(identifiers, hashes, origin(name), secret))


def rows(warehouse: WarehouseResource, query: str, database: str = "coupontools.duckdb") -> list[tuple[object, ...]]:
    with duckdb.connect(str(warehouse.folder.root / database), read_only=True) as connection:
        return connection.execute(query).fetchall()


def where_found(folder: Path, texts: Sequence[str] = NAMES) -> set[str]:
    """The files in whose bytes, or in what DuckDB reads of them, one of the texts stands."""
    places = set()
    for path in (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        said = path.read_bytes().decode("latin-1")
        with duckdb.connect() as connection:
            if path.suffix == ".parquet":
                said += str(connection.execute(f"FROM read_parquet('{path}')").fetchall())
            elif path.suffix == ".duckdb":
                connection.execute(f"ATTACH '{path}' AS looked (READ_ONLY)")
                tables = "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'looked'"
                for schema, table in connection.execute(tables).fetchall():
                    said += str(connection.execute(f'FROM looked."{schema}"."{table}"').fetchall())
        if any(text.lower() in said.lower() for text in texts):
            places.add(str(path.relative_to(folder)))
    return places


WRITTEN = {
    "custom_id": "+32 470 11.22.33",
    "custom_field_1": "0032 (0)470/112233",
    "custom_field_7": "\u00a0Zoe.Planted@Example.COM\t",
    "email": "ZOE.PLANTED@EXAMPLE.COM\u2009",
    "phone": "+32\u2009(0)\u00a0470\t11 22 33",
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
)
STRANGERS: Rows = [
    {"email": f"marjo.{EMAIL}", "first_name": "Marjo", "custom_id": "x"},
    {"email": f"{EMAIL}.au", "custom_id": f"zoe+tag@{EMAIL}.au"},
    {"phone": f"+{PHONE}4", "custom_id": f"9{PHONE}"},
    {"phone": "+470112233", "custom_id": f"order-{PHONE}"},
    {"email": "bob@example.com", "first_name": "Bob", "custom_field_3": "by the way", "_extra": '{"example.com":"@"}'},
]
STRANGERS_SAID = "SELECT email, phone, first_name, custom_id, custom_field_3, _extra FROM coupon_sessions"


@pytest.mark.parametrize("name", ["keep", "hash"])
def test_she_is_found_in_whatever_form_and_place_and_nobody_else_is(warehouse: WarehouseResource, name: str) -> None:
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
    assert where_found(warehouse.folder.root, ["470 11", "planted%40", "0470/11"]) == set()


@pytest.mark.parametrize("name", ["keep", "hash"])
def test_who_is_erased_does_not_return_with_the_next_read(warehouse: WarehouseResource, name: str) -> None:
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
    assert where_found(warehouse.folder.root) == set()


def test_a_row_is_hers_where_a_contact_says_so_and_else_only_the_text_goes_that_names_her(
    warehouse: WarehouseResource,
) -> None:
    put(
        warehouse,
        CouponSession,
        [
            {"email": EMAIL, "first_name": "Zoe"},
            {"custom_id": PHONE, "first_name": "Zoe", "email": "other@example.com"},
            {"custom_field_1": EMAIL, "first_name": "Zoe"},
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
        ("Bob", "bob@example.com", None, None),
        ("Bob", None, None, "{}"),
        ("Bob", None, None, None),
    ]


def test_she_does_not_come_back_from_the_batch_of_a_run_that_died_after_she_was_forgotten(
    warehouse: WarehouseResource,
) -> None:
    put(warehouse, CouponSession, [{"email": EMAIL}])
    hour = timedelta(hours=1)
    with open_batch(warehouse, "sessions", hour) as of_living_run:
        read(of_living_run, CouponSession, [{"email": EMAIL, "first_name": "Plantedname"}])
        forget(warehouse, EMAIL)
        assert folder_of(warehouse, of_living_run).exists()
    with open_batch(warehouse, "anything else", hour, warehouse.engine.read_suppression(None).version):
        assert not folder_of(warehouse, of_living_run).exists()
    assert where_found(warehouse.folder.root) == set()


def test_she_is_taken_out_of_what_a_living_run_has_read_when_that_is_merged(warehouse: WarehouseResource) -> None:
    put(warehouse, CouponSession, [{"email": EMAIL}])
    with open_batch(warehouse, "sessions") as batch:
        read(batch, CouponSession, [{"email": EMAIL}, {"email": "bob@example.com"}], [f'["{EMAIL}"]', "[]"])
        forget(warehouse, EMAIL)
        merge(warehouse, batch, CouponSession)
    with open_batch(warehouse, "contacts") as batch:
        read(batch, SmsContact, [{"phone": PHONE}])
        forget(warehouse, PHONE)
        merge(warehouse, batch, SmsContact)
    publish(warehouse, TABLES)
    assert rows(warehouse, "SELECT email FROM coupon_sessions ORDER BY ALL") == [("bob@example.com",), (None,)]
    assert rows(warehouse, "SELECT record FROM quarantine") == [("[]",)]
    assert rows(warehouse, "SELECT count(*) FROM sms_contacts") == [(0,)]
    assert where_found(warehouse.folder.root) == set()


def test_she_is_erased_from_what_is_published_though_what_is_staged_may_not_be(warehouse: WarehouseResource) -> None:
    put(warehouse, CouponSession, [{"session_id": "old", "email": EMAIL, "first_name": "Plantedname"}])
    publish(warehouse, TABLES)
    put(warehouse, CouponSession, [{"session_id": "new", "email": "bob@example.com"}])
    assert forget(warehouse, EMAIL) == {"coupon_sessions": 1}
    assert rows(warehouse, "SELECT session_id, email, first_name FROM coupon_sessions") == [("old", None, None)]
    assert where_found(warehouse.folder.root) == set()
    publish(warehouse, TABLES)
    assert rows(warehouse, "SELECT session_id, email FROM coupon_sessions ORDER BY ALL") == [
        ("new", "bob@example.com"),
        ("old", None),
    ]
    files = f"read_parquet('{warehouse.folder.parquet}/coupon_sessions/**/*.parquet')"
    assert (
        rows(warehouse, f"SELECT session_id, email FROM {files} EXCEPT SELECT session_id, email FROM coupon_sessions")
        == []
    )


def test_what_is_published_stays_as_it_is_where_nobody_is_found(warehouse: WarehouseResource) -> None:
    put(warehouse, CouponSession, [{"email": "bob@example.com"}])
    publish(warehouse, TABLES)
    before = warehouse.folder.database.stat().st_ino, warehouse.folder.parquet.readlink()
    assert forget(warehouse, EMAIL) == {}
    assert (warehouse.folder.database.stat().st_ino, warehouse.folder.parquet.readlink()) == before
    assert publish(warehouse, TABLES).files_written == 0


def test_nothing_of_her_is_left_in_free_room_in_older_snapshots_or_in_unfinished_files(
    warehouse: WarehouseResource,
) -> None:
    people = [{"session_id": f"s{n:05}", "email": f"{n}.{EMAIL}"} for n in range(5_000)]
    for round_ in range(3):
        put(warehouse, CouponSession, [row | {"first_name": f"Plantedname {round_}"} for row in people])
        publish(warehouse, TABLES)
    for snapshot in warehouse.folder.snapshots.iterdir():
        os.utime(snapshot, (2**32, 2**32))
    (warehouse.folder.root / "coupontools.duckdb.tmp").write_text(EMAIL)
    (warehouse.folder.state / "stage.new.duckdb").write_text(EMAIL)
    forget(warehouse, *(str(row["email"]) for row in people))
    assert where_found(warehouse.folder.root) == set()
    put(warehouse, CouponSession, people)
    publish(warehouse, TABLES)
    assert where_found(warehouse.folder.root) == set()
    assert rows(warehouse, "SELECT count(*), count(email) FROM coupon_sessions") == [(5_000, 0)]


def test_that_contacts_are_forgotten_counts_as_no_drop(warehouse: WarehouseResource) -> None:
    people = [f"3247011{number:04}" for number in range(10)]
    put(warehouse, SmsContact, [{"phone": phone} for phone in people])
    publish(warehouse, TABLES)
    forget(warehouse, *people)
    live = ask_stage(warehouse.engine, TABLES, {}, [SmsContact.schema_of_table()]).live["sms_contacts"]
    assert (live.staged, live.lost) == (0, 0)


@pytest.mark.parametrize("other", ["keep", "drop", "another key"])
def test_another_policy_or_key_is_refused_and_changes_nothing(warehouse: WarehouseResource, other: str) -> None:
    put(warehouse, CouponSession, [{"email": EMAIL}], (), "hash")
    label = "with personal data hashed by key 01234567" if other == "another key" else policy(other).label
    with pytest.raises(RefusedError, match="must not mix"):
        forget_people(warehouse, People([EMAIL], [], Origin("account 0123456789abcdef", f" {label}"), b"another"))
    with pytest.raises(RefusedError, match="another account"):
        forget_people(warehouse, People([EMAIL], [], Origin("account f", policy("hash").label), None))
    assert not warehouse.folder.forgotten.exists()


def test_a_folder_without_an_export_is_refused_and_not_made(tmp_path: Path) -> None:
    mistyped = WarehouseResource(data_dir=str(tmp_path / "dat"))
    with pytest.raises(RefusedError, match="holds no export"):
        forget(mistyped, EMAIL)
    assert not list(tmp_path.iterdir())


def test_the_list_cannot_be_tried_out_without_the_secret_and_another_one_is_refused(
    warehouse: WarehouseResource,
) -> None:
    put(warehouse, CouponSession, [{"email": EMAIL}])
    forget_people(warehouse, People([EMAIL], [], origin("keep"), b"a secret of the environment"))
    kept = json.loads(warehouse.folder.forgotten.read_bytes())
    assert keyed_hash(bytes.fromhex(kept["salt"]), EMAIL) not in kept["hashes"]
    assert len(warehouse.engine.read_suppression(b"a secret of the environment").select_naming(pl.Series([EMAIL]))) == 1
    for secret in (None, b"another secret of it"):
        with pytest.raises(RefusedError, match="known by another COUPONTOOLS_PERSONAL_DATA_KEY"):
            warehouse.engine.read_suppression(secret)


def test_a_list_of_an_older_version_goes_on_to_keep_people_out(warehouse: WarehouseResource) -> None:
    put(warehouse, CouponSession, [{"custom_id": "x"}])
    key = b"0123456789abcdef0123456789abcdef"
    marks = [keyed_hash(key, identifier) for identifier in (EMAIL, PHONE, NATIONAL.lstrip("0"))]
    warehouse.folder.forgotten.write_text(json.dumps({"key": key.hex(), "marks": marks}))
    for _ in range(2):
        named = warehouse.engine.read_suppression(b"a secret that came later").select_naming(
            pl.Series([EMAIL, PHONE, NATIONAL, "0470445566"])
        )
        assert sorted(named["text"]) == sorted([EMAIL, PHONE, NATIONAL])
        forget(warehouse, "new@example.com")
    warehouse.folder.forgotten.write_text("{")
    with pytest.raises(RefusedError, match="which says who is kept out, cannot be read"):
        warehouse.engine.read_suppression(None)


def test_a_forgotten_that_died_half_way_is_ended_by_the_next(warehouse: WarehouseResource) -> None:
    put(warehouse, CouponSession, [{"email": EMAIL}])
    publish(warehouse, TABLES)
    warehouse.engine.write_suppression(warehouse.engine.read_suppression(None).with_identifiers([EMAIL]))
    assert forget(warehouse, "somebody@example.com") == {"coupon_sessions": 1}
    assert where_found(warehouse.folder.root) == set()


def test_what_is_published_is_written_by_nobody_folders_too(warehouse: WarehouseResource) -> None:
    put(warehouse, CouponSession, [{"email": EMAIL}])
    publish(warehouse, TABLES)
    snapshot = warehouse.folder.parquet.resolve()
    modes = {path.stat().st_mode & 0o222 for path in (snapshot, *snapshot.rglob("*"), warehouse.folder.database)}
    assert modes == {0}
