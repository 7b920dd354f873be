"""The account as a Dagster resource."""

import dagster as dg
from pydantic import Field

from resources.coupontools.account import CoupontoolsAccount


class CoupontoolsResource(dg.ConfigurableResource[CoupontoolsAccount]):
    """Gives each run the account that the environment names.

    No secret is ever part of a run's config. `url` replaces COUPONTOOLS_API_URL where resources are made; it is a
    dependency and not config, so that no run can set where the keys go.
    """

    url: dg.ResourceDependency[str | None] = None  # type: ignore[assignment]  # a descriptor only to mypy
    accept_counts: bool = Field(
        default=False, description="let a run publish lists that hold fewer records than the API announces"
    )

    def create_resource(self, context: dg.InitResourceContext) -> CoupontoolsAccount:  # noqa: ARG002  (Dagster's signature)
        """Make the account of a run; it connects to nothing yet."""
        return CoupontoolsAccount(self.url, accept_counts=self.accept_counts)
