"""Records that are listed briefly and described one by one: a description that fails costs nothing of a stored row."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from assets.ingest.descriptions import extract_described
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.table_run import TableRun
from assets.tables.campaigns import Campaign
from resources.coupontools import client
from resources.coupontools.endpoints import READABLE
from tests.support.accounts import campaign
from tests.support.extraction import Answer, Extracted, Extraction, failed, good


def described(descriptions: Mapping[str, object], **count: int) -> Answer:
    """A server that lists two campaigns, and says this of them: an object is a description."""

    def answer(path: str, parameters: Mapping[str, Any]) -> object:
        if path == "v3/coupon/list":
            return good(coupon_info=[campaign(1), campaign(2)], **count)
        said = descriptions[parameters["campaign"]]
        is_description = isinstance(said, dict) and "status" not in said
        return good(coupon_info=said) if is_description else said

    return answer


def read(extraction: Extraction, answer: Answer, *stored: str) -> Extracted:
    return extraction.run(
        Campaign, answer, extract_described, stored_rows=lambda: pl.DataFrame({"campaign_id": stored})
    )


def report_of(extracted: Extracted) -> ExtractionReport:
    assert extracted.report is not None
    return extracted.report


def titles(extracted: Extracted) -> dict[str, str]:
    return dict(extracted.rows.select("campaign_id", "title").rows())


FULL = {"ID": "cam_2", "title": "Described 2"}


def test_a_record_has_what_its_list_and_its_description_say(extraction: Extraction) -> None:
    extracted = read(
        extraction, described({"cam_1": {"ID": "cam_1", "title": "Described 1", "news": 1}, "cam_2": FULL})
    )
    assert titles(extracted) == {"cam_1": "Described 1", "cam_2": "Described 2"}
    extra = dict(extracted.rows.select("campaign_id", "_extra").rows())
    assert json.loads(extra["cam_1"]) == {"news": 1, "list.title": "Title 1"}, "what gives way is kept"
    assert report_of(extracted).new_fields == {"news", "list.title"}


@pytest.mark.parametrize("failure", [failed(502), ["odd"]], ids=["not found", "unreadable"])
def test_where_a_description_fails_a_stored_row_stays_as_it_is(extraction: Extraction, failure: object) -> None:
    extracted = read(extraction, described({"cam_1": failure, "cam_2": FULL}), "cam_1", "cam_2")
    assert titles(extracted) == {"cam_2": "Described 2"}
    assert extracted.present_keys["campaign_id"].to_list() == ["cam_1"], "it does not count as deleted"


def test_where_a_description_is_not_found_a_new_record_is_taken_as_it_is_listed(extraction: Extraction) -> None:
    extracted = read(extraction, described({"cam_1": failed(502), "cam_2": FULL}), "cam_2")
    assert titles(extracted) == {"cam_1": "Title 1", "cam_2": "Described 2"}
    assert extracted.present_keys.is_empty()
    assert report_of(extracted).deleted == ["cam_1"]


def test_a_description_that_cannot_be_read_is_kept_and_fails_the_table(extraction: Extraction) -> None:
    extracted = read(extraction, described({"cam_1": ["odd"], "cam_2": FULL}))
    (message,) = report_of(extracted).unreadable
    assert "v3/coupon/info of campaign cam_1 in a shape that is not known" in message
    assert extracted.rejected.select("parent_id", "record").rows() == [("cam_1", '["odd"]')]
    assert {slice_.key.parent: slice_.is_complete for slice_ in extracted.slices} == {
        "cam_1": False,
        "cam_2": True,
        None: True,
    }


def test_an_empty_description_is_reported(extraction: Extraction, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        extracted = read(extraction, described({"cam_1": {}, "cam_2": FULL}))
    assert titles(extracted)["cam_1"] == "Title 1"
    assert "campaigns: 1 of 2 are listed but not described" in caplog.messages


def test_a_list_that_cannot_be_read_is_kept_once(extraction: Extraction) -> None:
    extracted = read(extraction, lambda _path, _parameters: ["odd"])
    assert extracted.paths() == ["v3/coupon/list"]
    assert len(report_of(extracted).unreadable) == len(extracted.rejected) == 1


@pytest.mark.parametrize("listed", [{}, {"title": {"en": "of another type"}}], ids=["fits", "does not fit"])
def test_records_that_are_left_as_they_are_stored_are_counted(
    extraction: Extraction, listed: Mapping[str, object]
) -> None:
    rows = [campaign(1, **listed), campaign(1, name="again", **listed), campaign(2)]

    def answer(path: str, _parameters: Mapping[str, Any]) -> object:
        return good(coupon_info=rows, amount_of_results=3) if path == "v3/coupon/list" else good(coupon_info=FULL)

    extracted = extraction.run(Campaign, answer, lambda run: extract_described(run, ["cam_1"]))
    assert titles(extracted) == {"cam_2": "Described 2"}
    assert extracted.rejected.is_empty()
    assert extracted.present_keys["campaign_id"].to_list() == ["cam_1"]
    assert (report_of(extracted).unreadable, report_of(extracted).announced) == ([], 3)
    assert [(slice_.records, slice_.rejected) for slice_ in extracted.slices if not slice_.key.parent] == [(3, 0)]


def test_where_a_description_fails_the_stored_record_is_counted(extraction: Extraction) -> None:
    answer = described({"cam_1": failed(502), "cam_2": FULL}, amount_of_results=2)
    extracted = read(extraction, answer, "cam_1", "cam_2")
    assert titles(extracted) == {"cam_2": "Described 2"}
    assert (report_of(extracted).unreadable, report_of(extracted).records) == ([], 2)


PAGES = [[campaign(1), campaign(2)], [campaign(3), campaign(4)], [campaign(5)]]


@pytest.mark.parametrize("unchanged", [["cam_1", "cam_2"], ["cam_3", "cam_4"], ["cam_5"]], ids=str)
@pytest.mark.parametrize("count", [{}, {"amount_of_results": 5}], ids=str)
def test_a_page_of_records_that_are_left_as_they_are_stored_is_not_the_end_of_the_list(
    extraction: Extraction, monkeypatch: pytest.MonkeyPatch, unchanged: Sequence[str], count: Mapping[str, int]
) -> None:
    def answer(path: str, parameters: Mapping[str, Any]) -> object:
        if path != "v3/coupon/list":
            return good(coupon_info={})
        return good(coupon_info=dict(enumerate(PAGES, 1)).get(parameters["page"], []), **count)

    async def read_pages(run: TableRun) -> ExtractionReport:
        paged = replace(run.client.endpoints["campaigns"], page="page")
        monkeypatch.setattr(client, "READABLE", READABLE | {paged})
        run.client.endpoints = {**run.client.endpoints, "campaigns": paged}
        return await extract_described(run, unchanged)

    extracted = extraction.run(Campaign, answer, read_pages)
    assert sorted([*titles(extracted), *unchanged]) == [f"cam_{number}" for number in range(1, 6)]
    report = report_of(extracted)
    assert (report.unreadable, report.unstable, report.records) == ([], [], 5)
    assert len(report.complete_reads) == 1
