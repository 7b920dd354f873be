"""Which account it is, without its address or keys, so that two accounts never meet in one folder."""

from hashlib import sha256

import httpx

from resources.setting_values import SANDBOX

ACCOUNT, DEMO = "account", "demo"
"""Kinds of accounts, beside that of the word sandbox. Each is followed by a fingerprint, once that is known."""

DEMO_CLIENT_ID = "coupontools-demo"
"""What the client id of a demo begins with; its account stays the same on whatever free port it is served."""


def account_of(url: str, client_id: str) -> str:
    """Return the kind and the fingerprint of an account; equivalent spellings of an address give the same."""
    if url == SANDBOX:
        return SANDBOX
    address = httpx.URL(url)  # in lower case, without the port that goes without saying
    if client_id.startswith(DEMO_CLIENT_ID) and address.host == "127.0.0.1":
        return f"{DEMO} {_fingerprint(client_id)}"
    root = str(address).rstrip("/")
    return f"{ACCOUNT} {_fingerprint(f'{root} {client_id}')}"


def kind_of(account: str) -> str:
    """Return what kind of account it is."""
    return account.partition(" ")[0]


def _fingerprint(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
