"""The API as a Dagster resource."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

import dagster as dg

from resources.coupontools.client import Client, connected
from resources.settings import SANDBOX, ApiAddress, ApiCredentials, ApiLimits


class CoupontoolsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The account that COUPONTOOLS_API_URL and its keys name.

    The environment is read when a run connects, so that the code location loads without it and no secret is ever
    part of a run's config. `url` stands in for COUPONTOOLS_API_URL.
    """

    url: str | None = None

    def is_sandbox(self) -> bool:
        """Whether the account is the embedded API's, made up from end to end."""
        return self._url() == SANDBOX

    def account(self) -> str:
        """A name for the account that shows neither address nor keys. Raises SettingsError."""
        client_id = "" if self.is_sandbox() else ApiCredentials.read().client_id.get_secret_value()
        return sha256(f"{self._url()} {client_id}".encode()).hexdigest()[:16]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Client]:
        """Open a client. Raises SettingsError if the environment does not say on what."""
        limits = ApiLimits.read()
        url = self._url()
        if url == SANDBOX:
            from resources.sandbox.account import Account
            from resources.sandbox.server import SandboxServer

            with SandboxServer(Account()) as server:
                async with connected(server.url, server.client_id, server.client_secret, limits) as client:
                    yield client
            return
        keys = ApiCredentials.read()
        client_id, secret = keys.client_id.get_secret_value(), keys.client_secret.get_secret_value()
        async with connected(url, client_id, secret, limits) as client:
            yield client

    def _url(self) -> str:
        return self.url or ApiAddress.read().api_url
