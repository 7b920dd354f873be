"""The declaration of an endpoint, from which the server routes and the OpenAPI document is built."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from resources.sandbox.account.account import Account, Standing
from resources.sandbox.assumptions import Assumptions, ErrorShape
from resources.sandbox.protocol.parameters import Parameter
from resources.sandbox.protocol.replies import ApiError, Reply
from resources.sandbox.protocol.request import ApiRequest
from resources.sandbox.protocol.schemas import Schema

Need = Literal["sms", "email", "main_account"]


@dataclass(frozen=True)
class State:
    """What an endpoint answers from: the account at one moment (naive UTC), under the assumptions."""

    account: Account
    assumptions: Assumptions
    now: datetime


@dataclass(frozen=True)
class Endpoint:
    """One method of one path."""

    path: str
    """Without the leading slash, path parameters in braces: `v4/directory/{directory}`."""
    answer: Callable[[ApiRequest, State], Reply]
    """Its docstring describes the endpoint to people."""
    parameters: tuple[Parameter, ...] = ()
    """Checked in this order before `answer` is called."""
    payload: Mapping[str, Schema] = field(default_factory=dict)
    """Schemas of what stands beside `status`, for an answer in the v3 envelope."""
    bare: Schema | None = None
    """Schema of an answer without an envelope (v4); its errors are small messages with a matching HTTP status."""
    method: Literal["POST", "GET", "DELETE"] = "POST"
    needs: Need | None = None
    """What the account must have for this call."""
    error_shape: ErrorShape = "E2"
    """Shape of its errors but that for wrong keys (API.md, section 3.2)."""
    writes: bool = False

    def bare_schema(self, assumptions: Assumptions) -> Schema | None:
        """Return the schema of the answer if it has no envelope."""
        if assumptions.subaccount_envelope == "bare" and self.path.startswith("v4/subaccount"):
            return self.payload["subaccount"]
        return self.bare

    def has_plain_error(self, code: int, assumptions: Assumptions) -> bool:
        """Return whether an error comes as a small message: in v4, but not those of the account (section 3.3)."""
        if not self.path.startswith("v4/") or 100 <= code < 200:
            return False
        return code == 1000 or self.bare_schema(assumptions) is not None


def find_refusal(standing: Standing, needs: Need | None) -> ApiError | None:
    """Return the error of an account that may not make a call, if so (section 3.3; the texts are made up)."""
    if standing.expired:
        return ApiError(101, "Account has expired")
    if needs == "main_account" and standing.is_subaccount:
        return ApiError(102, "Subaccount credentials cannot be used to manage subaccounts")
    if needs == "sms" and not standing.has_sms:
        return ApiError(103, "Account needs an SMS integration")
    if needs == "email" and not standing.has_email:
        return ApiError(104, "Account needs an e-mail integration")
    return None
