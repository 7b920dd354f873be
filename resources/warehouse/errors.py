"""The errors of a warehouse: of its folder, or of its database and object storage."""


class WarehouseError(Exception):
    """The warehouse cannot be used as it is; the text is one line that says where, what, and what to do."""


class RefusedError(WarehouseError):
    """The warehouse must not be used as it is; trying again does not help."""


class InUseError(WarehouseError):
    """Another program has a database of the folder open."""
