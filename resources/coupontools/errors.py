"""What can go wrong between us and the API; every message says what happened, where, and what to do."""

MAX_BYTES_KEPT = 1_000_000
"""So much is kept of an answer that cannot be read, or of a record that is too large."""


class CoupontoolsError(Exception):
    """The API could not be read. The text is one line and holds no secret."""


class AccountError(CoupontoolsError):
    """The account refuses us whatever we ask: wrong keys, an expired account. No other request can succeed."""


class ParentNotFoundError(CoupontoolsError):
    """The campaign (or other parent) that was asked for is no longer in the account.

    It is not `confirmed` if only HTTP says so, which may also mean that the API does not have the endpoint.
    """

    def __init__(self, message: str, *, confirmed: bool = True) -> None:
        """Keep beside the message whether the API's own error code says so."""
        super().__init__(message)
        self.confirmed = confirmed


class NotAvailableError(CoupontoolsError):
    """The account or the API does not have this part at all."""


class RequestError(CoupontoolsError):
    """The API understood the request and refuses it; asking again changes nothing."""

    def __init__(self, message: str, codes: frozenset[int] = frozenset()) -> None:
        """`codes` are the API's application error codes (API.md, section 3.3)."""
        super().__init__(message)
        self.codes = codes


class UnavailableError(CoupontoolsError):
    """No usable answer: the network, the server's load, a broken body. Worth asking again.

    `retry_after` is the wait in seconds that the server asked for.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        """Keep the server's wish beside the message."""
        super().__init__(message)
        self.retry_after = retry_after


class BusyError(UnavailableError):
    """The server asks for fewer requests: HTTP 429, or any status with a Retry-After."""


class UnreachableError(UnavailableError):
    """Nothing listens at the address, or the network does not lead there."""


class UnreadableError(UnavailableError):
    """The answer is of no known shape, or no JSON. The text shows keys and types, no values.

    `body` is its beginning, `size` how many bytes it has, `is_json` whether it is JSON.
    """

    def __init__(self, message: str, body: bytes, page: int, *, is_json: bool = False) -> None:
        """Keep what there is to put away beside the message."""
        super().__init__(message)
        self.body = body[:MAX_BYTES_KEPT]
        self.size = len(body)
        self.page = page
        self.is_json = is_json


class OversizedError(UnreadableError):
    """The answer is larger than it may be. Asking again would load as much again."""

    def __init__(self, asked: str, what: str, most: int, beginning: bytes, page: int) -> None:
        """What was `asked` for holds too many of `what`, where `most` bytes are allowed."""
        super().__init__(
            f"The API's answer to {asked} holds more {what} than COUPONTOOLS_MAX_ANSWER_BYTES ({most:,}) allows. "
            "Set it higher if such an answer is to be read.",
            beginning,
            page,
        )


class LimitError(CoupontoolsError):
    """The API gives more, or takes more time, than it may; only another setting changes that."""
