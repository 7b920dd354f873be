"""The engine of several hosts: a DuckLake, whose catalogue is in PostgreSQL and whose rows lie on object storage."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

import duckdb
import psycopg

from resources.warehouse.lake.address import ROWS, LakeAddress
from resources.warehouse.lake.errors import name_lake_in_errors
from resources.warehouse.lake.history_erasure import erase_history
from resources.warehouse.lake.lake import PUBLISHED, STAGE, Lake, has_stage
from resources.warehouse.lake.lake_duckdb import LakeDuckDB
from resources.warehouse.lake.parquet_tree import POINTER
from resources.warehouse.lake.private_tables import Runs, read_suppression, take_over_list, write_suppression
from resources.warehouse.lake.proof import prove
from resources.warehouse.lake.publish import open_publication
from resources.warehouse.lake.session import Session
from resources.warehouse.origin import Origin, read_staged_origin
from resources.warehouse.place import Place
from resources.warehouse.publication import REPORT, Publication
from resources.warehouse.schema import TableSchema
from resources.warehouse.suppression import SuppressionList


class LakeEngine:
    """Implements `Engine` with a lake, on which one process of all hosts writes at a time."""

    def __init__(self, address: LakeAddress, spill: Path, former_list: Path) -> None:
        """Keep the address, and the local folder for what does not fit the memory; nothing is connected yet.

        `former_list` is where the folder of this host kept who is suppressed, if it was a warehouse before.
        """
        self._address, self._spill, self._former_list = address, spill, former_list
        self._lake = Lake(address, spill)
        self._session = Session(address)
        self._runs = Runs(self._session)

    @property
    def place(self) -> Place:
        """The database; see `Engine`."""
        return self._address.place

    @property
    def published_places(self) -> Mapping[str, str]:
        """The database, and the addresses of what lies beside it; see `Engine`."""
        places = {
            "catalogue": f"postgresql://{self._address.database}",
            "rows": self._address.url(ROWS),
            "report": self._address.url(REPORT),
        }
        return places | ({"parquet": self._address.url(POINTER)} if self._address.publish_parquet else {})

    def prove(self) -> Iterator[str]:
        """Ask the database, the lock, the storage and DuckDB; see `Engine`."""
        with name_lake_in_errors(self._address):
            yield from prove(self._address, self._session)

    def has_rows(self) -> bool:
        """Whether there is a stage; see `Engine`."""
        return self.has_stage()

    def has_stage(self) -> bool:
        """Whether the catalogue has the private schema of a stage; see `Engine`."""
        with name_lake_in_errors(self._address):
            return has_stage(self._session)

    def hold_writer_lock(self) -> AbstractContextManager[None]:
        """Hold an advisory lock on a connection of its own; see `Engine`."""
        return self._lake.hold_writer_lock()

    def open_stage(
        self,
        incoming: Sequence[str] = (),  # noqa: ARG002  (its memory is the same for all)
    ) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open the schema `stage` of the lake; see `Engine`."""
        return self._lake.open_stage()

    def list_published_files(self, table: str) -> list[str]:  # noqa: ARG002  (a lake loses none of its private notes)
        """List nothing, as no note ever has to be restored from files; see `Engine`."""
        return []

    def open_publication(
        self, tables: Sequence[TableSchema], marts: Sequence[str] = ()
    ) -> AbstractContextManager[Publication]:
        """Pin views to the stage as it is now; see `Engine`."""
        return open_publication(self, self._lake, tables, marts)

    @contextmanager
    def open_published(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Attach the lake read-only, for which a role and a key that may read are enough; see `Engine`."""
        with (
            name_lake_in_errors(self._address),
            closing(LakeDuckDB(self._address, self._spill, read_only=True)) as lake_duckdb,
            lake_duckdb.open(PUBLISHED) as connection,
        ):
            yield connection

    def erase_history(self, tables: Sequence[TableSchema], suppressed: SuppressionList) -> Mapping[str, int]:
        """Republish, expire all former snapshots and delete their objects; see `Engine`."""
        return erase_history(self._lake, tables, suppressed)

    def read_origin(self) -> Origin | None:
        """Read what the stage says, as of its last commit; without one, nobody's rows may be there; see `Engine`."""
        with name_lake_in_errors(self._address):
            if not has_stage(self._session):
                self._lake.refuse_rows_of_others(self._session)
                return None
            with self._lake.duckdb.open(STAGE) as connection:
                return read_staged_origin(connection)

    def write_origin(self, origin: Origin | None) -> None:
        """Do nothing: each merge writes it to the stage, in its transaction; see `Engine`."""

    def read_suppression(self, secret: bytes | None, *, keep_salt: bool = False) -> SuppressionList:
        """Read the list in PostgreSQL, which starts as a copy of that in this host's folder; see `Engine`."""
        with name_lake_in_errors(self._address):
            take_over_list(self._session, self._former_list)
            return read_suppression(self._session, self._address, secret, keep_salt=keep_salt)

    def write_suppression(self, suppressed: SuppressionList) -> None:
        """Write that list; see `Engine`."""
        with name_lake_in_errors(self._address):
            write_suppression(self._session, suppressed)

    @property
    def run_id(self) -> str:
        """The id of this run among those of all hosts; see `Engine`."""
        return self._runs.run_id

    def register_run(self) -> None:
        """Hold the advisory lock of this run; see `Engine`."""
        with name_lake_in_errors(self._address):
            self._runs.register()

    def list_runs(self) -> Mapping[str, bool]:
        """List the runs in PostgreSQL, and whether somebody holds their locks; see `Engine`."""
        with name_lake_in_errors(self._address):
            return self._runs.list_runs()

    def remove_run(self, run_id: str) -> None:
        """Remove a run from that list; see `Engine`."""
        with name_lake_in_errors(self._address):
            self._runs.remove(run_id)

    def close(self) -> None:
        """End the run, disconnect and stop DuckDB; see `Engine`."""
        with suppress(psycopg.Error):  # the run counts as dead
            self._runs.close()
        self._session.close()
        self._lake.duckdb.close()
