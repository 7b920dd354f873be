"""Slices of the API come into a batch: rows, rejected records, what was complete, and what is reported of it."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from pydantic import SecretStr

from assets.ingest.extract import extract
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.personal_data import Redactor
from assets.ingest.table_run import TableRun
from assets.tables.categories import Category
from assets.tables.coupon_sessions import CouponSession
from assets.tables.directory_registrations import DirectoryRegistration
from assets.tables.sms_groups import SmsGroup
from resources.coupontools.endpoints import choose_endpoints
from resources.coupontools.errors import AccountError
from resources.coupontools.requests import Slice
from resources.settings import PersonalData
from resources.warehouse.suppression import NOBODY
from tests.support.accounts import registration, session
from tests.support.extraction import Answer, Extracted, Extraction, failed, good

ENDPOINTS = choose_endpoints("")
ONE, TWO = (
    Slice(ENDPOINTS["sessions"], campaign, date(2026, 1, 1), date(2026, 1, 1), {"campaign_id": campaign})
    for campaign in ("cam_1", "cam_2")
)
ALL_OF_ONE = Slice(ENDPOINTS["sessions"], "cam_1", constants={"campaign_id": "cam_1"})


def sessions_of(records: Mapping[str, list[dict[str, Any]]], **beside: object) -> Answer:
    """A server that has these sessions by campaign, on one page."""

    def answer(_path: str, parameters: Mapping[str, Any]) -> object:
        page = records.get(parameters["campaign"], []) if parameters.get("page", 1) == 1 else []
        return good(sessions=page, **beside)

    return answer


def read(extraction: Extraction, answer: Answer, *slices: Slice, **about: Any) -> Extracted:
    async def work(run: TableRun) -> ExtractionReport:
        return await extract(run, slices)

    return extraction.run(CouponSession, answer, work, **about)


def report_of(extracted: Extracted) -> ExtractionReport:
    assert extracted.report is not None
    return extracted.report


def test_each_slice_brings_its_rows_with_what_is_known_from_its_request(extraction: Extraction) -> None:
    records = {"cam_1": [session(1), session(2)], "cam_2": [session(3, news=1)]}
    extracted = read(extraction, sessions_of(records), ONE, TWO)
    assert sorted(extracted.rows.select("campaign_id", "sequence_id").rows()) == [
        ("cam_1", 1),
        ("cam_1", 2),
        ("cam_2", 3),
    ]
    report = report_of(extracted)
    assert (report.slices, report.finished, report.records) == (2, 2, 3)
    assert (report.parents, report.parents_finished) == (2, 2)
    assert (report.new_fields, report.records_keys) == ({"news"}, {"sessions"})
    assert sorted((slice_.key.parent, slice_.records, slice_.is_complete) for slice_ in extracted.slices) == [
        ("cam_1", 2, True),
        ("cam_2", 1, True),
    ]


def test_what_a_dead_run_has_read_is_not_read_again(extraction: Extraction) -> None:
    answer = sessions_of({"cam_1": [session(1)], "cam_2": [session(2)]})
    read(extraction, answer, ONE)
    extracted = read(extraction, answer, ONE, TWO)
    assert {parameters["campaign"] for _, parameters in extracted.requests} == {"cam_2"}
    report = report_of(extracted)
    assert (report.resumed, report.finished, report.parents_finished) == (1, 1, 2)
    assert len(extracted.rows) == 2


def test_a_slice_that_covers_others_completes_them_too(extraction: Extraction) -> None:
    covered = replace(ONE, endpoint=ENDPOINTS["opens"])
    extracted = read(extraction, sessions_of({"cam_1": [session(1)]}), replace(ONE, covers=(covered,)))
    assert extracted.paths() == ["v3/campaign/data"]
    assert [slice_.key.endpoint for slice_ in extracted.slices] == ["v3/campaign/data", "v3/campaign/opens"]


def test_a_parent_that_was_deleted_is_skipped_and_reported(extraction: Extraction) -> None:
    def answer(path: str, parameters: Mapping[str, Any]) -> object:
        is_deleted = parameters["campaign"] == "cam_1"
        return failed(502) if is_deleted else sessions_of({"cam_2": [session(1)]})(path, parameters)

    extracted = read(extraction, answer, ONE, TWO)
    assert report_of(extracted).deleted == ["cam_1"]
    assert [slice_.key.parent for slice_ in extracted.slices] == ["cam_2"]


def test_an_answer_that_cannot_be_read_is_kept_and_costs_no_other_slice(extraction: Extraction) -> None:
    def answer(path: str, parameters: Mapping[str, Any]) -> object:
        odd = parameters["campaign"] == "cam_1"
        return ["odd"] if odd else sessions_of({"cam_2": [session(1)]})(path, parameters)

    extracted = read(extraction, answer, ONE, TWO)
    (message,) = report_of(extracted).unreadable
    assert "in a shape that is not known" in message
    assert "kept in the table quarantine" in message
    assert extracted.rejected.select("parent_id", "record").rows() == [("cam_1", '["odd"]')]
    assert len(extracted.rows) == 1
    assert {slice_.key.parent: slice_.is_complete for slice_ in extracted.slices} == {"cam_1": False, "cam_2": True}


def test_the_first_other_error_ends_the_read_and_leaves_what_was_complete(extraction: Extraction) -> None:
    def answer(path: str, parameters: Mapping[str, Any]) -> object:
        if parameters["campaign"] == "cam_1":
            return sessions_of({"cam_1": [session(1)]})(path, parameters)
        return failed(1000)

    first = read(extraction, answer, ONE)
    second = read(extraction, answer, ONE, TWO)
    assert isinstance(second.error, AccountError)
    assert (
        [slice_.key.parent for slice_ in second.slices] == [slice_.key.parent for slice_ in first.slices] == ["cam_1"]
    )


@pytest.mark.parametrize("accept_counts", [False, True])
def test_days_with_fewer_records_than_announced_are_incomplete(extraction: Extraction, accept_counts: bool) -> None:
    answer = sessions_of({"cam_1": [session(1)]}, amount_of_results=3)
    extracted = read(extraction, answer, ONE, accept_counts=accept_counts)
    (message,) = report_of(extracted).incomplete
    assert "announces 3 records" in message
    assert report_of(extracted).unreadable == []
    assert extracted.slices[0].is_complete is accept_counts, "it is read again, unless a person accepts it"


@pytest.mark.parametrize("accept_counts", [False, True])
def test_a_list_without_days_and_with_fewer_records_than_announced_fails_its_table(
    extraction: Extraction, accept_counts: bool
) -> None:
    async def work(run: TableRun) -> ExtractionReport:
        return await extract(run, [Slice(ENDPOINTS["sms_groups"])])

    def answer(_path: str, _parameters: Mapping[str, Any]) -> object:
        return good(amount_of_groups=2, group=[{"ID": "grp_1"}])

    report = report_of(extraction.run(SmsGroup, answer, work, accept_counts=accept_counts))
    assert len(report.unreadable) == (not accept_counts)
    assert all("--accept-counts" in message for message in report.unreadable)
    assert len(report.incomplete) == accept_counts


@pytest.mark.parametrize("nothing", [{}, {"people": None}, {"people": ""}])
def test_a_page_past_the_end_may_repeat_the_total_and_leave_out_the_list(
    extraction: Extraction, nothing: Mapping[str, object]
) -> None:
    def answer(_path: str, parameters: Mapping[str, Any]) -> object:
        people = {"people": [registration(number) for number in range(60)]} if parameters["page"] == 1 else nothing
        return good(directory="dir_1", amount_of_results="60", **people)

    async def work(run: TableRun) -> ExtractionReport:
        return await extract(
            run, [Slice(ENDPOINTS["directory_registrations"], "dir_1", constants={"directory_id": "dir_1"})]
        )

    extracted = extraction.run(DirectoryRegistration, answer, work)
    assert not report_of(extracted).unreadable
    assert (len(extracted.rows), extracted.slices[0].is_complete) == (60, True)


def test_a_part_that_the_account_does_not_have_is_empty(extraction: Extraction) -> None:
    async def work(run: TableRun) -> ExtractionReport:
        return await extract(run, [Slice(ENDPOINTS["sms_groups"])])

    extracted = extraction.run(SmsGroup, lambda _path, _parameters: failed(103), work)
    (message,) = report_of(extracted).not_available
    assert "does not have v3/smstool/grouplist" in message
    assert [slice_.is_complete for slice_ in extracted.slices] == [True]


def test_a_read_of_everything_is_evidence_of_deletions_with_what_it_is_about(extraction: Extraction) -> None:
    (complete,) = report_of(read(extraction, sessions_of({"cam_1": [session(1)]}), ALL_OF_ONE)).complete_reads
    assert dict(complete.where) == {"campaign_id": "cam_1"}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "records", [[session(1), session(2) | {"session": ""}], [session(1), 5]], ids=["an empty key", "no object"]
)
def test_a_read_with_a_record_whose_key_is_not_known_is_no_evidence(extraction: Extraction, records: list[Any]) -> None:
    report = report_of(read(extraction, sessions_of({"cam_1": records}), ALL_OF_ONE))
    assert report.complete_reads == []


def test_a_read_of_days_is_no_evidence(extraction: Extraction) -> None:
    assert report_of(read(extraction, sessions_of({"cam_1": [session(1)]}), ONE)).complete_reads == []


def test_records_outside_the_days_are_left_out_where_the_api_does_not_do_that(extraction: Extraction) -> None:
    days = [date(2026, 1, number) for number in (9, 5, 4, 3, 1)]

    def answer(_path: str, parameters: Mapping[str, Any]) -> object:
        page = days[:4] if parameters["page"] == 1 else days[4:]
        return good(users=[{"ID": f"r{day.day}", "registration_date_utc": f"{day} 12:00:00"} for day in page])

    async def work(run: TableRun) -> ExtractionReport:
        endpoint, constants = ENDPOINTS["directory_registrations"], {"directory_id": "dir_1"}
        return await extract(run, [Slice(endpoint, "dir_1", date(2026, 1, 3), date(2026, 1, 5), constants)])

    extracted = extraction.run(DirectoryRegistration, answer, work)
    kept = extracted.rows["registered_at"].dt.day().to_list()
    assert sorted(kept) == [3, 4, 5]
    assert report_of(extracted).outside_window == 2


def test_pages_that_threads_store_at_the_same_time_are_all_counted(extraction: Extraction) -> None:
    total, size = 2_400, 10

    def answer(_path: str, parameters: Mapping[str, Any]) -> object:
        last = int(parameters["page"]) * size
        page = [session(number, sequenceid="odd") for number in range(last - size, min(last, total))]
        return good(sessions=page, amount_of_results=total)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        extracted = read(extraction, answer, ALL_OF_ONE)
    finally:
        sys.setswitchinterval(interval)
    (slice_,) = extracted.slices
    assert (slice_.records, slice_.rejected, len(extracted.rejected)) == (total, total, total)
    assert report_of(extracted).records == total


def test_the_level_of_a_category_comes_from_the_list_that_has_it(extraction: Extraction) -> None:
    async def work(run: TableRun) -> ExtractionReport:
        parts = {"categories": "category", "main_categories": "main"}
        return await extract(run, [Slice(ENDPOINTS[part], constants={"level": level}) for part, level in parts.items()])

    extracted = extraction.run(Category, lambda path, _parameters: good(categories=[{"ID": path[3:]}]), work)
    assert sorted(extracted.rows["level"].to_list()) == ["category", "main"]


def test_personal_data_is_redacted_before_anything_is_written(extraction: Extraction) -> None:
    policy = PersonalData(personal_data="hash", personal_data_key=SecretStr("k" * 16))
    records = [session(1, user={"email": "jan@example.com"}), session(2, sequenceid="odd", note="jan@example.com")]
    redactor = Redactor.over(CouponSession, policy, NOBODY)
    extracted = read(extraction, sessions_of({"cam_1": records}), ONE, redactor=redactor)
    assert extracted.rows["email"].str.len_chars().to_list() == [64]
    assert len(extracted.rejected) == 1
    frames = (extracted.rows, extracted.rejected, extracted.present_keys)
    assert "jan@example.com" not in "".join(frame.write_json() for frame in frames)
