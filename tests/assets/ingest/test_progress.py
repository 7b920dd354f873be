"""The progress of an extraction, as a line for people and as numbers for programs."""

import logging
from dataclasses import dataclass

import pytest

from assets.ingest import progress
from assets.ingest.progress import PROGRESS, ProgressLog

LOG = logging.getLogger("a test of progress")


@dataclass
class Counts:
    slices: int = 10
    resumed: int = 2
    finished: int = 3
    parents: int = 4
    parents_finished: int = 1
    records: int = 5_000


def test_a_line_says_how_far_it_is_and_for_whom(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        ProgressLog("sms_contacts", "sms_groups", LOG).log(Counts(), at_once=True)
        ProgressLog("campaigns", "", LOG).log(Counts(), at_once=True)
    first, second = caplog.messages
    assert first.startswith("sms_contacts: 1 of 4 sms_groups, 5 of 10 slices, 5,000 records, ")
    assert second.startswith("campaigns: 5 of 10 slices, ")
    assert [vars(record)[PROGRESS] for record in caplog.records] == [(5, 10), (5, 10)]


def test_lines_come_no_more_often_than_somebody_would_read_them(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = ProgressLog("campaigns", "", LOG)
    with caplog.at_level(logging.INFO):
        for _ in range(100):
            log.log(Counts())
        assert caplog.messages == []
        monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
        log.log(Counts())
    (line,) = caplog.messages
    assert "s left" in line
