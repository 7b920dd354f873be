"""Turns errors of a lake into one line that names the database or the storage, and no secret."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import psycopg
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from resources.limits import WHAT_READERS_SEE, limit_met
from resources.warehouse.errors import RefusedError, WarehouseError
from resources.warehouse.lake.address import LakeAddress

_REFUSALS = ("authentication failed", "does not exist", "permission denied", "no pg_hba.conf entry")
_WRONG_KEYS = (
    *("HTTP 403", "HTTP 401", "AccessDenied", "SignatureDoesNotMatch", "InvalidAccessKeyId", "NoSuchBucket"),
    *("ExpiredToken", "InvalidToken"),  # S3 says so with the status 400
)
_STATEMENT = re.compile(r'Failed to (?:execute query|attach DuckLake MetaData) ".*": ', re.DOTALL)
"""A statement on the catalogue, whose values may be personal data, or the parameters by which it is reached."""

_LOST = re.compile(
    "server closed the connection.*|terminating connection.*|SSL connection has been closed.*"
    "|no connection to the server|could not (?:send data to|receive data from) server.*"
    "|connection to server at .* failed.*"
)
"""What PostgreSQL's library says of a connection; DuckDB may say it in an error of any type, inside a statement's."""

_UNSAID = re.compile(r'Failed to execute query ".*": *$', re.DOTALL)
"""What DuckLake says where a commit cannot even be rolled back, as the connection is no longer there."""

_OTHER_DATA = "does not match existing data path"


@contextmanager
def name_lake_in_errors(address: LakeAddress) -> Iterator[None]:
    """Turn errors of PostgreSQL, the storage or DuckDB into WarehouseError; RefusedError where a retry is no use."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.InsufficientPrivilege) as error:
        raise _of_database(address, str(error).strip() or type(error).__name__) from None
    except (BaseError, OSError) as error:
        if isinstance(error, OSError) and error.filename:
            raise _of_folder(error) from None
        raise _of_storage(address, error) from None
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except RuntimeError as error:
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from None
        raise
    except duckdb.Error as error:
        if named := _of_duckdb(address, error):
            raise named from None
        raise


def _of_database(address: LakeAddress, said: str) -> WarehouseError:
    reason = address.mask(said.splitlines()[0])
    if any(sign in said for sign in _REFUSALS):
        return RefusedError(f"The database {address.database} refuses the export: {reason}. See COUPONTOOLS_WAREHOUSE.")
    return WarehouseError(
        f"The database {address.database} does not answer: {reason}. Nothing is lost: run it again once it does; "
        f"{WHAT_READERS_SEE}."
    )


def _of_folder(error: OSError) -> WarehouseError:
    return WarehouseError(
        limit_met(error)
        or f"{error.filename} cannot be used: {error.strerror}. Set COUPONTOOLS_DATA_DIR to a folder that can be "
        "written, for what does not fit the memory; what was published stays as it was."
    )


def _of_storage(address: LakeAddress, error: Exception) -> WarehouseError:
    reason = address.mask(" ".join(str(error).split())[:300])
    is_refused = isinstance(error, PermissionDeniedError | UnauthenticatedError)
    if is_refused or any(sign in str(error) for sign in _WRONG_KEYS):
        return RefusedError(
            f"The storage {address.url()} refuses the export: {reason}. See COUPONTOOLS_STORAGE and the "
            "variables AWS_*."
        )
    return WarehouseError(
        f"The storage {address.url()} does not answer: {reason}. Nothing is lost: run it again once it does; "
        f"{WHAT_READERS_SEE}."
    )


def _is_external(error: duckdb.Error) -> bool:
    """Whether an error of DuckDB is about something outside this process, and not about a wrong statement."""
    is_of_extension = type(error) is duckdb.Error  # what PostgreSQL says to DuckLake
    return is_of_extension or isinstance(error, duckdb.OperationalError | duckdb.FatalException)


def _lost_connection(error: duckdb.Error) -> str | None:
    """Return what is said of the loss, if the connection to PostgreSQL was lost."""
    if lost := _LOST.search(str(error)):
        return lost[0]
    return "the connection was lost" if _UNSAID.search(str(error)) else None


def _of_duckdb(address: LakeAddress, error: duckdb.Error) -> WarehouseError | None:
    """Name an error of DuckDB; returns None for one of a wrong statement."""
    if message := limit_met(error):
        return WarehouseError(message)
    if lost := _lost_connection(error):
        return _of_database(address, lost)
    if not _is_external(error):
        return None
    said = _STATEMENT.sub("", str(error))
    if _OTHER_DATA in said:
        return RefusedError(
            f"The rows of the database {address.database} do not lie below {address.url()}: set COUPONTOOLS_STORAGE to "
            "where they are, or COUPONTOOLS_WAREHOUSE to another database."
        )
    if isinstance(error, duckdb.HTTPException) or "for HTTP" in said:
        return _of_storage(address, error)
    reason = address.mask(" ".join(said.split())[:300])
    return WarehouseError(
        f"DuckDB cannot work in the database {address.database}: {reason}. Run it again; {WHAT_READERS_SEE}."
    )
