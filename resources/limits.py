"""Recognises exhausted limits of the machine or the process: memory, threads, open files."""

import re
import resource
from errno import EMFILE, ENFILE, ENOMEM

ADDRESS_SPACE = 4 * 2**30
"""Bytes that the engines reserve at most; with fewer, an export of many sessions fails, or dies without a message."""

WHAT_READERS_SEE = "what is published is whole, of this run or of the last"
"""Ends messages of errors that may come before or after the published state is replaced."""

_MEMORY = "The machine has no more memory", "Close other programs, or raise the limit (ulimit -v, the container's)"
_THREADS = (
    "The machine has no more threads",
    "Raise the limit (ulimit -u, the container's), or that of memory (ulimit -v)",
)
_FILES = "The machine has no more open files", "Raise the limit (ulimit -n)"
_MEMORY_OF_DUCKDB = "DuckDB may use too little memory", "Set COUPONTOOLS_DUCKDB_MEMORY_MB higher"

_NUMBER_OF_POLARS = re.compile(r"\(os error (\d+)\)")
"""Where polars writes the number of an error of the operating system, which the error itself does not have."""

_MEMORY_USED = re.compile(r"\([\d.]+ \w+/[\d.]+ \w+ used\)")
"""Where DuckDB says how much it has used of the memory that it may use, as it does when that is not enough."""


def limit_met(error: BaseException) -> str | None:
    """Return the message for an error that says that a limit is reached; None if it is about something else."""
    kind = _kind(error)
    if kind is None:
        return None
    problem, advice = kind
    return f"{problem} for the export. {advice}, then run again; {WHAT_READERS_SEE}."


def too_little_memory() -> str | None:
    """Return the message if the process may not reserve as much memory as the engines need; None if it may."""
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY or most >= ADDRESS_SPACE:
        return None
    return (
        f"The process may reserve {most / 2**30:.1f} GiB of memory (ulimit -v), the export needs "
        f"{ADDRESS_SPACE / 2**30:.0f}: raise the limit."
    )


def _kind(error: BaseException) -> tuple[str, str] | None:
    text = str(error)
    match error:
        case MemoryError():
            return _MEMORY
        # DuckDB may be what cannot be loaded; "offload" is its word for a full disk
        case Exception() if "offload" not in text and _MEMORY_USED.search(text):
            return _MEMORY_OF_DUCKDB
        case Exception() if type(error).__name__ == "OutOfMemoryException" and "offload" not in text:
            return _MEMORY
        case Exception() if "could not allocate block" in text:  # DuckDB, as it commits
            return _MEMORY
        case ImportError() if "failed to map segment" in text:
            return _MEMORY
        case RuntimeError() if "can't start new thread" in text:
            return _THREADS
        case Exception() if type(error).__name__ == "IOException" and "Too many open files" in text:
            return _FILES
        case OSError() if _number_of(error) in (EMFILE, ENFILE):
            return _FILES
        case OSError() if _number_of(error) == ENOMEM:
            return _MEMORY
        case _:
            return None


def _number_of(error: OSError) -> int | None:
    """Return the number of an error of the operating system."""
    of_polars = _NUMBER_OF_POLARS.search(str(error))
    return int(of_polars[1]) if of_polars else error.errno
