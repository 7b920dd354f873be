"""The account that is exported: who it is, and how a run connects to its API."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from resources.account_fingerprint import account_of
from resources.coupontools.client import Client, ClientOptions
from resources.coupontools.errors import AccountError, CoupontoolsError, LimitError, UnreachableError
from resources.coupontools.network import Certificates, describe_risk
from resources.coupontools.requests import Credentials
from resources.setting_values import SANDBOX
from resources.settings import ApiAddress, ApiCredentials, ApiDialect, ApiLimits

if TYPE_CHECKING:
    from resources.sandbox.generated.account import GeneratedAccount


_log = logging.getLogger(__name__)


class CoupontoolsAccount:
    """The account that COUPONTOOLS_API_URL and its keys name.

    The environment is read when a run connects, so that nothing needs it before, and no key is kept in between.
    """

    def __init__(self, url: str | None = None, *, accept_counts: bool = False) -> None:
        """`url` replaces COUPONTOOLS_API_URL; `accept_counts` is that of the settings."""
        self._given_url = url
        self._accept_counts = accept_counts
        self._refusal: CoupontoolsError | None = None
        self._certificates = Certificates()
        self._sandbox_account: GeneratedAccount | None = None

    def accepts_counts(self) -> bool:
        """Whether lists may hold fewer records than the API announces. Raises SettingsError."""
        return self._accept_counts or ApiDialect.read().accept_counts

    def risk(self) -> str | None:
        """Return the warning about keys that are sent unencrypted, unless that is allowed. Raises SettingsError."""
        url = self._url()
        return None if url == SANDBOX or ApiDialect.read().allow_http else describe_risk(url)

    def fingerprint(self) -> str:
        """Return the kind and the fingerprint of the account; see `account_of`. Raises SettingsError."""
        url = self._url()
        return account_of(url, "" if url == SANDBOX else ApiCredentials.read().client_id.get_secret_value())

    @asynccontextmanager
    async def connect(self, log: logging.Logger = _log) -> AsyncIterator[Client]:
        """Open a client, which logs what it waits for. Raises SettingsError if the environment is not complete.

        Once the account has refused a request, or could not be reached, each later call in the run raises that error.
        Raises LimitError when the client has been in use for COUPONTOOLS_MAX_READ_SECONDS.
        """
        if self._refusal:
            raise self._refusal
        try:
            async with self._open(log) as client, _time_limit(client.limits.max_read_seconds, client):
                yield client
        except (AccountError, UnreachableError) as error:
            self._refusal = error
            raise

    @asynccontextmanager
    async def _open(self, log: logging.Logger) -> AsyncIterator[Client]:
        dialect, url = ApiDialect.read(), self._url()
        options = ClientOptions(ApiLimits.read().share, dialect.api_versions, self.accepts_counts(), self._certificates)
        in_body = dialect.authentication == "body"
        if url == SANDBOX:
            from resources.sandbox.server.server import SandboxServer

            with SandboxServer(self._account_of_sandbox()) as server:
                credentials = Credentials(server.client_id, server.client_secret, in_body)
                async with Client(server.url, credentials, options, log) as client:
                    yield client
            return
        keys = ApiCredentials.read()
        credentials = Credentials(keys.client_id.get_secret_value(), keys.client_secret.get_secret_value(), in_body)
        async with Client(url, credentials, options, log) as client:
            yield client

    def _account_of_sandbox(self) -> "GeneratedAccount":
        """Make the account of the sandbox once per run, as its sessions are generated when they are first read."""
        from resources.sandbox.generated.account import GeneratedAccount

        if self._sandbox_account is None:
            self._sandbox_account = GeneratedAccount()
        return self._sandbox_account

    def _url(self) -> str:
        return self._given_url or ApiAddress.read().api_url


@asynccontextmanager
async def _time_limit(seconds: float, client: Client) -> AsyncIterator[None]:
    """Cancel the block after this many seconds. Raises LimitError."""
    try:
        async with asyncio.timeout(seconds) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise LimitError(
            f"The API took longer than the {seconds:,.0f} s that COUPONTOOLS_MAX_READ_SECONDS allows; the last "
            f"request was for {client.last_request}. What was read so far is kept: run the same command again to go "
            "on, or set it higher."
        ) from None
