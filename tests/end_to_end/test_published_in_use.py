"""Somebody has the published database open for writing."""

from pathlib import Path

import dagster as dg
import pytest

from pipelines.definitions import defs
from tests.conftest import Serve
from tests.support.accounts import account
from tests.support.processes import open_for_writing
from tests.support.queries import in_database
from tests.support.runs import export_only
from tests.support.table_assets import campaigns


def test_a_run_in_dagster_goes_on_without_the_pictures_and_says_so(
    serve: Serve, data_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    serve(account({1: 3}))
    export_only(campaigns)
    publish = defs.resolve_job_def("publish")
    with dg.DagsterInstance.ephemeral() as instance:
        assert publish.execute_in_process(instance=instance).success
        with open_for_writing(data_dir / "coupontools.duckdb") as writer:  # the next publish keeps this file
            assert publish.execute_in_process(instance=instance).success
    assert f"is open in another program (process {writer}): close it there" in capfd.readouterr().err
    assert in_database(data_dir, "SELECT count(*) FROM campaigns") == [(1,)]
