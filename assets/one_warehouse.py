"""Refuses warehouses that do not have all rows that Dagster takes for read: one of several, or an older copy.

The data version of each materialisation names the warehouse and the moment of the merge: of all tags and metadata,
Dagster can look up only data versions by partition.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias
from uuid import uuid4

import dagster as dg

from resources.warehouse.engine import Engine
from resources.warehouse.errors import RefusedError
from resources.warehouse.merge import MergeResult
from resources.warehouse.queries import read_last_merge

WAREHOUSE = "warehouse"
"""The key of the warehouse id in metadata, and the prefix of a data version."""

Versions: TypeAlias = Mapping[dg.AssetKey, set[str]]
"""The newest data versions of each table and of its partitions; see `latest_versions`."""

_MOMENT = "%Y%m%dT%H%M%S.%f"
"""How a moment is written in a data version: moments are in order as texts are."""

_PARTS = 3
"""How many parts follow the prefix of a data version: the id, the moment, and what makes it unique."""

_DIGITS_SHOWN = 8
_TABLES_SHOWN = 3


def make_version(merged: MergeResult) -> dg.DataVersion:
    """Make a unique data version that names the warehouse and the moment of a merge."""
    moment = f"{merged.merged_at:{_MOMENT}}" if merged.merged_at else ""
    return dg.DataVersion(f"{WAREHOUSE}:{merged.warehouse}:{moment}:{uuid4().hex}")


def refuse_other_warehouses(known: Versions, warehouse_id: str) -> None:
    """Raise RefusedError if the newest version of a table, or of one of its partitions, names another warehouse.

    Versions without an id, from before warehouses had one, are accepted.
    """
    others = dict[str, set[str]]()
    for table, versions in known.items():
        for other in {other for other, _ in _merges(versions)} - {warehouse_id}:
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


def refuse_older_copy(known: Versions, engine: Engine) -> None:
    """Raise RefusedError if Dagster knows of a later merge in this warehouse than its last one.

    Then a copy from before that merge was restored, and Dagster would never read again what the copy does not have.
    Versions that were read before the stage is asked for its last merge can have no later one of a run beside this one.
    """
    if not engine.has_stage():
        return
    warehouse_id, merged_at = read_last_merge(engine)
    if merged_at is None:
        return
    last = f"{merged_at:{_MOMENT}}"
    newer = {
        table.to_user_string()
        for table, versions in known.items()
        if any(other == warehouse_id and moment > last for other, moment in _merges(versions))
    }
    if newer:
        raise RefusedError(
            f"The last merge of this warehouse was on {merged_at:%Y-%m-%d at %H:%M:%S} UTC, and Dagster knows of later "
            f"ones, of {_enumerate(sorted(newer))}: an older copy was restored, which does not have all that Dagster "
            "shows as read. Run coupontools export --full, which reads everything again."
        )


def _merges(versions: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield, of data versions, the warehouse id and the moment of the merge; former versions have an empty moment."""
    for version in versions:
        name, *merge = version.split(":")
        if name == WAREHOUSE and merge:
            yield merge[0], merge[1] if len(merge) == _PARTS else ""


def _enumerate(names: list[str]) -> str:
    more = len(names) - _TABLES_SHOWN
    return f"{', '.join(names[:_TABLES_SHOWN])}{f' and {more} more tables' if more > 0 else ''}"
