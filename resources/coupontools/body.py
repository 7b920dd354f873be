"""Receives and decompresses the body of an answer, up to the largest size that is allowed."""

import asyncio
import gzip
import zlib
from concurrent.futures import Executor
from io import BytesIO

import httpx

ENCODINGS = "gzip, deflate"
"""The compression that every request accepts: zlib decompresses both up to a given length."""

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": zlib.MAX_WBITS}
_GZIP_MEMBER = b"\x1f\x8b"
"""How each member of a gzip body begins."""

_KNOWN_ENCODINGS = {*_WINDOW_BITS, "br", "zstd", "dcb", "dcz", "compress", "x-compress"}

_HEADERS = {b"date", b"location", b"retry-after"}
"""The headers of an answer that are used; the others are not kept."""

_MIN_PIECE = 32_000
"""Bytes from which on a piece of a body is not extended, as extending copies it. Smaller chunks of a slow answer are
collected into pieces, as each would otherwise be an object of its own."""

_BYTES_PER_VALUE = 32
"""A large answer may hold one object or list for this many bytes; in memory it takes up to three times as much."""


class TooLargeError(Exception):
    """The body is longer than allowed; `beginning` is what was read of it."""

    def __init__(self, beginning: bytes) -> None:
        """Keep the beginning."""
        super().__init__("the body is too long")
        self.beginning = beginning


async def receive_answer(
    http: httpx.AsyncClient, request: httpx.Request, limit: int, threads: Executor
) -> httpx.Response:
    """Send a request and receive its answer: the decompressed body, and of the headers those that are used.

    Raises TooLargeError if the body has more bytes than `limit`, httpx.TransportError and httpx.DecodingError.
    """
    response = await http.send(request, stream=True)
    try:
        body = await _receive_body(response, limit)
    finally:
        await response.aclose()
    if packed := _encodings_of(response):
        body = await asyncio.get_running_loop().run_in_executor(threads, _decompress, body, packed, limit)
    # a new response, as httpx's own is in a reference cycle with its stream: the body would stay in memory until the
    # next garbage collection
    headers = [header for header in response.headers.raw if header[0].lower() in _HEADERS]
    return httpx.Response(response.status_code, headers=headers, content=body)


async def _receive_body(response: httpx.Response, limit: int) -> bytes:
    """Receive the body as it is sent."""
    pieces: list[bytes | bytearray] = []
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if len(chunk) >= _MIN_PIECE:
            pieces.append(chunk)
        elif pieces and isinstance(last := pieces[-1], bytearray) and len(last) < _MIN_PIECE:
            last += chunk
        else:
            pieces.append(bytearray(chunk))
        if size > limit:
            raise TooLargeError(b"".join(pieces)[:limit])
    return b"".join(pieces)


def _encodings_of(response: httpx.Response) -> list[str]:
    """Return the names of the body's compressions; other names in the header are ignored."""
    named = response.headers.get("content-encoding", "").lower().split(",")
    return [name.strip() for name in named if name.strip() in _KNOWN_ENCODINGS]


def _decompress(body: bytes, packed: list[str], limit: int) -> bytes:
    """Decompress a body."""
    if not body:
        return body
    if len(packed) > 1 or packed[0] not in _WINDOW_BITS:
        raise httpx.DecodingError(f"it is compressed as {', '.join(packed[:3])}; only {ENCODINGS} are supported")
    try:
        return _inflate(body, _WINDOW_BITS[packed[0]], limit)
    except zlib.error as error:
        if packed[0] != "deflate":
            raise httpx.DecodingError(str(error)) from None
    try:
        return _inflate(body, -zlib.MAX_WBITS, limit)  # some servers send deflate without its header
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from None


def _inflate(body: bytes, window_bits: int, limit: int) -> bytes:
    inflater = zlib.decompressobj(window_bits)
    content = inflater.decompress(body, limit + 1)
    is_complete = inflater.eof
    if inflater.unused_data.startswith(_GZIP_MEMBER):
        content, is_complete = _read_gzip_members(body, limit + 1)
    if len(content) > limit:
        raise TooLargeError(content[:limit])
    if not is_complete:
        raise httpx.DecodingError("its compressed data is cut off")
    return content


def _read_gzip_members(body: bytes, size: int) -> tuple[bytes, bool]:
    """Read up to `size` bytes of a gzip body with several members (RFC 1952), and whether it is complete."""
    try:
        return gzip.GzipFile(fileobj=BytesIO(body)).read(size), True
    except EOFError:
        return b"", False
    except gzip.BadGzipFile as error:
        raise httpx.DecodingError(str(error)) from None


def holds_too_many_values(body: bytes, limit: int) -> bool:
    """Whether a body has more objects and lists than one of `limit` bytes has, even if they are small."""
    values = limit // _BYTES_PER_VALUE
    return len(body) > 2 * values and _count(body, b"{") + _count(body, b"[") > values


def _count(body: bytes, byte: bytes) -> int:
    """Count a byte; `bytes.count` compares one after the other, and takes three times as long."""
    return len(body) - len(body.replace(byte, b""))
