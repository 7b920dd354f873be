"""What a page may cost: work and memory in its bytes, whatever its records and their fields are called."""

import json
import logging
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.ingest.cancellation import run_until_cancelled
from assets.ingest.extract import extract
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.table_run import TableRun
from assets.normalise.normalise import NormalisedPage, PageNormaliser
from assets.normalise.page_texts import MAX_UNDECLARED
from assets.tables.coupon_sessions import CouponSession
from resources.coupontools.account import CoupontoolsAccount
from resources.coupontools.endpoints import choose_endpoints
from resources.coupontools.page import Page
from resources.coupontools.requests import Slice
from resources.printable import join_names
from resources.warehouse.batch import MAX_BYTES_OF_A_CHUNK, MAX_PAGES_OF_A_CHUNK, BatchKey
from resources.warehouse.batches import open_batch
from resources.warehouse.warehouse import Warehouse
from tests.support.accounts import session
from tests.support.raw_server import Answers, answering, envelope, http

SLICE = Slice(choose_endpoints("")["sessions"], "cam_1", constants={"campaign_id": "cam_1"})


def read(records: list[Any], max_record_bytes: int = 10_000_000) -> NormalisedPage:
    content = json.dumps(records).encode()
    page = Page(SLICE, 1, content, datetime(2026, 1, 2))
    return PageNormaliser(CouponSession, max_record_bytes).normalise(page)


def with_names(number: int, names: dict[str, Any]) -> dict[str, Any]:
    return session(number, **names)


def in_user(number: int, names: dict[str, Any]) -> dict[str, Any]:
    return session(number, user={"email": "a@example.com", **names})


@pytest.mark.parametrize(("record", "place", "field"), [(with_names, None, "*"), (in_user, "user", "user.*")])
def test_data_in_the_names_of_fields_is_kept_and_named_once(
    record: Callable[[int, dict[str, Any]], dict[str, Any]], place: str | None, field: str
) -> None:
    sent = [{f'n"{number} {i}': [number, {"é": i}] for i in range(number % 4)} for number in range(150)]
    result = read([record(number, names) for number, names in enumerate(sent)])
    kept = [json.loads(extra) if extra else {} for extra in result.rows["_extra"]]
    assert [extra.get(place, {}) if place else extra for extra in kept] == sent
    assert result.new_fields == {f"{field} (more than {MAX_UNDECLARED} names)"}
    assert result.rejected.is_empty()


def test_a_page_of_few_names_is_read_as_one_of_many() -> None:
    few: dict[str, Any] = {"b": 1, "a": None}
    many: dict[str, Any] = {f"x{i}": 0 for i in range(MAX_UNDECLARED)}
    alone = read([session(1, **few)]).rows["_extra"][0]
    assert read([session(1, **few), session(2, **many)]).rows["_extra"][0] == alone == '{"a":null,"b":1}'


def test_twenty_thousand_names_take_no_longer_than_their_bytes() -> None:
    records = [with_names(n, {f"name{10 * n + i}": i for i in range(10)}) for n in range(2_000)]
    begun = time.process_time()
    result = read(records)
    assert time.process_time() - begun < 5, "a column for each took 54 s and 1.8 GB"
    assert len(result.rows) == 2_000


def test_names_are_shown_as_far_as_somebody_would_read_them() -> None:
    assert join_names([]) == "none"
    assert join_names(["b", "a"]) == "a, b"
    assert join_names(["a" * 5_000]) == "a" * 80 + "…"
    text = join_names([f"n{i:05}" for i in range(20_000)])
    assert text.startswith("n00000, n00001, ")
    assert text.endswith("n00029, and 19,970 more")


def test_a_record_that_is_too_large_is_cut_and_costs_no_other() -> None:
    large = session(2, customid="é" * 2_000_000)
    result = read([session(1), large, session(3), large, session(4, customid="y" * 900)], max_record_bytes=3_000_000)
    assert result.rows["sequence_id"].to_list() == [1, 3, 4]
    assert (result.records, len(result.rejected_keys), result.copies, len(result.hashes)) == (5, 1, 1, 4)
    (reason,), (kept,) = result.rejected["reason"], result.rejected["record"]
    assert reason == (
        "the record is larger than the 3,000,000 bytes that COUPONTOOLS_MAX_RECORD_BYTES allows (only 1,000,000 of "
        f"{len(json.dumps(large)):,} bytes are kept)"
    )
    assert json.dumps(large).startswith(kept)
    assert result.rejected_keys["session_id"].to_list() == [None], "nobody knows whose it is"


def test_a_record_is_as_large_as_it_may_be() -> None:
    most = len(json.dumps(session(1)))
    assert len(read([session(1)], most).rejected) == 0
    assert len(read([session(1), session(2)], most).rejected) == 0
    assert len(read([session(1)], most - 1).rejected) == 1


@pytest.fixture
def extracted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Answers], tuple[ExtractionReport, pl.DataFrame]]:
    """Reads the sessions of a campaign that a server sends into a batch; returns also what was rejected."""
    for name, value in {"CLIENT_ID": "somebody", "CLIENT_SECRET": "hush-hush", "RETRY_WAIT": "0"}.items():
        monkeypatch.setenv(f"COUPONTOOLS_{name}", value)

    def run(answers: Answers) -> tuple[ExtractionReport, pl.DataFrame]:
        warehouse = Warehouse(tmp_path)
        with answering(answers) as url, open_batch(warehouse.engine, warehouse.store, BatchKey("a test")) as batch:

            async def work() -> ExtractionReport:
                async with CoupontoolsAccount(url=url).connect() as client:
                    run = TableRun(client, batch, CouponSession, None, logging.getLogger())
                    return await extract(run, [SLICE])

            report = run_until_cancelled(work())
            rows, rejected = batch.files("rows"), batch.files("rejected")
            assert sum(len(pl.read_parquet(file)) for file in rows) == report.records
            assert [slice_.is_complete for slice_ in batch.slices] == [not report.unreadable]
            return report, pl.concat(map(pl.read_parquet, rejected)) if rejected else pl.DataFrame()

    return run


def test_of_a_list_that_does_not_end_the_rows_are_kept(
    extracted: Callable[[Answers], tuple[ExtractionReport, pl.DataFrame]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUPONTOOLS_MAX_PAGES", "5")
    report, _ = extracted(lambda page: [http(envelope([session(page)], amount_of_results=10**12))])
    assert report.records == 5
    (line,) = report.unreadable
    assert "campaign cam_1 does not end: 5 pages" in line


def test_of_an_answer_that_is_too_large_the_beginning_is_kept(
    extracted: Callable[[Answers], tuple[ExtractionReport, pl.DataFrame]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUPONTOOLS_MAX_ANSWER_BYTES", "20000")
    large = envelope([session(9, customid="x" * 30_000)])
    report, rejected = extracted(lambda page: [http(large if page == 2 else envelope([session(page)]))])
    assert report.records == 1
    (line,) = report.unreadable
    assert "page 2 holds more bytes than COUPONTOOLS_MAX_ANSWER_BYTES (20,000) allows" in line
    assert rejected["record"].to_list() == [large[:20_000].decode()]


def test_new_names_on_every_page_are_not_remembered_without_end(
    extracted: Callable[[Answers], tuple[ExtractionReport, pl.DataFrame]],
) -> None:
    def page_of(page: int) -> list[dict[str, Any]]:
        return [with_names(page, {f"n{page} {i}": 1 for i in range(90)})] if page < 30 else []

    report, _ = extracted(lambda page: [http(envelope(page_of(page)))])
    assert report.records == 29
    assert len(report.new_fields) < 1_100


def test_a_part_is_written_when_it_has_many_pages(tmp_path: Path) -> None:
    page, warehouse = read([session(1)]), Warehouse(tmp_path)
    with open_batch(warehouse.engine, warehouse.store, BatchKey("a test")) as batch:
        for _ in range(2 * MAX_PAGES_OF_A_CHUNK):
            batch.add(page.rows, page.rejected)
        assert len(batch.files("rows")) == 2


@pytest.mark.parametrize("kind", ["rows", "rejected"])
def test_a_part_is_written_when_it_takes_much_memory(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.warehouse.batch.MAX_BYTES_OF_A_CHUNK", MAX_BYTES_OF_A_CHUNK // 100)
    warehouse = Warehouse(tmp_path)
    page = read([session(n, customid="x" * 3_000, sequenceid="7" if kind == "rows" else "no") for n in range(100)])
    with open_batch(warehouse.engine, warehouse.store, BatchKey("a test")) as batch:
        for _ in range(10):
            batch.add(page.rows, page.rejected)
        assert 2 <= len(batch.files(kind)) <= 5
