"""Records in other spellings than v3's lists: renamed, retyped, cut. JSON text is left as it is."""

import re
from collections.abc import Callable, Mapping

from resources.sandbox.account.record import Record
from resources.sandbox.assumptions import Assumptions

NO_PAYMENT: Mapping[str, object] = {"null": None, "empty_object": {}, "empty_array": []}


def without_payment(directory: Record) -> Record:
    """Return a directory as directory/list shows it."""
    return _changed(directory, drop=("payment",))


def with_payment(directory: Record, assumptions: Assumptions) -> Record:
    """Return a directory as directory/info shows it: a free one has a payment only if it is assumed."""
    if isinstance(directory, bytes) or "payment" in directory or assumptions.free_payment == "absent":
        return directory
    return {**directory, "payment": NO_PAYMENT[assumptions.free_payment]}


def directory_v4(directory: Record, assumptions: Assumptions) -> Record:
    """Return a directory in v4 spelling."""
    convert = {"ID": _tail_number} if assumptions.v4_directory_ids == "integer" else {}
    return _changed(with_payment(directory, assumptions), rename={"ID": "id"}, convert=convert)


def listed_directory_v4(directory: Record, assumptions: Assumptions) -> Record:
    """Return a directory as GET v4/directory shows it: `id` and `name` (API.md, section 6.1)."""
    return _changed(directory_v4(directory, assumptions), drop=("code", "payment"))


def registration_v4(user: Record, assumptions: Assumptions) -> Record:
    """Return a directory's user in v4 spelling (section 6.4)."""
    names = {"ID": "id", "registration_date_utc": "created_at", "birthday": "birth_date"}
    suffix = {"space": None, "iso_z": "Z", "iso_offset": "+00:00"}[assumptions.created_at_format]

    def moment(value: object) -> object:
        if suffix is None or not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", str(value), re.ASCII):
            return value
        return str(value).replace(" ", "T") + suffix

    return _changed(user, rename=names, convert={"registration_date_utc": moment, "blocked": _boolean})


def loyalty_card_v4(card: Record) -> Record:
    """Return a loyalty card in v4 spelling (section 6.2)."""
    return _changed(card, rename={"ID": "id"}, convert={"ID": _number})


def loyalty_user_v4(user: Record) -> Record:
    """Return a loyalty card's user in v4 spelling (section 6.4)."""
    names = {"ID": "id", "birthday": "birth_date"}
    return _changed(user, names, {"ID": _number, "points": _number, "stamps": _number, "voided": _boolean})


def is_voided(user: Record) -> bool:
    """Return whether v4 hides a loyalty card's user unless he is asked for."""
    return not isinstance(user, bytes) and _boolean(user.get("voided")) is True


def _changed(
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


def _number(value: object) -> object:
    """Return the number that a text spells; anything else unchanged."""
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9]\d{0,17})", value, re.ASCII):
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9]\d*)\.\d+", value, re.ASCII):
        return float(value)
    return value


def _tail_number(value: object) -> object:
    """Return 12345 of `dir_12345`."""
    return _number(str(value).removeprefix("dir_"))


def _boolean(value: object) -> object:
    """Return the boolean that a flag means; anything else unchanged."""
    return {"0": False, "1": True, "false": False, "true": True}.get(str(value).lower(), value)
