"""Lets one account alone write into a warehouse: checked before anything is read, and again in every merge."""

from dataclasses import replace

from resources.account_fingerprint import ACCOUNT, kind_of
from resources.warehouse.engine import Engine
from resources.warehouse.errors import RefusedError
from resources.warehouse.origin import Origin, read_staged_origin, refuse_others, write_staged_origin


def admit(engine: Engine, origin: Origin) -> None:
    """Raise RefusedError if there are rows of another origin; nothing is changed. Raises WarehouseError."""
    known = engine.read_origin()
    if known is None and engine.has_stage():  # written before there were notes, or by a run that was killed
        with engine.hold_writer_lock(), engine.open_stage() as connection:
            known = read_staged_origin(connection)
    if known:
        refuse_others(engine.place, known, origin)


def adopt(engine: Engine, origin: Origin) -> None:
    """Assign the rows to an account whose address or keys have changed. Raises WarehouseError.

    Rows of a demo or of the sandbox are refused, as they are of no account, and so is an empty warehouse.
    """
    if not engine.has_rows():
        raise RefusedError(f"{engine.place.name} holds no rows yet: the first export claims it for your account.")
    try:
        engine.read_origin()
    except RefusedError:
        engine.write_origin(None)
    with engine.hold_writer_lock(), engine.open_stage() as connection:
        known = read_staged_origin(connection) or origin
        if kind_of(known.account) != ACCOUNT or kind_of(origin.account) != ACCOUNT:
            refuse_others(engine.place, known, origin)
        adopted = write_staged_origin(connection, replace(known, account=origin.account))
    engine.write_origin(adopted)
