"""What can go wrong between the export and the API; every message says what happened, where, and what to do.

CoupontoolsError
├── AccountError              the account cannot be used
├── NotAvailableError         the account does not have this part
├── ParentNotFoundError       what was asked for is no longer there
├── RequestError              the API refuses this request
├── LimitError                more than a setting allows
└── UnavailableError          no usable answer; worth another try
    ├── BusyError             the server asks for fewer requests
    ├── UnreachableError      nothing answers at the address
    └── UnreadableError       an answer of no known shape
        └── OversizedError    an answer that is too large
ShapeError                    inside the client only: becomes one of the above
"""

MAX_BYTES_KEPT = 1_000_000
"""Bytes that are kept of an answer that cannot be read, or of a record that is too large."""


class CoupontoolsError(Exception):
    """The API could not be read. The text is one line and holds no secret."""


class AccountError(CoupontoolsError):
    """The account refuses every request: wrong keys, or an expired account. No other request can succeed."""


class NotAvailableError(CoupontoolsError):
    """The account, or the API, does not have this part at all."""


class ParentNotFoundError(CoupontoolsError):
    """The campaign (or other parent) that was asked for is no longer in the account."""

    def __init__(self, message: str, *, confirmed: bool = True) -> None:
        """Say whether it is `confirmed`: not if only HTTP says so, which may mean that there is no such endpoint."""
        super().__init__(message)
        self.confirmed = confirmed


class RequestError(CoupontoolsError):
    """The API understood the request and refuses it; another try changes nothing."""

    def __init__(self, message: str, codes: frozenset[int] = frozenset(), status: int | None = None) -> None:
        """`codes` are the API's application error codes (API.md, section 3.3); without any, `status` is HTTP's."""
        super().__init__(message)
        self.codes = codes
        self.status = status


class LimitError(CoupontoolsError):
    """The API gives more, or takes more time, than a setting allows; only another setting changes that."""


class UnavailableError(CoupontoolsError):
    """No usable answer: the network, the server's load, a broken body. Worth another try."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        """`retry_after` is the wait in seconds that the server asked for."""
        super().__init__(message)
        self.retry_after = retry_after


class BusyError(UnavailableError):
    """The server asks for fewer requests: HTTP 429, or any status with a Retry-After."""


class UnreachableError(UnavailableError):
    """Nothing listens at the address, or the network does not lead there."""


class UnreadableError(UnavailableError):
    """The answer is of no known shape, or not JSON. The text shows keys and types, no values."""

    def __init__(self, message: str, body: bytes, page: int, *, is_json: bool = False) -> None:
        """Keep the beginning of the body, for quarantine, and its size in bytes."""
        super().__init__(message)
        self.body = body[:MAX_BYTES_KEPT]
        self.size = len(body)
        self.page = page
        self.is_json = is_json


class OversizedError(UnreadableError):
    """The answer is larger than COUPONTOOLS_MAX_ANSWER_BYTES allows. Another try would load as much again."""

    def __init__(self, request: str, excess: str, limit: int, beginning: bytes, page: int) -> None:
        """Say that the answer to `request` has too many of `excess` (bytes, or objects and lists) for `limit` bytes."""
        super().__init__(
            f"The API's answer to {request} holds more {excess} than COUPONTOOLS_MAX_ANSWER_BYTES ({limit:,}) allows. "
            "Set it higher if such an answer is to be read.",
            beginning,
            page,
        )


class ShapeError(Exception):
    """The body is not an answer of this API, or its records are not what they should be."""
