"""Refuses to publish tables that were written in several warehouses, each of which has only a part of the rows.

The data version of each materialisation names the warehouse: of all tags and metadata, Dagster can look up only data
versions by partition.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import dagster as dg

from assets.dagster_internals import latest_versions
from resources.warehouse.errors import RefusedError

WAREHOUSE = "warehouse"
"""The key of the warehouse id in metadata, and the prefix of a data version."""

_DIGITS_SHOWN = 8
_TABLES_SHOWN = 3


def make_version(warehouse_id: str) -> dg.DataVersion:
    """Make a unique data version that names the warehouse."""
    return dg.DataVersion(f"{WAREHOUSE}:{warehouse_id}:{uuid4().hex}")


def refuse_other_warehouses(
    instance: dg.DagsterInstance, tables: Mapping[dg.AssetKey, dg.PartitionsDefinition[Any] | None], warehouse_id: str
) -> None:
    """Raise RefusedError if the newest version of a table, or of one of its partitions, names another warehouse.

    Versions without an id, from before warehouses had one, are accepted.
    """
    others = dict[str, set[str]]()
    for table, versions in latest_versions(instance, tables):
        for other in set(_ids(versions)) - {warehouse_id}:
            others.setdefault(other[:_DIGITS_SHOWN], set()).add(table.to_user_string())
    if not others:
        return
    written = "; ".join(f"{other} ({_enumerate(sorted(names))})" for other, names in sorted(others.items()))
    raise RefusedError(
        f"Nothing is published, as this run has the warehouse {warehouse_id[:_DIGITS_SHOWN]}, and the newest rows were "
        f"written in another: {written}. If hosts have folders of their own, let them share one warehouse "
        "(COUPONTOOLS_WAREHOUSE and COUPONTOOLS_STORAGE), and read the partitions again. If this one replaces the "
        "other, run dagster asset wipe --all, after which they show as missing, and read them again."
    )


def _ids(versions: Iterable[str]) -> Iterator[str]:
    for version in versions:
        name, _, rest = version.partition(":")
        if name == WAREHOUSE:
            yield rest.partition(":")[0]


def _enumerate(names: list[str]) -> str:
    more = len(names) - _TABLES_SHOWN
    return f"{', '.join(names[:_TABLES_SHOWN])}{f' and {more} more tables' if more > 0 else ''}"
