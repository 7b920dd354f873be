"""The tables are the same by whichever version of the API, authentication and undocumented habit they are read."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve
from tests.support.accounts import WHOLE_COUNTS, whole_account
from tests.support.faultless import PERIOD, faultless
from tests.support.queries import all_tables, in_database
from tests.support.runs import export_all, export_only
from tests.support.table_assets import directories, directory_campaigns, directory_registrations


@pytest.mark.parametrize(
    ("environment", "assumed"),
    [
        ({"COUPONTOOLS_API_VERSIONS": "v3"}, {"session_page_size": 100, "registration_page_size": 7}),
        (
            {"COUPONTOOLS_API_VERSIONS": "v4"},
            {
                "v4_loyalty_page_size": 50,
                "v4_registration_page_size": 30,
                "created_at_format": "iso_offset",
                "single_as": "array",
            },
        ),
        (
            {"COUPONTOOLS_AUTHENTICATION": "body"},
            {"authentication": ("body", "api_key_headers"), "subaccount_envelope": "bare", "empty_data": "absent"},
        ),
        (
            {},
            {
                "authentication": ("headers",),
                "free_payment": "empty_object",
                "error_http_status": "always_200",
                "past_end": "error",
                "gzip": True,
            },
        ),
    ],
)
def test_the_tables_are_equal_however_the_account_is_read(
    serve: Serve, data_dir: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], assumed: dict[str, Any]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    serve(whole_account(), **assumed)
    export_all(**PERIOD)
    assert all_tables(data_dir) == faultless()[1]


def test_ids_that_differ_between_the_versions_are_asked_for_in_their_own(
    serve: Serve, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(whole_account(), v4_directory_ids="integer")
    for versions, ids in (("v4", "1"), ("directory_registrations=v4", "dir_1")):
        monkeypatch.setenv("COUPONTOOLS_API_VERSIONS", versions)
        monkeypatch.setenv("COUPONTOOLS_DATA_DIR", str(data_dir / versions))
        reports = export_only(directories, directory_campaigns, directory_registrations, **PERIOD)
        read = {table: metadata["records read"] for table, metadata in reports.items()}
        assert read == {table: WHOLE_COUNTS[table] for table in reports}
        rows = in_database(
            data_dir / versions, "SELECT directory_id, payment_amount FROM directories ORDER BY 1 LIMIT 1"
        )
        assert rows == [(ids, Decimal("1.5"))]
