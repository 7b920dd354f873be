"""The expected errors of an export: the text of each is one line and says what to do."""

from resources.coupontools.errors import CoupontoolsError
from resources.limits import limit_met
from resources.printable import make_printable
from resources.settings import SettingsError
from resources.warehouse.errors import WarehouseError


class IngestError(Exception):
    """A table was read, but some answers could not be, or too many of its records do not fit it."""


FORESEEN = (SettingsError, CoupontoolsError, WarehouseError, IngestError)
"""The expected errors: each ends the export of one table with one line, and the other tables go on."""


def describe(error: BaseException) -> str | None:
    """Describe an error in one line that says what to do; None for an unexpected error."""
    return make_printable(str(error)) if isinstance(error, FORESEEN) else limit_met(error)
