"""Declarations of parameters, which are checked on each request and shown in the OpenAPI document.

What is wrong with a parameter becomes the documented error code (API.md, section 3.3).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from resources.sandbox.protocol.replies import ApiError
from resources.sandbox.protocol.request import ApiRequest

MISSING, INCORRECT, MALFORMED, NOT_LISTED, BAD_DATE, BAD_EMAIL = 200, 300, 301, 302, 303, 305

Place = Literal["body", "path", "query"]


@dataclass(frozen=True)
class Parameter:
    """One parameter, and what its text must look like."""

    name: str
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})
    """Its JSON Schema in the OpenAPI document."""
    pattern: str = r"(?s).*"
    """Matches the complete text."""
    code: int = MALFORMED
    """The error if the text does not match."""
    message: str = "Invalid character in parameter: {}"
    required: bool = False
    place: Place = "body"
    accepts: Callable[[str], bool] = lambda _: True
    """A further condition on the text."""
    note: str = ""
    """What else there is to know: format, made-up names."""

    def check(self, request: ApiRequest) -> None:
        """Raise ApiError if the parameter is missing or wrong."""
        value = request.text(self.name)
        if value is None:
            if self.required:
                raise ApiError(MISSING, f"Missing parameter: {self.name}")
        elif re.fullmatch(self.pattern, value, re.ASCII) is None or not self.accepts(value):
            raise ApiError(self.code, self.message.format(self.name))


def text(name: str, *, max_length: int | None = None, required: bool = False, note: str = "") -> Parameter:
    """Return a parameter of free text; error 300 if it is too long."""
    limit = {} if max_length is None else {"maxLength": max_length}
    return Parameter(
        name,
        {"type": "string", **limit},
        rf"(?s).{{0,{max_length or ''}}}",
        INCORRECT,
        "Invalid value in parameter: {}",
        required,
        note=note,
    )


def identifier(name: str, pattern: str, *, required: bool = True, note: str = "") -> Parameter:
    """Return a parameter that holds an id; error 301 if it has another form (it need not exist)."""
    return Parameter(name, {"type": "string", "pattern": f"^{pattern}$"}, pattern, required=required, note=note)


def number(name: str, *, minimum: int = 1, maximum: int = 10**9 - 1, note: str = "") -> Parameter:
    """Return a numeric parameter; error 301 if it is not a number, or out of bounds."""
    return Parameter(
        name,
        {"type": "integer", "minimum": minimum, "maximum": maximum},
        r"\d{1,12}",
        accepts=lambda sent: minimum <= int(sent) <= maximum,
        note=note,
    )


def switch(name: str, *, place: Place = "body", note: str = "") -> Parameter:
    """Return a true/false parameter; error 302 if it is neither."""
    pattern, message = r"(?i:true|false|1|0)", "Invalid value in parameter: {}"
    return Parameter(name, {"type": "boolean"}, pattern, NOT_LISTED, message, place=place, note=note)


def choice(name: str, *values: str, required: bool = False, note: str = "") -> Parameter:
    """Return a parameter with a list of values; error 302 for any other value."""
    pattern = "|".join(map(re.escape, values))
    return Parameter(
        name,
        {"type": "string", "enum": list(values)},
        pattern,
        NOT_LISTED,
        "Invalid value in parameter: {}",
        required,
        note=note,
    )


def email(*, required: bool = False) -> Parameter:
    """Return the parameter `email`; error 305 for anything but an e-mail address."""
    pattern = r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+"
    schema = {"type": "string", "pattern": r"^[a-z]{1,9}@[a-z]{1,9}\.example$"}
    return Parameter("email", schema, pattern, BAD_EMAIL, "E-mail address is not valid", required)


def moment(name: str, *formats: str, required: bool = False, note: str = "") -> Parameter:
    """Return a parameter that holds a date in one of the formats of strptime; error 303 for anything else."""
    words = " or ".join(formats)
    for code, word in {"%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH", "%M": "mm", "%S": "ss"}.items():
        words = words.replace(code, word)
    return Parameter(
        name,
        {"type": "string"},
        r"[\d :-]{1,30}",
        BAD_DATE,
        f"{{}} must be {words}",
        required,
        accepts=lambda sent: any(_is_date(sent, form) for form in formats),
        note=note or words,
    )


def _is_date(text: str, date_format: str) -> bool:
    try:
        # Formatting it again refuses one-digit months and the like, which strptime accepts.
        return datetime.strptime(text, date_format).strftime(date_format) == text  # noqa: DTZ007
    except ValueError:
        return False


def check_parameters(parameters: Iterable[Parameter], request: ApiRequest) -> None:
    """Raise ApiError for the first parameter that is missing or wrong."""
    for parameter in parameters:
        parameter.check(request)


def is_switched_on(request: ApiRequest, name: str) -> bool:
    """Return a true/false parameter, false if it was not sent."""
    return (request.text(name) or "false").lower() in ("true", "1")


def read_page_number(request: ApiRequest) -> int:
    """Return the number of a page, 1 if none was sent."""
    return int(request.text("page") or "1")
