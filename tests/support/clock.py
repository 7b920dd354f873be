"""The machine's clock, as it is wrong or set in a test; Dagster, DuckDB and the server go by the right time."""

from datetime import datetime, timedelta, tzinfo

import pytest

from resources import utc


class MachineClock:
    """Replaces the clock of `resources/utc.py`; `ahead` is by how much it is wrong."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin with the right time."""
        self.ahead = timedelta(0)
        clock = self

        class WrongTime(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) + clock.ahead

        monkeypatch.setattr(utc, "datetime", WrongTime)
