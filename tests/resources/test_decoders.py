"""Large answers are decoded in other processes, which come and go with their client."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from resources.coupontools.decoders import FEW, LARGE, Decoders
from resources.coupontools.envelope import ShapeError

SMALL_BODY, LARGE_BODY = b"x", b"x" * LARGE


def where(body: bytes) -> tuple[int, int]:
    """The process that decodes, and the length of what it got."""
    return os.getpid(), len(body)


def refuse(_body: bytes) -> None:
    raise ShapeError


async def started(decoders: Decoders) -> int:
    """The id of another process that decodes for us, once there is one."""
    for _ in range(300):
        process, length = await decoders.run(where, LARGE_BODY, in_processes=True)
        assert length == LARGE
        if process != os.getpid():
            return process
        await asyncio.sleep(0.1)
    raise TimeoutError


def run_together(decoders: Decoders, coroutine: object) -> None:
    try:
        asyncio.run(coroutine)  # type: ignore[arg-type]
    finally:
        decoders.close()


pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="a single core has no use for processes")


def test_only_large_answers_leave_the_process_and_only_after_a_few_of_them() -> None:
    decoders = Decoders()

    async def decode() -> None:
        for _ in range(FEW - 1):
            assert (await decoders.run(where, LARGE_BODY, in_processes=True))[0] == os.getpid()
        other = await started(decoders)
        assert other != os.getpid()
        assert (await decoders.run(where, SMALL_BODY, in_processes=True))[0] == os.getpid()
        assert (await decoders.run(lambda body: len(body), LARGE_BODY, in_processes=False)) == LARGE

    run_together(decoders, decode())


def test_an_answer_of_an_unknown_shape_is_told_from_there_too() -> None:
    decoders = Decoders()

    async def decode() -> None:
        await started(decoders)
        with pytest.raises(ShapeError):
            await decoders.run(refuse, LARGE_BODY, in_processes=True)

    run_together(decoders, decode())


def test_a_process_that_is_killed_is_done_without() -> None:
    decoders = Decoders()

    async def decode() -> None:
        os.kill(await started(decoders), signal.SIGKILL)
        for _ in range(5):
            assert await decoders.run(where, LARGE_BODY, in_processes=True) == (os.getpid(), LARGE)

    run_together(decoders, decode())


def ended(process: int) -> bool:
    for _ in range(100):
        with suppress(ProcessLookupError):
            os.kill(process, 0)
            time.sleep(0.05)
            continue
        return True
    return False


def test_the_processes_end_with_their_client_and_with_a_parent_that_is_killed() -> None:
    decoders = Decoders()
    found: list[int] = []

    async def decode() -> None:
        found.append(await started(decoders))

    run_together(decoders, decode())
    assert ended(found[0])
    code = (
        "import asyncio, os, signal\n"
        "from resources.coupontools.decoders import Decoders\n"
        "from tests.resources.test_decoders import started\n"
        "if __name__ == '__main__':\n"
        "    print(asyncio.run(started(Decoders())), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert ended(int(killed.stdout))
