"""What can go wrong on our own disk."""


class WarehouseError(Exception):
    """The data folder cannot be used as it is; the text is one line that says where, what, and what to do."""


class RefusedError(WarehouseError):
    """The folder must not be used as it is, however often it is tried again."""


class InUseError(WarehouseError):
    """Another program has a database of the folder open."""
