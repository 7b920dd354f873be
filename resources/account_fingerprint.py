"""Identifies an account by a hash, without its address or keys, so that two accounts never share a folder."""

from hashlib import sha256

import httpx

from resources.setting_values import SANDBOX

ACCOUNT, DEMO = "account", "demo"
"""Kinds of accounts, besides `SANDBOX`: the word before the fingerprint; older versions noted the word alone."""

DEMO_CLIENT_ID = "coupontools-demo"
"""Prefix of a demo's client id; a demo counts as the same account, whatever port it is served on."""


def account_of(url: str, client_id: str) -> str:
    """Return the kind and the fingerprint of an account; equivalent spellings of an address give the same."""
    if url == SANDBOX:
        return SANDBOX
    address = httpx.URL(url)  # lower case, without the default port
    if client_id.startswith(DEMO_CLIENT_ID) and address.host == "127.0.0.1":
        return f"{DEMO} {_fingerprint(client_id)}"
    root = str(address).rstrip("/")
    return f"{ACCOUNT} {_fingerprint(f'{root} {client_id}')}"


def kind_of(account: str) -> str:
    """Return the kind of an account."""
    return account.partition(" ")[0]


def _fingerprint(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
