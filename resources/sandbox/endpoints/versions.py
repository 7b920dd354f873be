"""Converts records from the form of v3's lists to that of other endpoints; JSON text is left as it is."""

import re
from collections.abc import Callable, Mapping

from resources.sandbox.account.record import Record
from resources.sandbox.assumptions import Assumptions

NO_PAYMENT: Mapping[str, object] = {"null": None, "empty_object": {}, "empty_array": []}


def drop_payment(directory: Record) -> Record:
    """Return a directory as directory/list shows it."""
    return _convert(directory, drop=("payment",))


def add_payment(directory: Record, assumptions: Assumptions) -> Record:
    """Return a directory as directory/info shows it: a free one has a payment only if it is assumed."""
    if isinstance(directory, bytes) or "payment" in directory or assumptions.free_payment == "absent":
        return directory
    return {**directory, "payment": NO_PAYMENT[assumptions.free_payment]}


def convert_directory(directory: Record, assumptions: Assumptions) -> Record:
    """Return a directory in v4 spelling."""
    convert = {"ID": _to_tail_number} if assumptions.v4_directory_ids == "integer" else {}
    return _convert(add_payment(directory, assumptions), rename={"ID": "id"}, convert=convert)


def convert_listed_directory(directory: Record, assumptions: Assumptions) -> Record:
    """Return a directory as GET v4/directory shows it: `id` and `name` (API.md, section 6.1)."""
    return _convert(convert_directory(directory, assumptions), drop=("code", "payment"))


def convert_registration(user: Record, assumptions: Assumptions) -> Record:
    """Return a directory's user in v4 spelling (section 6.4)."""
    names = {"ID": "id", "registration_date_utc": "created_at", "birthday": "birth_date"}
    suffix = {"space": None, "iso_z": "Z", "iso_offset": "+00:00"}[assumptions.created_at_format]

    def moment(value: object) -> object:
        if suffix is None or not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", str(value), re.ASCII):
            return value
        return str(value).replace(" ", "T") + suffix

    return _convert(user, rename=names, convert={"registration_date_utc": moment, "blocked": _to_boolean})


def convert_loyalty_card(card: Record) -> Record:
    """Return a loyalty card in v4 spelling (section 6.2)."""
    return _convert(card, rename={"ID": "id"}, convert={"ID": _to_number})


def convert_loyalty_user(user: Record) -> Record:
    """Return a loyalty card's user in v4 spelling (section 6.4)."""
    names = {"ID": "id", "birthday": "birth_date"}
    return _convert(user, names, {"ID": _to_number, "points": _to_number, "stamps": _to_number, "voided": _to_boolean})


def is_voided(user: Record) -> bool:
    """Return whether v4 hides a loyalty card's user unless the request asks for voided users."""
    return not isinstance(user, bytes) and _to_boolean(user.get("voided")) is True


def _convert(
    record: Record,
    rename: Mapping[str, str] | None = None,
    convert: Mapping[str, Callable[[object], object]] | None = None,
    drop: tuple[str, ...] = (),
) -> Record:
    if isinstance(record, bytes):
        return record
    names, types = rename or {}, convert or {}
    return {
        names.get(name, name): types[name](value) if name in types else value
        for name, value in record.items()
        if name not in drop
    }


def _to_number(value: object) -> object:
    """Return the number that a text spells; anything else unchanged."""
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9]\d{0,17})", value, re.ASCII):
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9]\d*)\.\d+", value, re.ASCII):
        return float(value)
    return value


def _to_tail_number(value: object) -> object:
    """Return 12345 of `dir_12345`."""
    return _to_number(str(value).removeprefix("dir_"))


def _to_boolean(value: object) -> object:
    """Return the boolean that a flag means; anything else unchanged."""
    return {"0": False, "1": True, "false": False, "true": True}.get(str(value).lower(), value)
