"""The warehouse as a Dagster resource."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import dagster as dg

from resources.warehouse.warehouse import Warehouse


class WarehouseResource(dg.ConfigurableResource[Warehouse]):
    """Gives each run its warehouse, and closes engine and store when the run ends.

    `data_dir` replaces COUPONTOOLS_DATA_DIR where resources are made; it is a dependency and not config, so that no run
    can set it.
    """

    data_dir: dg.ResourceDependency[str | None] = None  # type: ignore[assignment]  # a descriptor only to mypy

    def create_resource(self, context: dg.InitResourceContext) -> Warehouse:  # noqa: ARG002  (Dagster's signature)
        """Make the warehouse of a run; it opens nothing yet."""
        return Warehouse(self.data_dir)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Warehouse]:
        """Lend the warehouse to a run."""
        with closing(self.create_resource(context)) as warehouse:
            yield warehouse
