"""The signature of an event, as far as it is known: API.md, section 7."""

import hmac

HEADER = "x-hmac"


def sign(body: bytes, client_secret: bytes) -> str:
    """Sign a body: HMAC-SHA-256 with the client secret as the key, in hexadecimal digits."""
    return hmac.digest(client_secret, body, "sha256").hex()


def is_signed(body: bytes, signature: str | None, client_secret: bytes) -> bool:
    """Return whether a signature is that of a body; compared in constant time."""
    if signature is None:
        return False
    given = signature.strip().lower().encode("ascii", "replace")
    return hmac.compare_digest(given, sign(body, client_secret).encode())
