"""From a validation to its row in the published database, with Dagster's daemon; and how many events a second come in.

uv run python -m tests.benchmarks.webhooks --validations 50 --events 1000
"""

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import httpx

from pipelines.export import export_days
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.server import SandboxServer
from resources.webhooks.signature import sign
from tests.support.accounts import campaign, session
from tests.support.dagster_dev import dagster_dev
from tests.support.ports import find_free_port
from tests.support.webhooks import SECRET, TOKEN, update, waiting

CONNECTIONS = 50
MAX_SECONDS = 600


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--validations", type=int, default=50)
    parser.add_argument("--events", type=int, default=1_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(measure_burst(folder / "burst", options.events))  # noqa: T201
        print(measure_restarts(folder / "restarts", 2 * options.events))  # noqa: T201
        if options.validations:
            print(measure_latency(folder / "latency", options.validations))  # noqa: T201


def measure_burst(folder: Path, events: int) -> str:
    """Send events in one second, over a few connections, and look which of them are on disk."""
    with _environment(folder), _receiving() as url:
        answers, seconds = asyncio.run(_send_all(url, events, pause=CONNECTIONS / events))
        kept = {event_id for ids in waiting(folder).values() for event_id in ids}
    good = sum(status == 200 for status, _ in answers)
    waits = sorted(wait for _, wait in answers)
    return (
        f"{events:,} events in {seconds:.2f} s: {good:,} answered by 200, {len(kept):,} on disk; an answer took "
        f"{1000 * statistics.median(waits):.0f} ms in the median, {1000 * waits[-1]:.0f} ms at most"
    )


def measure_restarts(folder: Path, events: int) -> str:
    """Send events, each until it is taken, while the receiver is ended once and killed once."""
    with _environment(folder):
        port = find_free_port()
        url = f"http://127.0.0.1:{port}/{TOKEN}"

        async def send_and_restart() -> None:
            process = _start(port)
            sending = asyncio.create_task(_send_all(url, events, pause=10 * CONNECTIONS / events, until_taken=True))
            for number in (signal.SIGTERM, signal.SIGKILL):
                await asyncio.sleep(3)
                process.send_signal(number)
                process.wait()
                process = _start(port)
            await sending
            process.terminate()
            process.wait()

        asyncio.run(send_and_restart())
        kept = [event_id for ids in waiting(folder).values() for event_id in ids]
        merged = update().events.new
    return (
        f"{events:,} events while the receiver was ended and killed: {len(set(kept)):,} on disk, {merged:,} rows "
        f"({len(kept) - len(set(kept)):,} had come twice)"
    )


def measure_latency(folder: Path, validations: int) -> str:
    """Validate one session after the other, some seconds apart, and look when each is published as validated."""
    today = datetime.now(UTC).replace(tzinfo=None, microsecond=0, hour=0, minute=0, second=0)
    ids = [f"{number:03}{'x' * 18}" for number in range(validations)]
    made = HandmadeAccount(
        [campaign(number) for number in range(1, 6)],
        {
            f"cam_{campaign_number}": [
                session(number, session_id=ids[number], created=today)
                for number in range(validations)
                if number % 5 + 1 == campaign_number
            ]
            for campaign_number in range(1, 6)
        },
    )
    port = find_free_port()
    with (
        SandboxServer(made, webhooks=f"http://127.0.0.1:{port}/{TOKEN}") as server,
        _environment(folder, server),
    ):
        export_days(today.date(), today.date())
        with _receiving(port), dagster_dev(folder / "home"), httpx.Client(base_url=server.url) as api:
            seconds = sorted(_validate(api, ids, folder))
    late = MAX_SECONDS if len(seconds) < validations else seconds[-1]
    return (
        f"{len(seconds)} of {validations} validations published: {statistics.median(seconds):.0f} s in the median, "
        f"{late:.0f} s at most"
    )


def _validate(api: httpx.Client, ids: list[str], folder: Path) -> list[float]:
    keys = {"X-Client-Id": "sandbox-client", "X-Client-Secret": SECRET}
    begun: dict[str, float] = {}
    published: dict[str, float] = {}
    pause, waited_since = random.Random(1), time.monotonic()
    due = waited_since
    while len(published) < len(ids) and time.monotonic() - waited_since < MAX_SECONDS:
        now = time.monotonic()
        if len(begun) < len(ids) and now >= due:
            name = ids[len(begun)]
            api.post("/v3/couponsession/update", json={"couponsession": name, "validate": True}, headers=keys)
            begun[name] = waited_since = now
            due = now + pause.uniform(3, 12)
        with (
            suppress(duckdb.Error),
            duckdb.connect(str(folder / "data" / "coupontools.duckdb"), read_only=True) as connection,
        ):
            query = "SELECT session_id FROM coupon_sessions WHERE validated_at IS NOT NULL"
            for (name,) in connection.execute(query).fetchall():
                published.setdefault(name, time.monotonic() - begun[name])
        time.sleep(0.5)
    return list(published.values())


async def _send_all(
    url: str, events: int, *, pause: float, until_taken: bool = False
) -> tuple[list[tuple[int, float]], float]:
    """Send events over some connections; returns status and seconds of each, and the seconds of all."""
    numbers, answers, began = iter(range(events)), list[tuple[int, float]](), time.monotonic()

    async def send_some() -> None:
        connection = None
        for number in numbers:
            while True:
                sent = time.monotonic()
                try:
                    connection = connection or await asyncio.open_connection("127.0.0.1", int(url.split(":")[2][:5]))
                    status = await _send(*connection, number)
                except (OSError, asyncio.IncompleteReadError):
                    connection, status = None, 0
                answers.append((status, time.monotonic() - sent))
                if status == 200 or not until_taken:
                    break
                await asyncio.sleep(0.1)
            await asyncio.sleep(max(0.0, pause - (time.monotonic() - sent)))

    await asyncio.gather(*(send_some() for _ in range(CONNECTIONS)))
    return answers, time.monotonic() - began


async def _send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> int:
    now = str(datetime.now(UTC).replace(tzinfo=None, microsecond=0))
    fields = {"id": f"evt_{number:06}", "type": "coupon_validated", "datetime": now, "session": f"s{number:020}"}
    body = json.dumps(fields | {"customer": {"email": f"ann{number}@example.com"}, "status": {"validated": "1"}})
    head = (
        f"POST /{TOKEN} HTTP/1.1\r\nhost: x\r\nx-hmac: {sign(body.encode(), SECRET.encode())}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    writer.write((head + body).encode())
    answer = await reader.readuntil(b"}")
    return int(answer.split(b" ")[1])


@contextmanager
def _environment(folder: Path, server: SandboxServer | None = None) -> Iterator[None]:
    """Set the variables of an account and a data folder until the block is left."""
    folder.mkdir()
    variables = {
        "API_URL": server.url if server else "http://127.0.0.1:9",
        "CLIENT_ID": "sandbox-client",
        "CLIENT_SECRET": SECRET,
        "DATA_DIR": str(folder / "data" if server else folder),
        "WEBHOOK_TOKEN": TOKEN,
    }
    os.environ.update({f"COUPONTOOLS_{name}": value for name, value in variables.items()})
    try:
        yield
    finally:
        for name in variables:
            del os.environ[f"COUPONTOOLS_{name}"]


@contextmanager
def _receiving(port: int = 0) -> Iterator[str]:
    """Run the receiver in a process of its own; the value is its address."""
    port = port or find_free_port()
    process = _start(port)
    try:
        while True:
            with suppress(httpx.TransportError):
                httpx.get(f"http://127.0.0.1:{port}/")
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/{TOKEN}"
    finally:
        process.terminate()
        process.wait()


def _start(port: int) -> "subprocess.Popen[bytes]":
    command = [str(Path(sys.executable).with_name("coupontools")), "webhooks", "--port", str(port)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
