"""The warehouse as a Dagster resource: which engine and store a run works with, and for how long."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Self

import dagster as dg
from pydantic import PrivateAttr

from resources.settings import PersonalData, Storage
from resources.warehouse.engine import Engine
from resources.warehouse.local.file_engine import FileEngine
from resources.warehouse.local.folder import Folder
from resources.warehouse.local.folder_store import FolderStore
from resources.warehouse.store import Store


class WarehouseResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where the tables are: in COUPONTOOLS_DATA_DIR, read when a run writes.

    `data_dir` stands in for it where resources are made; a dependency is no config, so that no run can set it.
    """

    data_dir: dg.ResourceDependency[str | None] = None  # type: ignore[assignment]  # a descriptor only to mypy
    _folder: Folder | None = PrivateAttr(default=None)
    _engine: FileEngine | None = PrivateAttr(default=None)
    _store: FolderStore | None = PrivateAttr(default=None)
    _personal_data: PersonalData | None = PrivateAttr(default=None)

    @property
    def folder(self) -> Folder:
        """The paths of what is published. Raises SettingsError."""
        if self._folder is None:
            self._folder = Folder((Path(self.data_dir) if self.data_dir else Storage.read().data_dir).absolute())
        return self._folder

    @property
    def engine(self) -> Engine:
        """What holds the stage and the published state. Raises SettingsError."""
        if self._engine is None:
            self._engine = FileEngine(self.folder)
        return self._engine

    @property
    def store(self) -> Store:
        """Where batches lie. Raises SettingsError."""
        if self._store is None:
            self._store = FolderStore(self.folder)
        return self._store

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

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:  # noqa: ARG002  (Dagster's signature)
        """Close the engine when the run ends."""
        try:
            yield self
        finally:
            self.close()

    def close(self) -> None:
        """End the run, and free what this process holds."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None
