"""Parameters of the endpoints: declared once, for checking what is sent and for the OpenAPI document.

What is wrong with a parameter becomes the documented error code (section 3.3).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from resources.sandbox.calls import Call
from resources.sandbox.replies import ApiError

MISSING, INCORRECT, MALFORMED, NOT_LISTED, BAD_DATE, BAD_EMAIL = 200, 300, 301, 302, 303, 305

Place = Literal["body", "path", "query"]


@dataclass(frozen=True)
class Parameter:
    """One parameter, and what its text must look like."""

    name: str
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})
    """Its JSON Schema in the OpenAPI document."""
    pattern: str = r"(?s).*"
    """Of the whole text."""
    code: int = MALFORMED
    """The error if the text does not match."""
    message: str = "Invalid character in parameter: {}"
    required: bool = False
    place: Place = "body"
    note: str = ""
    """What else there is to know: format, made-up names."""

    def check(self, call: Call) -> None:
        """Raise ApiError if the parameter is missing or wrong."""
        value = call.text(self.name)
        if value is None:
            if self.required:
                raise ApiError(MISSING, f"Missing parameter: {self.name}")
        elif re.fullmatch(self.pattern, value, re.ASCII) is None:
            raise ApiError(self.code, self.message.format(self.name))


def text(name: str, *, longest: int | None = None, required: bool = False, note: str = "") -> Parameter:
    """Return a parameter of free text; error 300 if it is too long."""
    limit = {} if longest is None else {"maxLength": longest}
    return Parameter(
        name,
        {"type": "string", **limit},
        rf"(?s).{{0,{longest or ''}}}",
        INCORRECT,
        "Invalid value in parameter: {}",
        required,
        note=note,
    )


def identifier(name: str, pattern: str, *, required: bool = True, place: Place = "body", note: str = "") -> Parameter:
    """Return a parameter that holds an id; error 301 if it has another form (it need not exist)."""
    return Parameter(
        name, {"type": "string", "pattern": f"^{pattern}$"}, pattern, required=required, place=place, note=note
    )


def number(name: str, pattern: str = r"0*[1-9]\d{0,8}", *, required: bool = False, note: str = "") -> Parameter:
    """Return a numeric parameter, positive unless the pattern says otherwise; error 301 if it is none."""
    return Parameter(name, {"type": "string", "pattern": f"^{pattern}$"}, pattern, required=required, note=note)


def switch(name: str, *, required: bool = False, place: Place = "body", note: str = "") -> Parameter:
    """Return a true/false parameter; error 302 if it is neither."""
    pattern, message = r"(?i:true|false|1|0)", "Invalid value in parameter: {}"
    return Parameter(name, {"type": "boolean"}, pattern, NOT_LISTED, message, required, place, note)


def choice(name: str, *values: str, note: str = "") -> Parameter:
    """Return a parameter with a list of values; error 302 if it has another."""
    pattern = "|".join(map(re.escape, values))
    return Parameter(
        name,
        {"type": "string", "enum": list(values)},
        pattern,
        NOT_LISTED,
        "Invalid value in parameter: {}",
        note=note,
    )


def check(parameters: Iterable[Parameter], call: Call) -> None:
    """Raise ApiError for the first parameter that is missing or wrong."""
    for parameter in parameters:
        parameter.check(call)


def is_on(call: Call, name: str) -> bool:
    """Return a true/false parameter, false if it was not sent."""
    return (call.text(name) or "false").lower() in ("true", "1")


def page_number(call: Call, name: str = "page") -> int:
    """Return the number of a page, 1 if none was sent."""
    return int(call.text(name) or "1")
