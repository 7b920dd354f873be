"""Whose rows the tables hold: those of one account, under one policy for personal data.

The stage says so in `_state.origin`, and so does the engine beside what is published, which outlives the stage.
"""

from dataclasses import dataclass, field, replace

import duckdb

from resources.account_fingerprint import ACCOUNT, DEMO, kind_of
from resources.setting_values import SANDBOX
from resources.warehouse.errors import RefusedError
from resources.warehouse.place import Place
from resources.warehouse.warehouse_id import read_staged_id

_WORDS = {ACCOUNT: "an account", DEMO: "a demo", SANDBOX: "the sandbox"}


@dataclass(frozen=True)
class Origin:
    """Where rows come from: the fingerprint of an account, and the policy for personal data, in words."""

    account: str
    personal_data: str = ""
    warehouse: str = field(default="", compare=False)
    """The id of the warehouse that holds them, where it is known."""


def read_staged_origin(connection: duckdb.DuckDBPyConnection) -> Origin | None:
    """Return whose rows the stage holds; None if it has held none yet."""
    known = connection.execute("SELECT account, personal_data, id FROM _state.origin, _state.warehouse").fetchall()
    return Origin(*known[0]) if known else None


def write_staged_origin(connection: duckdb.DuckDBPyConnection, origin: Origin) -> Origin:
    """Store in the stage whose rows it holds; returns the origin with the id of the warehouse."""
    connection.execute("DELETE FROM _state.origin")
    connection.execute("INSERT INTO _state.origin VALUES (?, ?)", [origin.account, origin.personal_data])
    return replace(origin, warehouse=read_staged_id(connection))


def keep_to_one_origin(
    connection: duckdb.DuckDBPyConnection, place: Place, published: Origin | None, origin: Origin
) -> Origin:
    """Make `origin` that of the stage. Raises RefusedError if the stage, or what is `published`, has another one.

    Returns the origin with the id of the warehouse.
    """
    staged = read_staged_origin(connection)
    for known in (published, staged):
        if known:
            refuse_others(place, known, origin)
    return staged if staged == origin else write_staged_origin(connection, origin)


def refuse_others(place: Place, known: Origin, origin: Origin) -> None:
    """Raise RefusedError if rows of `origin` must not mix with those of the known one, which are in the place."""
    if not _is_same(known.account, origin.account):
        raise RefusedError(f"{place.name} holds the rows of {_others(place, known.account, origin.account)}")
    if not _is_same_policy(known, origin):
        raise RefusedError(
            f"{place.name} holds the rows of the account{_policy(known)}, which must not mix with rows"
            f"{_policy(origin)}: set {place.setting} to another {place.kind}, or delete this one."
        )


def _is_same(known: str, account: str) -> bool:
    # before there were fingerprints, a demo counted as an account: the next one takes over what is there
    return account == known or (known == ACCOUNT and account != SANDBOX)


def _is_same_policy(known: Origin, origin: Origin) -> bool:
    if known.account == ACCOUNT and known.personal_data:  # the key of `drop` was not recorded then
        return origin.personal_data.startswith(known.personal_data)
    return origin.personal_data == known.personal_data


def _others(place: Place, known: str, account: str) -> str:
    if kind_of(known) == kind_of(account) == ACCOUNT:
        return (
            f"another account: set {place.setting} to another {place.kind}. Where your keys or the address are new "
            "and the account is the same, run coupontools adopt once."
        )
    other = "another demo" if kind_of(known) == kind_of(account) else _WORDS[kind_of(account)]
    return (
        f"{_WORDS[kind_of(known)]}, which must not mix with those of {other}: set {place.setting} to another "
        f"{place.kind}, or delete this one."
    )


def _policy(origin: Origin) -> str:
    return origin.personal_data or " with personal data kept"
