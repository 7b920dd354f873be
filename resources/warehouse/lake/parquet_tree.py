"""The published tables as Parquet objects too, for readers that know no DuckLake: a tree for each publish.

`current.json` says which tree is published, `{"snapshot": 7, "tree": "published/7", "files": {"campaigns": […]}}`, and
is replaced only if nobody else has replaced it. The previous tree stays for readers who have begun.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb

from resources.warehouse.lake.lake import Lake
from resources.warehouse.parquet_partitions import (
    NO_PARTITION,
    is_new,
    partitions_changed,
    partitions_of,
    rows_in_partition,
)
from resources.warehouse.parquet_paths import parquet_path
from resources.warehouse.schema import TableSchema
from resources.warehouse.sql import write_parquet

TREES, POINTER = "published", "current.json"


@dataclass(frozen=True)
class ParquetTree:
    """A tree below `published/`, named by the snapshot that its files are of; the files of each table lie below it."""

    snapshot: int = -1
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)
    etag: str | None = None
    """That of `current.json` when it was read; None if it was not there."""
    written: int = 0
    """The files that had to be written; all others are copies of those of the tree before."""
    is_whole: bool = True
    """Whether no file of it was lost, by whatever has deleted it."""

    @property
    def without_files(self) -> "ParquetTree":
        """The same tree without its files, so that nothing is taken over from it."""
        return replace(self, files={})

    @property
    def name(self) -> str:
        """Its folder, below the prefix."""
        return f"{TREES}/{self.snapshot}"

    def place(self, file: str) -> str:
        """Return the name of the object of one of its files."""
        return f"{self.name}/{file}"


def read_tree(lake: Lake) -> ParquetTree:
    """Read which tree is published; one without files if none is."""
    content, etag = lake.objects.read_with_etag(POINTER)
    if not content:
        return ParquetTree()
    kept = json.loads(content)
    tree = ParquetTree(kept["snapshot"], kept["files"], etag)
    there = set(lake.objects.list_below(tree.name))
    return replace(tree, is_whole=there.issuperset(tree.place(file) for files in tree.files.values() for file in files))


def write_tree(
    lake: Lake, connection: duckdb.DuckDBPyConnection, snapshot: int, tables: Sequence[TableSchema], before: ParquetTree
) -> ParquetTree:
    """Write tables of the current schema as the tree of a snapshot; unchanged files are copied from `before`."""
    written, files = 0, {}
    for table in tables:
        partitions = partitions_of(connection, table)
        known = set(before.files.get(table.name, ()))
        changed = partitions if is_new(connection) or not known else partitions_changed(connection, table)
        places = {str(parquet_path(table, partition)): partition for partition in partitions}
        for place, partition in places.items():
            target = f"{table.name}/{place}"
            if target in known and partition not in changed:
                lake.objects.copy(before.place(target), f"{TREES}/{snapshot}/{target}")
            else:
                _write(lake, connection, rows_in_partition(table, partition), f"{TREES}/{snapshot}/{target}")
                written += 1
        if not places:  # an empty file, so that readers find the columns
            places = {str(parquet_path(table, None)): ""}
            nothing = rows_in_partition(table, NO_PARTITION)
            _write(lake, connection, nothing, f"{TREES}/{snapshot}/{table.name}/{next(iter(places))}")
            written += 1
        files[table.name] = sorted(f"{table.name}/{place}" for place in places)
    return ParquetTree(snapshot, files, before.etag, written)


def _write(lake: Lake, connection: duckdb.DuckDBPyConnection, query: str, name: str) -> None:
    write_parquet(connection, query, lake.address.url(name))


def publish_tree(lake: Lake, tree: ParquetTree, kept: Sequence[ParquetTree] = ()) -> None:
    """Point `current.json` to a tree, and delete all other trees but those in `kept`."""
    content = {"snapshot": tree.snapshot, "tree": tree.name, "files": tree.files}
    lake.objects.replace(POINTER, json.dumps(content, indent=1).encode(), tree.etag)
    delete_trees(lake, [tree, *kept])


def delete_trees(lake: Lake, kept: Sequence[ParquetTree] = ()) -> None:
    """Delete all trees but those in `kept`; if there are none, `current.json` too."""
    if not kept:
        lake.objects.delete([POINTER])
    prefixes = tuple(f"{tree.name}/" for tree in kept)
    lake.objects.delete(name for name in lake.objects.list_below(TREES) if not name.startswith(prefixes))
