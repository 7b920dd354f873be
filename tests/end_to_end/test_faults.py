"""Faults that pass, at every endpoint and at random: an export brings the same rows as without them."""

import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from resources.coupontools.endpoints import choose_endpoints
from resources.sandbox.server.faults import Fault, Faults
from tests.conftest import Serve
from tests.support.accounts import whole_account
from tests.support.faultless import PERIOD, SMALL_PAGES, faultless, total
from tests.support.queries import all_tables
from tests.support.runs import export_all

pytestmark = pytest.mark.usefixtures("little_patience", "every_list_is_read")

PASSING: Mapping[str, Mapping[str, Any]] = {
    "429 with seconds": {"kind": "429", "retry_after": 0},
    "429 with a date": {"kind": "429", "as_http_date": True},
    "429 with no time": {"kind": "429", "retry_after": None},
    "503 with words": {"kind": "503", "retry_after": "soon"},
    **{
        kind: {"kind": kind}
        for kind in (
            "408", "500", "502", "503", "504", "reset", "reset_in_body", "short_body", "cut_chunks", "truncated",
            "truncated_after_record", "cut_gzip", "broken_gzip", "empty", "wrong_shape", "html", "content_type",
        )
    },
    "drip": {"kind": "drip", "seconds": 0.05},
    "stall": {"kind": "stall", "seconds": 1.2},
}  # fmt: skip
HARMLESS = {"content_type", "drip"}
"""Faults behind which the right answer is read."""


TOGETHER = {
    "errors of HTTP": ["500", "503", "429 with seconds", "429 with a date", "503 with words"],
    "answers that break off": ["html", "reset", "reset_in_body", "short_body", "truncated", "content_type"],
    "answers that cannot be read": [
        "wrong_shape",
        "truncated_after_record",
        "broken_gzip",
        "cut_gzip",
        "empty",
        "drip",
    ],
    "stall": ["stall"],
}
"""Each endpoint shows all faults of a line, one after the other: as many as one request can overcome.

What may also mean that the address is wrong has to be overcome first.
"""


@pytest.mark.parametrize("case", TOGETHER)
def test_passing_faults_at_every_endpoint_change_no_row_and_are_counted(
    serve: Serve, data_dir: Path, case: str
) -> None:
    server, rules = serve(whole_account(), **SMALL_PAGES), [PASSING[fault] for fault in TOGETHER[case]]
    paths = sorted({endpoint.path.replace("{parent}", "*") for endpoint in choose_endpoints("").values()})
    if case == "stall":  # each takes as long as the client is patient
        paths = ["v3/coupon/*", "v3/campaign/*", "v4/loyalty/*", "v3/directoryusers/list"]
    server.faults.add(*(Fault(**rule, path=path) for path in paths for rule in rules))
    reports = export_all(**PERIOD)
    assert all_tables(data_dir) == faultless()[1]
    kinds = Counter(rule["kind"] for rule in rules)
    expected = Counter({kind: number * len(paths) for kind, number in kinds.items()})
    assert server.faults.hits == Counter(entry.fault for entry in server.requests if entry.fault) == expected
    assert total(reports, "API requests") == len(server.requests)
    harmful = sum(number for kind, number in kinds.items() if kind not in HARMLESS)
    assert total(reports, "API retries") == harmful * len(paths)
    assert total(reports, "API throttled") == expected["429"]
    if case != "stall":
        retried = {table: metadata["API retries"] for table, metadata in reports.items() if "API retries" in metadata}
        assert retried["categories"] == 2 * harmful, "two endpoints"
        assert retried["email_groups"] == harmful


@pytest.mark.parametrize(("seed", "versions", "days"), [(3, "v3", {}), (4, "v4", {"full": True})])
def test_faults_of_all_kinds_at_random_change_no_row(
    serve: Serve, data_dir: Path, monkeypatch: pytest.MonkeyPatch, seed: int, versions: str, days: dict[str, object]
) -> None:
    folder, expected = faultless(versions)
    if days:  # a complete read, in which nothing may count as deleted
        shutil.copytree(folder.name, data_dir, symlinks=True)
    monkeypatch.setenv("COUPONTOOLS_API_VERSIONS", versions)
    faults = Faults((Fault(**rule, times=None, probability=0.015) for rule in PASSING.values()), seed)
    server = serve(whole_account(), faults=faults, **SMALL_PAGES)
    reports = export_all(**days or PERIOD)
    assert all_tables(data_dir) == expected
    hits = server.faults.hits
    assert hits.total() > 10
    assert len(hits) > 7
    assert total(reports, "API requests") == len(server.requests)
    assert total(reports, "API retries") == hits.total() - sum(hits[kind] for kind in ("content_type", "drip"))
    assert total(reports, "API throttled") == hits["429"]
