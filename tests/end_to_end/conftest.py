"""Fixtures of exports whose requests meet faults."""

import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.faultless import faultless
from tests.support.queries import Rows


@pytest.fixture
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second for the next byte of an answer."""
    monkeypatch.setenv("COUPONTOOLS_READ_TIMEOUT", "1")


@pytest.fixture
def every_list_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of opens, claims and validations are read too, although no session is from before the range."""
    monkeypatch.setattr("assets.coupon_sessions.MIN_DAYS_TO_ASK", timedelta.max)


@pytest.fixture
def published(data_dir: Path) -> Mapping[str, Rows]:
    """The whole account as an earlier run has published it."""
    folder, tables = faultless()
    shutil.copytree(folder.name, data_dir, symlinks=True)
    return tables
