"""Whoever is asked to end while reading ends, at whatever moment that is."""

import asyncio
import os
import signal

import pytest

from assets.ingest.cancellation import run_until_cancelled


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seconds", [None, 0.0, 60.0], ids=["at the end", "just before the end", "long before the end"])
def test_a_signal_ends_what_is_awaited(number: signal.Signals, seconds: float | None) -> None:
    before = [signal.getsignal(signal_number) for signal_number in (signal.SIGINT, signal.SIGTERM)]

    async def work() -> str:
        os.kill(os.getpid(), number)
        if seconds is not None:
            await asyncio.sleep(seconds)
        return "done"

    with pytest.raises(KeyboardInterrupt):
        run_until_cancelled(work())
    assert [signal.getsignal(signal_number) for signal_number in (signal.SIGINT, signal.SIGTERM)] == before
