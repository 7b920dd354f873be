"""Turns answers into errors: by their HTTP status, or by the codes of the API's own error (API.md, section 3.3)."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from resources.coupontools.envelope import Failure
from resources.coupontools.errors import (
    AccountError,
    BusyError,
    CoupontoolsError,
    NotAvailableError,
    ParentNotFoundError,
    RequestError,
    UnavailableError,
    UnreachableError,
)
from resources.coupontools.json_shape import is_html
from resources.coupontools.requests import PageRequest
from resources.coupontools.retry import parse_retry_after

_CHECK_KEYS = "Check COUPONTOOLS_CLIENT_ID and COUPONTOOLS_CLIENT_SECRET."
_WRONG_KEYS, _EXPIRED_ACCOUNT = 1000, 101
"""Application codes that concern the whole account, whatever is requested."""


@dataclass(frozen=True)
class ErrorAnswers:
    """Turns answers into errors."""

    route: str
    """How the API is reached, for messages: empty, or ` through the proxy …`."""
    to_line: Callable[[str], str]
    """Turns a text from outside into one short line without secrets."""

    def raise_for_server(self, response: httpx.Response, page_request: PageRequest) -> None:
        """Raise for a status that is an error whatever the body says; a 4xx may have the API's own error in it."""
        status = response.status_code
        if status in (408, 429) or status >= 500:
            message, seconds = f"The API answers {page_request} with HTTP {status}.", parse_retry_after(response)
            is_busy = status == 429 or seconds is not None
            raise BusyError(message, seconds) if is_busy else UnavailableError(message)
        if not (response.is_success or response.is_client_error):
            raise self._not_the_api(response, page_request)

    def of_status(self, response: httpx.Response, page_request: PageRequest, *, has_answered: bool) -> CoupontoolsError:
        """Return the error of a 4xx whose body is not one of the API; `has_answered`: the API has answered before."""
        status, endpoint = response.status_code, page_request.slice_.endpoint
        if status == 407 or (status in (401, 403, 451) and is_html(response.content)):
            return self._blocked(status, page_request, has_answered=has_answered)
        if status == 401:
            return AccountError(f"The API refuses the keys (HTTP {status}) for {page_request}. {_CHECK_KEYS}")
        if status == 403:
            message = f"The API refuses the keys for {page_request} (HTTP {status}): they may not read it."
            return RequestError(message, status=status)
        if status in (404, 405) and endpoint.guessed:
            return NotAvailableError(f"The API does not have {endpoint.path} (HTTP {status}).")
        if status == 404 and page_request.slice_.parent and endpoint.version == "v4":
            message = f"{page_request} is no longer in the account (HTTP {status})."
            return ParentNotFoundError(message, confirmed=False)
        return self._not_the_api(response, page_request)

    def of_failure(self, failure: Failure, status: int, page_request: PageRequest) -> CoupontoolsError:
        """Return the error that the API reports in its own words."""
        codes, endpoint = failure.codes, page_request.slice_.endpoint
        numbers = ", ".join(map(str, sorted(codes))) or "none"
        told = f"HTTP {status}" if status >= 400 and not codes else f"error {numbers}"
        details = f"({told}: {self.to_line(failure.message)})"
        if _WRONG_KEYS in codes or (status == 401 and not codes):
            return AccountError(f"The API refuses the keys {details} for {page_request}. {_CHECK_KEYS}")
        if status == 403 and not codes:
            return RequestError(f"The API refuses the keys for {page_request} {details}: they may not read it.")
        if _EXPIRED_ACCOUNT in codes:
            return AccountError(
                f"The API refuses the account {details} for {page_request}. Renew it in the dashboard, then run again."
            )
        if codes & endpoint.not_available_codes:
            return NotAvailableError(f"The account does not have {endpoint.path} {details}.")
        if codes & endpoint.not_found_codes:
            return ParentNotFoundError(f"{page_request} is no longer in the account {details}.")
        return RequestError(f"The API refuses {page_request} {details}.", codes)

    def _blocked(self, status: int, page_request: PageRequest, *, has_answered: bool) -> UnavailableError:
        """Return the error for a blocking web page, which a firewall or a proxy has sent: the API answers in JSON."""
        kind = UnavailableError if has_answered else UnreachableError
        return kind(
            f"Something between here and the API blocks {page_request}{self.route}: a web page with HTTP {status} "
            "instead of an answer. Ask who runs the network, its proxy or the API's firewall to let the export through."
        )

    def _not_the_api(self, response: httpx.Response, page_request: PageRequest) -> RequestError:
        """Return the error of a status that the API does not document."""
        status, location = response.status_code, self.to_line(response.headers.get("Location", ""))
        redirection = f", which redirects to {location}" if location else ""
        return RequestError(
            f"The API answers {page_request} with HTTP {status}{redirection}. Check that COUPONTOOLS_API_URL is the "
            "root of the API, without /v3, and has not moved.",
            status=status,
        )
