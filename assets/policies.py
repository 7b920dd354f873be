"""The policies by which Dagster runs assets: pools, freshness, retries, and how errors become failures."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from assets.errors import IngestError
from assets.freshness import FAIL_AFTER, WARN_AFTER
from resources.coupontools.errors import AccountError, CoupontoolsError, LimitError
from resources.printable import make_printable
from resources.settings import SettingsError
from resources.warehouse.errors import RefusedError, WarehouseError
from resources.warehouse.warehouse import Warehouse

API_POOL = "coupontools_api"
"""The pool of every asset that reads the API, so that an instance can limit how many runs read it side by side."""

WAREHOUSE_POOL = "warehouse"
"""The pool of every step that works on all tables; a lock in the warehouse lets one of them write at a time."""

RETRY_WAITS = (30, 120)
"""Seconds before each retry of a step, once the client's own retries have failed."""

FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=FAIL_AFTER, warn_window=WARN_AFTER)
"""Every table is read daily."""


@contextmanager
def as_dagster_failure(retry_number: int, warehouse: Warehouse) -> Iterator[None]:
    """Turn an expected error into a Dagster failure with a description of one line.

    An error that may pass by itself requests a retry of the step instead, once for each of `RETRY_WAITS`;
    `retry_number` is how often the step was retried. After an error of the warehouse it is closed first, so that the
    retry opens new connections.
    """
    try:
        yield
    except (SettingsError, AccountError, LimitError, RefusedError, IngestError) as error:
        raise dg.Failure(make_printable(str(error))) from None
    except (CoupontoolsError, WarehouseError) as error:
        failure = dg.Failure(make_printable(str(error)))
        if retry_number >= len(RETRY_WAITS):
            raise failure from None
        if isinstance(error, WarehouseError):
            # its idle connections may be broken, and each of them would cost a retry
            warehouse.close()
        # a RetryPolicy would also start again a run that somebody terminates
        wait = RETRY_WAITS[retry_number]
        raise dg.RetryRequested(max_retries=len(RETRY_WAITS), seconds_to_wait=wait) from failure
