"""The warehouse of a run: which engine and store it works with, and for how long."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from resources.settings import PersonalData, SettingsError, SharedWarehouse, Storage
from resources.warehouse.engine import Engine
from resources.warehouse.local.file_engine import FileEngine
from resources.warehouse.local.folder import Folder
from resources.warehouse.local.folder_store import FolderStore
from resources.warehouse.origin import Origin
from resources.warehouse.store import Store
from resources.warehouse.suppression import SuppressionList

if TYPE_CHECKING:
    from resources.warehouse.lake.address import LakeAddress

SPILL = ".lake-spill"
"""The folder below COUPONTOOLS_DATA_DIR for what does not fit the memory of a run that works on a lake."""


class Warehouse:
    """Where the tables are: in the lake that the environment names, or else in COUPONTOOLS_DATA_DIR.

    Each variable is read when it is first needed.
    """

    def __init__(self, data_dir: Path | str | None = None) -> None:
        """`data_dir` replaces COUPONTOOLS_DATA_DIR."""
        self._data_dir = data_dir
        self._folder: Folder | None = None
        self._engine: Engine | None = None
        self._store: Store | None = None
        self._personal_data: PersonalData | None = None

    @property
    def folder(self) -> Folder:
        """The paths of COUPONTOOLS_DATA_DIR. Raises SettingsError."""
        if self._folder is None:
            self._folder = Folder(Path(self._data_dir or Storage.read().data_dir).absolute())
        return self._folder

    @property
    def engine(self) -> Engine:
        """What holds the stage and the published state. Raises SettingsError."""
        if self._engine is None:
            self._engine = self._make_engine()
        return self._engine

    @property
    def store(self) -> Store:
        """Where batches lie. Raises SettingsError."""
        if self._store is None:
            self._store = self._make_store()
        return self._store

    def _make_engine(self) -> Engine:
        if address := _read_address():
            from resources.warehouse.lake.lake_engine import LakeEngine

            return LakeEngine(address, self.folder.root / SPILL, self.folder.forgotten)
        return FileEngine(self.folder)

    def _make_store(self) -> Store:
        if address := _read_address():
            from resources.warehouse.lake.object_store import ObjectStore

            return ObjectStore(address)
        return FolderStore(self.folder)

    @property
    def personal_data(self) -> PersonalData:
        """The policy for personal data, read once. Raises SettingsError."""
        if self._personal_data is None:
            self._personal_data = PersonalData.read()
        return self._personal_data

    def read_suppression(self) -> SuppressionList:
        """Read who is suppressed, to write rows without them. Raises SettingsError and WarehouseError.

        Where personal data is dropped, keys that name people are still hashed. Without a secret their hashes depend on
        the list's salt alone, so a new list is stored.
        """
        policy = self.personal_data
        return self.engine.read_suppression(policy.secret, keep_salt=policy.personal_data == "drop")

    def origin_of(self, account: str) -> Origin:
        """Return the origin that rows of an account have under the policy for personal data. Raises SettingsError."""
        return Origin(account, self.personal_data.label)

    @property
    def start_date(self) -> date:
        """The first day that may be read as a partition, UTC. Raises SettingsError."""
        return Storage.read().start_date

    def close(self) -> None:
        """End the run, and free what this process holds."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        if self._store is not None:
            self._store.close()
            self._store = None


def _read_address() -> "LakeAddress | None":
    """Read where the lake is, from the environment; None where there is none. Raises SettingsError."""
    shared = SharedWarehouse.read()
    if shared.warehouse is None:
        return None
    try:
        from resources.warehouse.lake.address import LakeAddress
    except ImportError as error:
        raise SettingsError(
            f"COUPONTOOLS_WAREHOUSE needs the package {error.name}: install coupontools-export[cluster], or run it "
            "with uv run --group cluster."
        ) from None
    return LakeAddress.of(shared)
