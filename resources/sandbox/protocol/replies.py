"""Builds answers: the success envelope and the three official shapes of errors (API.md, section 3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from gzip import compress

import msgspec

from resources.sandbox.account.record import Record, encode_array
from resources.sandbox.assumptions import Assumptions, ErrorShape

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
STATUS_LINES = {
    401: "HTTP/1.0 401 Unauthorized. Client ID or Secret not correct.",
    422: "HTTP/1.0 422 Unprocessable entity.",
}


@dataclass(frozen=True)
class Reply:
    """A complete HTTP answer."""

    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    def compressed(self) -> "Reply":
        """Return the answer gzipped if that is worth it (over 1 kB)."""
        if len(self.body) <= 1024:
            return self
        return replace(self, body=compress(self.body, 1), headers={**self.headers, "content-encoding": "gzip"})


class ApiError(Exception):
    """An error of the API itself, with its application code (section 3.3)."""

    def __init__(self, code: int, description: str, http_status: int = 422) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description
        self.http_status = http_status


def make_unauthorized_error() -> ApiError:
    """Return the error for wrong keys: code 1000, always of shape E1."""
    return ApiError(1000, "Client ID or Secret not correct.", http_status=401)


def reply_with_fields(payload: Mapping[str, object]) -> Reply:
    """Return the v3 envelope with the payload's keys beside `status` (section 3.1)."""
    return Reply(msgspec.json.encode({"status": {"status": "OK"}, **payload}))


def reply_with_json(head: Mapping[str, object], key: str, value: bytes) -> Reply:
    """Return the v3 envelope with `head` beside `status`, and last a key whose value is JSON text as it is."""
    envelope = msgspec.json.encode({"status": {"status": "OK"}, **head})
    return Reply(envelope[:-1] + b"," + msgspec.json.encode(key) + b":" + value + b"}")


def reply_with_list(
    key: str, records: Sequence[Record], assumptions: Assumptions, head: Mapping[str, object] | None = None
) -> Reply:
    """Return the v3 envelope of a list, which may be absent when it is empty (`empty_data`)."""
    if not records and assumptions.empty_data == "absent":
        return reply_with_fields(head or {})
    return reply_with_json(head or {}, key, encode_array(records))


def reply_with_record(
    key: str, record: Record, assumptions: Assumptions, head: Mapping[str, object] | None = None
) -> Reply:
    """Return the v3 envelope of one record, an object or an array of one (`single_as`)."""
    array = encode_array([record])
    return reply_with_json(head or {}, key, array if assumptions.single_as == "array" else array[1:-1])


def reply_with_message(error: ApiError) -> Reply:
    """Return an error as v4 sends it without an envelope: a client saw 401, body and other statuses are made up."""
    status = 401 if error.code == 1000 else 404 if error.code >= 500 else 422
    return Reply(msgspec.json.encode({"message": error.description}), status)


def reply_with_error(error: ApiError, assumptions: Assumptions, documented: ErrorShape = "E2") -> Reply:
    """Return an error in its documented shape, or in the one that the assumptions force (section 3.2)."""
    if assumptions.error_shape == "documented":
        shape = "E1" if error.code == 1000 else documented
    else:
        shape = assumptions.error_shape
    message = STATUS_LINES[error.http_status]
    errors: dict[str, object] = {
        "error_message": message,
        "error_message_description": [error.description],
        "error_code": [error.code],
    }
    if shape == "E1":
        errors = {"error_code": error.code, "error_message": message}
    status: dict[str, object] = {"status": "failed"}
    body = {"status": status, "errors": errors} if shape == "E3" else {"status": {**status, "errors": errors}}
    return Reply(
        msgspec.json.encode(body),
        status=error.http_status if assumptions.error_http_status == "quoted" else 200,
    )


def reply_with_html(status: int, title: str, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a small HTML page, as proxies and web servers send."""
    body = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Reply(body.encode(), status, HTML, headers or {})
