"""Reads a table from a server that says what a test wants into a real batch, without Dagster and without a stage."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import polars as pl
import pytest

from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.table_run import TableRun
from assets.tables.table import Table
from resources.coupontools.account import CoupontoolsAccount
from resources.coupontools.errors import CoupontoolsError
from resources.warehouse.batch import BatchKey, CompletedSlice
from resources.warehouse.batches import open_batch
from resources.warehouse.warehouse import Warehouse
from tests.support.fixed_server import serving

Asked = tuple[str, Mapping[str, Any]]
"""The path of a request, and its parameters."""

Answer = Callable[[str, Mapping[str, Any]], object]
"""The body of the answer to a path and its parameters, as an object; or the number of an HTTP status, without one."""


def good(**beside: object) -> dict[str, object]:
    """The body of a good v3 answer."""
    return {"status": {"status": "OK"}, **beside}


def failed(code: int) -> dict[str, object]:
    """The body of a v3 answer with an error code."""
    return {"status": {"status": "ERROR", "errors": {"error_code": [code], "error_message": ["no"]}}}


@contextmanager
def answering(answer: Answer, requests: list[Asked]) -> Iterator[str]:
    """Serve what `answer` says, and add each request to `requests`; the value is the root of the API."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            url = urlsplit(self.path)
            path, parameters = url.path.lstrip("/"), dict(parse_qsl(url.query)) | (json.loads(body) if body else {})
            requests.append((path, parameters))
            said = answer(path, parameters)
            status, content = (said, b"") if isinstance(said, int) else (200, json.dumps(said).encode())
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_arguments: Any) -> None:
            """Keep quiet."""

    with serving(Handler) as root:
        yield root


@dataclass
class Extracted:
    """What a run has written, and what it has reported."""

    requests: list[Asked]
    report: ExtractionReport | None = None
    error: CoupontoolsError | None = None
    slices: list[CompletedSlice] = field(default_factory=list)
    rows: pl.DataFrame = field(default_factory=pl.DataFrame)
    rejected: pl.DataFrame = field(default_factory=pl.DataFrame)
    present_keys: pl.DataFrame = field(default_factory=pl.DataFrame)

    def paths(self) -> list[str]:
        """The paths that were asked for, each once, in order."""
        return list(dict.fromkeys(path for path, _ in self.requests))


class Extraction:
    """Reads one table again and again into batches of one folder, as the runs of an account do."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Set the keys of an account."""
        self._warehouse = Warehouse(folder)
        self.resumable_for = timedelta(hours=1)
        for name, value in {"CLIENT_ID": "somebody", "CLIENT_SECRET": "hush-hush", "RETRY_WAIT": "0"}.items():
            monkeypatch.setenv(f"COUPONTOOLS_{name}", value)

    def run(
        self,
        table: type[Table],
        answer: Answer,
        work: Callable[[TableRun], Awaitable[ExtractionReport]],
        **about: Any,
    ) -> Extracted:
        """Read a table by `work` from a server that says `answer`; `about` are further attributes of the TableRun."""
        extracted, key = Extracted([]), BatchKey(f"a test of {table.TABLE}", self.resumable_for)
        opened = open_batch(self._warehouse.engine, self._warehouse.store, key)
        with answering(answer, extracted.requests) as url, opened as batch:

            async def read() -> ExtractionReport:
                coupontools = CoupontoolsAccount(url=url, accept_counts=about.pop("accept_counts", False))
                async with coupontools.connect() as client:
                    redactor = about.pop("redactor", None)
                    return await work(TableRun(client, batch, table, redactor, logging.getLogger("test"), **about))

            try:
                extracted.report = asyncio.run(read())
            except CoupontoolsError as error:
                extracted.error = error
            extracted.slices = list(batch.slices)
            for kind in ("rows", "rejected", "present"):
                frame = pl.concat([pl.DataFrame(), *batch.read(kind)], how="diagonal")
                setattr(extracted, "present_keys" if kind == "present" else kind, frame)
        return extracted
