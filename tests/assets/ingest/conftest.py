"""Fixtures of the extraction's tests."""

from pathlib import Path

import pytest

from tests.support.extraction import Extraction


@pytest.fixture
def extraction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Extraction:
    return Extraction(tmp_path, monkeypatch)
