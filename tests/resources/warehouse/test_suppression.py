"""The list of suppressed people: what it needs, what it refuses, and what it keeps out."""

import json
from pathlib import Path

import polars as pl
import pytest

from assets.tables.coupon_sessions import CouponSession
from resources.warehouse.erasure import People
from resources.warehouse.errors import RefusedError
from resources.warehouse.origin import Origin
from resources.warehouse.suppression import NOBODY, find_suppressed, keyed_hash, remove_suppressed
from resources.warehouse.warehouse import Warehouse
from tests.support.erasure import EMAIL, NATIONAL, PHONE, forget, forget_people, origin, policy, put


@pytest.mark.files
@pytest.mark.parametrize("other", ["keep", "drop", "another key"])
def test_another_policy_or_key_is_refused_and_changes_nothing(warehouse: Warehouse, other: str) -> None:
    put(warehouse, CouponSession, [{"email": EMAIL}], (), "hash")
    label = "with personal data hashed by key 01234567" if other == "another key" else policy(other).label
    with pytest.raises(RefusedError, match="must not mix"):
        forget_people(warehouse, People([EMAIL], [], Origin("account 0123456789abcdef", f" {label}"), b"another"))
    with pytest.raises(RefusedError, match="another account"):
        forget_people(warehouse, People([EMAIL], [], Origin("account f", policy("hash").label), None))
    assert not warehouse.folder.forgotten.exists()


def test_a_folder_without_an_export_is_refused_and_not_made(tmp_path: Path) -> None:
    mistyped = Warehouse(tmp_path / "dat")
    with pytest.raises(RefusedError, match="holds no export"):
        forget(mistyped, EMAIL)
    assert not list(tmp_path.iterdir())


@pytest.mark.files
def test_the_list_cannot_be_tried_out_without_the_secret_and_another_one_is_refused(
    warehouse: Warehouse,
) -> None:
    put(warehouse, CouponSession, [{"email": EMAIL}])
    forget_people(warehouse, People([EMAIL], [], origin("keep"), b"a secret of the environment"))
    kept = json.loads(warehouse.folder.forgotten.read_bytes())
    assert keyed_hash(bytes.fromhex(kept["salt"]), EMAIL) not in kept["hashes"]
    assert len(warehouse.engine.read_suppression(b"a secret of the environment").select_naming(pl.Series([EMAIL]))) == 1
    for secret in (None, b"another secret of it"):
        with pytest.raises(RefusedError, match="known by another COUPONTOOLS_PERSONAL_DATA_KEY"):
            warehouse.engine.read_suppression(secret)


@pytest.mark.files
def test_a_list_of_an_older_version_goes_on_to_keep_people_out(warehouse: Warehouse) -> None:
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


@pytest.mark.parametrize("text", ["mail to jan.qz0107x@mail2.be", "0477 88 99 00", "a" * 64, f"{'a' * 64} {'b' * 64}"])
def test_a_free_text_that_names_anybody_is_found_in_the_rows_of_suppressed_people_only(text: str) -> None:
    table, suppressed = CouponSession.schema_of_table(), NOBODY.with_identifiers([PHONE])
    hers = {"session_id": "hers", "phone": PHONE, "utm_source": "newsletter", "utm_term": text}
    of_another = hers | {"session_id": "of another", "phone": "+32477889900"}
    frame = pl.DataFrame([of_another, hers])
    named = find_suppressed(frame, table, suppressed)
    assert named is not None
    assert named.select("is_theirs", "phone", "utm_source", "utm_term").rows() == [
        (False, False, False, False),
        (True, True, False, True),
    ]
    assert remove_suppressed(frame, table, suppressed).rows() == [
        tuple(of_another.values()),
        ("hers", None, "newsletter", None),
    ]
