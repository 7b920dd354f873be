"""Options of `coupontools sandbox` that say how the sandbox behaves."""

import click
from pydantic import ValidationError

from resources.sandbox.assumptions import Assumptions
from resources.sandbox.server.faults import Faults


def parse_assumptions(assume: tuple[str, ...]) -> Assumptions:
    """Parse NAME=VALUE, once for each assumption. Raises click.BadParameter."""
    values: dict[str, object] = {}
    for option in assume:
        name, _, value = option.partition("=")
        is_list = name in Assumptions.model_fields and isinstance(Assumptions.model_fields[name].default, tuple)
        values[name] = value.split(",") if is_list else value
    try:
        return Assumptions.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(Assumptions.model_fields)
        message = f"{first['loc'][0]}: {first['msg']}. Known are {known}."
        raise click.BadParameter(message, param_hint="--assume") from None


def parse_faults(text: str) -> Faults:
    """Parse KIND:SHARE, separated by commas. Raises click.BadParameter."""
    try:
        return Faults.parse(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint="--faults") from None
