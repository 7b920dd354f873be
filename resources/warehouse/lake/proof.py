"""Proves that a lake can be used: its database, the lock, its storage with conditional writes, and the extensions."""

from collections.abc import Iterator
from uuid import uuid4

from obstore.exceptions import AlreadyExistsError, PreconditionError

from resources.warehouse.errors import RefusedError
from resources.warehouse.lake.address import PRIVATE, LakeAddress
from resources.warehouse.lake.extensions import EXTENSIONS, open_with_extensions
from resources.warehouse.lake.objects import Objects
from resources.warehouse.lake.session import Session
from resources.warehouse.lake.writer import WRITER


def prove(address: LakeAddress, session: Session) -> Iterator[str]:
    """Yield a line for each part that can be used; raises for the first that cannot, RefusedError if for good."""
    version, may_create = session.query(
        "SELECT current_setting('server_version'), has_database_privilege(current_database(), 'CREATE') "
        f"OR to_regnamespace('{PRIVATE}') IS NOT NULL"
    )[0]
    if not may_create:
        raise RefusedError(
            f"{address.place.name} does not let this role make schemas: GRANT CREATE ON DATABASE … TO it, as its owner."
        )
    yield f"the database {address.database} answers (PostgreSQL {version})"
    if session.try_lock(WRITER):
        session.unlock(WRITER)
        yield "the writer lock can be taken"
    else:
        yield "the writer lock is held by another process, which writes now"
    _prove_conditions(address)
    yield f"the storage {address.url()} can be written, and honours conditional writes"
    with open_with_extensions() as connection:
        loaded = "SELECT extension_name, extension_version FROM duckdb_extensions() WHERE loaded"
        versions = [row for row in connection.execute(loaded).fetchall() if row[0] in EXTENSIONS]
    yield f"DuckDB has {', '.join(f'{name} {version}' for name, version in versions)}"


def _prove_conditions(address: LakeAddress) -> None:
    objects, name = Objects(address), f"check/{uuid4().hex}"
    try:
        first = objects.replace(name, b"1", None)
        second = objects.replace(name, b"2", first)
        refused = [_is_refused(objects, name, etag) for etag in (None, first)]
        if second == first or not all(refused):
            raise RefusedError(
                f"The storage {address.url()} takes writes whose conditions (If-Match, If-None-Match) do not hold: two "
                "processes could overwrite each other's objects. Use a storage that refuses such writes."
            )
    finally:
        objects.delete([name])


def _is_refused(objects: Objects, name: str, etag: str | None) -> bool:
    try:
        objects.replace(name, b"3", etag)
    except (AlreadyExistsError, PreconditionError):
        return True
    return False
