"""The warehouse as a Dagster resource: what comes in goes through a batch, what goes out through a publish."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

import dagster as dg
import duckdb
from pydantic import PrivateAttr

from resources.settings import PersonalData, Storage
from resources.warehouse.admission import admit, adopt
from resources.warehouse.audit import Audited, audit
from resources.warehouse.batch import Batch, open_batch
from resources.warehouse.deletions import Whole
from resources.warehouse.erasure import People, forget
from resources.warehouse.local.database_file import open_read_only
from resources.warehouse.local.folder import Folder, name_folder_in_errors
from resources.warehouse.merge import Merged, merge
from resources.warehouse.origin import Origin
from resources.warehouse.publish import Describe, Published, describe_nothing, publish
from resources.warehouse.queries import rows_by_day, rows_by_value, values
from resources.warehouse.schema import TableSchema
from resources.warehouse.suppression import NOBODY, SuppressionList, read_suppression

T = TypeVar("T")


class WarehouseResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The tables in COUPONTOOLS_DATA_DIR, read when a run writes.

    `data_dir` stands in for it where resources are made; a dependency is no config, so that no run can set it.
    """

    data_dir: dg.ResourceDependency[str | None] = None  # type: ignore[assignment]  # a descriptor only to mypy
    _folder: Folder | None = PrivateAttr(default=None)
    _personal_data: PersonalData | None = PrivateAttr(default=None)
    _merged: list[Batch] = PrivateAttr(default_factory=list)

    @property
    def folder(self) -> Folder:
        """The paths of the warehouse. Raises SettingsError."""
        if self._folder is None:
            self._folder = Folder((Path(self.data_dir) if self.data_dir else Storage.read().data_dir).absolute())
        return self._folder

    @property
    def personal_data(self) -> PersonalData:
        """The policy for personal data, read once. Raises SettingsError."""
        if self._personal_data is None:
            self._personal_data = PersonalData.read()
        return self._personal_data

    @property
    def start_date(self) -> date:
        """The first day that may be read as a partition, UTC. Raises SettingsError."""
        return Storage.read().start_date

    def admit(self, origin: Origin) -> None:
        """Refuse a folder that holds the rows of another origin; see `admit`. Raises WarehouseError."""
        admit(self.folder, origin)

    def adopt(self, origin: Origin) -> None:
        """Let the folder be that of an account whose keys are new; see `adopt`. Raises WarehouseError."""
        adopt(self.folder, origin)

    @contextmanager
    def batch(
        self, purpose: str, reuse_for: timedelta = timedelta(0), suppressed: SuppressionList = NOBODY
    ) -> Iterator[Batch]:
        """Open a batch; see `open_batch`. Raises WarehouseError."""
        with open_batch(self.folder, purpose, reuse_for, suppressed.version) as batch:
            yield batch

    def merge(
        self,
        batch: Batch,
        table: TableSchema,
        quarantine: TableSchema,
        origin: Origin,
        *,
        whole: Whole = (),
        rejected_only: bool = False,
        suppressed: SuppressionList = NOBODY,
    ) -> Merged:
        """Merge a batch into the stage; see `merge`. Raises WarehouseError.

        Nobody but a run that finds this one dead can take it up again.
        """
        merged = merge(
            self.folder,
            batch,
            table,
            quarantine,
            origin,
            whole=whole,
            rejected_only=rejected_only,
            secret=suppressed.secret,
        )
        if rejected_only or not batch.is_resumable:
            batch.discard()
        else:
            batch.note_merge()
            self._merged.append(batch)
        return merged

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002  (Dagster's signature)
        """Forget, at the end of a run, what it has merged."""
        self._forget_merged()

    def _forget_merged(self) -> None:
        """Leave nothing to take up: whoever runs the same again, once it is published, wants everything read again."""
        while self._merged:
            self._merged.pop().discard()

    def publish(
        self, tables: Sequence[TableSchema], marts: Sequence[str] = (), describe: Describe = describe_nothing
    ) -> Published:
        """Bring out the stage; see `publish`. Raises WarehouseError."""
        published = publish(self.folder, tables, marts, describe)
        self._forget_merged()
        return published

    @contextmanager
    def published(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the published database, to read it as it is now.

        Raises WarehouseError; InUseError while somebody has it open for writing.
        """
        with name_folder_in_errors(self.folder), open_read_only(self.folder.database) as connection:
            yield connection

    def audit(
        self, tables: Collection[TableSchema], queries: Mapping[T, str], live: Collection[TableSchema]
    ) -> Audited:
        """Ask the stage what is wrong; see `audit`. Raises WarehouseError."""
        return audit(self.folder, tables, queries, live)

    def suppressed(self, secret: bytes | None, *, keep_salt: bool = False) -> SuppressionList:
        """Who is kept out; see `read_suppression`. Raises WarehouseError."""
        return read_suppression(self.folder, secret, keep_salt=keep_salt)

    def forget(self, people: People, tables: Sequence[TableSchema]) -> dict[str, int]:
        """Erase people from all that is kept, and keep them out; see `forget`. Raises WarehouseError."""
        return forget(self.folder, people, tables)

    def rows_by_day(self, table: TableSchema, column: str, start: date, end: date) -> dict[str, int]:
        """Rows of the stage for each day (ISO) of `column` between two days, both inclusive. Raises WarehouseError."""
        return rows_by_day(self.folder, table, column, start, end)

    def rows_by_value(self, table: TableSchema, column: str) -> dict[str, int]:
        """Rows of the stage for each text in a column. Raises WarehouseError."""
        return rows_by_value(self.folder, table, column)

    def values(self, table: TableSchema, column: str) -> list[str]:
        """The distinct texts in a column of the stage, in order. Raises WarehouseError."""
        return values(self.folder, table, column)
