"""Serves the pages of a folder as the API would, as fast as Python can.

Usage: server.py FOLDER [SECONDS]; every answer waits so long. It prints its port, and `GET /requests` counts them.
"""

import asyncio
import re
import sys
from pathlib import Path

from tests.benchmarks.pages import CAMPAIGN_LIST

EMPTY = b'{"status":{"status":"OK"},"amount_of_results":"0","data":[]}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
CAMPAIGN, PAGE = re.compile(rb'"campaign"\s*:\s*"(\w+)"'), re.compile(rb'"page"\s*:\s*"?(\d+)')


def answer(folder: Path, head: bytes, body: bytes) -> bytes:
    """The body of an answer; every list but those of campaigns and their sessions is empty."""
    method, path = head.split(b" ", 2)[:2]
    if method == b"GET":
        return b"[]"
    if path == b"/v3/coupon/list":
        return (folder / CAMPAIGN_LIST).read_bytes()
    campaign, page = CAMPAIGN.search(body), PAGE.search(body)
    file = folder / f"{campaign[1].decode()}_{page[1].decode()}.json" if campaign and page else None
    return file.read_bytes() if path == b"/v3/campaign/data" and file and file.exists() else EMPTY


async def serve(folder: Path, delay: float) -> None:
    """Answer until the process is ended."""
    requests = 0

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = LENGTH.search(head)
                content = await reader.readexactly(int(length[1])) if length else b""
                if head.startswith(b"GET /requests "):
                    body = b"%d" % requests
                else:
                    requests += 1
                    body = answer(folder, head, content)
                    await asyncio.sleep(delay)
                writer.write(HEAD % len(body) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0))
